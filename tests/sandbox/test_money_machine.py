"""Payments, refunds, disputes and payouts in any order: every payout is the sum of its rows."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from azpay.sandbox import Sandbox
from azpay.sandbox.control import control
from azpay.sandbox.policy import Policy
from tests.sandbox.conftest import NOON
from tests.sandbox.payments import get, post, sums

HOUR = 60 * 60
CARDS = st.sampled_from(
    ["visa", "bypassPending", "createDispute", "createDisputeInquiry", "pendingRefund", "refundFail"]
)
CURRENCIES = st.sampled_from(["usd", "jpy"])
PLACES = st.integers(0, 3)
POLICIES = st.fixed_dictionaries(
    {},
    optional={
        "payouts": st.sampled_from(["manual", "daily", "weekly"]),
        "refunds_draw_on": st.sampled_from(["anything", "available", "available_and_pending"]),
        "refunds_by_instruction": st.booleans(),
        "dispute_fee_returned": st.booleans(),
        "counter_fee": st.sampled_from([0, 900]),
    },
)


class Account(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.sandbox = Sandbox(now=lambda: NOON, policy=Policy(payouts="daily"))
        self.statuses: set[int] = set()

    def post(self, path: str, **params: str) -> None:
        self.statuses.add(post(self.sandbox, path, params).status)

    def order(self, name: str, **fields: Any) -> None:
        reply = control(self.sandbox, "POST", f"/_sandbox/{name}", json.dumps(fields).encode())
        self.statuses.add(reply.status)

    def listed(self, plural: str, **filters: str) -> list[dict[str, Any]]:
        page = json.loads(get(self.sandbox, f"/v1/{plural}", urlencode({"limit": 100, **filters})).body)
        assert not page["has_more"]
        rows: list[dict[str, Any]] = page["data"]
        return rows

    def one(self, rows: list[dict[str, Any]], place: int) -> str:
        return str(rows[place % len(rows)]["id"]) if rows else "xx_none"

    @rule(card=CARDS, amount=st.sampled_from(["50", "2000", "99999"]), currency=CURRENCIES)
    def pay(self, card: str, amount: str, currency: str) -> None:
        self.post(
            "/v1/payment_intents",
            amount=amount,
            currency=currency,
            payment_method=f"pm_card_{card}",
            confirm="true",
            receipt_email="ada@example.com",
            **{
                "automatic_payment_methods[enabled]": "true",
                "automatic_payment_methods[allow_redirects]": "never",
            },
        )

    @rule(place=PLACES, amount=st.sampled_from(["20", "1000"]))
    def refund_in_part(self, place: int, amount: str) -> None:
        self.post("/v1/refunds", charge=self.one(self.sandbox.charges, place), amount=amount)

    @rule(place=PLACES)
    def refund(self, place: int) -> None:
        self.post("/v1/refunds", charge=self.one(self.sandbox.charges, place))

    @rule(place=PLACES, how=st.sampled_from(["cancel", "answer", "fail"]))
    def end_refund(self, place: int, how: str) -> None:
        refund = self.one(self.sandbox.refunds, place)
        if how == "cancel":
            self.post(f"/v1/refunds/{refund}/cancel")
        else:
            self.order("refunds", refund=refund, **({"fail": "declined"} if how == "fail" else {}))

    @rule(place=PLACES, amount=st.sampled_from([None, 30]))
    def dispute(self, place: int, amount: int | None) -> None:
        self.order("disputes", charge=self.one(self.sandbox.charges, place), amount=amount)

    @rule(
        place=PLACES,
        words=st.sampled_from(["winning_evidence", "losing_evidence", "escalate_inquiry_evidence", "x"]),
    )
    def answer(self, place: int, words: str) -> None:
        dispute = self.one(self.listed("disputes"), place)
        self.post(f"/v1/disputes/{dispute}", **{"evidence[uncategorized_text]": words})

    @rule(place=PLACES)
    def give_in(self, place: int) -> None:
        self.post(f"/v1/disputes/{self.one(self.listed('disputes'), place)}/close")

    @rule(place=PLACES)
    def appeal(self, place: int) -> None:
        self.order("appeals", dispute=self.one(self.listed("disputes"), place))

    @rule(amount=st.sampled_from(["100", "1000"]), currency=CURRENCIES)
    def pay_out(self, amount: str, currency: str) -> None:
        self.post("/v1/payouts", amount=amount, currency=currency)

    @rule(place=PLACES, how=st.sampled_from(["cancel", "reverse", "fail"]))
    def undo_payout(self, place: int, how: str) -> None:
        payout = self.one(self.listed("payouts"), place)
        if how == "fail":
            self.order("payouts", payout=payout, fail="declined")
        else:
            self.post(f"/v1/payouts/{payout}/{how}")

    @rule(policy=POLICIES)
    def agree(self, policy: dict[str, Any]) -> None:
        self.order("policy", **policy)

    @rule(seconds=st.sampled_from([1, 5, HOUR, 24 * HOUR, 24 * HOUR, 10 * 24 * HOUR]))
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
    def a_payout_is_the_sum_of_its_rows(self) -> None:
        for payout in self.listed("payouts"):
            if payout["reconciliation_status"] == "completed":
                rows = self.listed("balance_transactions", payout=payout["id"])
                own = [row for row in rows if (row["source"], row["type"]) == (payout["id"], "payout")]
                assert [row["net"] for row in own] == [-payout["amount"]]
                assert sum(row["net"] for row in rows) == 0

    @invariant()
    def nobody_gets_back_more_than_they_paid(self) -> None:
        for charge in self.sandbox.charges:
            assert 0 <= charge["amount_refunded"] <= charge["amount_captured"]

    @invariant()
    def no_answer_is_an_accident(self) -> None:
        assert all(status < 500 for status in self.statuses)


Account.TestCase.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)
TestAccount = Account.TestCase
