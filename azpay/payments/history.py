"""What happened: pages of payments, and one payment's whole story.

A page continues after a row, not after a count, so it costs the same at the first row and at the millionth,
and rows that arrive meanwhile neither repeat nor hide others.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlmodel import col, or_, select, tuple_

from azpay import operations, settlement
from azpay.errors import Usage
from azpay.inbox import about
from azpay.payments.finding import find
from azpay.payments.models import Payment, PaymentStatus, Refund

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlmodel.sql.expression import SelectOfScalar

    from azpay.db import Database
    from azpay.inbox import InboxEvent
    from azpay.operations import Operation
    from azpay.settlement import BalanceTransaction

MOST = 1000


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
        if self.cursor is not None and self.offset:
            raise Usage(
                "A page continues from a cursor or from an offset, not both.", hint="Leave --offset out."
            )


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
    statement = _filtered(query)
    if query.cursor is not None:
        after = tuple_(*order) > _read(query) if query.ascending else tuple_(*order) < _read(query)
        statement = statement.where(after)
    directed = order if query.ascending else [column.desc() for column in order]
    with db.reading() as session:
        found = list(
            session.exec(statement.order_by(*directed).offset(query.offset or None).limit(query.limit + 1))
        )
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
    if query.search:
        conditions.append(_mentions(query.search))
    return select(Payment).where(*conditions)


def _mentions(text: str) -> Any:
    searched = (Payment.description, Payment.reference, Payment.receipt_email)
    return or_(*(col(column).icontains(text, autoescape=True) for column in searched))


def _order(sort: Sort) -> list[Any]:
    first = col(Payment.created_at) if sort is Sort.CREATED else col(Payment.amount)
    return [first, col(Payment.id)]


def _cursor(query: Query, last: Payment) -> str:
    value: str | int = last.amount if query.sort is Sort.AMOUNT else last.created_at.isoformat()
    plain = json.dumps([query.sort, query.ascending, value, last.id]).encode()
    return base64.urlsafe_b64encode(plain).decode().rstrip("=")


def _read(query: Query) -> tuple[Any, str]:
    try:
        padded = (query.cursor or "") + "=="
        sort, ascending, value, identity = json.loads(base64.urlsafe_b64decode(padded.encode("ascii")))
        if (sort, ascending) != (query.sort.value, query.ascending):
            raise CursorInvalid
        position = datetime.fromisoformat(value) if query.sort is Sort.CREATED else int(value)
    except (ValueError, TypeError, binascii.Error):
        raise CursorInvalid from None
    return position, str(identity)
