"""Connections, as each store wants them.

SQLite: write-ahead log, `synchronous=FULL` (an acknowledged commit survives a power cut), foreign keys,
five seconds' patience for another writer, and transactions that say at their BEGIN whether they will write.
With the driver's deferred BEGIN, two programs that read and then write deadlock into "database is locked".
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import create_engine, event
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError

from azpay.db import files, sealing
from azpay.db.postgres import Limits, open_server
from azpay.errors import NotAllowed, Unavailable

if TYPE_CHECKING:
    from azpay.db.ring import Ring

LIMITS = Limits()
APPLICATION_ID = 0x617A7079  # "azpy" in the header of a SQLite file: the book is ours
WRITES = "azpay_writes"

PRAGMAS = (
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA cache_size=-16000",
)


class DatabaseURLInvalid(NotAllowed):
    """The address of the database cannot be read, or its store is not one we know."""

    code = "database_url_invalid"


class BookUnreachable(Unavailable):
    """The book's folder cannot be used."""

    code = "book_unreachable"


def open_engine(address: str, ring: Ring, limits: Limits = LIMITS) -> Engine:
    """An engine for `sqlite:///FILE` or `postgresql://…`; connects when first used."""
    url = _read(address)
    engine = _sqlite(url, ring) if url.get_backend_name() == "sqlite" else open_server(url, limits)
    sealing.attach(engine, ring)
    return engine


def _read(address: str) -> URL:
    try:
        url = make_url(address)
    except (ArgumentError, ValueError):  # the latter for a port in words
        raise DatabaseURLInvalid(
            "The database address cannot be read.",
            hint="Set AZPAY_DATABASE_URL to sqlite:////path/to/book.db or postgresql://user@host/name.",
        ) from None
    backend = url.get_backend_name()
    if backend == "sqlite":
        return _file(url)
    if backend == "postgresql":
        return url
    raise DatabaseURLInvalid(
        f"azpay cannot keep its book in {backend!r}.",
        hint="Use sqlite:////path/to/book.db or postgresql://user@host/name.",
    )


def _file(url: URL) -> URL:
    if not url.database or url.database == ":memory:":
        raise DatabaseURLInvalid(
            "A book in memory would be forgotten at once.", hint="Give a file: sqlite:////path/to/book.db."
        )
    if url.query or url.database.startswith("file:") or "\0" in url.database:
        raise DatabaseURLInvalid(
            "The address of a SQLite book is a file's path and nothing else.",
            hint="Use sqlite:////path/to/book.db.",
        )
    return url.set(drivername="sqlite")


def _sqlite(url: URL, ring: Ring) -> Engine:
    file = Path(str(url.database))
    try:
        make_private(file)
    except OSError as error:
        raise BookUnreachable(
            f"There can be no book at {url.database}: {error.strerror}.",
            hint="Check the folder and who may write there, or set AZPAY_DATA_DIR or AZPAY_DATABASE_URL.",
        ) from error
    engine = create_engine(url, hide_parameters=True, module=files.driver, creator=files.opener(file, ring))
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "checkout", files.still_fits)
    event.listen(engine, "begin", _begin)
    return engine


def make_private(file: Path) -> None:
    """Make the book's folders (0700) and file (0600) before SQLite makes them readable to others."""
    for folder in reversed(file.parents):
        folder.mkdir(mode=0o700, exist_ok=True)
    if not file.exists():
        os.close(os.open(file, os.O_CREAT | os.O_RDWR, 0o600))
        file.chmod(0o600)


def _prepare(connection: Any, _record: Any) -> None:
    """The driver issues no BEGIN of its own: `_begin` does."""
    if files.is_keyed(connection):
        connection.execute("PRAGMA journal_mode=WAL")
    for pragma in PRAGMAS:
        connection.execute(pragma)


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get(WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
