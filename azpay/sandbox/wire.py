"""What goes in and what comes out: HTTP without a socket."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

Json: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request. Header names are in lower case."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Response:
    """`delay` is how many seconds it takes, `arriving` how many bytes come before the connection breaks."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    delay: float = 0.0
    arriving: int | None = None


@dataclass(frozen=True, slots=True)
class Download:
    """The bytes of a file, where an answer is no JSON."""

    content: bytes
    content_type: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """A webhook to post now. Answer with `Sandbox.delivered`.

    Without a `url`, `endpoint` is a listener of the Stripe CLI, which may prefer the `newest` version or the
    `thin` event. `type` is the event's.
    """

    event: str
    endpoint: str
    attempt: int
    url: str
    headers: Mapping[str, str]
    body: bytes
    type: str = ""
    newest: Delivery | None = None
    thin: Delivery | None = None


class Lost(Exception):
    """The connection died. `effect` says whether the request had been carried out, `after` how many seconds
    nothing was heard before."""

    def __init__(self, *, effect: bool, after: float = 0.0) -> None:
        super().__init__("The connection was lost.")
        self.effect = effect
        self.after = after
