"""Columns that are encrypted on their way to the book, and read on their way back.

A row is sealed as a whole statement, because a value is bound to its table, column and primary key: whatever
inserts or updates rows, through the ORM or Core, passes `_seal` with its parameters. What a row says is read
when the ORM has loaded it. In between stands a `Sealed`, which is no text: a place that was forgotten fails
instead of writing or showing something in clear.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from sqlalchemy import Column, Insert, LargeBinary, Table, Update, event, inspect
from sqlalchemy.types import TypeDecorator

from azpay.db.book_keys import CURRENT_KEY, in_use
from azpay.db.ciphers import place
from azpay.db.ring import OPTION, ring_of
from azpay.db.tables import Row

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sqlalchemy.engine import Connection, Dialect, Engine
    from sqlalchemy.orm import Mapper

    from azpay.db.ciphers import Cipher
    from azpay.db.ring import Ring

KNOWN = "azpay_current_key"
FORMS: dict[str, tuple[Callable[[Any], bytes], Callable[[bytes], Any]]] = {
    "text": (str.encode, bytes.decode),
    "bytes": (bytes, bytes),
    "json": (msgspec.json.encode, msgspec.json.decode),
}
"""How a value becomes bytes, and comes back."""


class NotSealed(TypeError):
    """A statement would have written or compared a value that is only ever kept encrypted."""


class Sealed(NamedTuple):
    """A value as it stands in the book."""

    ciphertext: bytes


class SealedType(TypeDecorator[Any]):
    impl = LargeBinary
    cache_ok = True

    def __init__(self, form: str, index: str | None = None) -> None:
        super().__init__()
        self.form = form
        self.index = index

    def process_bind_param(self, value: Any, dialect: Dialect) -> bytes | None:  # noqa: ARG002
        if value is None or isinstance(value, Sealed):
            return value and value.ciphertext
        raise NotSealed("Encrypted columns are written row by row, and found by their blind index.")

    def process_result_value(self, value: Any, dialect: Dialect) -> Sealed | None:  # noqa: ARG002
        return None if value is None else Sealed(bytes(value))


def sealed(form: str = "text", *, index: str | None = None) -> Any:
    """A column that holds people's data: "text", "bytes" or "json".

    `index` names the column beside it that keeps the value's blind token, for `found_by`.
    """
    return SealedType(form, index)


def attach(engine: Engine, ring: Ring) -> None:
    """Seal what is written through this engine, and read what is read, with these keys."""
    engine.update_execution_options(**{OPTION: ring})
    event.listen(engine, "before_execute", _seal, retval=True)
    event.listen(engine, "begin", _forget)


def found_by(connection: Connection, column: Any, text: str) -> Any:
    """The condition that a blind index holds this text, under whichever key it was written."""
    purpose = f"{column.table.name}.{column.name}"
    return column.in_([cipher.token(purpose, text) for cipher in in_use(connection)])


def current(connection: Connection) -> Cipher:
    """What this transaction writes with: the book itself says so, once a transaction."""
    if KNOWN not in connection.info:
        connection.info[KNOWN] = connection.exec_driver_sql(CURRENT_KEY).scalar_one()
    return ring_of(connection).cipher(connection.info[KNOWN])


def _forget(connection: Connection) -> None:
    connection.info.pop(KNOWN, None)


def index_of(column: Column[Any]) -> str | None:
    """The column beside it that keeps its blind token."""
    assert isinstance(column.type, SealedType)  # noqa: S101
    return column.type.index


@cache
def sealed_columns(table: Table) -> tuple[Column[Any], ...]:
    """The encrypted columns of a table."""
    return tuple(column for column in table.columns if isinstance(column.type, SealedType))


def key_column(table: Table) -> Column[Any]:
    """Every table with encrypted columns has one column as its key."""
    (column,) = table.primary_key.columns
    return column


def _seal(
    connection: Connection, statement: Any, rows: Sequence[Any], row: Mapping[str, Any], _options: Any
) -> tuple[Any, Sequence[Any], Mapping[str, Any]]:
    table = statement.table if isinstance(statement, Insert | Update) else None
    if not isinstance(table, Table) or not sealed_columns(table):
        return statement, rows, row
    return statement, [_sealed(connection, table, each) for each in rows], _sealed(connection, table, row)


def _sealed(connection: Connection, table: Table, row: Mapping[str, Any]) -> Mapping[str, Any]:
    written = [part for part in _parts(table) if part.name in row]
    if all(row[part.name] is None for part in written):
        return row
    cipher, key, changed = current(connection), _key(table, row), dict(row)
    for part in written:
        _put(changed, part, cipher, key)
    return changed


class _Part(NamedTuple):
    """What sealing a column needs to know of it, looked up once."""

    name: str
    before_key: bytes
    to_bytes: Callable[[Any], bytes]
    beside: str | None
    purpose: str


@cache
def _parts(table: Table) -> tuple[_Part, ...]:
    return tuple(_part(column) for column in sealed_columns(table))


@cache
def _part(column: Column[Any]) -> _Part:
    assert isinstance(column.type, SealedType)  # noqa: S101
    table, index = column.table.name, column.type.index
    to_bytes, _ = FORMS[column.type.form]
    return _Part(column.key, place(table, column.name, ""), to_bytes, index, f"{table}.{index}")


def _put(row: dict[str, Any], part: _Part, cipher: Cipher, key: str) -> None:
    value = row[part.name]
    if isinstance(value, Sealed):
        return
    if part.beside is not None:
        row[part.beside] = None if value is None else cipher.token(part.purpose, value)
    if value is not None:
        row[part.name] = Sealed(cipher.seal(part.to_bytes(value), part.before_key + key.encode()))


def sealed_value(cipher: Cipher, column: Column[Any], key: str, value: Any) -> dict[str, Any]:
    """What a row holds for a value: the ciphertext and, where there is one, its blind index."""
    row: dict[str, Any] = {column.key: value}
    _put(row, _part(column), cipher, key)
    return row


def _key(table: Table, row: Mapping[str, Any]) -> str:
    """An insert names the key as its column, an update of the ORM's as the column of its table."""
    column = key_column(table)
    found = row.get(column.key) or row.get(f"{table.name}_{column.name}")
    if found is None:
        raise NotSealed(f"A row of {table.name} is written without its key.")
    return str(found)


