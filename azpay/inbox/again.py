"""What operators do with events that were kept: try them again, apply them anew, or let old ones go.

Applying an event anew is harmless: statuses do not regress and totals do not shrink, so old news change
nothing.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import delete, update
from sqlmodel import col, select

from azpay import audit
from azpay.errors import Usage
from azpay.inbox.models import FAILS, EventState, InboxEvent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.sql import ColumnElement
    from sqlmodel import Session

    from azpay.db import Database

AT_ONCE, MOST_NAMED = 1000, 100
EVENTS = audit.About("inbox", "events")
YOUNGEST = timedelta(days=30)
"""Stripe lists events for 30 days, and an event that it sends again must be known by its id:
https://docs.stripe.com/api/events"""


class NoneChosen(Usage):
    """Neither events nor a choice of them was given."""

    code = "no_events_chosen"

    def __init__(self) -> None:
        super().__init__(
            "No events are chosen.", hint="Name events (evt_…), or give --type, --since or --until."
        )


class TooYoung(Usage):
    """Events that Stripe may send again would be taken for new ones."""

    code = "events_too_young"

    def __init__(self) -> None:
        super().__init__(
            f"Events are kept for {YOUNGEST.days} days: Stripe may send one again, and it must be known.",
            hint=f"Give --older-than {YOUNGEST.days}d or more.",
        )


class Chosen(NamedTuple):
    """Which events: those named, or those of these types received in [since, until)."""

    events: Sequence[str] = ()
    types: Sequence[str] = ()
    since: datetime | None = None
    until: datetime | None = None


def retry(db: Database, events: Sequence[str] = (), *, now: datetime) -> int:
    """Give failed and dead events all their tries again, now; all of them when none is named. How many."""
    wanted: list[ColumnElement[bool]] = [FAILS]
    if events:
        wanted.append(col(InboxEvent.event).in_(events))
    return _due_anew(db, wanted, now, "events.retried", Chosen(events))


def replay(db: Database, chosen: Chosen, *, now: datetime) -> int:
    """Apply events anew, also those that are done. How many. Raises NoneChosen."""
    wanted = _conditions(chosen)
    if not wanted:
        raise NoneChosen
    return _due_anew(db, wanted, now, "events.replayed", chosen)


def purge(db: Database, *, received_before: datetime, now: datetime) -> int:
    """Remove done events for good, a thousand at a time. How many. Raises TooYoung."""
    if received_before > now - YOUNGEST:
        raise TooYoung
    gone = 0
    while removed := _purge_some(db, received_before, now):
        gone += removed
    return gone


def _conditions(chosen: Chosen) -> list[ColumnElement[bool]]:
    wanted: list[ColumnElement[bool]] = []
    if chosen.events:
        wanted.append(col(InboxEvent.event).in_(chosen.events))
    if chosen.types:
        wanted.append(col(InboxEvent.type).in_(chosen.types))
    if chosen.since is not None:
        wanted.append(col(InboxEvent.received_at) >= chosen.since)
    if chosen.until is not None:
        wanted.append(col(InboxEvent.received_at) < chosen.until)
    return wanted


def _due_anew(
    db: Database, wanted: Sequence[ColumnElement[bool]], now: datetime, action: str, chosen: Chosen
) -> int:
    statement = (
        update(InboxEvent)
        .where(*wanted)
        .values(state=EventState.RECEIVED, attempts=0, due_at=now, error=None, processed_at=None)
        .execution_options(synchronize_session=False)
    )

    def work(session: Session) -> int:
        count = int(session.execute(statement).rowcount)  # type: ignore[attr-defined]
        audit.record(session, action, EVENTS, now=now, details={"count": count, **_told(chosen)})
        return count

    return db.write(work)


def _told(chosen: Chosen) -> dict[str, audit.Detail]:
    """What was chosen, as far as it was said."""
    period = {"since": chosen.since, "until": chosen.until}
    said = {"events": list(chosen.events)[:MOST_NAMED], "types": list(chosen.types)}
    return {name: words for name, words in said.items() if words} | {
        name: at.isoformat() for name, at in period.items() if at is not None
    }


def _purge_some(db: Database, received_before: datetime, now: datetime) -> int:
    old = (
        select(InboxEvent.event)
        .where(InboxEvent.state == EventState.DONE, col(InboxEvent.received_at) < received_before)
        .order_by(col(InboxEvent.received_at))
        .limit(AT_ONCE)
    )

    def work(session: Session) -> int:
        names = session.exec(old).all()
        gone = delete(InboxEvent).where(col(InboxEvent.event).in_(names))
        session.execute(gone.execution_options(synchronize_session=False))
        before = received_before.isoformat()
        if names:
            told: audit.Details = {"count": len(names), "received_before": before}
            audit.record(session, "events.purged", EVENTS, now=now, details=told)
        return len(names)

    return db.write(work)
