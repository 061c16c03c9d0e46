"""Whether a book has the tables that this program expects, without loading the migration tool.

Every command asks this first, so it costs two small queries and no import.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import inspect
from sqlalchemy.exc import DatabaseError, OperationalError

from azpay.db.database import DatabaseUnavailable
from azpay.db.engines import APPLICATION_ID
from azpay.errors import NotAllowed

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from azpay.db.database import Database

HEAD = "0001"


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
    try:
        with db.engine.connect() as connection:
            revision = _revision(connection)
            empty = revision is None and _is_empty(db, connection)
    except OperationalError as error:
        raise DatabaseUnavailable(
            f"The database cannot be opened: {str(error.orig).strip().splitlines()[0]}.",
            hint=f"Check that {db.where} exists and can be reached, or set AZPAY_DATABASE_URL.",
        ) from error
    except DatabaseError as error:  # SQLite says "file is not a database" only when first read
        raise _foreign(db) from error
    if revision is None:
        if empty:
            return State.EMPTY
        raise _foreign(db)
    return compare(revision)


def compare(revision: str) -> State:
    """Revisions are numbered, so that a book from the future can be told from one of the past."""
    if revision == HEAD:
        return State.CURRENT
    return State.AHEAD if revision > HEAD else State.BEHIND


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


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    if connection.dialect.name == "sqlite":
        mark = connection.exec_driver_sql("PRAGMA application_id").scalar_one()
        if mark != APPLICATION_ID:
            return None
    revision = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one_or_none()
    return None if revision is None else str(revision)


def _is_empty(db: Database, connection: Connection) -> bool:
    """Nothing but, perhaps, the version table of a first migration that never finished."""
    assert db.engine is connection.engine  # noqa: S101
    return not set(inspect(connection).get_table_names()) - {"alembic_version"}


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


def integrity(db: Database) -> list[Check]:
    """What the store itself can say of its files and references."""
    if not db.embedded:
        return []
    with db.engine.connect() as connection:
        pages = [str(row[0]) for row in connection.exec_driver_sql("PRAGMA integrity_check")]
        keys = [
            f"{table} row {row}: no such {parent}"
            for table, row, parent, _ in connection.exec_driver_sql("PRAGMA foreign_key_check")
        ]
    return [Check("file integrity", [page for page in pages if page != "ok"]), Check("references", keys)]
