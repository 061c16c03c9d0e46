"""A decline leaves a payment intent open at Stripe: the next attempt for its reference goes on with it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from azpay.gateway import AnswerLost, CardDeclined, NoSuchObject, WrongState
from azpay.operations import Resolver, State
from azpay.payments import Payment, PaymentStatus, SuspectedDuplicate, cancel, charge, story
from tests.operations.journals import the_operations, the_payments
from tests.sandbox.orders import order
from tests.support.builders import a_charge
from tests.support.meddling import meddled_gateway

if TYPE_CHECKING:
    from azpay.bootstrap import Azpay
    from azpay.sandbox import Sandbox
    from tests.support.clock import Clock
    from tests.support.webhooks import Webhooks

BROKE = "pm_card_visa_chargeDeclinedInsufficientFunds"


def pay(azpay: Azpay, method: str = "pm_card_visa", **wanted: Any) -> Payment:
    request = a_charge(payment_method=method, **{"reference": "order-1", **wanted})
    return charge(azpay.db, azpay.gateway, request, now=azpay.now())


@pytest.fixture
def declined(azpay: Azpay) -> Payment:
    """The payment of a first attempt."""
    with pytest.raises(CardDeclined):
        pay(azpay, BROKE)
    return the_payments(azpay.db)[0]


def settle(azpay: Azpay) -> None:
    resolver = Resolver(azpay.db, azpay.gateway, azpay.errands, azpay.chance)
    resolver.run(clock=azpay.now, stopping=lambda: False)


def test_the_next_attempt_confirms_the_same_payment_intent(
    azpay: Azpay, stripe: Sandbox, clock: Clock, declined: Payment
) -> None:
    clock.advance(minutes=1)

    payment = pay(azpay)

    assert (payment.id, payment.status) == (declined.id, PaymentStatus.SUCCEEDED)
    assert payment.failure_code is None
    assert len(stripe.payment_intents) == 1
    states = [operation.state for operation in story(azpay.db, "order-1").operations]
    keys = {operation.idempotency_key for operation in the_operations(azpay.db)}
    assert states == [State.FAILED, State.SUCCEEDED]
    assert len(keys) == 2


def test_a_second_decline_is_another_attempt_at_the_same(
    azpay: Azpay, stripe: Sandbox, declined: Payment
) -> None:
    with pytest.raises(CardDeclined):
        pay(azpay, "pm_card_chargeDeclinedExpiredCard")

    [payment] = the_payments(azpay.db)
    assert (payment.id, payment.failure_code) == (declined.id, "expired_card")
    assert len(stripe.payment_intents) == 1
    assert pay(azpay).status is PaymentStatus.SUCCEEDED


def test_the_next_attempt_may_hold_instead_of_take(azpay: Azpay, declined: Payment) -> None:
    payment = pay(azpay, authorize_only=True)

    assert (payment.id, payment.status) == (declined.id, PaymentStatus.AUTHORIZED)


@pytest.mark.parametrize("changed", [{"reference": "order-2"}, {"reference": None}, {"amount": 501}])
def test_what_is_not_the_same_gets_a_payment_intent_of_its_own(
    azpay: Azpay, stripe: Sandbox, declined: Payment, changed: dict[str, Any]
) -> None:
    payment = pay(azpay, **changed)

    assert payment.id != declined.id
    assert len(stripe.payment_intents) == 2


def test_a_canceled_payment_is_not_gone_on_with(azpay: Azpay, stripe: Sandbox, declined: Payment) -> None:
    cancel(azpay.db, azpay.gateway, declined.id, now=azpay.now())

    assert pay(azpay).id != declined.id
    assert len(stripe.payment_intents) == 2


def test_one_that_was_canceled_elsewhere_is_found_out(
    azpay: Azpay, stripe: Sandbox, declined: Payment
) -> None:
    azpay.gateway.cancel_payment_intent(str(declined.payment_intent), None, key="elsewhere")

    with pytest.raises(WrongState):
        pay(azpay)

    assert [payment.status for payment in the_payments(azpay.db)] == [PaymentStatus.CANCELED]
    assert pay(azpay).status is PaymentStatus.SUCCEEDED


def test_a_refusal_that_is_no_decline_leaves_the_payment_failed(azpay: Azpay, declined: Payment) -> None:
    with pytest.raises(NoSuchObject):
        pay(azpay, "pm_nowhere_to_be_found")

    assert [payment.status for payment in the_payments(azpay.db)] == [PaymentStatus.FAILED]


def test_a_lost_answer_is_unknown_and_settles_by_itself(
    azpay: Azpay, stripe: Sandbox, clock: Clock, declined: Payment
) -> None:
    stripe.drop_next_answer(times=4)
    with pytest.raises(AnswerLost):
        pay(azpay)
    meanwhile = the_payments(azpay.db)[0].status
    with pytest.raises(SuspectedDuplicate):
        pay(azpay, "pm_card_mastercard")
    clock.advance(minutes=2)

    settle(azpay)

    assert meanwhile is PaymentStatus.UNKNOWN
    assert [payment.status for payment in the_payments(azpay.db)] == [PaymentStatus.SUCCEEDED]
    assert [charge["status"] for charge in stripe.charges].count("succeeded") == 1


@pytest.mark.parametrize("arrived", [True, False])
def test_an_old_attempt_is_looked_up(
    azpay: Azpay, stripe: Sandbox, clock: Clock, declined: Payment, arrived: bool
) -> None:
    (stripe.drop_next_answer if arrived else stripe.drop_next_request)(times=4)
    with pytest.raises(AnswerLost):
        pay(azpay)
    clock.advance(hours=24)

    settle(azpay)

    expected = PaymentStatus.SUCCEEDED if arrived else PaymentStatus.FAILED
    assert [payment.status for payment in the_payments(azpay.db)] == [expected]
    assert all(operation.settled_at for operation in the_operations(azpay.db))


def test_an_event_settles_an_attempt_whose_answer_was_lost(
    azpay: Azpay, stripe: Sandbox, clock: Clock, webhooks: Webhooks, declined: Payment
) -> None:
    clock.advance(minutes=10)
    stripe.drop_next_answer(times=4)
    with pytest.raises(AnswerLost):
        pay(azpay)

    webhooks.arrive()

    assert [payment.status for payment in the_payments(azpay.db)] == [PaymentStatus.SUCCEEDED]
    assert [operation.state for operation in the_operations(azpay.db)] == [State.FAILED, State.SUCCEEDED]


def test_an_answer_that_stripe_repeats_under_the_key_undoes_no_news(
    azpay: Azpay, stripe: Sandbox, clock: Clock, webhooks: Webhooks, declined: Payment
) -> None:
    clock.advance(minutes=10)
    stripe.drop_next_answer(times=4)
    with pytest.raises(AnswerLost):
        pay(azpay, "pm_card_authenticationRequired")
    clock.advance(minutes=10)
    order(stripe, "authenticate", payment_intent=declined.payment_intent, approve=False)
    webhooks.arrive()

    settle(azpay)

    assert [payment.status for payment in the_payments(azpay.db)] == [PaymentStatus.FAILED]
    assert [operation.state for operation in the_operations(azpay.db)] == [State.FAILED, State.FAILED]


def test_of_two_attempts_without_an_answer_one_paid(
    azpay: Azpay, stripe: Sandbox, clock: Clock, webhooks: Webhooks, declined: Payment
) -> None:
    for method in ("pm_card_chargeDeclinedExpiredCard", "pm_card_visa"):
        clock.advance(minutes=10)
        stripe.drop_next_answer(times=4)
        with pytest.raises(AnswerLost):
            pay(azpay, method)
        webhooks.arrive()
    clock.advance(minutes=2)

    settle(azpay)

    assert [payment.status for payment in the_payments(azpay.db)] == [PaymentStatus.SUCCEEDED]
    assert [operation.state for operation in the_operations(azpay.db)] == [
        State.FAILED,
        State.FAILED,
        State.SUCCEEDED,
    ]


def test_what_a_later_attempt_took_does_not_settle_an_earlier_one(
    azpay: Azpay, stripe: Sandbox, clock: Clock, webhooks: Webhooks, declined: Payment
) -> None:
    clock.advance(minutes=10)
    stripe.drop_next_answer(times=4)
    with pytest.raises(AnswerLost):
        pay(azpay, "pm_card_chargeDeclinedExpiredCard")
    webhooks.arrive()
    clock.advance(minutes=10)
    pay(azpay)

    webhooks.arrive()

    states = [operation.state for operation in the_operations(azpay.db)]
    assert states == [State.FAILED, State.UNKNOWN, State.SUCCEEDED]
    settle(azpay)
    assert the_operations(azpay.db)[1].state is State.FAILED


def test_one_attempt_among_two_at_once_is_taken(azpay: Azpay, stripe: Sandbox, declined: Payment) -> None:
    def another_card() -> None:
        pay(azpay, "pm_card_mastercard", allow_duplicate=True)

    slow = replace(azpay, gateway=meddled_gateway(stripe, before=another_card))

    first = pay(slow, "pm_card_visa")

    succeeded = [payment for payment in the_payments(azpay.db) if payment.status is PaymentStatus.SUCCEEDED]
    assert first.id == declined.id
    assert len(succeeded) == 2
