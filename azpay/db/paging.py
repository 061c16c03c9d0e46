"""Pages of a listing: how long they are, and where the next one goes on.

A page continues after a row, not after a count, so it costs the same at the first row and at the millionth.
"""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from azpay.errors import Usage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Mapped

MOST = 1000


class CursorInvalid(Usage):
    """The cursor is not one that this listing gave out. `same` names what must be as it was before."""

    code = "cursor_invalid"

    def __init__(self, same: str | None = None) -> None:
        also = f", with the same {same}" if same else ""
        super().__init__(
            "That cursor does not continue this listing.", hint=f"Use the `next` of the page before{also}."
        )


def require_length(limit: int, things: str) -> None:
    """Refuse a page of none or of too many. Raises Usage."""
    if not 0 < limit <= MOST:
        raise Usage(f"A page has 1 to {MOST} {things}.", hint="Use --cursor for the next page.")


def cursor_at(place: tuple[Any, ...]) -> str:
    """The cursor of the page after the row that stands there."""
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")


def place_of(cursor: str, place: Any, *, same: str | None = None) -> Any:
    """The place that a cursor holds, a tuple of the type `place`, its times in UTC. Raises CursorInvalid."""
    try:
        plain = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        return tuple(_storable(part) for part in msgspec.json.decode(plain, type=place))
    except (ValueError, OverflowError, msgspec.MsgspecError):
        raise CursorInvalid(same) from None


def _storable(part: Any) -> Any:
    """Raises ValueError, OverflowError."""
    if isinstance(part, datetime):
        return part.astimezone(UTC)
    if isinstance(part, str) and (b"\0" in part.encode()):
        raise ValueError(part)
    return part


def within(
    column: Mapped[Any], since: datetime | None, until: datetime | None
) -> Iterator[ColumnElement[bool]]:
    """The conditions of a period, [since, until)."""
    if since is not None:
        yield column >= since
    if until is not None:
        yield column < until
