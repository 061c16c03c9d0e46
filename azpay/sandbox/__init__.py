"""An embedded Stripe for tests, demonstrations and CI.

It stands apart from the rest of azpay on purpose: a wrong idea of ours about Stripe should not be able to
agree with itself here.
"""

from __future__ import annotations

from azpay.sandbox.engine import DEFAULT_ACCOUNT, DEFAULT_KEY, Sandbox
from azpay.sandbox.wire import Delivery, Lost, Request, Response

__all__ = [
    "DEFAULT_ACCOUNT",
    "DEFAULT_KEY",
    "Delivery",
    "Lost",
    "Request",
    "Response",
    "Sandbox",
]
