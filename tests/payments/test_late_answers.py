"""What Stripe did after azpay had settled that it did not: the money has moved, and the book says so."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest

from azpay import inbox
from azpay.access import Guards
from azpay.gateway import AnswerLost, CardDeclined
from azpay.operations import Operation, Resolved, Resolver, State
from azpay.payments import (
    EVENTS,
    OBJECTS,
    NothingToRefund,
    Payment,
    PaymentStatus,
    RefundStatus,
    charge,
    checks,
    refund,
)
from azpay.payments.charging import CONFIRMS
from tests.access.scenes import held_to, used
from tests.audit.acts import the_acts
from tests.operations.journals import the_operations, the_payments, the_refunds
from tests.reconciliation.scenes import compared, repaired
from tests.support.builders import a_charge, a_refund
from tests.support.meddling import meddled_gateway

if TYPE_CHECKING:
    from collections.abc import Callable

    from azpay.bootstrap import Azpay
    from azpay.sandbox import Sandbox
    from tests.support.clock import Clock
    from tests.support.webhooks import Webhooks


@pytest.fixture
def ann(azpay: Azpay) -> Azpay:
    """Who charges and refunds."""
    return held_to(azpay, Guards())


def never_arrive(stripe: Sandbox, act: Callable[[], object]) -> None:
    """The request is lost on its way, as far as the command can tell."""
    stripe.drop_next_request(times=4)
    with pytest.raises(AnswerLost):
        act()


def lose(stripe: Sandbox, act: Callable[[], object]) -> None:
    stripe.drop_next_answer(times=4)
    with pytest.raises(AnswerLost):
        act()


def open_operation(azpay: Azpay) -> Operation:
    return next(each for each in the_operations(azpay.db) if each.settled_at is None)


def give_up(azpay: Azpay, operation: Operation) -> Resolved:
    resolver = Resolver(azpay.db, azpay.gateway, azpay.errands, Random(7))  # noqa: S311 - jitter
    return resolver.give_up(operation.id, "paid in cash", now=azpay.now())


def test_a_refund_that_arrives_after_it_was_given_up_counts(
    ann: Azpay, stripe: Sandbox, clock: Clock, webhooks: Webhooks
) -> None:
    paid = charge(ann.db, ann.gateway, a_charge(1000), now=ann.now())
    webhooks.arrive()
    never_arrive(stripe, lambda: refund(ann.db, ann.gateway, a_refund(paid.id, 400), now=ann.now()))
    operation = open_operation(ann)
    clock.advance(hours=24)
    give_up(ann, operation)
    ann.gateway.create_refund(operation.parameters or {}, key=operation.idempotency_key)

    webhooks.arrive()

    [ours], [payment] = the_refunds(ann.db), the_payments(ann.db)
    assert (ours.status, payment.amount_refunded) == (RefundStatus.SUCCEEDED, 400)
    assert [each.state for each in the_operations(ann.db)] == [State.SUCCEEDED, State.SUCCEEDED]
    assert used(ann)["2026-03-02 cli:ann refund usd"] == (1, 400)
    assert [check.problems for check in checks.sums(ann.db)] == [[], [], []]


def test_a_charge_that_arrives_after_it_was_given_up_counts(
    ann: Azpay, stripe: Sandbox, clock: Clock, webhooks: Webhooks
) -> None:
    never_arrive(stripe, lambda: charge(ann.db, ann.gateway, a_charge(700), now=ann.now(), guards=ann.guards))
    operation = open_operation(ann)
    clock.advance(hours=24)
    give_up(ann, operation)
    ann.gateway.create_payment_intent(operation.parameters or {}, key=operation.idempotency_key)

    webhooks.arrive()

    assert [each.status for each in the_payments(ann.db)] == [PaymentStatus.SUCCEEDED]
    assert [each.state for each in the_operations(ann.db)] == [State.SUCCEEDED]
    assert used(ann) == {"2026-03-02 cli:ann charge usd": (1, 700)}
    assert the_acts(ann.db)[-1] == "charge.succeeded"


def test_the_late_yes_to_a_refund_that_was_given_up_counts(ann: Azpay, stripe: Sandbox, clock: Clock) -> None:
    paid = charge(ann.db, ann.gateway, a_charge(1000), now=ann.now())

    def a_day_passes() -> None:
        operation = open_operation(ann)
        clock.advance(hours=24)
        give_up(ann, operation)

    slow = meddled_gateway(stripe, before=a_day_passes)
    made = refund(ann.db, slow, a_refund(paid.id), now=ann.now())

    assert (made.status, the_payments(ann.db)[0].amount_refunded) == (RefundStatus.SUCCEEDED, 1000)
    with pytest.raises(NothingToRefund):
        refund(ann.db, ann.gateway, a_refund(paid.id), now=ann.now())


def test_a_decline_that_is_found_by_looking_is_a_decline(ann: Azpay, stripe: Sandbox, clock: Clock) -> None:
    broke = a_charge(700, payment_method="pm_card_visa_chargeDeclined")
    lose(stripe, lambda: charge(ann.db, ann.gateway, broke, now=ann.now(), guards=ann.guards))
    clock.advance(hours=24)

    with pytest.raises(CardDeclined):
        charge(ann.db, ann.gateway, broke, now=ann.now(), guards=ann.guards)

    assert [each.status for each in the_payments(ann.db)] == [PaymentStatus.FAILED]
    assert [each.state for each in the_operations(ann.db)] == [State.FAILED]
    assert used(ann) == {"2026-03-02 cli:ann charge usd": (0, 0)}


def test_a_yes_that_is_heard_twice_is_one_act(ann: Azpay, stripe: Sandbox, webhooks: Webhooks) -> None:
    slow = meddled_gateway(stripe, after=webhooks.arrive)

    charge(ann.db, slow, a_charge(), now=ann.now())

    assert the_acts(ann.db) == ["charge.planned", "charge.succeeded"]


@pytest.fixture
def given_up(ann: Azpay, stripe: Sandbox, clock: Clock, webhooks: Webhooks) -> Operation:
    """Another attempt after a decline: its confirmation never arrived, as far as anybody knows."""
    with pytest.raises(CardDeclined):
        pay(ann, "pm_card_visa_chargeDeclined")
    webhooks.arrive()
    clock.advance(minutes=20)
    never_arrive(stripe, lambda: pay(ann))
    operation = open_operation(ann)
    clock.advance(hours=24)
    assert give_up(ann, operation).operation.error_code == "given_up"
    return operation


def pay(ann: Azpay, method: str = "pm_card_visa") -> Payment:
    request = a_charge(700, payment_method=method, reference="order-1")
    return charge(ann.db, ann.gateway, request, now=ann.now(), guards=ann.guards)


def arrive_late(ann: Azpay, confirmation: Operation) -> None:
    asked = dict(confirmation.parameters or {})
    ann.gateway.confirm_payment_intent(asked.pop(CONFIRMS), asked, key=confirmation.idempotency_key)


def told_together(_ann: Azpay, webhooks: Webhooks) -> None:
    webhooks.arrive()


def told_one_by_one(ann: Azpay, webhooks: Webhooks) -> None:
    webhooks.keep(webhooks.new())
    inbox.process(ann.db, ann.gateway, inbox.Handlers(EVENTS, OBJECTS), now=ann.now())


def found_by_reconcile(ann: Azpay, _webhooks: Webhooks) -> None:
    assert repaired(ann, compared(ann)) == ["done"]


NEWS = (told_together, told_one_by_one, found_by_reconcile)


@pytest.mark.parametrize("news", NEWS)
def test_a_confirmation_that_arrives_after_it_was_given_up_counts(
    ann: Azpay, webhooks: Webhooks, given_up: Operation, news: Callable[[Azpay, Webhooks], None]
) -> None:
    arrive_late(ann, given_up)

    news(ann, webhooks)

    assert [each.status for each in the_payments(ann.db)] == [PaymentStatus.SUCCEEDED]
    states = {each.id: each.state for each in the_operations(ann.db)}
    assert states[given_up.id] is State.SUCCEEDED
    assert list(states.values()).count(State.FAILED) == 1
    assert used(ann) == {
        "2026-03-02 cli:ann charge usd": (1, 700),
    }
    assert the_acts(ann.db, given_up.id) == ["charge.planned", "charge.failed", "charge.succeeded"]


def test_what_a_later_attempt_took_was_not_the_one_that_was_given_up(
    ann: Azpay, webhooks: Webhooks, given_up: Operation
) -> None:
    pay(ann)

    webhooks.arrive()

    states = {each.id: each.state for each in the_operations(ann.db)}
    assert states[given_up.id] is State.FAILED
    assert list(states.values()).count(State.SUCCEEDED) == 1


def test_of_two_confirmations_that_were_given_up_nobody_knows_which_paid(
    ann: Azpay, stripe: Sandbox, clock: Clock, webhooks: Webhooks, given_up: Operation
) -> None:
    never_arrive(stripe, lambda: pay(ann))
    second = open_operation(ann)
    clock.advance(hours=24)
    give_up(ann, second)
    arrive_late(ann, second)

    webhooks.arrive()

    assert [each.status for each in the_payments(ann.db)] == [PaymentStatus.SUCCEEDED]
    assert {each.state for each in the_operations(ann.db)} == {State.FAILED}
