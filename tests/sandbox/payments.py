"""Payments to make in tests, with as little said as a test needs to say."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from azpay.sandbox import DEFAULT_KEY, Request, Sandbox

if TYPE_CHECKING:
    import stripe
    from stripe._v1_services import V1Services

    from azpay.sandbox import Response

NO_REDIRECTS: Any = {"enabled": True, "allow_redirects": "never"}


def pay(client: V1Services, card: str = "pm_card_visa", **params: Any) -> stripe.PaymentIntent:
    """Confirm a payment at once: 20.00 USD unless said otherwise."""
    payment: Any = {
        "amount": 2000,
        "currency": "usd",
        "payment_method": card,
        "confirm": True,
        "automatic_payment_methods": NO_REDIRECTS,
    }
    return client.payment_intents.create(payment | params)


def post(sandbox: Sandbox, path: str, body: bytes | dict[str, str] = b"", **headers: str) -> Response:
    """A raw request. Header names are written with underscores."""
    encoded = body if isinstance(body, bytes) else urlencode(body).encode()
    return sandbox.handle(Request("POST", path, "", _headers(headers), encoded))


def get(sandbox: Sandbox, path: str, query: str = "", **headers: str) -> Response:
    return sandbox.handle(Request("GET", path, query, _headers(headers)))


def _headers(headers: dict[str, str]) -> dict[str, str]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return {"authorization": f"Bearer {DEFAULT_KEY}", **named}


def types(sandbox: Sandbox) -> list[str]:
    """The types of all events, oldest first."""
    return [event["type"] for event in sandbox.events]


def sums(sandbox: Sandbox) -> tuple[dict[str, int], dict[str, int]]:
    """What the balance says per currency, and what the balance transactions add up to."""
    balance = json.loads(get(sandbox, "/v1/balance").body)
    held, booked = Counter[str](), Counter[str]()
    for share in (*balance["available"], *balance["pending"]):
        held[share["currency"]] += share["amount"]
    for transaction in sandbox.balance_transactions:
        booked[transaction["currency"]] += transaction["net"]
    return {c: n for c, n in held.items() if n}, {c: n for c, n in booked.items() if n}
