"""Whether every encrypted value opens, in the place where it stands."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from sqlalchemy import select

from azpay.db.ciphers import ValueTampered
from azpay.db.ring import KeyMissing
from azpay.db.schema import Check
from azpay.db.sealing import key_column, opened, sealed_columns
from azpay.db.tables import Row

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Table
    from sqlalchemy.engine import RowMapping

    from azpay.db.database import Database

BATCH = 1000
MOST = 20
"""So many are named; where there are more, the book needs a backup and no longer list."""


def values(db: Database) -> Check:
    """Read everything that is encrypted. As slow as the book is long."""
    tables = [table for table in Row.metadata.sorted_tables if sealed_columns(table)]
    problems = (problem for table in tables for problem in _unreadable(db, table))
    return Check("encrypted values", list(islice(problems, MOST)))


def _unreadable(db: Database, table: Table) -> Iterator[str]:
    for row in _rows(db, table):
        key = str(row[key_column(table)])
        for column in sealed_columns(table):
            try:
                _ = row[column] and opened(db.ring, column, key, row[column])
            except (ValueTampered, KeyMissing) as error:
                yield f"{table.name} {key} {column.name}: {error.code}"


def _rows(db: Database, table: Table) -> Iterator[RowMapping]:
    key, last = key_column(table), ""
    while True:
        page = select(key, *sealed_columns(table)).where(key > last).order_by(key).limit(BATCH)
        with db.reading() as session:
            rows = session.connection().execute(page).mappings().all()
        if not rows:
            return
        yield from rows
        last = str(rows[-1][key])
