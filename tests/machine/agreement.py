"""What Stripe and the book must tell alike when all is quiet: payments, refunds, disputes, saved methods."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from sqlmodel import select

from azpay.payments import PaymentStatus, RefundStatus, methods
from azpay.payments.dispute_transitions import weightiest
from azpay.payments.objections import Dispute, DisputeStatus
from tests.e2e.oracle import STATUSES
from tests.machine.truths import returned_there

if TYPE_CHECKING:
    from azpay.payments import Payment
    from tests.machine.merchant import Merchant
    from tests.machine.truths import Moment


def assert_all_is_told(now: Moment) -> None:
    """Stripe and the book tell the same of every payment and refund; what never reached it is failed."""
    told = {
        payment.payment_intent: (_word(payment), payment.amount_captured, payment.amount_refunded)
        for payment in now.payments.values()
        if (payment.status, payment.payment_intent) != (PaymentStatus.FAILED, None)
    }
    returned = returned_there(now)
    assert told == {
        each["id"]: (
            STATUSES.get(each["status"], each["status"]),
            each["amount_received"],
            returned[each["id"]],
        )
        for each in now.intents_there
    }
    back = {
        refund.refund: (str(refund.status), refund.amount)
        for refund in now.refunds.values()
        if (refund.status, refund.refund) != (RefundStatus.FAILED, None)
    }
    assert back == {each["id"]: (each["status"], each["amount"]) for each in now.refunds_there}


def _word(payment: Payment) -> str:
    return "requires_payment_method" if payment.status is PaymentStatus.FAILED else str(payment.status)


def assert_disputes_are_told(merchant: Merchant, now: Moment) -> None:
    """Each as Stripe has it, and each payment as the weightiest of its own makes it."""
    with merchant.db.reading() as session:
        here = {each.dispute: each for each in session.exec(select(Dispute))}
    there = merchant.disputes_there()
    assert {each.dispute: (str(each.status), each.amount, each.refundable) for each in here.values()} == {
        each["id"]: (each["status"], each["amount"], each["is_charge_refundable"]) for each in there
    }
    for payment in now.payments.values():
        of_it = [each["status"] for each in there if each["payment_intent"] == payment.payment_intent]
        assert payment.dispute == weightiest([DisputeStatus(status) for status in of_it])


def assert_methods_are_told(merchant: Merchant) -> None:
    """What is attached is saved and nothing else, with the same defaults; no e-mail has two customers."""
    attached = {each["id"] for each in merchant.stripe.payment_methods if each["customer"]}
    saved = {each.payment_method for each in methods.saved(merchant.db)}
    assert saved == attached
    customers = merchant.stripe.customers
    chosen = {each["invoice_settings"]["default_payment_method"] for each in customers} - {None}
    assert methods.defaults(merchant.db) == chosen
    assert set(Counter(each["email"] for each in customers).values()) <= {1}