def opened(ring: Ring, column: Column[Any], key: str, value: Sealed) -> Any:
    """The value itself. Raises ValueTampered, KeyMissing."""
    assert isinstance(column.type, SealedType)  # noqa: S101
    _, from_bytes = FORMS[column.type.form]
    return from_bytes(ring.open(value.ciphertext, column.table.name, column.name, key))


def all_sealed(
    connection: Connection, column: Column[Any], keys: Sequence[str], values: Sequence[Any]
) -> list[bytes]:
    """What many new rows hold in one column that is never empty and has no blind index. Raises KeyMissing."""
    part, cipher = _part(column), current(connection)
    if part.beside is not None:
        raise NotSealed(f"{column} is written row by row, for its blind index.")
    places = (part.before_key + key.encode() for key in keys)
    return cipher.seal_all(places, [part.to_bytes(value) for value in values])


def is_sealed(column: Column[Any]) -> bool:
    return isinstance(column.type, SealedType)


def all_opened(
    ring: Ring, column: Column[Any], keys: Sequence[str], values: Sequence[bytes | None]
) -> list[Any]:
    """What many rows say in one column, from the bytes that stand there.

    Raises ValueTampered, KeyMissing.
    """
    assert isinstance(column.type, SealedType)  # noqa: S101
    _, from_bytes = FORMS[column.type.form]
    plain = ring.open_all(values, column.table.name, column.name, keys)
    return [None if each is None else from_bytes(each) for each in plain]


class _Attribute(NamedTuple):
    """An encrypted attribute of a row, and what reading it needs to know, looked up once."""

    name: str
    column: str
    from_bytes: Callable[[bytes], Any]


@cache
def _attributes(kind: type[Row]) -> tuple[str, str, tuple[_Attribute, ...]] | None:
    """The names of a row's key and of its table, and its encrypted attributes."""
    mapper = inspect(kind)
    table = mapper.local_table
    if not isinstance(table, Table) or not sealed_columns(table):
        return None
    key = mapper.get_property_by_column(key_column(table)).key
    return key, table.name, tuple(_attribute(mapper, column) for column in sealed_columns(table))


def _attribute(mapper: Mapper[Any], column: Column[Any]) -> _Attribute:
    assert isinstance(column.type, SealedType)  # noqa: S101
    _, from_bytes = FORMS[column.type.form]
    return _Attribute(mapper.get_property_by_column(column).key, column.name, from_bytes)


@event.listens_for(Row, "load", propagate=True)
@event.listens_for(Row, "refresh", propagate=True)
def _open(row: Row, context: Any, _names: Any = None) -> None:
    found = _attributes(type(row))
    if found is None:
        return
    key, table, attributes = found
    held = row.__dict__
    ring = None
    for name, column, from_bytes in attributes:
        value = held.get(name)
        if isinstance(value, Sealed):
            ring = ring or context.session.get_bind().get_execution_options()[OPTION]
            held[name] = from_bytes(ring.open(value.ciphertext, table, column, held[key]))
