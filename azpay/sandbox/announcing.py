"""Making events of what has happened, and sending them to whoever listens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from azpay.sandbox import versions
from azpay.sandbox.store import Query
from azpay.sandbox.upsets import UpsetKind
from azpay.sandbox.webhooks import ASKED_FOR, first_attempt, wants

if TYPE_CHECKING:
    from azpay.sandbox.upsets import Fate
    from azpay.sandbox.wire import Json
    from azpay.sandbox.world import World

_PASSED_BY = 1
"""Seconds between an event and the one that it overtook."""


def announce(world: World, kind: str, subject: Json, previous: Json | None) -> None:
    """Make an event, unless an upset prevents it, and plan its deliveries."""
    fate = world.upsets.fate(kind)
    if UpsetKind.NEVER_MADE in fate.kinds:
        return
    passed_by = world.upsets.release()
    for _ in range(2 if UpsetKind.TWINNED in fate.kinds else 1):
        _send(world, _make(world, kind, _data(world, subject, previous, fate), subject), fate)
    for identifier in passed_by:
        _post(world, world.events.get(identifier), due=world.time + _PASSED_BY)


def _data(world: World, subject: Json, previous: Json | None, fate: Fate) -> msgspec.Raw:
    known = _last_shown(world, subject) if UpsetKind.STALE in fate.kinds else None
    data: Json = {"object": known or versions.visible(subject, versions.LATEST)}
    if previous is not None:
        data["previous_attributes"] = previous
    return msgspec.Raw(msgspec.json.encode(data))


def _last_shown(world: World, subject: Json) -> Json | None:
    """The object as the latest event about it shows it."""
    identifier = subject.get("id")
    rows, _ = world.events.page(Query(limit=1, keep=lambda event: event["_subject"] == identifier))
    shown: Json | None = msgspec.json.decode(rows[0]["data"])["object"] if rows else None
    return shown


def _make(world: World, kind: str, data: msgspec.Raw, subject: Json) -> Json:
    cause = world.cause
    event: Json = {
        "id": world.ids.new("evt"),
        "object": "event",
        "api_version": world.account.api_version,
        "created": world.time,
        "data": data,
        "livemode": False,
        "pending_webhooks": 0,
        "request": {
            "id": cause and cause.request,
            "idempotency_key": cause and cause.idempotency_key,
        },
        "type": kind,
        "_subject": subject.get("id"),
    }
    awaited = [listener["id"] for listener in world.listening() if wants(listener, kind)]
    event |= {"_awaited": awaited, "pending_webhooks": len(awaited), "_undelivered": bool(awaited)}
    return world.events.add(event)


def _send(world: World, event: Json, fate: Fate) -> None:
    if UpsetKind.LOST in fate.kinds:
        return
    if UpsetKind.REORDERED in fate.kinds:
        world.upsets.hold(event["id"])
        return
    due = world.time + fate.delay
    _post(world, event, due=due)
    if UpsetKind.DOUBLED in fate.kinds:
        for listener in event["_awaited"]:
            world.deliveries.send(event["id"], listener, due=due, attempt=ASKED_FOR)


def _post(world: World, event: Json, *, due: int) -> None:
    """To everyone who waits for it. The dev proxy's listeners are told once."""
    for listener in event["_awaited"]:
        world.deliveries.send(event["id"], listener, due=due, attempt=first_attempt(listener))
