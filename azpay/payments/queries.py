"""What may be asked of the payments, and where a page of the answer ends.

Rows that arrive meanwhile neither repeat nor hide others.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from azpay.db import paging
from azpay.errors import Usage
from azpay.payments.requests import storable
from azpay.payments.searching import require_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from azpay.payments.models import PaymentStatus
    from azpay.payments.plain import PlainPayment

BIGGEST = 10**18
SAME = "--sort and --asc/--desc"


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
        paging.require_length(self.limit, "payments")
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

    def cursor_at(self, last: PlainPayment) -> str:
        """The cursor of the page after this payment."""
        return paging.cursor_at((self.sort, self.ascending, *self.place_of(last)))

    def place_of(self, payment: PlainPayment) -> tuple[Any, str]:
        """Where a payment stands in the order that is asked for."""
        return payment.amount if self.sort is Sort.AMOUNT else payment.created_at, payment.id


def _require_storable(query: Query) -> None:
    """Refuse what no column could hold, before a driver does so in its own words."""
    texts = (query.customer, query.reference, query.currency, query.search)
    numbers = (query.least, query.most, query.offset)
    if not all(text is None or storable(text) for text in texts):
        raise Usage("A filter holds a character that no payment can have.", hint="Type it again.")
    if not all(number is None or abs(number) <= BIGGEST for number in numbers) or query.offset < 0:
        raise Usage("A number is out of range.", hint="Amounts and offsets have at most 18 digits.")


def _read(query: Query, cursor: str) -> Place:
    sort, ascending, place, identity = paging.place_of(cursor, CURSORS[query.sort], same=SAME)
    if (sort, ascending) != (query.sort, query.ascending):
        raise paging.CursorInvalid(SAME)
    return place, identity
