"""The inbox, for operators."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import func
from sqlmodel import col, select, tuple_

from azpay.errors import NotFound
from azpay.inbox.models import FAILING, FAILS, WAITS, EventState, InboxBody, InboxEvent

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from azpay.db import Database

RECENT = timedelta(hours=1)
NEWEST = 50


class EventUnknown(NotFound):
    """No such event was received."""

    code = "event_unknown"


@dataclass(frozen=True, slots=True)
class Backlog:
    """How much waits, since when the oldest of it has been due, and what has been given up."""

    waiting: int
    oldest: datetime | None
    dead: int


def page(  # noqa: PLR0913 - one for each filter
    db: Database,
    *,
    states: Sequence[EventState] = (),
    types: Sequence[str] = (),
    object_id: str | None = None,
    received: tuple[datetime | None, datetime | None] = (None, None),
    limit: int = 50,
    before: tuple[datetime, str] | None = None,
) -> list[InboxEvent]:
    """Events, the newest received first; `received` is half-open, `before` is the last row of a page."""
    query = select(InboxEvent)
    if states:
        query = query.where(col(InboxEvent.state).in_(states))
    if states and set(states) <= set(FAILING):
        query = query.where(FAILS)
    if types:
        query = query.where(col(InboxEvent.type).in_(types))
    if object_id is not None:
        query = query.where(InboxEvent.object_id == object_id)
    since, until = received
    if since is not None:
        query = query.where(col(InboxEvent.received_at) >= since)
    if until is not None:
        query = query.where(col(InboxEvent.received_at) < until)
    order = (col(InboxEvent.received_at), col(InboxEvent.event))
    if before is not None:
        query = query.where(tuple_(*order) < before)
    with db.reading() as session:
        return list(session.exec(query.order_by(*(column.desc() for column in order)).limit(limit)))


def one(db: Database, event: str) -> InboxEvent:
    with db.reading() as session:
        found = session.get(InboxEvent, event)
    if found is None:
        raise EventUnknown(
            f"No event {event!r} was received.", hint="`azpay events list` shows those that were."
        )
    return found


def body_of(db: Database, event: str) -> bytes:
    """What Stripe sent, to the byte. Raises EventUnknown, ValueTampered."""
    one(db, event)
    with db.reading() as session:
        return session.get_one(InboxBody, event).body


def about(db: Database, object_ids: Sequence[str]) -> list[InboxEvent]:
    """The events about any of these objects, oldest first."""
    query = select(InboxEvent).where(col(InboxEvent.object_id).in_(object_ids))
    with db.reading() as session:
        return list(session.exec(query.order_by(col(InboxEvent.created_at), col(InboxEvent.received_at))))


@dataclass(frozen=True, slots=True)
class Match:
    """How many events a webhook secret, known by its end, has verified, and when the last one came."""

    count: int
    last: datetime


def matches(db: Database, *, since: datetime) -> dict[str, Match]:
    """By the last four characters of each secret, over the events received since then."""
    counted = (
        select(InboxEvent.secret, func.count(), func.max(InboxEvent.received_at))
        .where(col(InboxEvent.received_at) >= since, col(InboxEvent.secret) != "")
        .group_by(col(InboxEvent.secret))
    )
    with db.reading() as session:
        return {secret: Match(count, last) for secret, count, last in session.exec(counted)}


def backlog(db: Database) -> Backlog:
    """The waiting and the dead, for health checks and `doctor`: read off what is indexed for that."""
    with db.reading() as session:
        count, oldest = session.exec(select(func.count(), func.min(InboxEvent.due_at)).where(WAITS)).one()
        given_up = select(func.count()).where(FAILS, InboxEvent.state == EventState.DEAD)
        dead = session.exec(given_up).one()
    return Backlog(waiting=count, oldest=oldest, dead=dead)


def lead(db: Database, *, now: datetime) -> timedelta | None:
    """How far our clock is behind Stripe's, by the newest events of the last hour; None without any.

    An event says when it was made, in whole seconds, and cannot have come before that.
    """
    newest = (
        select(InboxEvent.created_at, InboxEvent.received_at)
        .where(col(InboxEvent.received_at) > now - RECENT)
        .order_by(col(InboxEvent.received_at).desc(), col(InboxEvent.event).desc())
        .limit(NEWEST)
    )
    with db.reading() as session:
        leads = [created - received for created, received in session.exec(newest)]
    return max((*leads, timedelta())) if leads else None
