"""Applying what Stripe told us: each event once, in the transaction that marks it done.

Events come in batches, each with a savepoint of its own, so one that fails does not hold the others: it is
postponed, further each time, and dead after its last try. Where an event is not enough to go by, its object is
fetched outside any transaction and taken in first.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import msgspec
from sqlmodel import Session, col, select

from azpay.errors import AzpayError
from azpay.gateway.objects import Event
from azpay.inbox.handling import FetchFirst
from azpay.inbox.models import EventState, InboxEvent

if TYPE_CHECKING:
    from collections.abc import Callable

    from azpay.db import Database
    from azpay.gateway.stripe import Gateway
    from azpay.inbox.handling import Handlers, TakeIn

BATCH = 100
TRIES = 5
DELAYS = tuple(timedelta(seconds=seconds) for seconds in (2, 15, 120, 900))
MOST_FETCHES = 4
WAITING = (EventState.RECEIVED, EventState.FAILED)


@dataclass(frozen=True, slots=True)
class Progress:
    """What one batch came to."""

    done: int = 0
    postponed: int = 0
    dead: int = 0

    @property
    def taken(self) -> int:
        return self.done + self.postponed + self.dead

    def __add__(self, other: Progress) -> Progress:
        return Progress(self.done + other.done, self.postponed + other.postponed, self.dead + other.dead)


def process(
    db: Database, gateway: Gateway, handlers: Handlers, *, now: datetime, limit: int = BATCH
) -> Progress:
    """Apply up to `limit` events that are due; safe beside other workers on the same book."""
    unclear: list[tuple[str, FetchFirst]] = []
    progress = Progress()
    with db.writing() as session:
        for waiting in _claim(session, now, limit):
            try:
                progress += _apply(session, waiting, handlers, now)
            except FetchFirst as fetch:
                unclear.append((waiting.event, fetch))
    for event, wanted in unclear:
        progress += _clear_up(db, gateway, handlers, event, wanted, now=now)
    return progress


def _claim(session: Session, now: datetime, limit: int) -> list[InboxEvent]:
    due = (
        select(InboxEvent)
        .where(col(InboxEvent.state).in_(WAITING), col(InboxEvent.due_at) <= now)
        .order_by(col(InboxEvent.received_at), col(InboxEvent.event))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return list(session.exec(due))


def _apply(session: Session, waiting: InboxEvent, handlers: Handlers, now: datetime) -> Progress:
    """Run the handler in a savepoint. Only FetchFirst passes; any other failure is written on the event."""
    try:
        with session.begin_nested():
            _handle(session, waiting, handlers, now)
    except FetchFirst:
        raise
    except Exception as error:  # a handler's savepoint: whatever is wrong with one event stays with it
        return _postpone(waiting, error, now)
    return _done(waiting, now)


def _done(waiting: InboxEvent, now: datetime) -> Progress:
    waiting.state, waiting.processed_at, waiting.error = EventState.DONE, now, None
    waiting.attempts += 1
    return Progress(done=1)


def _handle(session: Session, waiting: InboxEvent, handlers: Handlers, now: datetime) -> None:
    handler = handlers.events.get(waiting.type)
    if handler is not None:
        handler(session, msgspec.json.decode(waiting.payload, type=Event), now)
        session.flush()


def _postpone(waiting: InboxEvent, error: Exception, now: datetime) -> Progress:
    waiting.attempts += 1
    waiting.error = f"{type(error).__name__}: {error}"[:500]
    if waiting.attempts >= TRIES:
        waiting.state = EventState.DEAD
        return Progress(dead=1)
    waiting.state = EventState.FAILED
    waiting.due_at = now + DELAYS[waiting.attempts - 1]
    return Progress(postponed=1)


def _clear_up(
    db: Database, gateway: Gateway, handlers: Handlers, event: str, wanted: FetchFirst, *, now: datetime
) -> Progress:
    """Fetch what the event needs, take it in, and apply the event again.

    An object asked for a second time was taken in already, and Stripe's own word on it stands.
    """
    fetched: set[str] = set()
    while wanted.identity not in fetched and len(fetched) < MOST_FETCHES:
        fetched.add(wanted.identity)
        try:
            found = gateway.fetch(wanted.kind, wanted.identity)
        except AzpayError as error:
            with db.writing() as session:
                return _postpone(session.get_one(InboxEvent, event), error, now)
        take_in = partial(_take_in, handlers.objects[wanted.kind], found, now)
        try:
            return _apply_with(db, handlers, event, take_in, now=now)
        except FetchFirst as another:
            wanted = another
    with db.writing() as session:
        return _done(session.get_one(InboxEvent, event), now)


def _take_in(record: TakeIn, found: object, now: datetime, session: Session) -> None:
    record(session, found, now)
    session.flush()


def _apply_with(
    db: Database, handlers: Handlers, event: str, take_in: Callable[[Session], None], *, now: datetime
) -> Progress:
    """Take in the object, and keep it even when the event then asks for another one."""
    with db.writing() as session:
        waiting = session.get_one(InboxEvent, event, with_for_update=True)
        if waiting.state not in WAITING:
            return Progress()  # another worker was faster
        try:
            with session.begin_nested():
                take_in(session)
        except Exception as error:  # as in `_apply`: the trouble stays with its event
            return _postpone(waiting, error, now)
        try:
            return _apply(session, waiting, handlers, now)
        except FetchFirst as another:
            wanted = another
    raise wanted
