"""Taking money: once, and on record, whatever happens in between."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlmodel import select

from azpay import operations
from azpay.gateway import AnswerLost, CardDeclined, NoSuchObject, StripeUnavailable
from azpay.operations import Operation, State
from azpay.payments import (
    Payment,
    PaymentStatus,
    RequestInvalid,
    SuspectedDuplicate,
    charge,
)
from tests.operations import journals
from tests.support.builders import a_charge

if TYPE_CHECKING:
    from azpay.bootstrap import Azpay
    from azpay.sandbox import Sandbox
    from tests.support.clock import Clock


def the_operations(azpay: Azpay) -> list[Operation]:
    with azpay.db.reading() as session:
        return list(session.exec(select(Operation)))


def the_payments(azpay: Azpay) -> list[Payment]:
    return journals.the_payments(azpay.db)


def test_a_charge_that_succeeds_is_on_record_with_its_card(azpay: Azpay, stripe: Sandbox) -> None:
    payment = charge(azpay.db, azpay.gateway, a_charge(1999, reference="order-1"), now=azpay.now())

    assert payment.status is PaymentStatus.SUCCEEDED
    assert (payment.amount, payment.amount_captured, payment.currency) == (1999, 1999, "usd")
    assert (payment.card_brand, payment.card_last4) == ("visa", "4242")
    assert the_payments(azpay) == [payment]
    assert stripe.payment_intents[0]["metadata"]["azpay_payment"] == payment.id
    assert [operation.state for operation in the_operations(azpay)] == [State.SUCCEEDED]


def test_a_lost_answer_does_not_charge_twice(azpay: Azpay, stripe: Sandbox) -> None:
    stripe.drop_next_answer(times=4)
    with pytest.raises(AnswerLost) as lost:
        charge(azpay.db, azpay.gateway, a_charge(), now=azpay.now())
    assert lost.value.operation == the_operations(azpay)[0].id
    assert the_payments(azpay)[0].status is PaymentStatus.UNKNOWN

    payment = charge(azpay.db, azpay.gateway, a_charge(), now=azpay.now())

    assert payment.status is PaymentStatus.SUCCEEDED
    assert len(stripe.charges) == 1
    assert len(the_payments(azpay)) == 1


def test_an_answer_lost_once_is_asked_for_again_at_once(azpay: Azpay, stripe: Sandbox) -> None:
    stripe.drop_next_answer()

    payment = charge(azpay.db, azpay.gateway, a_charge(), now=azpay.now())

    assert payment.status is PaymentStatus.SUCCEEDED
    assert len(stripe.charges) == 1


def test_a_decline_is_on_record_with_its_payment_intent(azpay: Azpay, stripe: Sandbox) -> None:
    declined = a_charge(payment_method="pm_card_visa_chargeDeclinedInsufficientFunds")

    with pytest.raises(CardDeclined) as error:
        charge(azpay.db, azpay.gateway, declined, now=azpay.now())

    payment = the_payments(azpay)[0]
    assert error.value.decline_code == "insufficient_funds"
    assert payment.status is PaymentStatus.FAILED
    assert payment.failure_code == "insufficient_funds"
    assert payment.payment_intent == stripe.payment_intents[0]["id"]
    assert [operation.state for operation in the_operations(azpay)] == [State.FAILED]


def test_the_reason_of_a_stolen_card_is_hidden_from_the_customer(azpay: Azpay) -> None:
    stolen = a_charge(payment_method="pm_card_visa_chargeDeclinedStolenCard")

    with pytest.raises(CardDeclined) as error:
        charge(azpay.db, azpay.gateway, stolen, now=azpay.now())

    assert error.value.decline_code == "stolen_card"
    assert "stolen" not in error.value.for_customer


def test_the_same_charge_within_ten_minutes_is_a_suspected_duplicate(azpay: Azpay, clock: Clock) -> None:
    charge(azpay.db, azpay.gateway, a_charge(reference="order-1"), now=azpay.now())
    clock.advance(minutes=9)

    with pytest.raises(SuspectedDuplicate):
        charge(azpay.db, azpay.gateway, a_charge(reference="order-1"), now=azpay.now())

    assert len(the_payments(azpay)) == len(the_operations(azpay)) == 1


@pytest.mark.parametrize("changed", [{"reference": "order-2"}, {"amount": 501}, {"currency": "eur"}])
def test_another_charge_is_no_duplicate(azpay: Azpay, changed: dict[str, object]) -> None:
    charge(azpay.db, azpay.gateway, a_charge(reference="order-1"), now=azpay.now())

    charge(azpay.db, azpay.gateway, a_charge(**{"reference": "order-1", **changed}), now=azpay.now())  # type: ignore[arg-type]

    assert len(the_payments(azpay)) == 2


def test_a_duplicate_is_allowed_when_asked_for_or_later(azpay: Azpay, stripe: Sandbox, clock: Clock) -> None:
    charge(azpay.db, azpay.gateway, a_charge(), now=azpay.now())
    charge(azpay.db, azpay.gateway, a_charge(allow_duplicate=True), now=azpay.now())
    clock.advance(minutes=11)

    charge(azpay.db, azpay.gateway, a_charge(), now=azpay.now())

    assert len(stripe.charges) == 3


def test_a_declined_charge_may_be_tried_again_at_once(azpay: Azpay, stripe: Sandbox) -> None:
    with pytest.raises(CardDeclined):
        charge(
            azpay.db,
            azpay.gateway,
            a_charge(payment_method="pm_card_chargeDeclinedExpiredCard"),
            now=azpay.now(),
        )

    payment = charge(azpay.db, azpay.gateway, a_charge(), now=azpay.now())

    assert payment.status is PaymentStatus.SUCCEEDED


def test_the_same_key_returns_the_same_payment(azpay: Azpay, stripe: Sandbox) -> None:
    first = charge(azpay.db, azpay.gateway, a_charge(idempotency_key="invoice-7"), now=azpay.now())

    again = charge(azpay.db, azpay.gateway, a_charge(idempotency_key="invoice-7"), now=azpay.now())

    assert again.id == first.id
    assert len(stripe.charges) == 1


def test_the_same_key_with_another_amount_is_refused_before_it_is_sent(azpay: Azpay, stripe: Sandbox) -> None:
    charge(azpay.db, azpay.gateway, a_charge(idempotency_key="invoice-7"), now=azpay.now())

    with pytest.raises(operations.KeyTaken):
        charge(azpay.db, azpay.gateway, a_charge(900, idempotency_key="invoice-7"), now=azpay.now())

    assert len(stripe.payment_intents) == 1


def test_the_same_key_after_a_decline_gets_the_same_answer(azpay: Azpay, stripe: Sandbox) -> None:
    stolen = a_charge(payment_method="pm_card_visa_chargeDeclinedStolenCard", idempotency_key="invoice-7")
    with pytest.raises(CardDeclined) as first:
        charge(azpay.db, azpay.gateway, stolen, now=azpay.now())

    with pytest.raises(CardDeclined) as again:
        charge(azpay.db, azpay.gateway, stolen, now=azpay.now())

    assert again.value.message == first.value.message
    assert again.value.for_customer == first.value.for_customer
    assert again.value.operation == first.value.operation
    assert len(stripe.payment_intents) == 1


def test_the_same_key_after_a_refusal_says_that_it_failed(azpay: Azpay) -> None:
    unheard_of = a_charge(payment_method="pm_unheard_of", idempotency_key="invoice-7")
    with pytest.raises(NoSuchObject):
        charge(azpay.db, azpay.gateway, unheard_of, now=azpay.now())

    with pytest.raises(operations.FailedBefore):
        charge(azpay.db, azpay.gateway, unheard_of, now=azpay.now())


def test_an_e_mail_that_nobody_has_makes_no_customer_when_no_method_is_named(
    azpay: Azpay, stripe: Sandbox
) -> None:
    mistyped = a_charge(payment_method=None, customer="aad@example.com")

    with pytest.raises(RequestInvalid, match=r"aad@example\.com has no default payment method"):
        charge(azpay.db, azpay.gateway, mistyped, now=azpay.now())

    assert list(stripe.customers) == []


def test_stripe_out_of_service_leaves_a_failed_payment_and_no_open_operation(
    azpay: Azpay, stripe: Sandbox
) -> None:
    stripe.fail_next(429, "rate_limit", times=4)

    with pytest.raises(StripeUnavailable):
        charge(azpay.db, azpay.gateway, a_charge(), now=azpay.now())

    assert the_payments(azpay)[0].status is PaymentStatus.FAILED
    assert [operation.state for operation in the_operations(azpay)] == [State.FAILED]


def test_a_stored_500_is_an_unknown_outcome(azpay: Azpay, stripe: Sandbox) -> None:
    stripe.fail_next(500, store=True)

    with pytest.raises(AnswerLost):
        charge(azpay.db, azpay.gateway, a_charge(), now=azpay.now())

    assert [operation.state for operation in the_operations(azpay)] == [State.UNKNOWN]


def test_an_open_charge_older_than_23_hours_is_looked_up_and_never_sent_again(
    azpay: Azpay, stripe: Sandbox, clock: Clock
) -> None:
    stripe.drop_next_answer(times=4)
    with pytest.raises(AnswerLost):
        charge(azpay.db, azpay.gateway, a_charge(), now=azpay.now())
    clock.advance(hours=25)

    payment = charge(azpay.db, azpay.gateway, a_charge(), now=azpay.now())

    assert payment.status is PaymentStatus.SUCCEEDED
    assert len(stripe.payment_intents) == 1


def test_an_old_open_charge_that_never_reached_stripe_is_settled_as_never_happened(
    azpay: Azpay, stripe: Sandbox, clock: Clock
) -> None:
    stripe.drop_next_request(times=4)
    with pytest.raises(AnswerLost):
        charge(azpay.db, azpay.gateway, a_charge(), now=azpay.now())
    clock.advance(hours=25)

    with pytest.raises(operations.NeverHappened):
        charge(azpay.db, azpay.gateway, a_charge(), now=azpay.now())

    assert stripe.payment_intents == []
    assert the_payments(azpay)[0].status is PaymentStatus.FAILED


def test_a_customer_by_email_is_made_once_and_charged_by_default_method(
    azpay: Azpay, stripe: Sandbox
) -> None:
    from azpay.payments import methods

    saved = methods.add(azpay.db, azpay.gateway, "pm_card_mastercard", "ada@example.com", now=azpay.now())
    methods.make_default(azpay.db, azpay.gateway, saved.payment_method, now=azpay.now())

    payment = charge(
        azpay.db, azpay.gateway, a_charge(payment_method=None, customer="ada@example.com"), now=azpay.now()
    )

    assert payment.customer == saved.customer
    assert payment.payment_method == saved.payment_method
    assert len(stripe.customers) == 1


def test_a_customer_without_a_default_method_is_not_charged(azpay: Azpay, stripe: Sandbox) -> None:
    with pytest.raises(RequestInvalid, match="no default payment method"):
        charge(
            azpay.db,
            azpay.gateway,
            a_charge(payment_method=None, customer="ada@example.com"),
            now=azpay.now(),
        )

    assert stripe.payment_intents == []
