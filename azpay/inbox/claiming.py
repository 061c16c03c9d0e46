"""Taking events from the inbox for one worker. On a server they are locked; a file has one writer anyhow."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import Select, select

from azpay.db.ciphers import ValueTampered
from azpay.db.drafts import table_of
from azpay.db.ring import ring_of
from azpay.db.sealing import opened
from azpay.inbox.handling import Waiting
from azpay.inbox.models import WAITS, InboxEvent

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from typing import Any

    from sqlalchemy import Row
    from sqlmodel import Session

from azpay.db.ring import Ring

TABLE = table_of(InboxEvent)
COLUMN = TABLE.c


class Claimed(NamedTuple):
    """Events to apply, and the names and types of those whose bodies were changed in the book."""

    events: list[Waiting]
    tampered: list[Waiting]


def due(session: Session, now: datetime, limit: int) -> Claimed:
    """The events that have waited longest, without those that another worker has."""
    order = (COLUMN.due_at, COLUMN.received_at, COLUMN.event)
    return _read(session, _waiting().where(COLUMN.due_at <= now).order_by(*order).limit(limit))


def named(session: Session, events: Sequence[str]) -> Claimed:
    """Those of these events that still wait, in their order, without those that another worker has."""
    claimed = _read(session, _waiting().where(COLUMN.event.in_(events)))
    place = {event: number for number, event in enumerate(events)}
    return Claimed(sorted(claimed.events, key=lambda each: place[each.event]), claimed.tampered)


def _waiting() -> Select[Any]:
    wanted = (COLUMN.event, COLUMN.type, COLUMN.object_id, COLUMN.attempts, COLUMN.payload)
    return select(*wanted).where(WAITS).with_for_update(skip_locked=True)


def _read(session: Session, query: Select[Any]) -> Claimed:
    connection = session.connection()
    ring, claimed = ring_of(connection), Claimed([], [])
    for row in connection.execute(query):
        try:
            claimed.events.append(_opened(ring, row))
        except ValueTampered:
            claimed.tampered.append(Waiting(row.event, row.type, row.object_id, row.attempts, b""))
    return claimed


def _opened(ring: Ring, row: Row[Any]) -> Waiting:
    payload = opened(ring, COLUMN.payload, row.event, row.payload)
    return Waiting(row.event, row.type, row.object_id, row.attempts, payload)
