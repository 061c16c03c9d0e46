"""Applying what Stripe told us: each event once, in the transaction that marks it done.

Events come in batches. Those of the types that go together are applied together; the others, and those with
which something is wrong, one by one, so that one that fails does not hold its neighbours. Where an event is
not enough to go by, its object is fetched outside any transaction, once for the batch.

A store that fails is no event's fault: nothing of the transaction is kept, and `process` raises.
"""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING, NamedTuple

from azpay.errors import AzpayError
from azpay.inbox import claiming, singly, together
from azpay.inbox.outcomes import Progress, done, give_up, put_off
from azpay.inbox.singly import STRIPE_OUT_OF_REACH
from azpay.inbox.together import Batch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from sqlmodel import Session

    from azpay.db import Database
    from azpay.gateway.stripe import Gateway
    from azpay.inbox.handling import Handlers, Unclear
    from azpay.inbox.singly import Fetch

BATCH = 500
ONE_BY_ONE = 100
"""In one transaction, when each has a savepoint: other writers wait for it."""


class Fetched(NamedTuple):
    """What Stripe has answered with, by id, and why there is no more of it."""

    found: dict[str, object]
    outage: Exception | None = None


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
    batch = db.write(lambda session: _claim(session, handlers, now, limit))
    progress, unclear = _one_by_one(db, handlers, batch, now)
    fetch: Fetch = cache(lambda kind, identity: gateway.fetch(kind, identity))
    fetched = _fetch_all(fetch, handlers, unclear, stopping)
    progress, unclear = _with_these(db, handlers, Batch(progress, (), unclear), fetched, now)
    if fetched.outage is not None:
        return progress + _put_off(db, unclear, fetched.outage, now)
    for number, each in enumerate(unclear):
        if stopping():
            break
        try:
            progress += singly.clear_up(db, fetch, handlers, each, now=now)
        except STRIPE_OUT_OF_REACH as outage:
            return progress + _put_off(db, unclear[number:], outage, now)
    return progress


def _claim(session: Session, handlers: Handlers, now: datetime, limit: int) -> Batch:
    """Apply together what goes together; where nothing does, the first of the others."""
    due, tampered = claiming.due(session, now, limit)
    unheard_of = [event for event in due if event.type not in handlers.events]
    progress = done(session, unheard_of, now=now) + give_up(session, tampered, now=now)
    swift = [event for event in due if event.type in handlers.swift]
    others = [event for event in due if event.type in handlers.events and event.type not in handlers.swift]
    if handlers.together is None or not swift:
        batch = singly.apply(session, handlers, others[:ONE_BY_ONE], now=now)
    else:
        batch = together.apply(session, handlers.together, swift, (), now=now)
        batch = batch._replace(rest=[*batch.rest, *others])
    return batch._replace(progress=progress + batch.progress)


def _one_by_one(
    db: Database, handlers: Handlers, batch: Batch, now: datetime
) -> tuple[Progress, list[Unclear]]:
    """What is left of a batch, each in a transaction of its own: who locks one thing waits in no circle."""
    progress, unclear = batch.progress, list(batch.unclear)
    for event in batch.rest:
        more = db.write(partial(_named, handlers=handlers, names=[event.event], now=now))
        progress, unclear = progress + more.progress, [*unclear, *more.unclear]
    return progress, unclear


def _named(session: Session, *, handlers: Handlers, names: Sequence[str], now: datetime) -> Batch:
    return singly.apply(session, handlers, claiming.named(session, names).events, now=now)


def _fetch_all(
    fetch: Fetch, handlers: Handlers, unclear: Sequence[Unclear], stopping: Callable[[], bool]
) -> Fetched:
    """Ask for the objects that many events can be applied with at once."""
    found: dict[str, object] = {}
    kinds = handlers.together.fetches if handlers.together else ()
    for _, wanted in unclear:
        if wanted.kind not in kinds:
            continue
        if stopping():
            break
        try:
            found[wanted.identity] = fetch(wanted.kind, wanted.identity)
        except STRIPE_OUT_OF_REACH as outage:
            return Fetched(found, outage)
        except AzpayError:
            continue  # is asked for again, and answered for, with the one event that wants it
    return Fetched(found)


def _with_these(
    db: Database, handlers: Handlers, batch: Batch, fetched: Fetched, now: datetime
) -> tuple[Progress, list[Unclear]]:
    """Apply together the events for which everything they asked for is there now."""
    ready = [event.event for event, wanted in batch.unclear if wanted.identity in fetched.found]
    if handlers.together is None or not ready:
        return batch.progress, list(batch.unclear)
    joint, objects = handlers.together, [*fetched.found.values()]

    def work(session: Session) -> Batch:
        return together.apply(session, joint, claiming.named(session, ready).events, objects, now=now)

    progress, unclear = _one_by_one(db, handlers, db.write(work), now)
    others = [each for each in batch.unclear if each[0].event not in ready]
    return batch.progress + progress, [*others, *unclear]


def _put_off(db: Database, unclear: Sequence[Unclear], outage: Exception, now: datetime) -> Progress:
    names = [event.event for event, _ in unclear]

    def work(session: Session) -> Progress:
        return put_off(session, claiming.named(session, names).events, outage, now=now)

    return db.write(work)
