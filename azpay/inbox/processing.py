"""Applying what Stripe told us: each event once, in the transaction that marks it done.

Events come in batches, each with a savepoint of its own, so one that fails does not hold the others. Where an
event is not enough to go by, its object is fetched outside any transaction, once for the batch, and taken in
together with the event.

A store that fails is no event's fault: nothing of the transaction is kept, and `process` raises.
"""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import update
from sqlmodel import Session, col, select

from azpay.db.ciphers import ValueTampered
from azpay.db.trouble import of_the_store
from azpay.errors import AzpayError, Failed
from azpay.gateway import KeyRefused, StripeUnavailable
from azpay.gateway.objects import Event
from azpay.inbox.handling import FetchFirst
from azpay.inbox.models import EventState, InboxEvent
from azpay.inbox.outcomes import Progress, done, postpone, put_off

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from azpay.db import Database
    from azpay.gateway.stripe import Gateway
    from azpay.inbox.handling import Handlers

    Fetch = Callable[[str, str], object]
    TakeIn = Callable[[Session], None]
    Unclear = tuple[str, FetchFirst]

BATCH = 100
MOST_FETCHES = 4
WAITING = (EventState.RECEIVED, EventState.FAILED)
STRIPE_OUT_OF_REACH = (StripeUnavailable, KeyRefused)


class FetchedInVain(Failed):
    """Stripe's own word on what the event asked for does not make it applicable. It may a little later."""

    code = "fetched_in_vain"


def process(
    db: Database,
    gateway: Gateway,
    handlers: Handlers,
    *,
    now: datetime,
    limit: int = BATCH,
    stopping: Callable[[], bool] = lambda: False,
) -> Progress:
    """Apply up to `limit` events that are due; safe beside other workers on the same book.

    Once `stopping` says so, nothing more is fetched; the events that need it stay due.
    """
    try:
        progress, unclear = _apply_batch(db, handlers, now, limit)
    except ValueTampered as tampered:
        return _given_up(db, tampered, now)
    fetch: Fetch = cache(gateway.fetch)
    for number, (event, wanted) in enumerate(unclear):
        if stopping():
            break
        try:
            progress += _clear_up(db, fetch, handlers, event, wanted, now=now)
        except STRIPE_OUT_OF_REACH as outage:
            return progress + _put_off(db, unclear[number:], outage, now)
    return progress


def _given_up(db: Database, tampered: ValueTampered, now: datetime) -> Progress:
    """An event whose body was changed in the book cannot be applied, and must not hold up the others."""
    waiting = (col(InboxEvent.event) == tampered.key, col(InboxEvent.state).in_(WAITING))
    dead = update(InboxEvent).where(*waiting).values(state=EventState.DEAD, processed_at=now)
    with db.writing() as session:
        return Progress(dead=session.connection().execute(dead).rowcount)


def _apply_batch(
    db: Database, handlers: Handlers, now: datetime, limit: int
) -> tuple[Progress, list[Unclear]]:
    def apply(session: Session) -> tuple[Progress, list[Unclear]]:
        unclear: list[Unclear] = []
        progress = Progress()
        for waiting in _claim(session, now, limit):
            try:
                progress += _apply(session, waiting, handlers, now)
            except FetchFirst as fetch:
                unclear.append((waiting.event, fetch))
        return progress, unclear

    return db.write(apply)


def _claim(session: Session, now: datetime, limit: int) -> Sequence[InboxEvent]:
    due = (
        select(InboxEvent)
        .where(col(InboxEvent.state).in_(WAITING), col(InboxEvent.due_at) <= now)
        .order_by(col(InboxEvent.received_at), col(InboxEvent.event))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return session.exec(due).all()


def _apply(
    session: Session,
    waiting: InboxEvent,
    handlers: Handlers,
    now: datetime,
    fetched: Iterable[TakeIn] = (),
) -> Progress:
    """Run the handler in a savepoint, after what was fetched for it.

    FetchFirst passes, and so does a store that fails; any other failure is written on the event.
    """
    handler = handlers.events.get(waiting.type)
    if handler is None:
        return done(waiting, now=now)
    try:
        with session.begin_nested():
            for take_in in fetched:
                take_in(session)
            handler(session, msgspec.json.decode(waiting.payload, type=Event), now)
            session.flush()
    except FetchFirst:
        raise
    except Exception as error:  # a handler's savepoint: whatever is wrong with one event stays with it
        if of_the_store(error):
            raise
        return postpone(waiting, error, now=now)
    return done(waiting, now=now)


def _clear_up(
    db: Database, fetch: Fetch, handlers: Handlers, event: str, wanted: FetchFirst, *, now: datetime
) -> Progress:
    """Fetch what the event asks for, as long as it asks for something else, and apply it with all of that."""
    fetched: dict[str, TakeIn] = {}
    while wanted.identity not in fetched and len(fetched) < MOST_FETCHES:
        try:
            found = fetch(wanted.kind, wanted.identity)
        except STRIPE_OUT_OF_REACH:
            raise
        except AzpayError as error:
            return _postpone(db, event, error, now)
        take_in = partial(_take_in, handlers, wanted.kind, found, now)
        fetched = {wanted.identity: take_in, **fetched}  # what was asked for last is needed first
        try:
            return _apply_with(db, handlers, event, fetched, now=now)
        except FetchFirst as another:
            wanted = another
    return _postpone(db, event, FetchedInVain(f"It still asks for {wanted.kind} {wanted.identity}."), now)


def _take_in(handlers: Handlers, kind: str, found: object, now: datetime, session: Session) -> None:
    handlers.objects[kind](session, found, now)
    session.flush()


def _apply_with(
    db: Database, handlers: Handlers, event: str, fetched: Mapping[str, TakeIn], *, now: datetime
) -> Progress:
    """An event that asks again for the very object it speaks of was overtaken: Stripe's word on it stands."""

    def apply(session: Session) -> Progress:
        waiting = _still_waiting(session, event)
        if waiting is None:
            return Progress()
        try:
            return _apply(session, waiting, handlers, now, fetched.values())
        except FetchFirst as wanted:
            if wanted.identity not in fetched or wanted.identity != waiting.object_id:
                raise
        for take_in in fetched.values():
            take_in(session)
        return done(waiting, now=now)

    return db.write(apply)


def _postpone(db: Database, event: str, error: Exception, now: datetime) -> Progress:
    def write_down(session: Session) -> Progress:
        waiting = _still_waiting(session, event)
        return Progress() if waiting is None else postpone(waiting, error, now=now)

    return db.write(write_down)


def _put_off(db: Database, unclear: Iterable[Unclear], outage: Exception, now: datetime) -> Progress:
    def write_down(session: Session) -> Progress:
        still = (_still_waiting(session, event) for event, _ in unclear)
        return sum((put_off(waiting, outage, now=now) for waiting in still if waiting), Progress())

    return db.write(write_down)


def _still_waiting(session: Session, event: str) -> InboxEvent | None:
    """The event, locked; None when another worker was faster."""
    waiting = session.get_one(InboxEvent, event, with_for_update=True)
    return waiting if waiting.state in WAITING else None
