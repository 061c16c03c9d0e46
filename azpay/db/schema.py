"""Whether a book has the tables that this program expects, without loading the migration tool.

Every command asks this first, so a book that is current says so in one small query.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import inspect
from sqlalchemy.exc import DatabaseError, OperationalError, ProgrammingError

from azpay.db import files
from azpay.db.engines import APPLICATION_ID
from azpay.db.files import Form
from azpay.db.trouble import DatabaseUnavailable, reason, translated
from azpay.errors import NotAllowed

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from azpay.db.database import Database

HEAD = "0013"
NUMBERED = re.compile(r"[0-9]{4}")
QUICK: dict[str, tuple[str, tuple[int, ...]]] = {
    "sqlite": (
        "SELECT version_num FROM alembic_version, pragma_application_id WHERE application_id = ?",
        (APPLICATION_ID,),
    ),
    "postgresql": (
        "SELECT version_num FROM alembic_version WHERE to_regclass('operations') IS NOT NULL "
        "AND to_regclass('inbox_events') IS NOT NULL AND to_regclass('balance_transactions') IS NOT NULL",
        (),
    ),
}
"""The revision of a book of ours: a file has our mark in its header, a server our tables."""


class NotOurDatabase(NotAllowed):
    """The file or schema belongs to something else. Nothing in it was touched."""

    code = "not_our_database"


class MigrationsPending(NotAllowed):
    """The book's tables are older than this program."""

    code = "migrations_pending"


class BookTooNew(NotAllowed):
    """The book was written by a newer azpay."""

    code = "book_too_new"


class State(StrEnum):
    """How a book stands to this program."""

    EMPTY = "empty"
    CURRENT = "current"
    BEHIND = "behind"
    AHEAD = "ahead"


def state(db: Database) -> State:
    """Compare the book's schema with ours. Raises NotOurDatabase when it holds something else."""
    with translated(db.where):
        found, empty = _seen(db)
    if found is not None:
        return compare(found)
    if empty:
        return State.EMPTY
    raise _foreign(db)


def _seen(db: Database) -> tuple[str | None, bool]:
    try:
        if _is_current(db):
            return HEAD, False
        with db.engine.connect() as connection:
            found = revision(connection)
            return found, found is None and _is_empty(connection)
    except OperationalError as error:
        raise DatabaseUnavailable(
            f"The database cannot be opened: {reason(error)}.",
            hint=f"Check that {db.where} exists and can be reached, or set AZPAY_DATABASE_URL.",
        ) from error
    except DatabaseError as error:  # SQLite says "file is not a database" only when first read
        if not db.embedded:
            raise
        raise _foreign(db) from error


def _is_current(db: Database) -> bool:
    try:
        with db.engine.connect() as connection:
            found = connection.exec_driver_sql(*QUICK[connection.dialect.name]).scalar_one_or_none()
            return bool(found == HEAD)
    except ProgrammingError:  # PostgreSQL has no such table
        return False
    except OperationalError:  # SQLite says so like this, and whatever else is wrong, too
        if not db.embedded:
            raise
        return False


def compare(revision: str) -> State:
    """Revisions are numbered, so that a book from the future can be told from one of the past."""
    if revision == HEAD:
        return State.CURRENT
    return State.AHEAD if revision > HEAD else State.BEHIND


def in_clear(db: Database) -> bool:
    """Whether the book is a SQLite file that is not encrypted."""
    return db.embedded and files.form(_file(db)) is Form.PLAIN


def has_no_key(db: Database, found: State) -> bool:
    """Whether nothing in the book is encrypted yet, so that no key of before is needed."""
    if found is State.EMPTY or in_clear(db):
        return True
    return found is State.BEHIND and not _has_keys(db)


def is_not_made(db: Database) -> bool:
    """Whether the book is a SQLite file that was never written to."""
    return db.embedded and files.form(_file(db)) is Form.EMPTY


def _file(db: Database) -> Path:
    return Path(str(db.engine.url.database))


def _has_keys(db: Database) -> bool:
    with db.engine.connect() as connection:
        return inspect(connection).has_table("book_keys")


def require_current(db: Database) -> None:
    """Refuse a book that this program cannot work with, naming the command that helps."""
    match state(db):
        case State.CURRENT:
            return
        case State.AHEAD:
            raise too_new(db)
        case State.EMPTY | State.BEHIND:
            raise MigrationsPending(
                f"The book at {db.where} is not up to date with this azpay.", hint="Run `azpay db upgrade`."
            )


def too_new(db: Database) -> BookTooNew:
    return BookTooNew(
        f"The book at {db.where} was written by a newer azpay.",
        hint="Install the newer azpay again; an older one could damage what it does not know.",
    )


def revision(connection: Connection) -> str | None:
    """The number of a book of ours; None for what is empty or somebody else's."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.exec_driver_sql(*QUICK[connection.dialect.name]).scalar_one_or_none()
    return found if found is not None and NUMBERED.fullmatch(found) else None


def _is_empty(connection: Connection) -> bool:
    """Nothing but, perhaps, the version table of a first migration that never finished."""
    tables = set(inspect(connection).get_table_names())
    return tables <= {"alembic_version"} and not (tables and _stamped(connection))


def _stamped(connection: Connection) -> bool:
    return connection.exec_driver_sql("SELECT 1 FROM alembic_version").first() is not None


def _foreign(db: Database) -> NotOurDatabase:
    return NotOurDatabase(
        f"{db.where} is not a book of azpay's; nothing in it was touched.",
        hint="Point AZPAY_DATABASE_URL at azpay's own database, or at a file that does not exist yet.",
    )


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at, and what is wrong with it."""

    name: str
    problems: list[str]

    @property
    def verdict(self) -> str:
        return f"{len(self.problems)} wrong" if self.problems else "ok"


AMPLE = "PRAGMA cache_size=-262144"
"""A quarter of a gigabyte at most: what is looked up again and again need not be decrypted each time."""


def integrity(db: Database) -> list[Check]:
    """What the store itself can say of its files and references."""
    if not db.embedded:
        return []
    changed = _changed_pages(db)
    if changed:  # what stands in them cannot be looked at any further
        return [Check("file integrity", changed)]
    with db.engine.connect() as connection:
        connection.exec_driver_sql(AMPLE)
        pages = [str(row[0]) for row in connection.exec_driver_sql("PRAGMA integrity_check")]
        keys = [
            f"{table} row {row}: no such {parent}"
            for table, row, parent, _ in connection.exec_driver_sql("PRAGMA foreign_key_check")
        ]
        connection.detach()  # no other should have so large a cache
    return [Check("file integrity", [page for page in pages if page != "ok"]), Check("references", keys)]


def _changed_pages(db: Database) -> list[str]:
    connection = files.connect(_file(db), db.ring)
    try:
        return files.changed_pages(connection)
    finally:
        connection.close()
