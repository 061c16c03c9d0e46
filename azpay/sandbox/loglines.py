"""What the server tells whoever runs it: past facts, with fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import msgspec

if TYPE_CHECKING:
    from azpay.sandbox.wire import Response


@dataclass(frozen=True, slots=True)
class LogLine:
    """`what` is request_answered, connection_dropped, request_failed or webhook_posted."""

    what: str
    fields: Mapping[str, object] = field(default_factory=dict)


Log: TypeAlias = Callable[[LogLine], None]


def silence(_line: LogLine) -> None:
    return


class _Problem(msgspec.Struct):
    type: str = ""
    code: str = ""


class _Refusal(msgspec.Struct):
    error: _Problem


def refusal(response: Response) -> str | None:
    """Stripe's code for what went wrong, or at least the kind of its error."""
    if response.status < 400:  # noqa: PLR2004 - where HTTP begins to complain
        return None
    try:
        error = msgspec.json.decode(response.body, type=_Refusal).error
    except msgspec.DecodeError:
        return None
    return error.code or error.type
