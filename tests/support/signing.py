"""Stripe's side of a webhook's signature, for any bytes: the SDK's own helper signs text only.

https://docs.stripe.com/webhooks#verify-manually
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


def sign(body: bytes, secret: str, *, now: datetime) -> str:
    """The `Stripe-Signature` header for a body that is sent now."""
    timestamp = int(now.timestamp())
    digest = hmac.new(secret.encode(), b"%d." % timestamp + body, hashlib.sha256).hexdigest()
    return f"t={timestamp},v1={digest}"
