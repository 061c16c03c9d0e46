"""Keeping what Stripe tells us: verify, read the envelope, store the body once. Nothing is handled here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from sqlalchemy.dialects import postgresql, sqlite

from azpay.db.drafts import table_of
from azpay.errors import Usage
from azpay.gateway import signature
from azpay.inbox.models import EventState, InboxBody, InboxEvent
from azpay.inbox.waking import tell_others

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Table
    from sqlalchemy.dialects.sqlite import Insert
    from sqlalchemy.sql.dml import ReturningInsert
    from sqlmodel import Session

    from azpay.db import Database

EVENTS, BODIES = table_of(InboxEvent), table_of(InboxBody)

Word = Annotated[str, msgspec.Meta(min_length=1, max_length=255, pattern=r"\A[!-~]+\Z")]
"""What every name of Stripe's is made of. Anything else could spoil the commit it shares with others."""

Timestamp = Annotated[int, msgspec.Meta(ge=0, lt=10_000_000_000)]


class EventUnreadable(Usage):
    """The body is signed, but is no event of Stripe's."""

    code = "event_unreadable"


class EventNotOurs(Usage):
    """The event is genuine, and was meant for another account or for the other mode."""

    code = "event_not_ours"


class _Named(msgspec.Struct, frozen=True):
    id: Word | None = None


class _Data(msgspec.Struct, frozen=True):
    object: _Named


class Envelope(msgspec.Struct, frozen=True):
    """The few fields that intake needs; the rest of the body is not parsed."""

    id: Word
    type: Word
    created: Timestamp
    livemode: bool
    data: _Data
    object: str = ""
    account: Word | None = None
    api_version: Word | None = None


@dataclass(frozen=True, slots=True)
class Received:
    """A genuine event, as it came."""

    envelope: Envelope
    body: bytes
    secret: str


def read(body: bytes, header: str | None, secrets: Sequence[str], *, now: datetime) -> Received:
    """Verify the signature over the raw body, then read its envelope.

    Raises SignatureInvalid or EventUnreadable, and nothing else, whatever is sent.
    https://docs.stripe.com/webhooks#verify-events
    """
    secret = signature.verify(body, header, secrets, now=now)
    try:
        body.decode()  # msgspec passes over the strings that it does not keep
        envelope = msgspec.json.decode(body, type=Envelope)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise EventUnreadable("The body is signed, but it is not an event.") from error
    if envelope.object != "event" or not envelope.id.startswith("evt_"):
        raise EventUnreadable("The body is signed, but it is not a snapshot event.")
    return Received(envelope, body, secret[-4:])


def require_ours(event: Received, *, livemode: bool, account: str | None) -> None:
    """Refuse an event of the other mode, or of an account connected to ours. Raises EventNotOurs.

    Stripe names an account only in events that happened on another account than the endpoint's own:
    https://docs.stripe.com/api/events/object#event_object-account
    """
    if event.envelope.livemode is not livemode:
        theirs, ours = ("live", "test") if event.envelope.livemode else ("test", "live")
        raise EventNotOurs(f"This is a {theirs} event, and this daemon works in {ours} mode.")
    if event.envelope.account not in {None, account}:
        raise EventNotOurs("The event happened on another account than ours.")


def keep(db: Database, events: Sequence[Received], *, now: datetime) -> int:
    """Store the events in one transaction; how many were new. The rest were here, and stay as they are.

    After a connection lost at the commit they are kept again, and none is counted as new.
    """
    if not events:
        return 0
    rows = [_row(event, now) for event in events]
    bodies = [{"event": event.envelope.id, "body": event.body} for event in events]

    def insert_all(session: Session) -> int:
        connection = session.connection()
        if db.embedded:
            new = connection.execute(_into_a_file(EVENTS), rows).rowcount
            connection.execute(_into_a_file(BODIES), bodies)
            return new
        new = len(connection.execute(_into_a_server(EVENTS), rows).all())  # psycopg counts no rows of many
        connection.execute(_into_a_server(BODIES), bodies)
        if new:
            tell_others(session)
        return new

    return db.write(insert_all)


@cache
def _into_a_file(table: Table) -> Insert:
    """One statement for each row, prepared once whatever their number."""
    return sqlite.insert(table).on_conflict_do_nothing()


@cache
def _into_a_server(table: Table) -> ReturningInsert[tuple[str]]:
    """One statement for many rows: each would be a message of its own."""
    return postgresql.insert(table).on_conflict_do_nothing().returning(table.c.event)


def _row(event: Received, now: datetime) -> dict[str, Any]:
    """A plain row: a thousand objects of the ORM's cost more than the commit that they would share."""
    envelope = event.envelope
    return {
        "event": envelope.id,
        "type": envelope.type,
        "object_id": envelope.data.object.id,
        "account": envelope.account,
        "livemode": envelope.livemode,
        "api_version": envelope.api_version,
        "secret": event.secret,
        "state": EventState.RECEIVED,
        "attempts": 0,
        "created_at": datetime.fromtimestamp(envelope.created, UTC),
        "received_at": now,
        "due_at": now,
    }
