"""What may be asked of the payments, and where a page of the answer ends.

A page continues after a row, not after a count, so it costs the same at the first row and at the millionth,
and rows that arrive meanwhile neither repeat nor hide others.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from azpay.errors import Usage
from azpay.payments.requests import storable
from azpay.payments.searching import require_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from azpay.payments.models import Payment, PaymentStatus

MOST = 1000
BIGGEST = 10**18


class CursorInvalid(Usage):
    """The cursor is not one that this listing gave out."""

    code = "cursor_invalid"

    def __init__(self) -> None:
        super().__init__(
            "That cursor does not continue this listing.",
            hint="Use the `next` of the page before, with the same --sort and --asc/--desc.",
        )


class Sort(StrEnum):
    CREATED = "created"
    AMOUNT = "amount"


CURSORS: dict[Sort, Any] = {
    Sort.CREATED: tuple[Sort, bool, Annotated[datetime, msgspec.Meta(tz=True)], str],
    Sort.AMOUNT: tuple[Sort, bool, Annotated[int, msgspec.Meta(ge=-BIGGEST, le=BIGGEST)], str],
}
"""What a cursor holds: the order, its direction, and where the last row stands in it."""

Place = tuple[Any, str]
"""Where a row stands in an order: its time or amount, then its id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Which payments, in which order. The period is half-open; amounts are minor units."""

    statuses: Sequence[PaymentStatus] = ()
    since: datetime | None = None
    until: datetime | None = None
    customer: str | None = None
    reference: str | None = None
    currency: str | None = None
    least: int | None = None
    most: int | None = None
    search: str | None = None
    sort: Sort = Sort.CREATED
    ascending: bool = False
    limit: int = 50
    cursor: str | None = None
    offset: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.limit <= MOST:
            raise Usage(f"A page has 1 to {MOST} payments.", hint="Use --cursor for the next page.")
        _require_storable(self)
        if self.search is not None:
            require_words(self.search)
        if self.cursor is not None and self.offset:
            raise Usage(
                "A page continues from a cursor or from an offset, not both.", hint="Leave --offset out."
            )

    def after(self) -> Place | None:
        """The place that the cursor holds. Raises CursorInvalid."""
        return None if self.cursor is None else _read(self, self.cursor)

    def cursor_at(self, last: Payment) -> str:
        """The cursor of the page after this payment."""
        place = last.amount if self.sort is Sort.AMOUNT else last.created_at
        plain = msgspec.json.encode((self.sort, self.ascending, place, last.id))
        return base64.urlsafe_b64encode(plain).decode().rstrip("=")


def _require_storable(query: Query) -> None:
    """Refuse what no column could hold, before a driver does so in its own words."""
    texts = (query.customer, query.reference, query.currency, query.search)
    numbers = (query.least, query.most, query.offset)
    if not all(text is None or storable(text) for text in texts):
        raise Usage("A filter holds a character that no payment can have.", hint="Type it again.")
    if not all(number is None or abs(number) <= BIGGEST for number in numbers) or query.offset < 0:
        raise Usage("A number is out of range.", hint="Amounts and offsets have at most 18 digits.")


def _read(query: Query, cursor: str) -> Place:
    try:
        plain = base64.urlsafe_b64decode(cursor.encode("ascii") + b"==")
        sort, ascending, place, identity = msgspec.json.decode(plain, type=CURSORS[query.sort])
        place = place.astimezone(UTC) if isinstance(place, datetime) else place
    except (ValueError, OverflowError, msgspec.DecodeError):
        raise CursorInvalid from None
    if (sort, ascending) != (query.sort, query.ascending) or not storable(identity):
        raise CursorInvalid
    return place, identity
