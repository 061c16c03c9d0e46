"""Whatever is done in whatever order: no answer is an accident, and the money adds up after every step.

Short by default. `LONG_TESTS=1` lets it go on for much longer.
"""

from __future__ import annotations

import os
from typing import Any

from hypothesis import HealthCheck, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from azpay.sandbox.errors import StripeError
from azpay.sandbox.policy import Policy
from tests.sandbox.merchant import Merchant

LONG = "LONG_TESTS" in os.environ

CARDS = st.sampled_from(
    [
        *("pm_card_visa", "pm_card_mastercard", "pm_card_bypassPending", "pm_card_riskLevelElevated"),
        *("pm_card_chargeDeclined", "pm_card_chargeCustomerFail", "pm_card_radarBlock"),
        *("pm_card_refundFail", "pm_card_pendingRefund", "pm_card_authenticationRequired"),
        *("pm_card_createDispute", "pm_card_createDisputeInquiry", "pm_card_createIssuerFraudRecord"),
        *("pm_usBankAccount_success", "pm_usBankAccount_insufficientFunds", "pm_usBankAccount_dispute"),
        *("pm_sepaDebit_success_de", "pm_sepaDebit_failedDelayed_de", "pm_card_createMultipleDisputes"),
    ]
)
NO_REDIRECTS = {
    "automatic_payment_methods[enabled]": "true",
    "automatic_payment_methods[allow_redirects]": "never",
}
ACCEPTED = {"mandate_data[customer_acceptance][type]": "offline"}
AMOUNTS = st.sampled_from(["50", "99", "1099", "2000", "99999999", "1", "-1", ""])
CURRENCIES = st.sampled_from(["usd", "usd", "eur", "jpy", "kwd"])
KEYS = st.sampled_from(["", "", "k1", "k2"])
EVIDENCE = st.sampled_from(["winning_evidence", "losing_evidence", "escalate_inquiry_evidence", "hats"])
LISTS = st.sampled_from(
    [
        *("balance_transactions", "charges", "customers", "disputes", "events", "payment_intents", "payouts"),
        *("radar/early_fraud_warnings", "refunds", "reviews", "setup_intents", "webhook_endpoints"),
    ]
)


