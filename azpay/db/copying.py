"""Moving a book from one store to another, row by row, with nothing lost on the way.

Rows go in batches along their primary key; each batch and the note of how far it came are one transaction, so
a run that was killed goes on where it ended. Until every table was read again on both sides and found equal,
the target is stamped as no book at all, and no other command takes it for one.

What is encrypted is opened and sealed again, because a value is bound to its book's key.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import BigInteger, Column, MetaData, String, Table, func, insert, inspect, select, update
from sqlalchemy.exc import DatabaseError, IntegrityError
from sqlmodel import col

from azpay.db import book_keys, migrations, rows, schema, sealing
from azpay.db.book_keys import BookKey
from azpay.db.schema import State
from azpay.errors import Failed, Refused, Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sqlalchemy import Connection

    from azpay.db.database import Database
    from azpay.db.rows import Extent, Values

    Follow = Callable[[Connection, Table, Sequence[Values]], None]
    """What else is written with rows of a table, such as what finds them."""

COPYING = "copying"
KEYS = "book_keys"
_OF_COPIES = MetaData()
PROGRESS = Table(
    "copy_progress",
    _OF_COPIES,
    Column("name", String, primary_key=True),
    Column("source", String, nullable=False),
    Column("last", String, nullable=False),
    Column("rows", BigInteger, nullable=False),
)
VERSION = Table("alembic_version", MetaData(), Column("version_num", String(32)))
"""A name of Alembic's. A stamp that is no number makes every other command refuse the target."""


class TargetNotEmpty(Refused):
    """Something is there already. It was left as it was."""

    code = "target_not_empty"

    def __init__(self, target: Database) -> None:
        super().__init__(
            f"There is something at {target.where} already; nothing in it was touched.",
            hint="Copy into an empty database, or into a file that does not exist yet.",
        )


class OtherCopy(Refused):
    """The target holds a part of another book."""

    code = "other_copy"

    def __init__(self, target: Database) -> None:
        super().__init__(
            f"{target.where} holds an unfinished copy of another book.", hint="--restart empties it first."
        )


class SourceMissing(Usage):
    code = "source_missing"

    def __init__(self, source: Database) -> None:
        super().__init__(
            f"There is no book at {source.where} to copy.", hint="Name the book first, then where to."
        )


class CopyDiffers(Failed):
    """Both sides were read to their end and are not the same. The target is no book."""

    code = "copy_differs"

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(
            f"The copy is not the same as the book: {', '.join(names)}. The book was written to meanwhile.",
            hint="Stop what uses the book, then copy again with --restart.",
        )


@dataclass(frozen=True, slots=True)
class Plan:
    """Which tables are copied row by row, and what is written along with their rows."""

    tables: Sequence[Table]
    follow: Follow


def plan(metadata: MetaData, *, derived: Sequence[str], follow: Follow) -> Plan:
    """All tables but the keys, which a book has of its own, and what is `derived` from other tables."""
    left_out = {KEYS, *derived}
    return Plan([table for table in metadata.sorted_tables if table.name not in left_out], follow)


def prepare(source: Database, target: Database, plan: Plan) -> None:
    """Make the target ready, or see that it is.

    Raises TargetNotEmpty, OtherCopy, SourceMissing.
    """
    _require_source(source)
    identity, pepper = _identity(source)
    if _is_copy(target):
        _require_copy_of(target, identity)
        return
    _require_empty(target, plan)
    migrations.upgrade(target)
    with target.writing() as session:
        connection = session.connection()
        connection.execute(update(VERSION).values(version_num=COPYING))
        PROGRESS.create(connection)
        connection.execute(insert(PROGRESS).values(name="", source=identity, last="", rows=0))
        _adopt(connection, target, pepper)


def copy(source: Database, target: Database, plan: Plan, *, advance: Callable[[int], None]) -> None:
    """Copy what is not there yet."""
    identity, _ = _identity(source)
    for table in plan.tables:
        for batch in rows.batches(source, table, after=_reached(target, table)):
            _write(target, table, batch, identity, plan.follow)
            advance(len(batch))


