"""Applying events one by one, each in a savepoint, with what was fetched for it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import msgspec

from azpay.db.trouble import of_the_store
from azpay.errors import AzpayError, Failed
from azpay.gateway import KeyRefused, StripeUnavailable
from azpay.gateway.objects import Event
from azpay.inbox import claiming
from azpay.inbox.handling import FetchFirst
from azpay.inbox.outcomes import Progress, Watch, done, postpone
from azpay.inbox.together import Batch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlmodel import Session

    from azpay.db import Database
    from azpay.inbox.handling import Handlers, Unclear, Waiting

    Fetch = Callable[[str, str], object]
    TakeIn = Callable[[Session], None]

MOST_FETCHES = 4
STRIPE_OUT_OF_REACH = (StripeUnavailable, KeyRefused)


class FetchedInVain(Failed):
    """Stripe's own word on what the event asked for does not make it applicable. It may a little later."""

    code = "fetched_in_vain"


def apply(session: Session, handlers: Handlers, events: Sequence[Waiting], *, now: datetime) -> Batch:
    progress, unclear = Progress(), []
    for event in events:
        try:
            progress += _apply(session, event, handlers, now)
        except FetchFirst as fetch:
            unclear.append((event, fetch))
    return Batch(progress, (), unclear)


def _apply(
    session: Session, event: Waiting, handlers: Handlers, now: datetime, fetched: Iterable[TakeIn] = ()
) -> Progress:
    """Run the handler in a savepoint, after what was fetched for it.

    FetchFirst passes, and so does a store that fails; any other failure is written on the event.
    """
    watch = Watch()
    try:
        with session.begin_nested():
            for take_in in fetched:
                take_in(session)
            _handle(session, event, handlers, now)
    except FetchFirst:
        raise
    except Exception as error:  # a handler's savepoint: whatever is wrong with one event stays with it
        if of_the_store(error):
            raise
        return postpone(session, event, error, now=now).in_all(watch.time)
    return done(session, [event], now=now).in_all(watch.time)


def _handle(session: Session, event: Waiting, handlers: Handlers, now: datetime) -> None:
    handler = handlers.events[event.type]
    handler(session, msgspec.json.decode(event.payload, type=Event), now)
    session.flush()


def clear_up(db: Database, fetch: Fetch, handlers: Handlers, unclear: Unclear, *, now: datetime) -> Progress:
    """Fetch what the event asks for, as long as it asks for something else, and apply it with all of that.

    Raises what says that Stripe is out of reach.
    """
    event, wanted = unclear
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
    db: Database, handlers: Handlers, event: Waiting, fetched: Mapping[str, TakeIn], *, now: datetime
) -> Progress:
    """An event that asks again for the very object it speaks of was overtaken: Stripe's word on it stands."""

    def work(session: Session) -> Progress:
        still = claiming.named(session, [event.event]).events
        if not still:  # another worker was faster
            return Progress()
        try:
            return _apply(session, still[0], handlers, now, fetched.values())
        except FetchFirst as wanted:
            if wanted.identity not in fetched or wanted.identity != event.object_id:
                raise
        for take_in in fetched.values():
            take_in(session)
        return done(session, still, now=now)

    return db.write(work)


def _postpone(db: Database, event: Waiting, error: Exception, now: datetime) -> Progress:
    def work(session: Session) -> Progress:
        still = claiming.named(session, [event.event]).events
        return sum((postpone(session, each, error, now=now) for each in still), Progress())

    return db.write(work)
