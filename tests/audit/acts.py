"""A book in which somebody has acted, and hands that change it without azpay."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import psycopg
from sqlmodel import select

from azpay import audit
from azpay.audit import About, AuditEntry, Entry, Query
from azpay.audit.reading import readable
from tests.support.books import meddler
from tests.support.clock import NOON

if TYPE_CHECKING:
    from azpay.db import Database

GUARDS = ("audit_entries_no_update", "audit_entries_no_delete")


def act(db: Database, count: int = 5) -> None:
    """So many acts, each in a transaction of its own."""
    for number in range(count):
        about = About("backup", f"book-{number}.db")
        audit.note(db, "book.backed_up", about, now=NOON, reason="nightly", details={"bytes": number})


def the_entries(db: Database) -> list[Entry]:
    """In the order of the chain."""
    with db.reading() as session:
        rows = session.exec(select(AuditEntry).order_by(AuditEntry.sequence)).all()  # type: ignore[arg-type]
    return [readable(vars(row))[0] for row in rows]


def the_acts(db: Database, about: str | None = None) -> list[str]:
    """What was done, oldest first."""
    return [entry.action for entry in audit.entries(db, Query(about=about, ascending=True))]


def tamper(db: Database, *statements: str) -> None:
    """What somebody does who owns the database: take the guards down, and write."""
    if db.embedded:
        away = [f"DROP TRIGGER IF EXISTS {guard}" for guard in GUARDS]
        with closing(meddler(db)) as connection:
            for statement in (*away, *statements):
                connection.execute(statement)
        return
    address = db.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address, autocommit=True) as server:
        server.execute("SET session_replication_role = replica")
        for statement in statements:
            server.execute(statement.encode())
