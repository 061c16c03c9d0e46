"""Where refunds end: each of the five statuses, a failure days later, holds that only look like refunds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlmodel import select

from azpay import settlement
from azpay.inbox import EventState, InboxEvent
from azpay.payments import NothingToRefund, Payment, Refund, cancel, charge, checks, refund, story
from tests.sandbox.orders import order
from tests.sandbox.payments import post
from tests.support.builders import a_charge, a_refund
from tests.support.events import an_event

if TYPE_CHECKING:
    from azpay.bootstrap import Azpay
    from azpay.sandbox import Sandbox
    from tests.support.clock import Clock
    from tests.support.webhooks import Webhooks


def refunded(azpay: Azpay, card: str = "pm_card_visa") -> Refund:
    payment = charge(azpay.db, azpay.gateway, a_charge(2000, payment_method=card), now=azpay.now())
    return refund(azpay.db, azpay.gateway, a_refund(payment.id, 500), now=azpay.now())


def as_it_is(azpay: Azpay, made: Refund) -> tuple[str, int]:
    """The refund's status, and what its payment says has gone back."""
    with azpay.db.reading() as session:
        payment = session.get_one(Payment, made.payment_id)
        return session.get_one(Refund, made.id).status, payment.amount_refunded


def test_a_pending_refund_is_followed_to_its_success(azpay: Azpay, clock: Clock, webhooks: Webhooks) -> None:
    made = refunded(azpay, "pm_card_pendingRefund")
    webhooks.arrive()
    clock.advance(seconds=10)

    webhooks.arrive()

    assert made.status == "pending"
    assert as_it_is(azpay, made) == ("succeeded", 500)


@pytest.mark.parametrize("days", [0, 12])
def test_a_refund_that_fails_however_late_reverses_what_was_booked(
    azpay: Azpay, stripe: Sandbox, clock: Clock, webhooks: Webhooks, days: int
) -> None:
    made = refunded(azpay)
    webhooks.arrive()
    booked = as_it_is(azpay, made)
    clock.advance(days=days, seconds=5)
    order(stripe, "refunds", refund=made.refund, fail="declined")

    webhooks.arrive()

    told = story(azpay.db, made.payment_id)
    assert (booked, as_it_is(azpay, made)) == (("succeeded", 500), ("failed", 0))
    assert told.refunds[0].failure_reason == "declined"
    assert sorted(line.amount for line in told.lines if line.source == made.refund) == [-500, 500]
    assert all(check.problems == [] for check in checks.sums(azpay.db))


def test_what_came_back_can_be_refunded_again(
    azpay: Azpay, stripe: Sandbox, clock: Clock, webhooks: Webhooks
) -> None:
    made = refunded(azpay)
    order(stripe, "refunds", refund=made.refund, fail="declined")
    webhooks.arrive()
    clock.advance(minutes=11)

    again = refund(azpay.db, azpay.gateway, a_refund(made.payment_id), now=azpay.now())

    assert (again.amount, again.status) == (2000, "succeeded")


@pytest.mark.parametrize(("days", "end"), [(0, "succeeded"), (46, "failed")])
def test_a_refund_that_asks_the_customer_ends_with_their_answer_or_without(
    azpay: Azpay, stripe: Sandbox, clock: Clock, webhooks: Webhooks, days: int, end: str
) -> None:
    made = asking(azpay, stripe)
    if not days:
        order(stripe, "refunds", refund=made.refund)
    webhooks.arrive()
    clock.advance(days=days, seconds=10)

    webhooks.arrive()

    assert made.status == "requires_action"
    assert as_it_is(azpay, made)[0] == end


def test_a_refund_that_was_canceled_is_no_refund(azpay: Azpay, stripe: Sandbox, webhooks: Webhooks) -> None:
    made = asking(azpay, stripe)
    post(stripe, f"/v1/refunds/{made.refund}/cancel")

    webhooks.arrive()

    assert as_it_is(azpay, made) == ("canceled", 0)