def compare(source: Database, target: Database, plan: Plan) -> Iterator[tuple[str, Extent, Extent]]:
    """What each table holds on either side."""
    for table in plan.tables:
        yield table.name, rows.extent(source, table), rows.extent(target, table)


def finish(target: Database) -> None:
    """The copy was found equal: from here on it is a book."""
    with target.writing() as session:
        PROGRESS.drop(session.connection())
        session.connection().execute(update(VERSION).values(version_num=schema.HEAD))


def restart(target: Database, metadata: MetaData) -> None:
    """Empty a target that holds an unfinished copy, and nothing else."""
    if _is_copy(target):
        metadata.drop_all(target.engine)
        with target.writing() as session:
            VERSION.drop(session.connection())
            PROGRESS.drop(session.connection())


def size(source: Database, plan: Plan) -> int:
    """How many rows there are to copy."""
    with source.reading() as session:
        counts = [select(func.count()).select_from(table) for table in plan.tables]
        return sum(session.connection().execute(count).scalar_one() for count in counts)


def _require_source(source: Database) -> None:
    if schema.state(source) is State.EMPTY:
        raise SourceMissing(source)
    schema.require_current(source)


def _identity(source: Database) -> tuple[str, bytes]:
    """Which book it is, wherever it stands: a digest of its own secret, and the secret."""
    with source.reading() as session:
        pepper = book_keys.pepper_of(session.connection())
    return hashlib.sha256(pepper).hexdigest(), pepper


def _require_copy_of(target: Database, identity: str) -> None:
    with target.reading() as session:
        if session.connection().execute(select(PROGRESS.c.source).limit(1)).scalar_one() != identity:
            raise OtherCopy(target)


def _adopt(connection: Connection, target: Database, pepper: bytes) -> None:
    """The book keeps its secret under the target's key: digests made with it stay what they are."""
    key = target.ring.newest
    row = book_keys.row_for(key, pepper, current=True)
    connection.execute(update(BookKey).where(col(BookKey.key_id) == key.id).values(pepper=row["pepper"]))
    target.ring.pepper = pepper


def _require_empty(target: Database, plan: Plan) -> None:
    try:
        state = schema.state(target)
    except schema.NotOurDatabase:
        raise TargetNotEmpty(target) from None
    if state is State.EMPTY:
        return
    if state is not State.CURRENT or size(target, plan):
        raise TargetNotEmpty(target)


def _is_copy(target: Database) -> bool:
    try:
        with target.engine.connect() as connection:
            found = inspect(connection).has_table(VERSION.name) and inspect(connection).has_table(
                PROGRESS.name
            )
            return found and connection.execute(select(VERSION.c.version_num)).scalar_one_or_none() == COPYING
    except DatabaseError:
        return False


def _reached(target: Database, table: Table) -> str:
    with target.reading() as session:
        done = select(PROGRESS.c.last).where(PROGRESS.c.name == table.name)
        return session.connection().execute(done).scalar_one_or_none() or ""


def _write(target: Database, table: Table, batch: list[Values], identity: str, follow: Follow) -> None:
    last = str(batch[-1][sealing.key_column(table).name])
    with target.writing() as session:
        connection = session.connection()
        _insert(connection, table, batch)
        follow(connection, table, batch)
        here = PROGRESS.c.name == table.name
        went_on = update(PROGRESS).where(here).values(last=last, rows=PROGRESS.c.rows + len(batch))
        if not connection.execute(went_on).rowcount:
            begun = insert(PROGRESS).values(name=table.name, source=identity, last=last, rows=len(batch))
            connection.execute(begun)


def _insert(connection: Connection, table: Table, batch: list[Values]) -> None:
    """Raises CopyDiffers where a row leans on one that came when its place had been passed."""
    try:
        connection.execute(insert(table), batch)
    except IntegrityError as error:
        raise CopyDiffers([table.name]) from error
