"""Waiting for a customer or a bank, and setting methods up with the customer's consent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from azpay import operations
from azpay.gateway import AnswerLost, CardDeclined
from azpay.payments import PaymentStatus, RequestInvalid, charge, methods, setups, waiting
from tests.sandbox.orders import order
from tests.support.builders import a_charge

if TYPE_CHECKING:
    from collections.abc import Callable

    from azpay.bootstrap import Azpay
    from azpay.payments import Payment
    from azpay.payments.models import SetupIntent
    from azpay.sandbox import Sandbox
    from tests.support.webhooks import Webhooks

ASKS = "pm_card_authenticationRequired"
THANKS = "https://shop.example/thanks"
ADA = "ada@example.com"


class Watch:
    """Time that passes only while somebody pauses; something happens at one moment of it."""

    def __init__(self, at: int = 0, happens: Callable[[], object] = lambda: None) -> None:
        self.passed, self.at, self.happens = 0.0, at, happens

    def patience(self, seconds: int) -> waiting.Patience:
        return waiting.Patience(seconds, self.pause, lambda: self.passed)

    def pause(self, seconds: float) -> None:
        before, self.passed = self.passed, self.passed + seconds
        if before < self.at <= self.passed:
            self.happens()


def asked(azpay: Azpay) -> Payment:
    request = a_charge(payment_method=ASKS, return_url=THANKS)
    return charge(azpay.db, azpay.gateway, request, now=azpay.now())


def set_up(azpay: Azpay, method: str = ASKS, **wanted: str) -> SetupIntent:
    return setups.set_up(azpay.db, azpay.gateway, method, ADA, return_url=THANKS, now=azpay.now(), **wanted)


def test_a_charge_that_the_bank_asks_about_has_a_link(azpay: Azpay) -> None:
    payment = asked(azpay)

    assert payment.status is PaymentStatus.REQUIRES_ACTION
    assert payment.next_action_url is not None
    assert "/_3ds/pi_" in payment.next_action_url


def test_waiting_ends_with_the_customer_s_yes(azpay: Azpay, stripe: Sandbox) -> None:
    payment = asked(azpay)
    watch = Watch(7, lambda: order(stripe, "authenticate", payment_intent=payment.payment_intent))

    decided = waiting.decided(azpay.db, azpay.gateway, payment, watch.patience(60), now=azpay.now)

    assert (decided.status, decided.amount_captured) == (PaymentStatus.SUCCEEDED, 500)
    assert watch.passed < 15


def test_waiting_ends_with_the_customer_s_no(azpay: Azpay, stripe: Sandbox) -> None:
    payment = asked(azpay)
    no = {"payment_intent": payment.payment_intent, "approve": False}
    watch = Watch(3, lambda: order(stripe, "authenticate", **no))

    with pytest.raises(CardDeclined, match="payment_intent_authentication_failure"):
        waiting.decided(azpay.db, azpay.gateway, payment, watch.patience(60), now=azpay.now)


def test_waiting_ends_when_patience_does(azpay: Azpay) -> None:
    watch = Watch()

    undecided = waiting.decided(azpay.db, azpay.gateway, asked(azpay), watch.patience(20), now=azpay.now)

    assert (undecided.status, watch.passed) == (PaymentStatus.REQUIRES_ACTION, 20)


def test_what_a_webhook_told_ends_the_waiting_without_asking_stripe(
    azpay: Azpay, stripe: Sandbox, webhooks: Webhooks
) -> None:
    payment = asked(azpay)

    def told() -> None:
        order(stripe, "authenticate", payment_intent=payment.payment_intent)
        webhooks.arrive()
        stripe.fail_next(500, times=50)

    decided = waiting.decided(azpay.db, azpay.gateway, payment, Watch(1, told).patience(9), now=azpay.now)

    assert decided.status is PaymentStatus.SUCCEEDED


def test_a_stripe_that_cannot_be_reached_is_waited_for_as_well(azpay: Azpay, stripe: Sandbox) -> None:
    payment = asked(azpay)

    def trouble() -> None:
        order(stripe, "authenticate", payment_intent=payment.payment_intent)
        stripe.fail_next(503, times=4)

    decided = waiting.decided(azpay.db, azpay.gateway, payment, Watch(1, trouble).patience(30), now=azpay.now)

    assert decided.status is PaymentStatus.SUCCEEDED


def test_a_payment_that_is_decided_is_not_waited_for(azpay: Azpay) -> None:
    paid = charge(azpay.db, azpay.gateway, a_charge(), now=azpay.now())
    watch = Watch()

    decided = waiting.decided(azpay.db, azpay.gateway, paid, watch.patience(60), now=azpay.now)

    assert (decided.status, watch.passed) == (PaymentStatus.SUCCEEDED, 0)


def test_a_method_that_needs_no_confirmation_is_saved_at_once(azpay: Azpay) -> None:
    done = set_up(azpay, "pm_card_visa")

    saved = setups.saved_by(azpay.db, azpay.gateway, done, now=azpay.now())

    assert done.status is PaymentStatus.SUCCEEDED
    assert [each.payment_method for each in methods.saved(azpay.db)] == [saved.payment_method]
    assert saved.customer == done.customer


def test_a_method_that_its_owner_confirms_is_saved_then(azpay: Azpay, stripe: Sandbox) -> None:
    setup = set_up(azpay)
    before = methods.saved(azpay.db)
    watch = Watch(5, lambda: order(stripe, "authenticate", setup_intent=setup.setup_intent))

    done = waiting.decided(azpay.db, azpay.gateway, setup, watch.patience(60), now=azpay.now)
    setups.saved_by(azpay.db, azpay.gateway, done, now=azpay.now())

    assert (setup.status, before) == (PaymentStatus.REQUIRES_ACTION, [])
    assert "/_3ds/seti_" in str(setup.next_action_url)
    assert [each.last4 for each in methods.saved(azpay.db)] == ["3184"]


def test_a_method_whose_owner_refuses_is_not_saved(azpay: Azpay, stripe: Sandbox) -> None:
    setup = set_up(azpay)
    no = {"setup_intent": setup.setup_intent, "approve": False}
    watch = Watch(2, lambda: order(stripe, "authenticate", **no))

    with pytest.raises(CardDeclined, match="setup_intent_authentication_failure"):
        waiting.decided(azpay.db, azpay.gateway, setup, watch.patience(60), now=azpay.now)

    assert methods.saved(azpay.db) == []


def test_a_setup_that_waits_is_gone_on_with(azpay: Azpay, stripe: Sandbox) -> None:
    first = set_up(azpay)

    again = set_up(azpay, str(first.payment_method))

    assert (again.id, again.setup_intent) == (first.id, first.setup_intent)


def test_a_lost_answer_sets_up_once(azpay: Azpay, stripe: Sandbox, webhooks: Webhooks) -> None:
    stripe.drop_next_answer(path="/v1/setup_intents", times=4)
    with pytest.raises(AnswerLost):
        set_up(azpay, "pm_card_visa")

    done = set_up(azpay, "pm_card_visa")
    webhooks.arrive()

    made = [event for event in stripe.events if event["type"] == "setup_intent.created"]
    assert (done.status, len(made)) == (PaymentStatus.SUCCEEDED, 1)


def test_what_says_nothing_of_the_first_request_settles_no_setup(azpay: Azpay, stripe: Sandbox) -> None:
    stripe.drop_next_request(path="/v1/setup_intents", times=4)
    with pytest.raises(AnswerLost):
        set_up(azpay, "pm_card_visa")
    stripe.fail_next(401, path="/v1/setup_intents")

    with pytest.raises(operations.StillUnknown):
        set_up(azpay, "pm_card_visa")
    done = set_up(azpay, "pm_card_visa")

    made = [event for event in stripe.events if event["type"] == "setup_intent.created"]
    assert (done.status, len(made)) == (PaymentStatus.SUCCEEDED, 1)


def test_what_is_asked_again_is_what_was_asked_first(azpay: Azpay, stripe: Sandbox) -> None:
    stripe.drop_next_answer(path="/v1/setup_intents", times=4)
    with pytest.raises(AnswerLost):
        set_up(azpay)
    elsewhere = "https://shop.example/elsewhere"

    again = setups.set_up(azpay.db, azpay.gateway, ASKS, ADA, return_url=elsewhere, now=azpay.now())

    assert "/_3ds/seti_" in str(again.next_action_url)


def test_a_method_that_the_bank_declines_is_not_saved(azpay: Azpay, webhooks: Webhooks) -> None:
    with pytest.raises(CardDeclined):
        set_up(azpay, "pm_card_chargeDeclined")
    webhooks.arrive()

    with azpay.db.reading() as session:
        from sqlmodel import select

        from azpay.payments.models import SetupIntent

        [row] = session.exec(select(SetupIntent)).all()
    assert (row.status, row.failure_code) == (PaymentStatus.FAILED, "generic_decline")
    assert methods.saved(azpay.db) == []


@pytest.mark.parametrize(
    "url", ["shop.example", "javascript:alert(1)", "https://shop.example/a b", "http://"]
)
def test_a_customer_comes_back_to_an_address_on_the_web(azpay: Azpay, url: str) -> None:
    with pytest.raises(RequestInvalid, match="come back to"):
        setups.set_up(azpay.db, azpay.gateway, ASKS, ADA, return_url=url, now=azpay.now())


@pytest.mark.parametrize("suffix", ["", "a" * 23, "12345", "a*b", "straße", "a<b", " a", "a\nb"])
def test_a_suffix_that_no_statement_can_show_is_refused(suffix: str) -> None:
    with pytest.raises(RequestInvalid, match="bank statement"):
        a_charge(statement_suffix=suffix)


def test_a_suffix_is_sent_to_stripe(azpay: Azpay, stripe: Sandbox) -> None:
    charge(azpay.db, azpay.gateway, a_charge(statement_suffix="ORDER 1001"), now=azpay.now())

    assert stripe.charges[0]["statement_descriptor_suffix"] == "ORDER 1001"
