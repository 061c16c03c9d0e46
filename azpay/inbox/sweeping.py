"""Asking Stripe for the events that no webhook has brought.

Stripe lists its events for thirty days. A sweep reads them from the last safe point, with an overlap, those
that were not delivered first, and keeps what is not here. Nothing else is needed: an event is kept once,
whichever way it came. https://docs.stripe.com/api/events/list
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain, islice
from typing import TYPE_CHECKING, TypeVar

import msgspec
from sqlmodel import col, select

from azpay.db import schedules
from azpay.inbox.intake import Envelope, EventNotOurs, Received, keep, require_ours
from azpay.inbox.models import InboxEvent

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from azpay.db import Database
    from azpay.gateway.stripe import Gateway

T = TypeVar("T")

SWEEP = "sweep"
SWEPT = ""
"""Stands where the end of the secret stands on an event that a webhook has brought."""

OVERLAP = timedelta(hours=1)
"""Stripe may list an event later than one that it made afterwards."""

FIRST = timedelta(days=3)
"""How far the first sweep looks back: as long as Stripe tries to deliver."""

LISTED = timedelta(days=30)
ALARM = timedelta(days=25)
"""Five days before what was not swept is gone for good."""

MOST_TYPES = 20
"""In one request, says Stripe."""

AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Swept:
    """`seen` at Stripe, `new` to us; `deaf` when there were new ones and no webhook came in all that time."""

    since: datetime
    seen: int
    new: int
    deaf: bool


@dataclass(frozen=True, slots=True)
class Ours:
    """Which events are meant for us."""

    types: Collection[str]
    livemode: bool
    account: str | None


def sweep(db: Database, gateway: Gateway, ours: Ours, *, now: datetime) -> Swept:
    """Keep the events that Stripe has and we have not, since the last safe point; safe beside others."""
    last = schedules.look(db, SWEEP)
    safe = last.mark if last is not None and last.mark is not None else None
    since = max(safe - OVERLAP, now - LISTED) if safe is not None else now - FIRST
    seen, new = _keep_all(db, _listed(gateway, ours, since), now)
    deaf = bool(new) and not _heard(db, since)
    schedules.done(db, SWEEP, mark=now, now=now)
    return Swept(since, seen, new, deaf)


def age(db: Database, *, now: datetime) -> timedelta | None:
    """How long ago the last sweep was complete; None when there has been none."""
    last = schedules.look(db, SWEEP)
    return None if last is None or last.done_at is None else now - last.done_at


def _listed(gateway: Gateway, ours: Ours, since: datetime) -> Iterator[Received]:
    kinds = list(_in_batches(sorted(ours.types), MOST_TYPES))
    undelivered = (gateway.events(since, types, delivered=False) for types in kinds)
    everything = (gateway.events(since, types) for types in kinds)
    for raw in chain.from_iterable(chain(undelivered, everything)):
        event = Received(msgspec.json.decode(raw, type=Envelope), bytes(raw), SWEPT)
        try:
            require_ours(event, livemode=ours.livemode, account=ours.account)
        except EventNotOurs:
            continue
        yield event


def _keep_all(db: Database, events: Iterable[Received], now: datetime) -> tuple[int, int]:
    seen: set[str] = set()
    new = 0
    for batch in _in_batches(events, AT_ONCE):
        fresh = {event.envelope.id: event for event in batch if event.envelope.id not in seen}
        new += keep(db, list(fresh.values()), now=now)
        seen |= fresh.keys()
    return len(seen), new


def _in_batches(things: Iterable[T], size: int) -> Iterator[list[T]]:
    """`itertools.batched`, which Python 3.11 lacks."""
    rest = iter(things)
    while batch := list(islice(rest, size)):
        yield batch


def _heard(db: Database, since: datetime) -> bool:
    """Whether any webhook has come since then."""
    delivered = select(InboxEvent.event).where(
        col(InboxEvent.received_at) >= since, col(InboxEvent.secret) != SWEPT
    )
    with db.reading() as session:
        return session.exec(delivered.limit(1)).first() is not None
