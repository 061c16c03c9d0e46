"""What must be so after anything: Stripe and the book tell the same, each thing once, and all sums agree."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.e2e.shop import Shop

STATUSES = {"requires_capture": "authorized"}


def assert_all_is_told(shop: Shop) -> None:
    intents = shop.all_at_stripe("payment_intents")
    here = shop.on_record()
    at_stripe = {
        intent["id"]: (STATUSES.get(intent["status"], intent["status"]), intent["amount_received"])
        for intent in intents
    }
    on_record = {payment.payment_intent: (str(payment.status), payment.amount_captured) for payment in here}
    assert on_record == at_stripe
    assert len(here) == len(intents)
    assert len(saved_methods(shop)) == len(shop.all_at_stripe("customers"))  # no e-mail twice
    assert refunds_on_record(shop) == refunds_at_stripe(shop)
    assert shop.wrong_sums() == []
    assert shop.unsettled() == []


def refunds_at_stripe(shop: Shop) -> dict[str, tuple[str, int]]:
    return {refund["id"]: (refund["status"], refund["amount"]) for refund in shop.all_at_stripe("refunds")}


def refunds_on_record(shop: Shop) -> dict[str | None, tuple[str, int]]:
    return {refund.refund: (str(refund.status), refund.amount) for refund in shop.refunds_on_record()}


def saved_methods(shop: Shop) -> dict[str, int]:
    """How many methods are attached to each customer, by e-mail."""
    return {
        customer["email"]: len(shop.all_at_stripe(f"customers/{customer['id']}/payment_methods"))
        for customer in shop.all_at_stripe("customers")
    }
