"""Whatever is done in whatever order: the balance is what the transactions add up to, and nothing breaks."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from azpay.sandbox import Sandbox
from tests.sandbox.conftest import NOON
from tests.sandbox.payments import post, sums

CARDS = st.sampled_from(
    [
        "pm_card_visa",
        "pm_card_chargeDeclined",
        "pm_card_refundFail",
        "pm_card_pendingRefund",
        "pm_card_bypassPending",
        "pm_card_authenticationRequired",
    ]
)
NO_REDIRECTS = {
    "automatic_payment_methods[enabled]": "true",
    "automatic_payment_methods[allow_redirects]": "never",
}
AMOUNTS = st.sampled_from(["50", "99", "1099", "99999999", "1", "-1"])


class Merchant(RuleBasedStateMachine):
    intents = Bundle("intents")

    def __init__(self) -> None:
        super().__init__()
        self.sandbox = Sandbox(now=lambda: NOON)
        self.statuses: set[int] = set()

    def post(self, path: str, **params: str) -> dict[str, Any]:
        answer = post(self.sandbox, path, params)
        self.statuses.add(answer.status)
        body: dict[str, Any] = json.loads(answer.body)
        return body

    @rule(
        target=intents,
        card=CARDS,
        amount=AMOUNTS,
        currency=st.sampled_from(["usd", "eur", "jpy", "kwd"]),
        how=st.sampled_from(["automatic", "automatic_async", "manual"]),
        confirm=st.sampled_from(["true", "false"]),
    )
    def create(self, card: str, amount: str, currency: str, how: str, confirm: str) -> str:
        answer = self.post(
            "/v1/payment_intents",
            amount=amount,
            currency=currency,
            payment_method=card,
            capture_method=how,
            confirm=confirm,
            **NO_REDIRECTS,
        )
        known: str = answer.get("id") or answer["error"].get("payment_intent", {}).get("id", "pi_none")
        return known

    @rule(intent=intents, card=CARDS)
    def confirm(self, intent: str, card: str) -> None:
        self.post(f"/v1/payment_intents/{intent}/confirm", payment_method=card)

    @rule(intent=intents, amount=AMOUNTS)
    def capture(self, intent: str, amount: str) -> None:
        self.post(f"/v1/payment_intents/{intent}/capture", amount_to_capture=amount)

    @rule(intent=intents)
    def cancel(self, intent: str) -> None:
        self.post(f"/v1/payment_intents/{intent}/cancel")

    @rule(intent=intents, amount=AMOUNTS)
    def refund_in_part(self, intent: str, amount: str) -> None:
        self.post("/v1/refunds", payment_intent=intent, amount=amount)

    @rule(intent=intents)
    def refund(self, intent: str) -> None:
        self.post("/v1/refunds", payment_intent=intent)

    @rule(intent=intents, approve=st.booleans())
    def authenticate(self, intent: str, approve: bool) -> None:
        if any(i["id"] == intent and i["status"] == "requires_action" for i in self.sandbox.payment_intents):
            self.sandbox.authenticate(intent, approve=approve)

    @rule(seconds=st.sampled_from([1, 2, 5, 86_400, 8 * 86_400]))
    def wait(self, seconds: int) -> None:
        self.sandbox.advance(seconds)

    @rule()
    def restart(self) -> None:
        self.sandbox = Sandbox.restore(self.sandbox.snapshot(), now=lambda: NOON)

    @invariant()
    def the_balance_adds_up(self) -> None:
        held, booked = sums(self.sandbox)
        assert held == booked

    @invariant()
    def no_answer_is_an_accident(self) -> None:
        assert all(status < 500 for status in self.statuses)

    @invariant()
    def no_charge_is_refunded_beyond_what_was_captured(self) -> None:
        for charge in self.sandbox.charges:
            if charge["captured"]:
                assert 0 <= charge["amount_refunded"] <= charge["amount_captured"] <= charge["amount"]


Merchant.TestCase.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
TestMerchant = Merchant.TestCase
