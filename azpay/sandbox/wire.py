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
    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Delivery:
    """A webhook to post now. Answer with `Sandbox.delivered`."""

    event: str
    endpoint: str
    attempt: int
    url: str
    headers: Mapping[str, str]
    body: bytes


class Lost(Exception):
    """The connection died. `effect` says whether the request had been carried out."""

    def __init__(self, *, effect: bool) -> None:
        super().__init__("The connection was lost.")
        self.effect = effect
