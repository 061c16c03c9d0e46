"""Every payment of a query, one after the other, in memory that does not grow with their number.

They come as plain values over a cursor of the store's own, not as objects of the ORM, which cost ten times as
much. One statement sees one moment, however long the reader takes.
"""

from __future__ import annotations

from dataclasses import replace
from heapq import merge
from itertools import repeat
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import Column, Enum, Table, inspect, type_coerce
from sqlalchemy.types import NullType

from azpay.db import sealing
from azpay.db.postgres import without_hurry
from azpay.payments import listing
from azpay.payments.models import Payment
from azpay.payments.queries import Sort
from azpay.payments.searching import mentions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime

    from sqlalchemy import Dialect
    from sqlmodel import Session

    from azpay.db import Database, Ring
    from azpay.payments.queries import Query

    Reader = Callable[[Sequence[str], Sequence[Any]], Sequence[Any]]
    """From the keys of some rows, and what one column holds in each, to the values."""

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
            without_hurry(session.connection())
        each = [replace(query, statuses=[status]) for status in dict.fromkeys(query.statuses)] or [query]
        walks = [_walk(session, db.ring, part, also, without) for part in each]
        yield from (
            walks[0] if len(walks) == 1 else merge(*walks, key=_place(query), reverse=not query.ascending)
        )


def _walk(
    session: Session, ring: Ring, query: Query, also: Sequence[Any], without: Sequence[str]
) -> Iterator[Exported]:
    """Values come as the driver has them, and are read a column at a time: row by row costs twice as much."""
    columns = [type_coerce(getattr(Payment, name), NullType()).label(name) for name in _read(without)]
    connection = session.connection()
    rows = connection.execute(listing.walk(query, columns, also), execution_options={"yield_per": BATCH})
    readers = _readers(ring, connection.dialect, without)
    for batch in rows.partitions():
        found = list(zip(*batch, strict=True))
        values: list[Iterable[Any]] = [
            found[at] if reader is None else reader(found[0], found[at]) for at, reader in readers
        ]
        for at in _gaps(without):
            values.insert(at, repeat(None))
        yield from map(Exported._make, zip(*values, strict=False))


def _read(without: Sequence[str]) -> list[str]:
    return [name for name in Exported._fields if name not in without]


def _gaps(without: Sequence[str]) -> list[int]:
    return [at for at, name in enumerate(Exported._fields) if name in without]


def _readers(ring: Ring, dialect: Dialect, without: Sequence[str]) -> list[tuple[int, Reader | None]]:
    """For each field that is read, what makes its values of the driver's, if anything must.

    Statuses stay the words that they are in the book: enums would cost as much as all else.
    """
    mapper = inspect(Payment)
    assert isinstance(mapper.local_table, Table)  # noqa: S101
    columns = [mapper.local_table.columns[getattr(Payment, name).expression.name] for name in _read(without)]
    return [(at, _reader(ring, column, dialect)) for at, column in enumerate(columns)]


def _reader(ring: Ring, column: Column[Any], dialect: Dialect) -> Reader | None:
    if sealing.is_sealed(column):
        return lambda keys, values: sealing.all_opened(ring, column, keys, values)
    read = (
        None
        if isinstance(column.type, Enum)
        else column.type.dialect_impl(dialect).result_processor(dialect, None)
    )
    return None if read is None else lambda _keys, values: list(map(read, values))


def _place(query: Query) -> Callable[[Exported], tuple[Any, str]]:
    if query.sort is Sort.AMOUNT:
        return lambda payment: (payment.amount, payment.id)
    return lambda payment: (payment.created_at, payment.id)
