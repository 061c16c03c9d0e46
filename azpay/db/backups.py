"""Backups: a file each, private, named by its time, proved by restoring it, with its SHA-256 beside it.

A backup of SQLite is the book itself, encrypted as it stands; one of PostgreSQL is `pg_dump`'s archive, whose
columns are encrypted as they stand. So each needs the key that the book had.

A backup appears under its name when it is whole and proved, in one step.
"""

from __future__ import annotations

import re
import secrets
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy.exc import DatabaseError, ProgrammingError

from azpay.db import dumps, files, private, schema
from azpay.db.database import Database, DatabaseUnavailable
from azpay.db.schema import State
from azpay.db.trouble import reason
from azpay.errors import Failed, NotAllowed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from azpay.db.schema import Check

    Proof = Callable[[Database], list[Check]]

ENDINGS = {"sqlite": ".db", "postgresql": ".dump"}
RESTORED, READ = "restored", "read"


class BackupDamaged(Failed):
    """The backup is not what was written, or its book is not sound. Nothing was changed."""

    code = "backup_damaged"

    def __init__(self, file: Path, why: str) -> None:
        self.why = why
        super().__init__(f"The backup {file.name} cannot be used: {why}.", hint="Use the one before it.")


class NothingToBackUp(NotAllowed):
    """There is no book, or it stands in clear."""

    code = "nothing_to_back_up"


@dataclass(frozen=True, slots=True)
class Backup:
    """One that was taken. `proof` says whether it was restored to a scratch place or only read to its end."""

    file: Path
    bytes: int
    sha256: str
    proof: str


def take(db: Database, folder: Path, *, now: datetime, prove: Proof) -> Backup:
    """Back up a running book. It holds every write that was acknowledged before.

    Raises BackupDamaged when the copy does not restore, NothingToBackUp, FolderUnusable, ToolsMissing.
    """
    _require_book(db)
    with private.draft(folder) as draft:
        copy_book(db, draft)
        proof = _proved(db, draft, prove)
        file = (
            folder / f"{name_of(db)}-{now:%Y%m%dT%H%M%S}.{now.microsecond // 1000:03}Z{ENDINGS[_store(db)]}"
        )
        sha256 = private.digest(draft)
        _write_sum(file, sha256)
        private.put(draft, file)
    return Backup(file, file.stat().st_size, sha256, proof)


def prune(db: Database, folder: Path, *, keep: int) -> list[Path]:
    """Remove all but the newest backups of this book; what was removed."""
    pattern = re.compile(
        rf"{re.escape(name_of(db))}-\d{{8}}T\d{{6}}\.\d{{3}}Z{re.escape(ENDINGS[_store(db)])}"
    )
    ours = sorted(file for file in folder.iterdir() if pattern.fullmatch(file.name))
    old = ours[:-keep]
    for file in old:
        file.unlink()
        private.sum_of(file).unlink(missing_ok=True)
    return old


def name_of(db: Database) -> str:
    """What the book's backups begin with."""
    return re.sub(r"[^A-Za-z0-9_.-]", "_", Path(str(db.engine.url.database)).stem) or "book"


def copy_book(db: Database, file: Path) -> None:
    """The book as one moment saw it, into an empty file."""
    if not db.embedded:
        dumps.dump(db, file)
        return
    with (
        closing(files.connect(Path(str(db.engine.url.database)), db.ring)) as source,
        closing(files.connect(file, db.ring)) as target,
        _said_in_our_words(db),
    ):
        source.backup(target)
        target.execute("PRAGMA journal_mode=DELETE")


def check_sum(file: Path) -> None:
    """Hold the file to the SHA-256 beside it, where there is one. Raises BackupDamaged."""
    beside = private.sum_of(file)
    if beside.exists() and beside.read_text("utf-8").split()[:1] != [private.digest(file)]:
        raise BackupDamaged(file, "its SHA-256 is not the one written beside it")


def prove_file(db: Database, file: Path, prove: Proof) -> None:
    """Open a book's file and look through it. Raises BackupDamaged, KeyMissing."""
    book = Database.open(f"sqlite:///{file}", db.ring)
    try:
        _require_sound(book, file, prove)
        with book.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    except (files.BookDamaged, DatabaseUnavailable, schema.NotOurDatabase) as error:
        raise BackupDamaged(file, error.message.rstrip(".")) from error
    except DatabaseError as error:
        raise BackupDamaged(file, reason(error)) from error
    finally:
        book.close()


def _require_book(db: Database) -> None:
    if schema.state(db) is State.EMPTY:
        raise NothingToBackUp(f"There is no book at {db.where} yet.", hint="Run `azpay db upgrade`.")
    if schema.in_clear(db):
        raise NothingToBackUp(
            f"The book at {db.where} is not encrypted yet, and its backup would not be.",
            hint="Run `azpay db upgrade`, which encrypts it.",
        )


def _proved(db: Database, draft: Path, prove: Proof) -> str:
    if db.embedded:
        with private.draft(draft.parent) as scratch:
            private.copy(draft, scratch)
            prove_file(db, scratch, prove)
        return RESTORED
    try:
        with _scratch_database(db) as scratch_db, private.draft(draft.parent) as script:
            dumps.restore(scratch_db, draft, script, drop=[])
            _require_sound(scratch_db, draft, prove)
    except ProgrammingError:  # this role may not create a database
        dumps.read_through(db, draft)
        return READ
    return RESTORED


@contextmanager
def _scratch_database(db: Database) -> Iterator[Database]:
    name = f"azpay_scratch_{secrets.token_hex(4)}"
    _outside_a_transaction(db, f"CREATE DATABASE {name} TEMPLATE template0")
    scratch = Database.open(db.engine.url.set(database=name).render_as_string(hide_password=False), db.ring)
    try:
        yield scratch
    finally:
        scratch.close()
        _outside_a_transaction(db, f"DROP DATABASE {name} WITH (FORCE)")


def _outside_a_transaction(db: Database, statement: str) -> None:
    with db.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.exec_driver_sql(statement)


def _require_sound(book: Database, file: Path, prove: Proof) -> None:
    problems = [problem for check in prove(book) for problem in check.problems]
    if problems:
        raise BackupDamaged(file, problems[0])


def _write_sum(file: Path, sha256: str) -> None:
    with private.draft(file.parent) as draft:
        draft.write_text(f"{sha256}  {file.name}\n", "utf-8")
        private.put(draft, private.sum_of(file))


def _store(db: Database) -> str:
    return db.engine.dialect.name


@contextmanager
def _said_in_our_words(db: Database) -> Iterator[None]:
    try:
        yield
    except files.driver.Error as error:
        raise DatabaseUnavailable(
            f"The book could not be copied: {error}.", hint=f"Look at {db.where} and at the room on the disk."
        ) from error
