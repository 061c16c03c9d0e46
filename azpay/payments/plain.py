"""Payments as plain values, for listings and exports: objects of the ORM cost several times as much.

Values come as the driver has them, and are read a column at a time: row by row costs twice as much.
"""

from __future__ import annotations

from functools import cache
from itertools import repeat
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import Column, Enum, Table, inspect, select, type_coerce
from sqlalchemy.types import NullType

from azpay.db import sealing
from azpay.payments.models import Payment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement, Dialect, Select

    from azpay.db import Ring

    Reader = Callable[[Ring, Sequence[str], Sequence[Any]], Sequence[Any]]
    """From the keys of some rows, and what one column holds in each, to the values."""


class PlainPayment(NamedTuple):
    """A payment as it leaves the book. Amounts are minor units, times are UTC.

    Statuses stay the words that they are in the book: enums would cost as much as all else.
    """

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


@cache
def wanted(without: tuple[str, ...] = ()) -> Select[Any]:
    """The query for what `read` reads; add conditions. Fields `without` are not asked for."""
    fields: list[Any] = [getattr(Payment, name) for name in _read(without)]
    columns: list[ColumnElement[Any]] = [type_coerce(field, NullType()).label(field.key) for field in fields]
    return select(*columns)


def read(
    rows: Sequence[Any], ring: Ring, dialect: Dialect, without: tuple[str, ...] = ()
) -> Iterator[PlainPayment]:
    """What the rows of such a query say. Fields `without` are None. Raises ValueTampered, KeyMissing."""
    if not rows:
        return iter(())
    found = list(zip(*rows, strict=True))
    values: list[Iterable[Any]] = [
        given if reader is None else reader(ring, found[0], given)
        for given, reader in zip(found, _readers(dialect, without), strict=True)
    ]
    for at in _gaps(without):
        values.insert(at, repeat(None))
    return map(PlainPayment._make, zip(*values, strict=False))


def _read(without: Sequence[str]) -> list[str]:
    return [name for name in PlainPayment._fields if name not in without]


def _gaps(without: Sequence[str]) -> list[int]:
    return [at for at, name in enumerate(PlainPayment._fields) if name in without]


@cache
def _readers(dialect: Dialect, without: tuple[str, ...]) -> list[Reader | None]:
    """For each field that is read, what makes its values of the driver's, if anything must."""
    mapper = inspect(Payment)
    assert isinstance(mapper.local_table, Table)  # noqa: S101
    named = mapper.local_table.columns
    return [_reader(named[getattr(Payment, each).expression.name], dialect) for each in _read(without)]


def _reader(column: Column[Any], dialect: Dialect) -> Reader | None:
    if sealing.is_sealed(column):
        return lambda ring, keys, values: sealing.all_opened(ring, column, keys, values)
    read = (
        None
        if isinstance(column.type, Enum)
        else column.type.dialect_impl(dialect).result_processor(dialect, None)
    )
    return None if read is None else lambda _ring, _keys, values: list(map(read, values))
