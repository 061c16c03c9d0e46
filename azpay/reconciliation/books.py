"""The two books: ours from the database, theirs from Stripe, read in windows so that memory stays flat.

Stripe's `created` decides what belongs to a period. Our own rows are written a moment before Stripe's object
is made, so they are looked up by id, wherever their own time may lie.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, func, select
from sqlmodel import col, or_, tuple_

from azpay.payments import Payment, Refund
from azpay.payments.records import RETURNING
from azpay.reconciliation import lines
from azpay.reconciliation.lines import Line
from azpay.reconciliation.models import ObjectType

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sqlmodel import Session

    from azpay.db import Database
    from azpay.gateway.stripe import Gateway

WINDOW = 2_000
"""How many lines of Stripe's are held at a time, about."""
AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Period:
    """Half-open, [since, until), in whole seconds, as Stripe counts time."""

    since: datetime
    until: datetime

    def __post_init__(self) -> None:
        object.__setattr__(self, "since", self.since.replace(microsecond=0))
        if self.until.microsecond:
            object.__setattr__(self, "until", self.until.replace(microsecond=0) + timedelta(seconds=1))


# theirs


def theirs(gateway: Gateway, object_type: ObjectType, period: Period) -> Iterator[Line]:
    """Stripe's side of the period, newest first."""
    if object_type is ObjectType.REFUND:
        return (lines.of_refund(found) for found in gateway.refunds(period.since, period.until))
    return (lines.of_payment_intent(found) for found in gateway.payment_intents(period.since, period.until))


def windows(
    newest_first: Iterable[Line], period: Period, *, size: int
) -> Iterator[tuple[Period, list[Line]]]:
    """The lines in pieces of about `size`, each with the part of the period that it covers."""
    until, piece = period.until, list[Line]()
    for line in newest_first:
        if len(piece) >= size and line.created < piece[-1].created:
            since = piece[-1].created
            yield Period(since, until), piece
            until, piece = since, []
        piece.append(line)
    yield Period(period.since, until), piece


# ours


def counterparts(db: Database, object_type: ObjectType, there: Sequence[Line]) -> list[Line]:
    """What we have on record of these, by Stripe's id or by our mark, whatever its own time is."""
    found: list[Line] = []
    with db.reading() as session:
        for begin in range(0, len(there), AT_ONCE):
            found += _read(session, object_type, _any_of(object_type, there[begin : begin + AT_ONCE]))
    return found


def find(session: Session, object_type: ObjectType, ours: str | None, theirs: str | None) -> Line | None:
    """Our record of one thing: by Stripe's id, or by our own where no Stripe id is recorded or asked for."""
    table = _TABLES[object_type]
    if theirs is not None:
        by_id = _read(session, object_type, table.theirs == theirs)
        if by_id or ours is None:
            return next(iter(by_id), None)
    own = table.ours == ours
    own = own if theirs is None else own & table.theirs.is_(None)
    return next(iter(_read(session, object_type, own)), None)


def recorded(db: Database, object_type: ObjectType, period: Period) -> Iterator[list[Line]]:
    """Our side of the period, by our own time, newest first; no transaction stays open between two pieces."""
    table = _TABLES[object_type]
    order = (table.created, table.ours)
    last: tuple[Any, ...] = (period.until, "")
    while True:
        inside = (table.created >= period.since) & (tuple_(*order) < last)
        with db.reading() as session:
            statement = table.select.where(inside).order_by(*(column.desc() for column in order))
            rows = session.execute(statement.limit(AT_ONCE)).all()
        if not rows:
            return
        yield [table.line(row) for row in rows]
        last = (rows[-1].created_at, rows[-1].id)


def _read(session: Session, object_type: ObjectType, which: ColumnElement[bool]) -> list[Line]:
    table = _TABLES[object_type]
    return [table.line(row) for row in session.execute(table.select.where(which))]


def _any_of(object_type: ObjectType, there: Sequence[Line]) -> ColumnElement[bool]:
    table = _TABLES[object_type]
    marks = [line.ours for line in there if line.ours is not None]
    return or_(
        table.theirs.in_([line.theirs for line in there]),
        table.ours.in_(marks) & table.theirs.is_(None),
    )


def _payment_line(row: Any) -> Line:
    return Line(
        object_type=ObjectType.PAYMENT_INTENT,
        ours=row.id,
        theirs=row.payment_intent,
        status=row.status.value,
        currency=row.currency,
        amount=row.amount,
        moved=row.amount_captured,
        created=row.created_at,
        refunded=row.amount_refunded,
        returned=row.returned,
    )


def _refund_line(row: Any) -> Line:
    return Line(
        object_type=ObjectType.REFUND,
        ours=row.id,
        theirs=row.refund,
        status=row.status.value,
        currency=row.currency,
        amount=row.amount,
        moved=lines.gone_back(row.status, row.amount),
        created=row.created_at,
    )


_RETURNED = (
    select(func.coalesce(func.sum(col(Refund.amount)), 0))
    .where(col(Refund.payment_id) == col(Payment.id), col(Refund.status).in_(RETURNING))
    .correlate(Payment)
    .scalar_subquery()
)


@dataclass(frozen=True, slots=True)
class _Table:
    """Where our lines of one type stand. Columns rather than objects: a run reads very many."""

    select: Any
    ours: Any
    theirs: Any
    created: Any
    line: Any


_TABLES = {
    ObjectType.PAYMENT_INTENT: _Table(
        select(
            col(Payment.id),
            col(Payment.payment_intent),
            col(Payment.status),
            col(Payment.currency),
            col(Payment.amount),
            col(Payment.amount_captured),
            col(Payment.amount_refunded),
            col(Payment.created_at),
            _RETURNED.label("returned"),
        ),
        ours=col(Payment.id),
        theirs=col(Payment.payment_intent),
        created=col(Payment.created_at),
        line=_payment_line,
    ),
    ObjectType.REFUND: _Table(
        select(
            col(Refund.id),
            col(Refund.refund),
            col(Refund.status),
            col(Refund.currency),
            col(Refund.amount),
            col(Refund.created_at),
        ),
        ours=col(Refund.id),
        theirs=col(Refund.refund),
        created=col(Refund.created_at),
        line=_refund_line,
    ),
}
