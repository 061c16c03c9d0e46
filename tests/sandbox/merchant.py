"""A merchant who does anything at any time, and whom every answer has to suit."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from azpay.sandbox import DEFAULT_KEY, Request, Sandbox
from azpay.sandbox.resources import ROUTES
from azpay.sandbox.routing import Router
from tests.sandbox.conftest import NOON
from tests.sandbox.payments import sums
from tests.support.openapi import ENDIVE, answer_complaints, object_complaints

if TYPE_CHECKING:
    from azpay.sandbox import Response

ROUTER = Router(ROUTES)
COUNTS = ("succeeded", "pending", "requires_action")
"""Refunds of these statuses take from what a charge can pay back."""


class Merchant:
    """Asks, and lets no answer pass that Stripe would not give."""

    def __init__(self) -> None:
        self.sandbox = Sandbox(now=lambda: NOON)
        self.last: Request | None = None
        self._newest_event: str | None = None

    def ask(self, method: str, path: str, params: dict[str, str], *, key: str = "") -> dict[str, Any]:
        encoded = urlencode({name: value for name, value in params.items() if value})
        headers = {"authorization": f"Bearer {DEFAULT_KEY}", "stripe-version": ENDIVE}
        if key:
            headers["idempotency-key"] = key
        query, body = (encoded, b"") if method == "GET" else ("", encoded.encode())
        self.last = Request(method, path, query, headers, body)
        answer = self.sandbox.handle(self.last)
        self._check(method, path, answer)
        return json.loads(answer.body)  # type: ignore[no-any-return]

    def _check(self, method: str, path: str, answer: Response) -> None:
        route, _ = ROUTER.find(method, path)
        assert answer.status < 500, answer.body
        assert answer_complaints(method, route.pattern, answer, version=ENDIVE) == [], (method, path)

    def repeat(self) -> tuple[Response, Response] | None:
        """The last request twice more; with an idempotency key, both have to say the same."""
        if self.last is None or "idempotency-key" not in self.last.headers:
            return None
        return self.sandbox.handle(self.last), self.sandbox.handle(self.last)

    def restart(self) -> None:
        self.sandbox = Sandbox.restore(self.sandbox.snapshot(), now=lambda: NOON)

    def unheard(self) -> list[dict[str, Any]]:
        """Events that were made since the last time. After thirty days Stripe knows of none."""
        after = {"ending_before": self._newest_event} if self._newest_event else {}
        page = self.ask("GET", "/v1/events", {"limit": "100", **after}).get("data", [])
        self._newest_event = page[0]["id"] if page else None
        return list(page)

    def odd_events(self) -> list[str]:
        """What Stripe's document has against the objects of new events."""
        return [
            f"{event['type']}: {complaint}"
            for event in self.unheard()
            for complaint in object_complaints(event["data"]["object"], version=ENDIVE)
        ]

    def imbalance(self) -> tuple[dict[str, int], dict[str, int]] | None:
        """What the balance says and what the nets add up to, unless they are the same."""
        held, booked = sums(self.sandbox)
        return None if held == booked else (held, booked)

    def wrong_charges(self) -> list[str]:
        """Charges that paid back more than they took, or other than their refunds say."""
        refunded: dict[str, int] = {}
        for refund in self.sandbox.refunds:
            if refund["status"] in COUNTS:
                refunded[refund["charge"]] = refunded.get(refund["charge"], 0) + refund["amount"]
        return [
            charge["id"]
            for charge in self.sandbox.charges
            if charge["captured"]
            and not refunded.get(charge["id"], 0) == charge["amount_refunded"] <= charge["amount_captured"]
        ]

    def wrong_payouts(self) -> list[str]:
        """Automatic payouts whose rows do not add up to what was sent."""
        payouts = self.ask("GET", "/v1/payouts", {"limit": "100"})["data"]
        return [
            payout["id"]
            for payout in payouts
            if payout["reconciliation_status"] == "completed" and self._paid_out(payout) != payout["amount"]
        ]

    def _paid_out(self, payout: dict[str, Any]) -> int:
        page = self.ask("GET", "/v1/balance_transactions", {"payout": payout["id"], "limit": "100"})
        assert not page["has_more"]
        return sum(row["net"] for row in page["data"] if row["id"] != payout["balance_transaction"])