class Account(RuleBasedStateMachine):
    intents, setups = Bundle("intents"), Bundle("setups")
    customers, refunds, payouts = Bundle("customers"), Bundle("refunds"), Bundle("payouts")

    def __init__(self) -> None:
        super().__init__()
        self.merchant = Merchant()

    def post(self, path: str, *, key: str = "", **params: str) -> dict[str, Any]:
        answer = self.merchant.ask("POST", f"/v1/{path}", params, key=key)
        note(f"{path} {params} -> {answer.get('id') or answer.get('error', {}).get('message')}")
        return answer

    @rule(target=customers)
    def welcome(self) -> str:
        return str(self.post("customers", email="ada@example.com")["id"])

    @rule(customer=customers)
    def forget(self, customer: str) -> None:
        self.merchant.ask("DELETE", f"/v1/customers/{customer}", {})

    @rule(customer=customers, card=CARDS)
    def save(self, customer: str, card: str) -> None:
        self.post(f"payment_methods/{card}/attach", customer=customer)

    @rule(
        target=intents,
        card=CARDS,
        amount=AMOUNTS,
        currency=CURRENCIES,
        how=st.sampled_from(["automatic", "automatic_async", "manual"]),
        confirm=st.sampled_from(["true", "true", "false"]),
        key=KEYS,
    )
    def charge(self, card: str, amount: str, currency: str, how: str, confirm: str, key: str) -> str:
        said = {"amount": amount, "currency": currency, "payment_method": card, "capture_method": how}
        if confirm == "true" and "pm_card" not in card:
            said |= ACCEPTED
        answer = self.post("payment_intents", key=key, confirm=confirm, **said, **NO_REDIRECTS)
        known: str = answer.get("id") or answer["error"].get("payment_intent", {}).get("id", "pi_none")
        return known

    @rule(intent=intents, card=CARDS)
    def confirm(self, intent: str, card: str) -> None:
        self.post(f"payment_intents/{intent}/confirm", payment_method=card)

    @rule(intent=intents, amount=AMOUNTS, key=KEYS)
    def capture(self, intent: str, amount: str, key: str) -> None:
        self.post(f"payment_intents/{intent}/capture", key=key, amount_to_capture=amount)

    @rule(intent=intents)
    def cancel(self, intent: str) -> None:
        self.post(f"payment_intents/{intent}/cancel")

    @rule(intent=intents, amount=AMOUNTS)
    def change(self, intent: str, amount: str) -> None:
        self.post(f"payment_intents/{intent}", amount=amount, description="hats")

    @rule(target=refunds, intent=intents, amount=AMOUNTS, key=KEYS)
    def refund(self, intent: str, amount: str, key: str) -> str:
        email = "ada@example.com"
        answer = self.post("refunds", key=key, payment_intent=intent, amount=amount, instructions_email=email)
        return str(answer.get("id", "re_none"))

    @rule(refund=refunds)
    def call_refund_off(self, refund: str) -> None:
        self.post(f"refunds/{refund}/cancel")

    @rule(intent=intents | setups, approve=st.booleans())
    def authenticate(self, intent: str, approve: bool) -> None:
        try:
            self.merchant.sandbox.authenticate(intent, approve=approve)
        except StripeError as nothing_to_approve:
            note(str(nothing_to_approve))

    @rule(target=setups, card=CARDS, customer=customers, confirm=st.sampled_from(["true", "false"]))
    def set_up(self, card: str, customer: str, confirm: str) -> str:
        said = ACCEPTED if confirm == "true" and "pm_card" not in card else {}
        answer = self.post(
            "setup_intents", payment_method=card, customer=customer, confirm=confirm, **said, **NO_REDIRECTS
        )
        known: str = answer.get("id") or answer["error"].get("setup_intent", {}).get("id", "seti_none")
        return known

    @rule(setup=setups, verb=st.sampled_from(["confirm", "cancel"]))
    def go_on(self, setup: str, verb: str) -> None:
        self.post(f"setup_intents/{setup}/{verb}")

    @rule(text=EVIDENCE, submit=st.sampled_from(["true", "false"]), which=st.integers(0, 3))
    def dispute(self, text: str, submit: str, which: int) -> None:
        for dispute in self.listed("disputes")[which : which + 1]:
            said = {"evidence[uncategorized_text]": text, "submit": submit}
            self.post(f"disputes/{dispute['id']}", **said)

    @rule(which=st.integers(0, 3))
    def give_in(self, which: int) -> None:
        for dispute in self.listed("disputes")[which : which + 1]:
            self.post(f"disputes/{dispute['id']}/close")

    @rule()
    def approve(self) -> None:
        for review in self.listed("reviews")[:1]:
            self.post(f"reviews/{review['id']}/approve")

    @rule(target=payouts, amount=AMOUNTS, currency=CURRENCIES, key=KEYS)
    def pay_out(self, amount: str, currency: str, key: str) -> str:
        return str(self.post("payouts", key=key, amount=amount, currency=currency).get("id", "po_none"))

    @rule(payout=payouts, verb=st.sampled_from(["cancel", "reverse"]))
    def undo(self, payout: str, verb: str) -> None:
        self.post(f"payouts/{payout}/{verb}")

    @rule(
        payouts=st.sampled_from(["manual", "daily", "weekly"]),
        draw_on=st.sampled_from(["anything", "available", "available_and_pending"]),
        instruct=st.booleans(),
    )
    def agree(self, payouts: Any, draw_on: Any, instruct: bool) -> None:
        policy = Policy(payouts=payouts, refunds_draw_on=draw_on, refunds_by_instruction=instruct)
        self.merchant.sandbox.agree(policy)

    @rule(name=LISTS, limit=st.sampled_from(["1", "10", "100"]))
    def look(self, name: str, limit: str) -> None:
        self.merchant.ask("GET", f"/v1/{name}", {"limit": limit})

    @rule(seconds=st.sampled_from([1, 2, 5, 200, 86_400, 8 * 86_400, 91 * 86_400]))
    def wait(self, seconds: int) -> None:
        self.merchant.sandbox.advance(seconds)

    @rule()
    def restart(self) -> None:
        self.merchant.restart()

    @rule()
    def ask_again(self) -> None:
        twice = self.merchant.repeat()
        if twice is not None:
            assert twice[0].body == twice[1].body or twice[0].status in (400, 404)

    def listed(self, name: str) -> list[dict[str, Any]]:
        return list(self.merchant.ask("GET", f"/v1/{name}", {"limit": "10"})["data"])

    @invariant()
    def the_balance_adds_up(self) -> None:
        assert self.merchant.imbalance() is None

    @invariant()
    def no_more_is_refunded_than_was_captured(self) -> None:
        assert self.merchant.wrong_charges() == []

    @invariant()
    def payouts_add_up(self) -> None:
        assert self.merchant.wrong_payouts() == []

    @invariant()
    def events_tell_of_objects_as_stripe_has_them(self) -> None:
        assert self.merchant.odd_events() == []


Account.TestCase.settings = settings(
    max_examples=2_000 if LONG else 10,
    stateful_step_count=60 if LONG else 25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
TestAccount = Account.TestCase
