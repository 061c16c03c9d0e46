"""From an event that is due at an endpoint to a signed request, and back to what came of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import msgspec

from azpay.sandbox.thin import notification
from azpay.sandbox.versions import LATEST, visible
from azpay.sandbox.webhooks import is_thin, secrets_of, signature
from azpay.sandbox.wire import Delivery

if TYPE_CHECKING:
    from azpay.sandbox.webhooks import Parcel
    from azpay.sandbox.wire import Json
    from azpay.sandbox.world import World

_HEADERS = {
    "Content-Type": "application/json; charset=utf-8",
    "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
}


@dataclass(frozen=True, slots=True)
class EventLook:
    """How events look in this version."""

    version: str

    def __call__(self, event: Json) -> Json:
        return shown_event(event, self.version)


def shown_event(event: Json, version: str) -> Json:
    """The event as an API version sees it: its object, too, is shown in that version."""
    data = event["data"]
    if version != LATEST:
        data = msgspec.json.decode(data)
        data["object"] = visible(data["object"], version)
        if "previous_attributes" in data:
            data["previous_attributes"] = _known_to(data["object"], data["previous_attributes"])
    return {**visible(event, version), "api_version": version, "data": data}


def _known_to(shown: Json, previous: Json) -> Json:
    """Without the fields that this version does not show."""
    return {name: value for name, value in previous.items() if name in shown}


def due_deliveries(world: World, *, signed_at: int) -> list[Delivery]:
    return [_delivery(world, parcel, signed_at) for parcel in world.deliveries.take(world.time)]


def _delivery(world: World, parcel: Parcel, signed_at: int) -> Delivery:
    listener = world.listener(parcel.endpoint)
    event = world.events.get(parcel.event)
    if is_thin(listener):
        return _signed(world, parcel, notification(event), signed_at)
    version = listener["api_version"] or world.account.api_version
    delivery = _signed(world, parcel, shown_event(event, version), signed_at)
    if delivery.url:
        return delivery
    return replace(
        delivery,
        newest=_signed(world, parcel, shown_event(event, LATEST), signed_at),
        thin=_signed(world, parcel, notification(event), signed_at),
    )


def _signed(world: World, parcel: Parcel, event: Json, signed_at: int) -> Delivery:
    """The signature is fresh for every attempt."""
    listener = world.listener(parcel.endpoint)
    body = msgspec.json.encode(event)
    signed = signature(body, secrets_of(listener, world.time), signed_at)
    headers = {**_HEADERS, "Stripe-Signature": signed}
    return Delivery(
        parcel.event, parcel.endpoint, parcel.attempt, listener["url"], headers, body, event["type"]
    )


def settle(world: World, delivery: Delivery, status: int | None) -> None:
    """Any 2xx means that the event has arrived, and nothing else does."""
    arrived = status is not None and 200 <= status < 300  # noqa: PLR2004 - what HTTP calls success
    known = world.deliveries.settle(
        delivery.event, delivery.endpoint, delivery.attempt, arrived=arrived, now=world.time
    )
    event = world.events.find(delivery.event)
    if known and arrived and event is not None and delivery.endpoint in event["_awaited"]:
        event["_awaited"].remove(delivery.endpoint)
        event["pending_webhooks"] = len(event["_awaited"])
        _mark(world, event)


def _mark(world: World, event: Json) -> None:
    """Undelivered events are what callers ask for after an outage: they are found without a search."""
    if not event["_awaited"]:
        world.events.unindex(event, "_undelivered")
        event["_undelivered"] = False
        world.events.reindex(event)
