"""The SQL of a collection: a table for each kind of object, and an index for each indexed field.

Names come from the sandbox's own code, never from a request.
"""
# ruff: noqa: S608

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

_WEIGHED = 300


@dataclass(frozen=True, slots=True)
class Table:
    """`number` is the order in which objects were made; `created` runs along with it."""

    schema: str
    all: str
    by_id: str
    at: str
    last: str
    insert: str
    update: str
    discard: str
    _name: str

    def where(self, condition: str, order: str = "number") -> str:
        return f"SELECT number, id, body FROM {self._name} WHERE {condition} ORDER BY {order}"

    def give(self, name: str) -> str:
        return f"UPDATE {self._name} SET body = ?, {column(name)} = ? WHERE number = ?"

    def count(self, name: str) -> str:
        return f"SELECT count(*) FROM {self._name} WHERE {column(name)} = ?"

    def reach(self, name: str) -> str:
        """Where so many rows with this value end, counted back from a number. Nowhere, if there are fewer."""
        return (
            f"SELECT number FROM {self._name} WHERE {column(name)} = ? AND number < ? "
            f"ORDER BY number DESC LIMIT 1 OFFSET {_WEIGHED}"
        )


def column(name: str) -> str:
    return f'"by_{name}"'


@cache
def table(kind: str, indexed: tuple[str, ...]) -> Table:
    name, fields = f'"{kind}"', [column(each) for each in indexed]
    columns = ["deleted", "body", *fields]
    marks = ", ".join("?" for _ in ("number", "id", "created", *columns))
    changes = ", ".join(f"{each} = ?" for each in columns)
    return Table(
        schema=_schema(kind, indexed),
        all=f"SELECT number, id, body FROM {name} WHERE NOT deleted ORDER BY number",
        by_id=f"SELECT number, id, body FROM {name} WHERE id = ?",
        at=f"SELECT number, created FROM {name} WHERE number >= ? ORDER BY number LIMIT 1",
        last=f"SELECT max(number) FROM {name} WHERE number < ?",
        insert=f"INSERT INTO {name} (number, id, created, {', '.join(columns)}) VALUES ({marks})",
        update=f"UPDATE {name} SET {changes} WHERE number = ?",
        discard=f"DELETE FROM {name} WHERE number < ?",
        _name=name,
    )


def _schema(kind: str, indexed: tuple[str, ...]) -> str:
    """Fields without a value take no place in an index."""
    fields = "".join(f", {column(name)}" for name in indexed)
    indexes = "".join(
        f'CREATE INDEX "{kind} by {name}" ON "{kind}" ({column(name)}) WHERE {column(name)} IS NOT NULL; '
        for name in indexed
    )
    return (
        f'CREATE TABLE "{kind}" (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, '
        f"created INTEGER NOT NULL, deleted INTEGER NOT NULL, body BLOB NOT NULL{fields}); {indexes}"
    )
