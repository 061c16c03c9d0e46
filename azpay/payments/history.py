"""What happened: pages of payments, and one payment's whole story.

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
from sqlmodel import col, select, tuple_

from azpay import operations, settlement
from azpay.errors import Usage
from azpay.inbox import about
from azpay.payments.finding import find
from azpay.payments.models import Payment, PaymentStatus, Refund
from azpay.payments.requests import storable
from azpay.payments.searching import mentions, require_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlmodel.sql.expression import SelectOfScalar

    from azpay.db import Database
    from azpay.inbox import InboxEvent
    from azpay.operations import Operation
    from azpay.settlement import BalanceTransaction

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


def _require_storable(query: Query) -> None:
    """Refuse what no column could hold, before a driver does so in its own words."""
    texts = (query.customer, query.reference, query.currency, query.search)
    numbers = (query.least, query.most, query.offset)
    if not all(text is None or storable(text) for text in texts):
        raise Usage("A filter holds a character that no payment can have.", hint="Type it again.")
    if not all(number is None or abs(number) <= BIGGEST for number in numbers) or query.offset < 0:
        raise Usage("A number is out of range.", hint="Amounts and offsets have at most 18 digits.")


@dataclass(frozen=True, slots=True)
class Page:
    """Some payments, and the cursor of the page after them when there is one."""

    payments: list[Payment]
    next: str | None


@dataclass(frozen=True, slots=True)
class Story:
    """Everything on record about one payment, each list oldest first."""

    payment: Payment
    refunds: list[Refund]
    operations: list[Operation]
    lines: list[BalanceTransaction]
    events: list[InboxEvent]


def history(db: Database, query: Query) -> Page:
    """One page of payments. Raises CursorInvalid."""
    order = _order(query.sort)
    statement = _filtered(query).limit(query.limit + 1).offset(query.offset or None)
    if query.cursor is not None:
        after = tuple_(*order) > _read(query) if query.ascending else tuple_(*order) < _read(query)
        statement = statement.where(after)
    directed = order if query.ascending else [column.desc() for column in order]
    with db.reading() as session:
        if query.search is not None:
            statement = statement.where(mentions(session, query.search))
        found = list(session.exec(statement.order_by(*directed)))
    page = found[: query.limit]
    return Page(page, _cursor(query, page[-1]) if len(found) > query.limit else None)


def story(db: Database, named: str) -> Story:
    """A payment by any of its names, with all that belongs to it. Raises PaymentUnknown, SeveralPayments."""
    with db.reading() as session:
        payment = find(session, named)
        of_payment = select(Refund).where(Refund.payment_id == payment.id)
        refunds = list(session.exec(of_payment.order_by(col(Refund.created_at), col(Refund.id))))
        subjects = [payment.id, *(refund.id for refund in refunds)]
        asked = [operation for subject in subjects for operation in operations.of(session, subject)]
        sources = [source for source in (payment.charge, *(refund.refund for refund in refunds)) if source]
        lines = settlement.of(session, sources)
    names = [name for name in (payment.payment_intent, *sources) if name]
    return Story(payment, refunds, sorted(asked, key=_when), lines, about(db, names))


def _when(operation: Operation) -> tuple[datetime, str]:
    return operation.created_at, operation.id


def _filtered(query: Query) -> SelectOfScalar[Payment]:
    equal: dict[Any, Any] = {
        col(Payment.customer): query.customer,
        col(Payment.reference): query.reference,
        col(Payment.currency): query.currency,
    }
    conditions = [column == value for column, value in equal.items() if value is not None]
    bounds = (
        (query.since, col(Payment.created_at).__ge__),
        (query.until, col(Payment.created_at).__lt__),
        (query.least, col(Payment.amount).__ge__),
        (query.most, col(Payment.amount).__le__),
    )
    conditions += [compare(value) for value, compare in bounds if value is not None]
    if query.statuses:
        conditions.append(col(Payment.status).in_(query.statuses))
    return select(Payment).where(*conditions)


def _order(sort: Sort) -> list[Any]:
    first = col(Payment.created_at) if sort is Sort.CREATED else col(Payment.amount)
    return [first, col(Payment.id)]


def _cursor(query: Query, last: Payment) -> str:
    place = last.amount if query.sort is Sort.AMOUNT else last.created_at
    plain = msgspec.json.encode((query.sort, query.ascending, place, last.id))
    return base64.urlsafe_b64encode(plain).decode().rstrip("=")


def _read(query: Query) -> tuple[Any, str]:
    try:
        plain = base64.urlsafe_b64decode((query.cursor or "").encode("ascii") + b"==")
        sort, ascending, place, identity = msgspec.json.decode(plain, type=CURSORS[query.sort])
        place = place.astimezone(UTC) if isinstance(place, datetime) else place
    except (ValueError, OverflowError, msgspec.DecodeError):
        raise CursorInvalid from None
    if (sort, ascending) != (query.sort, query.ascending) or not storable(identity):
        raise CursorInvalid
    return place, identity
