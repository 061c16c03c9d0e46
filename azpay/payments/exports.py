"""Every payment of a query, one after the other, in memory that does not grow with their number.

They come as plain values over a cursor of the store's own, not as objects of the ORM, which cost ten times as
much. One statement sees one moment, however long the reader takes.
"""

from __future__ import annotations

from dataclasses import replace
from heapq import merge
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import String, Table, inspect, type_coerce

from azpay.db import sealing
from azpay.payments import listing
from azpay.payments.models import Payment
from azpay.payments.queries import Sort
from azpay.payments.searching import mentions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from sqlmodel import Session

    from azpay.db import Database, Ring
    from azpay.payments.queries import Query

BATCH = 1000


class Exported(NamedTuple):
    """A payment as it leaves the book. Amounts are minor units, times are UTC."""

    id: str
    status: str
    amount: int
    amount_captured: int
    amount_refunded: int
    currency: str
    customer: str | None
    payment_method: str | None
    card_brand: str | None
    card_last4: str | None
    reference: str | None
    description: str | None
    receipt_email: str | None
    metadata_: dict[str, str]
    failure_code: str | None
    failure_message: str | None
    next_action_url: str | None
    dispute: str | None
    capture_before: datetime | None
    origin: str
    livemode: bool
    payment_intent: str | None
    charge: str | None
    created_at: datetime
    updated_at: datetime


def exported(db: Database, query: Query, *, without: Sequence[str] = ()) -> Iterator[Exported]:
    """All pages of a query, from its cursor on. Fields `without` are not read: they are None."""
    with db.reading() as session:
        also = [mentions(session, query.search)] if query.search is not None else []
        if not db.embedded:
            session.connection().exec_driver_sql("SET LOCAL statement_timeout = 0")
        each = [replace(query, statuses=[status]) for status in dict.fromkeys(query.statuses)] or [query]
        walks = [_walk(session, db.ring, part, also, without) for part in each]
        yield from (
            walks[0] if len(walks) == 1 else merge(*walks, key=_place(query), reverse=not query.ascending)
        )


def _walk(
    session: Session, ring: Ring, query: Query, also: Sequence[Any], without: Sequence[str]
) -> Iterator[Exported]:
    columns = [_column(name) for name in Exported._fields if name not in without]
    rows = session.connection().execute(
        listing.walk(query, columns, also), execution_options={"yield_per": BATCH}
    )
    made = _maker(ring, without)
    for batch in rows.partitions():
        yield from map(made, batch)


def _column(name: str) -> Any:
    """Statuses stay the words that they are in the book: enums would cost as much as all else."""
    column = getattr(Payment, name)
    return type_coerce(column, String).label(name) if name in {"status", "dispute", "origin"} else column


def _maker(ring: Ring, without: Sequence[str]) -> Callable[[Any], Exported]:
    """From a row of the fields that are read to a whole payment, with what is encrypted opened."""
    mapper = inspect(Payment)
    assert isinstance(mapper.local_table, Table)  # noqa: S101
    read = [name for name in Exported._fields if name not in without]
    sealed = {column.name: column for column in sealing.sealed_columns(mapper.local_table)}
    at = [
        (place, sealed[mapper.column_attrs[name].columns[0].name])
        for place, name in enumerate(read)
        if mapper.column_attrs[name].columns[0].name in sealed
    ]
    gaps = [place for place, name in enumerate(Exported._fields) if name in without]

    def made(row: Any) -> Exported:
        values = list(row)
        for place, column in at:
            if values[place] is not None:
                values[place] = sealing.opened(ring, column, values[0], values[place])
        for place in gaps:
            values.insert(place, None)
        return Exported._make(values)

    return made


def _place(query: Query) -> Callable[[Exported], tuple[Any, str]]:
    if query.sort is Sort.AMOUNT:
        return lambda payment: (payment.amount, payment.id)
    return lambda payment: (payment.created_at, payment.id)
