"""One after the other, where a constraint cannot decide: what is asked before a row exists to be locked."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from sqlalchemy import text

if TYPE_CHECKING:
    from sqlmodel import Session


def take_turn(session: Session, *about: str | None) -> None:
    """Wait until nobody else is in a transaction about the same, and keep others out until this one ends.

    SQLite has one writer at a time anyhow. What others have just committed is seen by the next statement.
    """
    if session.get_bind().dialect.name != "postgresql":
        return
    digest = hashlib.sha256(repr(about).encode()).digest()
    number = int.from_bytes(digest[:8], "big", signed=True)
    session.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": number})