def asking(azpay: Azpay, stripe: Sandbox) -> Refund:
    """A refund made elsewhere, where the customer is to name an account."""
    stripe.agree(stripe.policy.changed({"refunds_by_instruction": True}))
    payment = charge(azpay.db, azpay.gateway, a_charge(2000), now=azpay.now())
    params = {"payment_intent": payment.payment_intent, "amount": 500}
    answer = azpay.gateway.create_refund({**params, "instructions_email": "ada@example.com"}, key="elsewhere")
    from azpay.payments.records import absorb_refund_answer

    return azpay.db.write(
        lambda session: absorb_refund_answer(
            session, session.get_one(Payment, payment.id), answer, now=azpay.now()
        )
    )


def test_a_refund_that_shows_a_hold_that_was_let_go_is_none(azpay: Azpay, webhooks: Webhooks) -> None:
    """Stripe showed one until 2025-03-31: no money moved."""
    paid = charge(azpay.db, azpay.gateway, a_charge(500), now=azpay.now())
    shown = {
        "id": "re_1",
        "object": "refund",
        "amount": 500,
        "currency": "usd",
        "payment_intent": paid.payment_intent,
        "status": "succeeded",
        "reason": "expired_uncaptured_charge",
        "created": int(azpay.now().timestamp()),
        "metadata": {},
    }

    webhooks.keep([an_event("evt_released", type="refund.created", data={"object": shown})])
    done = webhooks.apply()

    told = story(azpay.db, paid.id)
    assert (done.done, done.dead) == (1, 0)
    assert (told.payment.amount_refunded, told.refunds) == (0, [])


@pytest.mark.parametrize("how", ["canceled", "expired"])
def test_a_hold_that_was_let_go_is_no_refund(
    azpay: Azpay, stripe: Sandbox, clock: Clock, webhooks: Webhooks, how: str
) -> None:
    held = charge(azpay.db, azpay.gateway, a_charge(authorize_only=True), now=azpay.now())
    if how == "canceled":
        cancel(azpay.db, azpay.gateway, held.id, None, now=azpay.now())
    clock.advance(days=8)

    webhooks.arrive()

    told = story(azpay.db, held.id)
    with azpay.db.reading() as session:
        states = {event.state for event in session.exec(select(InboxEvent))}
    assert stripe.refunds == []
    assert (told.payment.status, told.payment.amount_refunded, told.refunds) == ("canceled", 0, [])
    assert (states, told.lines) == ({EventState.DONE}, [])


def test_what_is_only_held_is_not_refunded_but_canceled(azpay: Azpay) -> None:
    held = charge(azpay.db, azpay.gateway, a_charge(authorize_only=True), now=azpay.now())

    with pytest.raises(NothingToRefund) as refused:
        refund(azpay.db, azpay.gateway, a_refund(held.id), now=azpay.now())

    assert f"azpay cancel {held.id}" in str(refused.value.hint)


def test_a_note_is_kept_encrypted(azpay: Azpay) -> None:
    payment = charge(azpay.db, azpay.gateway, a_charge(), now=azpay.now())
    made = refund(azpay.db, azpay.gateway, a_refund(payment.id, note="Ada called twice"), now=azpay.now())

    with azpay.db.engine.connect() as connection:
        kept = connection.exec_driver_sql("SELECT note FROM refunds").scalar_one()

    assert made.note == "Ada called twice"
    assert b"Ada" not in bytes(kept)


def test_lines_of_a_failed_refund_name_both_ways(azpay: Azpay, stripe: Sandbox, webhooks: Webhooks) -> None:
    made = refunded(azpay)
    order(stripe, "refunds", refund=made.refund, fail="lost_or_stolen_card")
    webhooks.arrive()

    with azpay.db.reading() as session:
        lines = settlement.of(session, [str(made.refund)])

    assert {line.type: line.amount for line in lines} == {"refund": -500, "refund_failure": 500}
