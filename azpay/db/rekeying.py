"""Moving a book to another root key while others work with it.

Three steps, each safe to be killed in and to begin again:

1. the file (SQLite), in one transaction: programs that have it open take the new key up with their next one;
2. the book's word on which key is written with, so that from then on nothing new stands under the old one;
3. what stands under the old one, in small batches. What is done is told from what is not by the key's id in
   each value, so there is no place to remember.

Only then does the book forget the old key. Its backups have not: whoever keeps them keeps it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import LargeBinary, bindparam, delete, func, insert, or_, select, type_coerce, update

from azpay.db import files
from azpay.db.book_keys import TABLE, in_use, pepper_of, row_for
from azpay.db.ciphers import FORMAT, ID_BYTES
from azpay.db.database import DatabaseUnavailable
from azpay.db.ring import ring_of
from azpay.db.sealing import current, index_of, key_column, opened, sealed_columns, sealed_value
from azpay.db.tables import Row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from sqlalchemy import ColumnElement, Table
    from sqlalchemy.engine import RowMapping
    from sqlmodel import Session

    from azpay.db.ciphers import Cipher
    from azpay.db.database import Database

    Follow = Callable[[Session, Sequence[str], Sequence[Cipher], Cipher], None]
    """What else depends on the values of these rows: moved with them, from those keys to this one."""

BATCH = 200
PATIENCE_MS = 30_000
ID_AT = len(FORMAT) + 1
"""Where the key's id begins in a value, as SQL counts."""


@dataclass(frozen=True, slots=True)
class Rekeyed:
    """What was done by this run: whether the file was, and how many rows."""

    file: bool
    rows: int


def rekey(
    db: Database, key_id: str, *, follow: Mapping[str, Follow], advance: Callable[[int], None]
) -> Rekeyed:
    """Move the whole book to a key that is on its ring. Safe to repeat, and beside other programs.

    Every program that works with the book must have both keys at hand before. Raises DatabaseUnavailable when
    others keep the book locked, KeyMissing.
    """
    cipher = db.ring.cipher(key_id)
    changed = db.embedded and _rekey_file(db, cipher)
    _switch(db, cipher)
    rows = sum(_rekey_tables(db, cipher, follow, advance))
    _forget_others(db, cipher)
    return Rekeyed(changed, rows)


def waiting(db: Database, key_id: str) -> int:
    """How many rows stand under another key."""
    with db.reading() as session:
        counts = (
            select(func.count()).select_from(table).where(_under_another(table, key_id))
            for table in _tables()
        )
        return sum(int(session.execute(count).scalar_one()) for count in counts)


def _rekey_file(db: Database, cipher: Cipher) -> bool:
    """In the connection's one transaction; False when the file is under that key already."""
    file = Path(str(db.engine.url.database))
    if files.opens_with(file, cipher.root):
        return False
    connection = files.connect(file, db.ring)
    try:
        connection.execute(f"PRAGMA busy_timeout={PATIENCE_MS}")
        connection.execute(f'PRAGMA rekey="{files.spelled(cipher.root)}"').fetchall()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    except files.driver.OperationalError as locked:
        raise DatabaseUnavailable(
            "Other programs keep the book busy, so its file stays under the key it has. Nothing changed.",
            hint="Run `azpay db rekey` again when there is less to do, or stop `azpay serve` for a moment.",
        ) from locked
    finally:
        connection.close()
    db.engine.dispose()
    return True


def _switch(db: Database, cipher: Cipher) -> None:
    """On a server the lock waits for whoever still writes with the key of before."""
    keys = Row.metadata.tables[TABLE]
    with db.writing() as session:
        connection = session.connection()
        if not db.embedded:
            connection.exec_driver_sql(f"LOCK TABLE {TABLE} IN ACCESS EXCLUSIVE MODE")
        if current(connection).id == cipher.id:
            return
        row = row_for(cipher, pepper_of(connection), current=True)
        connection.execute(delete(keys).where(keys.c.key_id == cipher.id))
        connection.execute(update(keys).values(current=False))
        connection.execute(insert(keys).values(row))


def _rekey_tables(
    db: Database, cipher: Cipher, follow: Mapping[str, Follow], advance: Callable[[int], None]
) -> Iterator[int]:
    for table in _tables():
        last: str | None = ""
        while last is not None:
            last, done = _rekey_batch(db, table, cipher, last, follow.get(table.name))
            advance(done)
            yield done


def _rekey_batch(
    db: Database, table: Table, cipher: Cipher, after: str, follow: Follow | None
) -> tuple[str | None, int]:
    """The last key that was moved, or None at the end, and how many."""
    with db.writing() as session:
        rows = _next(session, table, cipher.id, after)
        if not rows:
            return None, 0
        key = key_column(table)
        session.connection().execute(_change(table), [_moved(session, table, row, cipher) for row in rows])
        moved = [str(row[key]) for row in rows]
        if follow is not None:
            others = [each for each in in_use(session.connection()) if each.id != cipher.id]
            follow(session, moved, others, cipher)
        return moved[-1], len(moved)


def _next(session: Session, table: Table, key_id: str, after: str) -> Sequence[RowMapping]:
    key = key_column(table)
    page = (
        select(key, *sealed_columns(table))
        .where(key > after, _under_another(table, key_id))
        .order_by(key)
        .limit(BATCH)
        .with_for_update()
    )
    return session.connection().execute(page).mappings().all()


def _change(table: Table) -> Any:
    """One statement for the whole batch; the key goes by the name that the ORM's own updates give it."""
    key = key_column(table)
    columns = [column.key for column in sealed_columns(table)]
    indexes = [index for column in sealed_columns(table) if (index := index_of(column))]
    values: dict[str, Any] = {name: bindparam(name) for name in (*columns, *indexes)}
    return update(table).where(key == bindparam(f"{table.name}_{key.name}")).values(values)


def _moved(session: Session, table: Table, row: RowMapping, cipher: Cipher) -> dict[str, Any]:
    key = key_column(table)
    changed: dict[str, Any] = {f"{table.name}_{key.name}": row[key]}
    for column in sealed_columns(table):
        plain = (
            None
            if row[column] is None
            else opened(ring_of(session.connection()), column, row[key], row[column])
        )
        changed |= sealed_value(cipher, column, row[key], plain)
    return changed


def _forget_others(db: Database, cipher: Cipher) -> None:
    keys = Row.metadata.tables[TABLE]
    with db.writing() as session:
        if current(session.connection()).id == cipher.id:
            session.execute(delete(keys).where(keys.c.key_id != cipher.id))


def _under_another(table: Table, key_id: str) -> ColumnElement[bool]:
    wanted = bytes.fromhex(key_id)
    ids = (func.substr(type_coerce(column, LargeBinary), ID_AT, ID_BYTES) for column in sealed_columns(table))
    return or_(*(type_coerce(found, LargeBinary) != wanted for found in ids))


def _tables() -> list[Table]:
    return [table for table in Row.metadata.sorted_tables if sealed_columns(table)]
