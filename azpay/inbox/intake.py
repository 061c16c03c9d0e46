"""Keeping what Stripe tells us: verify, read the envelope, store the body once. Nothing is handled here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from azpay.db.upsert import keep_new
from azpay.errors import Usage
from azpay.gateway import signature
from azpay.inbox.models import EventState, InboxEvent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from azpay.db import Database


class EventUnreadable(Usage):
    """The body is signed, but is no event of Stripe's."""

    code = "event_unreadable"


class _Named(msgspec.Struct, frozen=True):
    id: str | None = None


class _Data(msgspec.Struct, frozen=True):
    object: _Named


class Envelope(msgspec.Struct, frozen=True):
    """The few fields that intake needs; the rest of the body is not parsed."""

    id: str
    type: str
    created: int
    livemode: bool
    data: _Data
    object: str = ""
    account: str | None = None
    api_version: str | None = None


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
        envelope = msgspec.json.decode(body, type=Envelope)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise EventUnreadable("The body is signed, but it is not an event.") from error
    if envelope.object != "event" or not envelope.id.startswith("evt_") or len(envelope.id) > 255:  # noqa: PLR2004
        raise EventUnreadable("The body is signed, but it is not a snapshot event.")
    return Received(envelope, body, secret[-4:])


def keep(db: Database, events: Sequence[Received], *, now: datetime) -> int:
    """Store the events in one transaction; how many were new. The rest were here, and stay as they are."""
    with db.writing() as session:
        return len(keep_new(session, [_row(event, now) for event in _distinct(events)]))


def _distinct(events: Sequence[Received]) -> list[Received]:
    return list({event.envelope.id: event for event in reversed(events)}.values())[::-1]


def _row(event: Received, now: datetime) -> InboxEvent:
    envelope = event.envelope
    return InboxEvent(
        event=envelope.id,
        type=envelope.type,
        object_id=envelope.data.object.id,
        account=envelope.account,
        livemode=envelope.livemode,
        api_version=envelope.api_version,
        payload=event.body,
        secret=event.secret,
        state=EventState.RECEIVED,
        created_at=datetime.fromtimestamp(envelope.created, UTC),
        received_at=now,
        due_at=now,
    )
