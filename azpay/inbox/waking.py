"""Telling workers of other processes that something has come in.

PostgreSQL carries the word with the commit that keeps the events. It may be lost with a connection, so
workers also look by themselves; SQLite has no such thing, and they only look.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlmodel import Session

    from azpay.db import Database

CHANNEL = "azpay_inbox"
LOOK_UP = timedelta(milliseconds=200)
"""How long a listener that was told to stop may take to notice."""


def tell_others(session: Session) -> None:
    """Say, once this transaction is committed, that there is something to do."""
    if session.get_bind().dialect.name == "postgresql":
        session.connection().exec_driver_sql(f"NOTIFY {CHANNEL}")


def listen(db: Database, heard: Callable[[], None], stopping: Callable[[], bool]) -> None:
    """Call `heard` each time that somebody tells, until told to stop. Raises DatabaseUnavailable.

    The first call is at once: what was told before anybody listened is not repeated.
    """
    with db.listening(CHANNEL) as wait:
        heard()
        while not stopping():
            if wait(LOOK_UP):
                heard()
