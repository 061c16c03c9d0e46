"""Rows in the making: plain values, for work on many rows where objects of the ORM cost more than the rest.

A kind of draft is a struct whose attributes are named as the table's. Those without a default are read from
the book and may be changed; those with one are only ever written, with a new row.
"""

from __future__ import annotations

from collections import defaultdict
from copy import copy
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import msgspec
from sqlalchemy import Column, Select, Table, bindparam, insert, inspect, select, update

from azpay.db.sealing import key_column

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy.engine import Connection

    from azpay.db.tables import Row

Draft = TypeVar("Draft", bound=msgspec.Struct)


@dataclass(slots=True)
class Held(Generic[Draft]):
    """A draft, and what the book says; None where the row is yet to be made."""

    row: Draft
    was: Draft | None = None


def table_of(kind: type[Row]) -> Table:
    table = inspect(kind).local_table
    assert isinstance(table, Table)  # noqa: S101
    return table


def wanted(kind: type[msgspec.Struct], table: Table) -> Select[Any]:
    """The query for drafts; add conditions."""
    return select(*_columns(kind, table))


def locked(connection: Connection, kind: type[Draft], table: Table, query: Select[Any]) -> list[Held[Draft]]:
    """The rows of the query, locked in the order of their keys, so that two who do so wait for each other."""
    found = connection.execute(query.order_by(key_column(table)).with_for_update())
    drafts = [kind(*row) for row in found]
    return [Held(draft, copy(draft)) for draft in drafts]


def write(connection: Connection, table: Table, held: Sequence[Held[Draft]]) -> None:
    """Insert the new rows, and write what has changed of the others, in the order in which they are given.

    A row that the database refuses is an IntegrityError, and nothing says which it was.
    """
    new = [_values(each.row) for each in held if each.was is None]
    if new:
        connection.execute(insert(table), new)
    _change(connection, table, [(each.was, each.row) for each in held if each.was is not None])


def _change(connection: Connection, table: Table, rows: Iterable[tuple[Draft, Draft]]) -> None:
    """One statement for all rows in which the same columns have changed: no other index is touched."""
    key = key_column(table)
    bound = f"{table.name}_{key.name}"
    alike: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    for was, row in rows:
        changed = _changed(was, row)
        if changed:
            alike[tuple(changed)].append({bound: getattr(row, key.name), **changed})
    for parameters in alike.values():
        connection.execute(update(table).where(key == bindparam(bound)), parameters)


def _changed(was: msgspec.Struct, row: msgspec.Struct) -> dict[str, Any]:
    pairs = zip(_loaded(type(row)), msgspec.structs.astuple(was), msgspec.structs.astuple(row), strict=False)
    return {name: after for name, before, after in pairs if after != before}


def _values(row: msgspec.Struct) -> dict[str, Any]:
    names = (_column(name) for name in row.__struct_fields__)
    return dict(zip(names, msgspec.structs.astuple(row), strict=True))


def _columns(kind: type[msgspec.Struct], table: Table) -> list[Column[Any]]:
    return [table.c[name] for name in _loaded(kind)]


@cache
def _loaded(kind: type[msgspec.Struct]) -> list[str]:
    return [_column(field.name) for field in msgspec.structs.fields(kind) if field.required]


def _column(attribute: str) -> str:
    """`metadata_` stands for a column whose name the ORM has taken."""
    return attribute.removesuffix("_")
