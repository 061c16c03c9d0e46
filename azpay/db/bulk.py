"""Many new rows as one statement, for work where each row's share of the rest counts.

Between two rows of one call SQLite's driver lets other threads run, and then waits for its turn: a statement
for each row costs more in waiting than in writing.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from azpay.db.sealing import all_sealed, is_sealed, key_column

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sqlalchemy import Column, Connection, Table
    from sqlalchemy.engine import Dialect

MOST_AT_ONCE = 500


def insert_new(
    connection: Connection,
    table: Table,
    columns: Mapping[str, Sequence[Any]],
    alike: Mapping[str, Any] | None = None,
) -> int:
    """Insert the rows that no unique constraint objects to; how many went in.

    `columns` has a value for each row, `alike` one for all of them. What is encrypted is sealed here.
    """
    same = {name: _bound(connection, table, name, [value])[0] for name, value in (alike or {}).items()}
    lists = [_values(connection, table, name, columns) for name in columns]
    names, inserted = (tuple(same), tuple(columns)), 0
    for start in range(0, len(lists[0]), MOST_AT_ONCE):
        parts = [values[start : start + MOST_AT_ONCE] for values in lists]
        if connection.dialect.name == "postgresql":
            statement = _into_a_server(table, *names, connection.dialect)
            given = (*same.values(), *parts)
        else:
            statement = _into_a_file(table, *names, len(parts[0]))
            given = (*same.values(), *(value for row in zip(*parts, strict=True) for value in row))
        inserted += connection.exec_driver_sql(statement, given).rowcount
    return inserted


def _values(
    connection: Connection, table: Table, name: str, columns: Mapping[str, Sequence[Any]]
) -> Sequence[Any]:
    if is_sealed(table.c[name]):
        return all_sealed(connection, table.c[name], columns[key_column(table).name], columns[name])
    return _bound(connection, table, name, columns[name])


def _bound(connection: Connection, table: Table, name: str, values: Sequence[Any]) -> Sequence[Any]:
    """As the driver takes them. Many rows have few values that are not plain, such as times."""
    convert = _converter(table.c[name], connection.dialect)
    if convert is None:
        return list(values)
    known = {value: convert(value) for value in set(values)}
    return [known[value] for value in values]


@cache
def _converter(column: Column[Any], dialect: Dialect) -> Callable[[Any], Any] | None:
    return column.type.dialect_impl(dialect).bind_processor(dialect)


@cache
def _into_a_file(table: Table, same: tuple[str, ...], each: tuple[str, ...], rows: int) -> str:
    row = ", ".join([f"?{number}" for number, _ in enumerate(same, 1)] + ["?"] * len(each))
    values = ", ".join([f"({row})"] * rows)
    return f"INSERT INTO {table.name} ({_listed(same, each)}) VALUES {values} ON CONFLICT DO NOTHING"  # noqa: S608


@cache
def _into_a_server(table: Table, same: tuple[str, ...], each: tuple[str, ...], dialect: Dialect) -> str:
    types = {name: table.c[name].type.compile(dialect) for name in (*same, *each)}
    first = "".join(f"%s::{types[name]}, " for name in same)
    arrays = ", ".join(f"%b::{types[name]}[]" for name in each)
    return (
        f"INSERT INTO {table.name} ({_listed(same, each)}) "  # noqa: S608 - names of ours
        f"SELECT {first}new.* FROM unnest({arrays}) AS new ON CONFLICT DO NOTHING"
    )


def _listed(same: tuple[str, ...], each: tuple[str, ...]) -> str:
    return ", ".join((*same, *each))
