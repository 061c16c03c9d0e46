"""Giving money back: never more than was taken, never twice."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from sqlmodel import select

from azpay import operations
from azpay.gateway import AnswerLost, StripeRefused
from azpay.money import Money
from azpay.payments import (
    NothingToRefund,
    Payment,
    PaymentStatus,
    Refund,
    RefundExceedsPayment,
    RefundStatus,
    SuspectedDuplicate,
    charge,
    checks,
    refund,
)
from tests.support.builders import a_charge, a_refund

if TYPE_CHECKING:
    from azpay.bootstrap import Azpay
    from azpay.sandbox import Sandbox
    from tests.support.clock import Clock
    from tests.support.webhooks import Webhooks


@pytest.fixture
def payment(azpay: Azpay) -> Payment:
    return charge(azpay.db, azpay.gateway, a_charge(1000), now=azpay.now())


def again(azpay: Azpay, payment: Payment) -> Payment:
    with azpay.db.reading() as session:
        return session.get_one(Payment, payment.id)


def the_refunds(azpay: Azpay) -> list[Refund]:
    with azpay.db.reading() as session:
        return list(session.exec(select(Refund)))


def test_a_partial_and_then_the_rest_add_up_to_the_whole(
    azpay: Azpay, stripe: Sandbox, payment: Payment
) -> None:
    refund(azpay.db, azpay.gateway, a_refund(payment.id, 400), now=azpay.now())
    rest = refund(azpay.db, azpay.gateway, a_refund(payment.id), now=azpay.now())

    assert rest.amount == 600
    assert again(azpay, payment).amount_refunded == 1000
    assert [each["amount"] for each in stripe.refunds] == [400, 600]
    assert not any(check.problems for check in checks.sums(azpay.db))


def test_more_than_is_left_is_refused_and_says_what_is_left(
    azpay: Azpay, stripe: Sandbox, payment: Payment
) -> None:
    refund(azpay.db, azpay.gateway, a_refund(payment.id, 400), now=azpay.now())

    with pytest.raises(RefundExceedsPayment, match=r"USD 6\.00 that is left"):
        refund(azpay.db, azpay.gateway, a_refund(payment.id, 601), now=azpay.now())

    assert len(stripe.refunds) == 1
    assert again(azpay, payment).amount_refunded == 400


def test_a_payment_refunded_already_has_nothing_to_refund(azpay: Azpay, payment: Payment) -> None:
    refund(azpay.db, azpay.gateway, a_refund(payment.id), now=azpay.now())

    with pytest.raises(NothingToRefund, match="was refunded already"):
        refund(azpay.db, azpay.gateway, a_refund(payment.id), now=azpay.now())


def test_an_authorized_payment_is_released_rather_than_refunded(azpay: Azpay) -> None:
    held = charge(azpay.db, azpay.gateway, a_charge(authorize_only=True), now=azpay.now())

    with pytest.raises(NothingToRefund) as error:
        refund(azpay.db, azpay.gateway, a_refund(held.id), now=azpay.now())

    assert f"azpay cancel {held.id}" in str(error.value.hint)


def test_the_same_refund_within_ten_minutes_is_a_suspected_duplicate(
    azpay: Azpay, clock: Clock, payment: Payment
) -> None:
    refund(azpay.db, azpay.gateway, a_refund(payment.id, 300), now=azpay.now())

    with pytest.raises(SuspectedDuplicate):
        refund(azpay.db, azpay.gateway, a_refund(payment.id, 300), now=azpay.now())

    assert again(azpay, payment).amount_refunded == 300
    clock.advance(minutes=11)
    refund(azpay.db, azpay.gateway, a_refund(payment.id, 300), now=azpay.now())
    assert again(azpay, payment).amount_refunded == 600


def test_a_lost_answer_does_not_refund_twice(azpay: Azpay, stripe: Sandbox, payment: Payment) -> None:
    stripe.drop_next_answer(path="/v1/refunds", times=4)
    with pytest.raises(AnswerLost):
        refund(azpay.db, azpay.gateway, a_refund(payment.id), now=azpay.now())
    assert the_refunds(azpay)[0].status is RefundStatus.UNKNOWN
    assert again(azpay, payment).amount_refunded == 1000

    ours = refund(azpay.db, azpay.gateway, a_refund(payment.id), now=azpay.now())

    assert ours.status is RefundStatus.SUCCEEDED
    assert len(stripe.refunds) == len(the_refunds(azpay)) == 1


def test_a_refund_that_stripe_will_not_make_frees_its_amount(
    azpay: Azpay, stripe: Sandbox, payment: Payment
) -> None:
    stripe.fail_next(400, path="/v1/refunds")

    with pytest.raises(StripeRefused):
        refund(azpay.db, azpay.gateway, a_refund(payment.id, 400), now=azpay.now())

    assert the_refunds(azpay)[0].status is RefundStatus.FAILED
    assert again(azpay, payment).amount_refunded == 0


def test_a_pending_refund_counts_until_it_is_over(azpay: Azpay, clock: Clock, webhooks: Webhooks) -> None:
    slow = charge(
        azpay.db, azpay.gateway, a_charge(1000, payment_method="pm_card_pendingRefund"), now=azpay.now()
    )
    webhooks.arrive()

    ours = refund(azpay.db, azpay.gateway, a_refund(slow.id), now=azpay.now())
    assert ours.status is RefundStatus.PENDING
    assert again(azpay, slow).amount_refunded == 1000

    clock.advance(days=2)
    webhooks.arrive()
    assert the_refunds(azpay)[0].status is RefundStatus.SUCCEEDED


def test_a_refund_that_fails_late_gives_its_amount_back_to_the_payment(
    azpay: Azpay, clock: Clock, webhooks: Webhooks
) -> None:
    doomed = charge(
        azpay.db, azpay.gateway, a_charge(1000, payment_method="pm_card_refundFail"), now=azpay.now()
    )
    ours = refund(azpay.db, azpay.gateway, a_refund(doomed.id), now=azpay.now())
    webhooks.arrive()

    clock.advance(days=2)
    webhooks.arrive()

    after = the_refunds(azpay)[0]
    assert ours.status is RefundStatus.SUCCEEDED
    assert after.status is RefundStatus.FAILED
    assert after.failure_reason is not None
    assert again(azpay, doomed).amount_refunded == 0


def test_the_same_key_returns_the_same_refund(azpay: Azpay, stripe: Sandbox, payment: Payment) -> None:
    first = refund(azpay.db, azpay.gateway, a_refund(payment.id, 100, idempotency_key="r-1"), now=azpay.now())

    same = refund(azpay.db, azpay.gateway, a_refund(payment.id, 100, idempotency_key="r-1"), now=azpay.now())

    assert same.id == first.id
    assert len(stripe.refunds) == 1


def test_an_old_open_refund_is_looked_up_and_never_sent_again(
    azpay: Azpay, stripe: Sandbox, clock: Clock, payment: Payment
) -> None:
    stripe.drop_next_answer(path="/v1/refunds", times=4)
    with pytest.raises(AnswerLost):
        refund(azpay.db, azpay.gateway, a_refund(payment.id), now=azpay.now())
    clock.advance(hours=25)

    ours = refund(azpay.db, azpay.gateway, a_refund(payment.id), now=azpay.now())

    assert ours.status is RefundStatus.SUCCEEDED
    assert len(stripe.refunds) == 1


def test_an_old_open_refund_that_never_reached_stripe_frees_its_amount(
    azpay: Azpay, stripe: Sandbox, clock: Clock, payment: Payment
) -> None:
    stripe.drop_next_request(path="/v1/refunds", times=4)
    with pytest.raises(AnswerLost):
        refund(azpay.db, azpay.gateway, a_refund(payment.id), now=azpay.now())
    clock.advance(hours=25)

    with pytest.raises(operations.NeverHappened):
        refund(azpay.db, azpay.gateway, a_refund(payment.id), now=azpay.now())

    assert stripe.refunds == []
    assert again(azpay, payment).amount_refunded == 0


def test_many_refunds_at_once_never_exceed_the_payment(
    azpay: Azpay, stripe: Sandbox, payment: Payment
) -> None:
    def try_one(number: int) -> str:
        wanted = a_refund(payment.id, 300, note=f"try {number}", allow_duplicate=True)
        try:
            return refund(azpay.db, azpay.gateway, wanted, now=azpay.now()).status
        except RefundExceedsPayment as refused:
            return refused.message

    with ThreadPoolExecutor(16) as pool:
        said = Counter(pool.map(try_one, range(16)))

    left = f"USD 3.00 is more than the USD 1.00 that is left to refund of {payment.id}."
    assert said == {"succeeded": 3, left: 13}
    assert sum(each["amount"] for each in stripe.refunds) == 900
    assert again(azpay, payment).amount_refunded == 900


def test_a_refund_of_a_payment_by_its_reference(azpay: Azpay) -> None:
    paid = charge(azpay.db, azpay.gateway, a_charge(700, reference="order-9"), now=azpay.now())

    ours = refund(azpay.db, azpay.gateway, a_refund("order-9", 200), now=azpay.now())

    assert ours.payment_id == paid.id
    assert Money(ours.amount, ours.currency) == Money(200, "usd")
    assert again(azpay, paid).status is PaymentStatus.SUCCEEDED
