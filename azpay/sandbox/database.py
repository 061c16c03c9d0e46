"""One SQLite database for all that an account knows: in memory, or in a file that outlives the process.

All that is done between two commits is kept as a whole or not at all. In memory a fresh one must cost next to
nothing, because tests make thousands: the tables are made once, and copied.
"""

from __future__ import annotations

import atexit
import os
import sqlite3
from contextlib import closing
from functools import cache
from typing import TYPE_CHECKING, Any
from weakref import finalize
from zlib import crc32

from azpay.sandbox import plates
from azpay.sandbox.plates import Plate, Plates
from azpay.sandbox.press import Press

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path
    from typing import Self

_APPLICATION = 0x617A7061
_OWN_TABLES = """
CREATE TABLE state (name TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE samples (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, body BLOB NOT NULL);
CREATE TABLE plates (number INTEGER PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE stories (number INTEGER PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE schedule (
    number INTEGER PRIMARY KEY, at INTEGER NOT NULL, what TEXT NOT NULL, subject TEXT NOT NULL
);
CREATE INDEX "schedule at" ON schedule (at, number);
CREATE TABLE deliveries (
    number INTEGER PRIMARY KEY, due INTEGER NOT NULL, event TEXT NOT NULL, endpoint TEXT NOT NULL,
    attempt INTEGER NOT NULL, posted INTEGER NOT NULL
);
CREATE INDEX "deliveries due" ON deliveries (posted, due, number);
CREATE TABLE answers (
    key TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, status INTEGER NOT NULL, body TEXT NOT NULL,
    request_id TEXT NOT NULL, at INTEGER NOT NULL
);
CREATE INDEX "answers at" ON answers (at);
"""
_STORY = "SELECT body FROM stories WHERE number = ?"
_HEADER = b"SQLite format 3\0"


class NotAState(ValueError):
    """This is not a sandbox's state, or it is damaged."""


class AnotherVersion(NotAState):
    """Written by a version of the sandbox that keeps other things."""


class InUse(ValueError):
    """Another sandbox has this state open."""


