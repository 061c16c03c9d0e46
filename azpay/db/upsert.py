"""Insert unless it is there already, decided by the database's constraints, in one statement."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Table, inspect
from sqlalchemy.dialects import postgresql, sqlite

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlmodel import Session

    from azpay.db.tables import Row


def keep_new(session: Session, rows: Sequence[Row]) -> set[str]:
    """Insert the rows that no unique constraint objects to; the primary keys of those that went in."""
    if not rows:
        return set()
    table = inspect(type(rows[0])).local_table
    assert isinstance(table, Table)  # noqa: S101
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    key = next(iter(table.primary_key.columns))
    statement = insert(table).on_conflict_do_nothing().returning(key)
    session.flush()
    return set(session.connection().scalars(statement, [_values(row, table) for row in rows]))


def _values(row: Row, table: Table) -> dict[str, Any]:
    mapper = inspect(type(row))
    return {column.name: getattr(row, mapper.get_property_by_column(column).key) for column in table.columns}
