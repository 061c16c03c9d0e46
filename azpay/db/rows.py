"""Every row of a table, in batches along its key, with what is encrypted in it opened."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import select

from azpay.db import sealing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Table

    from azpay.db.database import Database

    Values = dict[str, Any]

BATCH = 2000


@dataclass(frozen=True, slots=True)
class Extent:
    """How much a table holds: its rows, and a digest of what they say, in whatever order.

    Stores do not sort alike, and no two books encrypt alike.
    """

    rows: int
    digest: str


def batches(db: Database, table: Table, *, after: str = "") -> Iterator[list[Values]]:
    """The rows after this key, in batches, with everything readable in them."""
    key, last = sealing.key_column(table), after
    while True:
        page = select(table).where(key > last).order_by(key).limit(BATCH)
        with db.reading() as session:
            found = session.connection().execute(page).mappings().all()
        if not found:
            return
        yield [_opened(db, table, dict(row)) for row in found]
        last = str(found[-1][key.name])


def _opened(db: Database, table: Table, row: Values) -> Values:
    key = str(row[sealing.key_column(table).name])
    for column in sealing.sealed_columns(table):
        if row[column.name] is not None:
            row[column.name] = sealing.opened(db.ring, column, key, row[column.name])
    return row


def extent(db: Database, table: Table) -> Extent:
    """Read the whole table."""
    blind = {sealing.index_of(column) for column in sealing.sealed_columns(table)}
    names = [column.name for column in table.columns if column.name not in blind]
    rows = total = 0
    for batch in batches(db, table):
        for row in batch:
            said = msgspec.json.encode([row[name] for name in names])
            total += int.from_bytes(hashlib.sha256(said).digest(), "big")
        rows += len(batch)
    return Extent(rows, f"{total % 2**256:064x}")
