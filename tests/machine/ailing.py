"""A store that fails while a command runs, as a stranger's lock, a mount or a full disk make it fail."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import event

from tests.support.books import meddler

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.engine import Connection

    from azpay.db import Database

WRITES = "azpay_writes"
READ_ONLY, WRITABLE = "PRAGMA query_only=ON", "PRAGMA query_only=OFF"
FULL, ROOMY = "PRAGMA max_page_count=1", "PRAGMA max_page_count=1073741823"
"""SQLite takes the first as: no page more than there are."""


class Ailment(StrEnum):
    LOCKED = "a stranger has it locked for longer than anybody waits"
    READ_ONLY = "it cannot be written"
    FULL = "its disk is full"


@dataclass(frozen=True, slots=True)
class Illness:
    """It begins with a command's n-th transaction that writes, counted from 1, and befalls so many."""

    ailment: Ailment
    begins: int
    lasts: int


class Ailing:
    """Hears of each transaction of a book. Nobody waits five seconds for a lock."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._illness: Illness | None = None
        self._written = 0
        self._stranger: Any = None

    @contextmanager
    def watching(self) -> Iterator[None]:
        engine = self._db.engine
        event.listen(engine, "engine_connect", self._met)
        event.listen(engine, "connect", self._connected)
        try:
            yield
        finally:
            event.remove(engine, "connect", self._connected)
            event.remove(engine, "engine_connect", self._met)

    @contextmanager
    def during(self, illness: Illness | None) -> Iterator[None]:
        """The command in this block meets it; afterwards the store is well again."""
        self._illness, self._written = illness, 0
        try:
            yield
        finally:
            self._recover()

    def _connected(self, connection: Any, _record: Any) -> None:
        if self._db.embedded:
            connection.execute("PRAGMA busy_timeout=1")

    def _met(self, connection: Connection) -> None:
        """Before a transaction's first word. A session that writes has a connection of its own for it."""
        illness = self._illness
        if illness is None or not connection.get_execution_options().get(WRITES):
            return
        self._written += 1
        ill = illness.begins <= self._written < illness.begins + illness.lasts
        if ill or self._written == illness.begins + illness.lasts:
            self._turn(connection.connection.driver_connection, illness.ailment, ill=ill)

    def _turn(self, driver: Any, ailment: Ailment, *, ill: bool) -> None:
        if not self._db.embedded:
            driver.read_only = ill or None
        elif ailment is Ailment.READ_ONLY:
            driver.execute(READ_ONLY if ill else WRITABLE)
        elif ailment is Ailment.FULL:
            driver.execute(FULL if ill else ROOMY)
        elif ill:
            self._lock()
        else:
            self._let_go()

    def _lock(self) -> None:
        if self._stranger is None:
            self._stranger = meddler(self._db)
            self._stranger.execute("BEGIN IMMEDIATE")

    def _let_go(self) -> None:
        if self._stranger is not None:
            self._stranger.close()
            self._stranger = None

    def _recover(self) -> None:
        """A connection that a pragma has changed is not used again."""
        self._let_go()
        if self._illness is not None:
            self._illness = None
            self._db.close()
