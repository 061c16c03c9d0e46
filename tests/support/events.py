"""Events as Stripe would post them: raw bytes and a header."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.support.clock import NOON
from tests.support.signing import sign
from tests.support.webhooks import SECRET

if TYPE_CHECKING:
    from datetime import datetime

PATH = "/api/webhooks/stripe"


def an_event(event: str = "evt_1", **changed: Any) -> dict[str, Any]:
    """An event of a type that nobody handles, unless told otherwise."""
    return {
        "id": event,
        "object": "event",
        "type": "coupon.created",
        "created": int(NOON.timestamp()),
        "livemode": False,
        "api_version": "2026-01-28.clover",
        "data": {"object": {"id": "cou_1", "object": "coupon"}},
        **changed,
    }


def encoded(event: object) -> bytes:
    return json.dumps(event).encode()


def signed(body: bytes, *, secret: str = SECRET, at: datetime = NOON) -> dict[str, str]:
    return {"Stripe-Signature": sign(body, secret, now=at), "Content-Type": "application/json"}
