"""Holding money first, and taking or releasing it later."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlmodel import select

from azpay.gateway import AnswerLost
from azpay.operations import Operation, State
from azpay.payments import (
    NotCancelable,
    NotCapturable,
    Payment,
    PaymentStatus,
    PaymentUnknown,
    RequestInvalid,
    cancel,
    capture,
    charge,
)
from tests.support.builders import a_charge

if TYPE_CHECKING:
    from azpay.bootstrap import Azpay
    from azpay.sandbox import Sandbox


@pytest.fixture
def held(azpay: Azpay) -> Payment:
    return charge(azpay.db, azpay.gateway, a_charge(1000, authorize_only=True), now=azpay.now())


def test_an_authorization_holds_and_takes_nothing(held: Payment, stripe: Sandbox) -> None:
    assert held.status is PaymentStatus.AUTHORIZED
    assert held.amount_captured == 0
    assert held.capture_before is not None
    assert stripe.charges[0]["captured"] is False


def test_capturing_takes_all_of_it(azpay: Azpay, held: Payment) -> None:
    payment = capture(azpay.db, azpay.gateway, held.id, now=azpay.now())

    assert payment.status is PaymentStatus.SUCCEEDED
    assert payment.amount_captured == 1000


def test_capturing_a_part_releases_the_rest(azpay: Azpay, held: Payment) -> None:
    payment = capture(azpay.db, azpay.gateway, held.id, 700, now=azpay.now())

    assert (payment.amount, payment.amount_captured) == (1000, 700)


@pytest.mark.parametrize("amount", [0, -1, 1001])
def test_an_amount_outside_the_authorization_is_refused(azpay: Azpay, held: Payment, amount: int) -> None:
    with pytest.raises(RequestInvalid, match="not within"):
        capture(azpay.db, azpay.gateway, held.id, amount, now=azpay.now())


def test_captured_already_is_success(azpay: Azpay, held: Payment) -> None:
    capture(azpay.db, azpay.gateway, held.id, now=azpay.now())

    again = capture(azpay.db, azpay.gateway, held.id, now=azpay.now())

    assert again.status is PaymentStatus.SUCCEEDED


def test_captured_elsewhere_is_success_and_on_record(azpay: Azpay, held: Payment) -> None:
    azpay.gateway.capture_payment_intent(str(held.payment_intent), 1000, key="someone-else")

    payment = capture(azpay.db, azpay.gateway, held.id, now=azpay.now())

    assert payment.status is PaymentStatus.SUCCEEDED
    assert payment.amount_captured == 1000


def test_a_lost_answer_captures_once(azpay: Azpay, stripe: Sandbox, held: Payment) -> None:
    stripe.drop_next_answer(times=4)
    with pytest.raises(AnswerLost):
        capture(azpay.db, azpay.gateway, held.id, now=azpay.now())

    payment = capture(azpay.db, azpay.gateway, held.id, now=azpay.now())

    assert payment.amount_captured == 1000
    with azpay.db.reading() as session:
        states = [each.state for each in session.exec(select(Operation).where(Operation.kind == "capture"))]
    assert states == [State.SUCCEEDED]


def test_a_payment_that_is_not_held_cannot_be_captured(azpay: Azpay, held: Payment) -> None:
    cancel(azpay.db, azpay.gateway, held.id, now=azpay.now())

    with pytest.raises(NotCapturable, match="canceled"):
        capture(azpay.db, azpay.gateway, held.id, now=azpay.now())


def test_canceling_releases_and_twice_is_once(azpay: Azpay, held: Payment) -> None:
    first = cancel(azpay.db, azpay.gateway, held.id, "requested_by_customer", now=azpay.now())

    again = cancel(azpay.db, azpay.gateway, held.id, now=azpay.now())

    assert first.status is again.status is PaymentStatus.CANCELED
    assert again.amount_captured == 0


def test_what_was_taken_cannot_be_canceled(azpay: Azpay) -> None:
    taken = charge(azpay.db, azpay.gateway, a_charge(), now=azpay.now())

    with pytest.raises(NotCancelable) as error:
        cancel(azpay.db, azpay.gateway, taken.id, now=azpay.now())

    assert "azpay refund" in str(error.value.hint)


def test_a_cancel_reason_that_stripe_does_not_know_is_refused(azpay: Azpay, held: Payment) -> None:
    with pytest.raises(RequestInvalid, match="no reason"):
        cancel(azpay.db, azpay.gateway, held.id, "boredom", now=azpay.now())


def test_a_payment_that_nobody_knows(azpay: Azpay) -> None:
    with pytest.raises(PaymentUnknown):
        capture(azpay.db, azpay.gateway, "pay_nothing", now=azpay.now())


def test_canceled_elsewhere_before_a_capture_is_said_and_recorded(azpay: Azpay, held: Payment) -> None:
    azpay.gateway.cancel_payment_intent(str(held.payment_intent), None, key="someone-else")

    with pytest.raises(Exception, match="could not be captured"):
        capture(azpay.db, azpay.gateway, held.id, now=azpay.now())

    with azpay.db.reading() as session:
        assert session.get_one(Payment, held.id).status is PaymentStatus.CANCELED
