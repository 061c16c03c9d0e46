"""Taking events from the inbox for one worker. On a server they are locked; a file has one writer anyhow."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import Select, select

from azpay.db.among import among
from azpay.db.ciphers import ValueTampered
from azpay.db.drafts import table_of
from azpay.db.ring import ring_of
from azpay.db.sealing import Sealed, opened
from azpay.inbox.handling import Waiting
from azpay.inbox.models import WAITS, InboxBody, InboxEvent

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from typing import Any

    from sqlmodel import Session

TABLE, BODIES = table_of(InboxEvent), table_of(InboxBody)
COLUMN = TABLE.c


class Claimed(NamedTuple):
    """Events to apply, and the names and types of those whose bodies were changed in the book, or taken."""

    events: list[Waiting]
    tampered: list[Waiting]


def due(session: Session, now: datetime, limit: int) -> Claimed:
    """The events that have waited longest, without those that another worker has."""
    order = (COLUMN.due_at, COLUMN.received_at, COLUMN.event)
    return _read(session, _waiting().where(COLUMN.due_at <= now).order_by(*order).limit(limit))


def named(session: Session, events: Sequence[str]) -> Claimed:
    """Those of these events that still wait, in their order, without those that another worker has."""
    claimed = _read(session, _waiting().where(among(session.connection(), COLUMN.event, events)))
    place = {event: number for number, event in enumerate(events)}
    return Claimed(sorted(claimed.events, key=lambda each: place[each.event]), claimed.tampered)


def _waiting() -> Select[Any]:
    """Also one whose body is gone: it is to be given up, and not to be waited for without end."""
    wanted = (COLUMN.event, COLUMN.type, COLUMN.object_id, COLUMN.attempts, BODIES.c.body)
    both = TABLE.outerjoin(BODIES, BODIES.c.event == COLUMN.event)
    return select(*wanted).select_from(both).where(WAITS).with_for_update(of=TABLE, skip_locked=True)


def _read(session: Session, query: Select[Any]) -> Claimed:
    connection = session.connection()
    ring, claimed = ring_of(connection), Claimed([], [])
    for event, type_, object_id, attempts, body in connection.execute(query):
        try:
            said = opened(ring, BODIES.c.body, event, body or Sealed(b""))
            claimed.events.append(Waiting(event, type_, object_id, attempts, said))
        except ValueTampered:
            claimed.tampered.append(Waiting(event, type_, object_id, attempts, b""))
    return claimed
