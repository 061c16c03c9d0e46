"""What the store itself can say of a book: its files, its indexes, and what its rows refer to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import inspect

from azpay.db import schema
from azpay.db.schema import Check

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.engine import Connection

    from azpay.db.database import Database

UNFINISHED = """
SELECT 'index ' || relname FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
WHERE NOT indisvalid AND relnamespace = current_schema()::regnamespace
UNION ALL
SELECT 'constraint ' || conname FROM pg_constraint
WHERE NOT convalidated AND connamespace = current_schema()::regnamespace
"""
TORN_PAGES = "SELECT coalesce(checksum_failures, 0) FROM pg_stat_database WHERE datname = current_database()"
MOST = 10
"""As many rows are named; who has more has lost more than rows."""


def soundness(db: Database) -> list[Check]:
    """Damage that can be seen without knowing what the rows mean."""
    if db.embedded:
        return schema.integrity(db)
    with db.engine.connect() as connection:
        unfinished = [f"{name} is not valid" for (name,) in connection.exec_driver_sql(UNFINISHED)]
        torn = connection.exec_driver_sql(TORN_PAGES).scalar_one()
        return [
            Check("file integrity", [f"{torn} pages did not match their checksums"] if torn else []),
            Check("indexes", unfinished),
            Check("references", list(_astray(connection))),
        ]


def _astray(connection: Connection) -> Iterator[str]:
    """Rows that refer to nothing, which a server lets in when its triggers are off."""
    looking = inspect(connection)
    for table in looking.get_table_names():
        for key in looking.get_foreign_keys(table):
            (here,), (there,) = key["constrained_columns"], key["referred_columns"]
            parent = key["referred_table"]
            lost = connection.exec_driver_sql(
                f"SELECT DISTINCT child.{here} FROM {table} AS child "  # noqa: S608 - names of our own tables
                f"WHERE child.{here} IS NOT NULL AND NOT EXISTS "
                f"(SELECT 1 FROM {parent} AS parent WHERE parent.{there} = child.{here}) LIMIT {MOST}"
            )
            yield from (f"{table} refers to {name}: no such {parent}" for (name,) in lost)
