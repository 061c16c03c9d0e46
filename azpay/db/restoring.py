"""Putting a backup in the place of the book.

The backup is opened and looked through first, elsewhere. The book that stood there is kept aside. A file is
exchanged in one step while nobody else has the book open; a server's tables in one transaction.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import inspect

from azpay.db import backups, dumps, files, private, schema
from azpay.db.backups import BackupDamaged
from azpay.db.files import Form
from azpay.db.schema import State
from azpay.errors import AzpayError, NotFound, Refused, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from azpay.db.backups import Proof
    from azpay.db.database import Database

ALONE = ("PRAGMA locking_mode=EXCLUSIVE", "PRAGMA journal_mode=DELETE", "BEGIN EXCLUSIVE", "COMMIT")
"""The lock of the third statement stays after the fourth, and there is no log beside the file any more."""


class BookOpenElsewhere(Unavailable):
    """Another program has the book open. What it writes next would be lost."""

    code = "book_open_elsewhere"

    def __init__(self, db: Database) -> None:
        super().__init__(
            f"Another program has the book at {db.where} open.",
            hint="Stop `azpay serve`, `azpay worker` and whatever else uses it, and restore again.",
        )


class BookUnreadable(Refused):
    """What stands in the book's place cannot be opened, so nobody can tell whether it is in use."""

    code = "book_unreadable"

    def __init__(self, db: Database, why: str) -> None:
        super().__init__(
            f"What stands at {db.where} cannot be opened: {why}",
            hint="Stop every azpay that uses it, then pass --force: it is put aside as it is.",
        )


class OtherStore(Refused):
    """A backup goes back into the kind of store that it came from."""

    code = "other_store"

    def __init__(self, file: Path, db: Database) -> None:
        super().__init__(
            f"{file.name} is no backup of {'SQLite' if db.embedded else 'PostgreSQL'}, and the book at "
            f"{db.where} is.",
            hint="Restore it into a book of its own kind, then move that with `azpay db copy`.",
        )


@dataclass(frozen=True, slots=True)
class Restored:
    """What was done. `aside` is where the book of before is now, if there was one."""

    aside: Path | None


def is_empty(db: Database) -> bool:
    """Whether a restore would replace nothing. What cannot be opened is not empty."""
    try:
        return schema.state(db) is State.EMPTY
    except AzpayError:
        return False


def restore(db: Database, file: Path, *, now: datetime, prove: Proof, force: bool = False) -> Restored:
    """Put the backup in the book's place; the caller has asked whether it may.

    `force` puts aside what cannot be opened. Raises BackupDamaged, KeyMissing, OtherStore, BookOpenElsewhere,
    BookUnreadable; then nothing was changed.
    """
    _require_backup(db, file)
    backups.check_sum(file)
    name = f"{backups.name_of(db)}-before-restore-{now:%Y%m%dT%H%M%SZ}"
    if db.embedded:
        return _restore_file(db, file, name, prove, force=force)
    return _restore_server(db, file, name)


def _require_backup(db: Database, file: Path) -> None:
    if not file.is_file():
        raise NotFound(f"There is no file {file}.", hint="`azpay db backup` writes one.")
    with file.open("rb") as opened:
        archive = opened.read(len(dumps.MAGIC)) == dumps.MAGIC
    book = files.form(file) in {Form.ENCRYPTED, Form.PLAIN}
    if not archive and not book:
        raise BackupDamaged(file, "it is no backup of azpay's")
    if book is not db.embedded:
        raise OtherStore(file, db)


def _restore_file(db: Database, file: Path, name: str, prove: Proof, *, force: bool) -> Restored:
    place = Path(str(db.engine.url.database))
    db.close()
    with private.draft(place.parent) as draft:
        private.copy(file, draft)
        try:
            backups.prove_file(db, draft, prove)
        except BackupDamaged as damaged:
            raise BackupDamaged(file, damaged.why) from damaged
        with _alone(db, place, force=force):
            aside = _put_aside(place, place.with_name(f"{name}.db"))
            private.put(draft, place)
    return Restored(aside)


@contextmanager
def _alone(db: Database, place: Path, *, force: bool) -> Iterator[None]:
    """Nobody else has the file open for as long as this lasts."""
    if files.form(place) is Form.EMPTY:
        yield
        return
    connection = _opened(db, place, force=force)
    if connection is None:
        yield
        return
    try:
        for statement in ALONE:
            connection.execute(statement)
    except files.driver.OperationalError as locked:
        connection.close()
        raise BookOpenElsewhere(db) from locked
    try:
        yield
    finally:
        connection.close()


def _opened(db: Database, place: Path, *, force: bool) -> Any:
    try:
        connection = files.connect(place, db.ring)
        connection.execute("PRAGMA schema_version").fetchone()
    except (AzpayError, files.driver.DatabaseError) as error:
        if force:
            return None
        raise BookUnreadable(db, str(error)) from error
    return connection


def _put_aside(place: Path, aside: Path) -> Path | None:
    """A second name for the book of before, and for the log that one which cannot be opened still has."""
    if files.form(place) is Form.EMPTY:
        return None
    for ending in ("", "-wal", "-shm"):
        beside = place.with_name(place.name + ending)
        if beside.exists():
            os.link(beside, aside.with_name(aside.name + ending))
    for ending in ("-wal", "-shm"):
        place.with_name(place.name + ending).unlink(missing_ok=True)
    private.sync(place.parent)
    return aside


def _restore_server(db: Database, file: Path, name: str) -> Restored:
    for key_id in dumps.keys(db, file):
        db.ring.cipher(key_id)
    tables = [] if schema.state(db) is State.EMPTY else inspect(db.engine).get_table_names()
    _require_nobody_else(db)
    aside = file.with_name(f"{name}.dump") if tables else None
    if aside is not None:
        with private.draft(aside.parent) as draft:
            dumps.dump(db, draft)
            private.put(draft, aside)
    with private.draft(file.parent) as script:
        db.close()
        dumps.restore(db, file, script, drop=tables)
    return Restored(aside)


def _require_nobody_else(db: Database) -> None:
    others = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
        "AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
    )
    db.close()
    with db.engine.connect() as connection:
        if connection.exec_driver_sql(others).scalar_one():
            raise BookOpenElsewhere(db)
