"""What Stripe told us: each event once, as it came.

A body stands in a row of its own. What becomes of an event is written on the event several times, and to
write on a row of three kilobytes is to encrypt and write its page anew.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, Index, literal_column, text
from sqlmodel import Field

from azpay.db import Row, one_of, sealed, timestamp


class EventState(StrEnum):
    """`received → done`; a failing one is postponed as `failed` and is `dead` after its last try."""

    RECEIVED = "received"
    DONE = "done"
    FAILED = "failed"
    DEAD = "dead"


WAITING = (EventState.RECEIVED, EventState.FAILED)
FAILING = (EventState.FAILED, EventState.DEAD)
WAITING_SQL = "state IN ('received', 'failed')"
FAILING_SQL = "state IN ('failed', 'dead')"

WAITS: ColumnElement[bool] = literal_column(WAITING_SQL)
FAILS: ColumnElement[bool] = literal_column(FAILING_SQL)
"""Said word for word as their indexes say it: SQLite compares the texts."""


class InboxEvent(Row, table=True):
    """One event, and what became of it."""

    __tablename__ = "inbox_events"
    __table_args__ = (
        Index(
            "ix_inbox_events_waiting",
            "due_at",
            "received_at",
            "event",
            "state",
            sqlite_where=text(WAITING_SQL),
            postgresql_where=text(WAITING_SQL),
        ),
        Index(
            "ix_inbox_events_failing",
            "state",
            "due_at",
            sqlite_where=text(FAILING_SQL),
            postgresql_where=text(FAILING_SQL),
        ),
        Index("ix_inbox_events_received_at_event", "received_at", "event"),
        Index("ix_inbox_events_object_id", "object_id"),
    )

    event: str = Field(primary_key=True)
    type: str
    object_id: str | None = None
    account: str | None = None
    livemode: bool
    api_version: str | None = None
    secret: str
    """Which of our webhook secrets matched: its last four characters."""
    state: EventState = Field(sa_type=one_of(EventState, "state"))
    attempts: int = 0
    error: str | None = Field(default=None, sa_type=sealed())
    created_at: datetime = Field(sa_type=timestamp())
    received_at: datetime = Field(sa_type=timestamp())
    due_at: datetime = Field(sa_type=timestamp())
    processed_at: datetime | None = Field(default=None, sa_type=timestamp())


class InboxBody(Row, table=True):
    """The body of an event, exactly as Stripe signed it."""

    __tablename__ = "inbox_bodies"

    event: str = Field(primary_key=True, foreign_key="inbox_events.event", ondelete="CASCADE")
    body: bytes = Field(sa_type=sealed("bytes"))