class Database:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._begun = False
        self.close = finalize(self, connection.close)
        self.press = Press()
        self.plates = Plates()
        self.forget()

    @classmethod
    def in_memory(cls, schema: str) -> Self:
        return cls(_copy(_template(schema)))

    @classmethod
    def restored(cls, content: bytes, schema: str) -> Self:
        """From what `content` returned. Raises NotAState for anything else."""
        if not content.startswith(_HEADER):
            raise NotAState("This is not a sandbox's state.")
        with closing(_connect(":memory:")) as given:
            given.deserialize(content)
            _check(given, schema)
            return cls(_copy(given))

    @classmethod
    def open(cls, file: Path, schema: str) -> Self:
        """The state in a file, which is made if need be, and which only its owner can read.

        Every commit reaches the file. Raises NotAState, InUse, or OSError.
        """
        os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
        fresh = file.stat().st_size == 0
        connection = _connect(str(file))
        try:
            _claim(connection)
            if fresh:
                _lay_out(connection, schema)
            _check(connection, schema)
            _write_ahead(connection)
        except BaseException:
            connection.close()
            raise
        return cls(connection)

    def run(self, sql: str, values: Sequence[object] = ()) -> sqlite3.Cursor:
        """Change something."""
        self._begin()
        return self._connection.execute(sql, values)

    def run_many(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        self._begin()
        self._connection.executemany(sql, rows)

    def _begin(self) -> None:
        """Outside a transaction a savepoint is one."""
        if not self._begun:
            self._connection.execute("SAVEPOINT unit")
            self._begun = True

    def rows(self, sql: str, values: Sequence[object] = ()) -> Iterator[Any]:
        return self._connection.execute(sql, values)

    def row(self, sql: str, values: Sequence[object] = ()) -> Any:
        return self._connection.execute(sql, values).fetchone()

    def value(self, sql: str, values: Sequence[object] = ()) -> Any:
        """The first column of the first row; None when there is none."""
        found = self.row(sql, values)
        return None if found is None else found[0]

    def keep(self, name: str, body: bytes) -> None:
        """What is not in a table of its own. The same again is not written."""
        if self._kept.get(name) != body:
            self.run("INSERT OR REPLACE INTO state VALUES (?, ?)", (name, body))
            self._kept[name] = body

    def kept(self, name: str) -> bytes | None:
        return self._kept.get(name)

    def text(self, body: bytes) -> bytes:
        """The JSON of an object, however it was kept."""
        if not plates.is_print(body):
            return self.press.open(body)
        plate, values = self.printed(body)
        return plate.printed(values)

    def printed(self, body: bytes) -> tuple[Plate, list[bytes]]:
        plate, story, own = plates.taken_apart(body)
        told: bytes = self._connection.execute(_STORY, (story,)).fetchone()[0]
        return self.plates[plate], plates.values(told, own)

    def tell(self, stories: Iterable[tuple[int, bytes]]) -> None:
        """For `printed`. The same again is not written."""
        self.run_many("INSERT OR IGNORE INTO stories VALUES (?, ?)", stories)

    def commit(self) -> None:
        if self._begun:
            for sample in self.press.take_new():
                self._connection.execute("INSERT INTO samples VALUES (?, ?, ?)", sample)
            for plate in self.plates.take_new():
                self._connection.execute("INSERT INTO plates VALUES (?, ?)", plate)
            self._connection.execute("RELEASE unit")
            self._begun = False

    def rollback(self) -> None:
        if self._begun:
            self._connection.execute("ROLLBACK TO unit")
            self._connection.execute("RELEASE unit")
            self._begun = False
        self.forget()

    def forget(self) -> None:
        """Know again only what was committed."""
        self._kept: dict[str, bytes] = dict(self.rows("SELECT name, body FROM state"))
        self.press.learn(self.rows("SELECT number, name, body FROM samples ORDER BY number"))
        self.plates.learn(text for (text,) in self.rows("SELECT body FROM plates ORDER BY number"))

    def content(self) -> bytes:
        """The whole database, for `restored`."""
        return self._connection.serialize()


def _connect(name: str) -> sqlite3.Connection:
    """Statements begin no transactions of their own accord. Callers take turns, in whatever thread."""
    return sqlite3.connect(name, isolation_level=None, check_same_thread=False, cached_statements=512)


def _lay_out(connection: sqlite3.Connection, schema: str) -> None:
    connection.executescript(
        f"BEGIN; {_OWN_TABLES} {schema} PRAGMA application_id = {_APPLICATION}; "
        f"PRAGMA user_version = {_version(schema)}; COMMIT;"
    )


def _version(schema: str) -> int:
    return crc32((_OWN_TABLES + schema).encode()) & 0x7FFF_FFFF


def _check(connection: sqlite3.Connection, schema: str) -> None:
    try:
        application = connection.execute("PRAGMA application_id").fetchone()[0]
        version = connection.execute("PRAGMA user_version").fetchone()[0]
    except sqlite3.DatabaseError as error:
        raise NotAState(f"This is not a sandbox's state: {error}.") from error
    if application != _APPLICATION:
        raise NotAState("This is not a sandbox's state.")
    if version != _version(schema):
        raise AnotherVersion("Another version of the sandbox wrote this state.")


def _claim(connection: sqlite3.Connection) -> None:
    """For this connection alone, as long as it is open."""
    try:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("BEGIN EXCLUSIVE")
        connection.execute("COMMIT")
    except sqlite3.OperationalError as error:
        raise InUse(f"This state cannot be opened: {error}.") from error
    except sqlite3.DatabaseError as error:
        raise NotAState(f"This is not a sandbox's state: {error}.") from error


def _write_ahead(connection: sqlite3.Connection) -> None:
    """What is committed survives the end of the process, however it ends."""
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")


@cache
def _template(schema: str) -> sqlite3.Connection:
    template = _connect(":memory:")
    atexit.register(template.close)
    _lay_out(template, schema)
    return template


def _copy(source: sqlite3.Connection) -> sqlite3.Connection:
    """In one transaction that never ends: in memory, SQLite's commit takes the longer the more there is."""
    copy = _connect(":memory:")
    source.backup(copy)
    copy.execute("BEGIN")
    return copy
