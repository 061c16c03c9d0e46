"""Keeping what Stripe tells us: verify, read the envelope, store the body once. Nothing is handled here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from azpay.db.bulk import insert_new
from azpay.db.drafts import table_of
from azpay.errors import Usage
from azpay.gateway import signature
from azpay.inbox.models import EventState, InboxBody, InboxEvent
from azpay.inbox.waking import tell_others

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlmodel import Session

    from azpay.db import Database

EVENTS, BODIES = table_of(InboxEvent), table_of(InboxBody)
NEW = {"state": EventState.RECEIVED, "attempts": 0}

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
    about, alike = _columns(events), {**NEW, "received_at": now, "due_at": now}
    bodies = {"event": about["event"], "body": [event.body for event in events]}

    def insert_all(session: Session) -> int:
        connection = session.connection()
        new = insert_new(connection, EVENTS, about, alike)
        insert_new(connection, BODIES, bodies)
        if new:
            tell_others(session)
        return new

    return db.write(insert_all)


def _columns(events: Sequence[Received]) -> dict[str, list[Any]]:
    """Plain values: a thousand objects of the ORM's cost more than the commit that they would share."""
    envelopes = [event.envelope for event in events]
    return {
        "event": [each.id for each in envelopes],
        "type": [each.type for each in envelopes],
        "object_id": [each.data.object.id for each in envelopes],
        "account": [each.account for each in envelopes],
        "livemode": [each.livemode for each in envelopes],
        "api_version": [each.api_version for each in envelopes],
        "secret": [event.secret for event in events],
        "created_at": [datetime.fromtimestamp(each.created, UTC) for each in envelopes],
    }
