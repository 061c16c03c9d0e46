"""What no webhook brings is fetched, once, and never twice applied."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from azpay import inbox, payments
from azpay.errors import Unavailable
from azpay.gateway.line import TRIES
from azpay.inbox import EventState
from tests.support.builders import a_charge

if TYPE_CHECKING:
    from azpay.bootstrap import Azpay
    from azpay.inbox import Swept
    from azpay.sandbox import Sandbox
    from tests.support.clock import Clock
    from tests.support.webhooks import Webhooks

OURS = inbox.Ours(payments.EVENTS.keys(), livemode=False, account=None)
URL = "http://127.0.0.1:9/api/webhooks/stripe"


def sweep(azpay: Azpay, ours: inbox.Ours = OURS) -> Swept:
    return inbox.sweep(azpay.db, azpay.gateway, ours, now=azpay.now())


def test_events_that_nobody_delivered_are_kept_and_applied(
    azpay: Azpay, stripe: Sandbox, webhooks: Webhooks, clock: Clock
) -> None:
    payment = payments.charge(azpay.db, azpay.gateway, a_charge(), now=azpay.now())
    clock.advance(minutes=1)
    stripe.tick()

    swept = sweep(azpay)
    webhooks.apply()

    assert (swept.new, swept.deaf) == (swept.seen, True)
    assert swept.new == len(stripe.events)
    assert {event.state for event in inbox.page(azpay.db)} == {EventState.DONE}
    assert len(payments.story(azpay.db, payment.id).lines) == 1


def test_a_second_sweep_finds_nothing_new(azpay: Azpay) -> None:
    payments.charge(azpay.db, azpay.gateway, a_charge(), now=azpay.now())
    first = sweep(azpay)

    again = sweep(azpay)

    assert first.new > 0
    assert (again.seen, again.new, again.deaf) == (first.seen, 0, False)


def test_what_a_webhook_has_brought_is_not_new(azpay: Azpay, webhooks: Webhooks) -> None:
    payments.charge(azpay.db, azpay.gateway, a_charge(), now=azpay.now())
    webhooks.arrive()

    swept = sweep(azpay)

    assert swept.seen > 0
    assert (swept.new, swept.deaf) == (0, False)


def test_what_a_sweep_has_fetched_may_still_be_delivered(azpay: Azpay, webhooks: Webhooks) -> None:
    payments.charge(azpay.db, azpay.gateway, a_charge(), now=azpay.now())
    swept = sweep(azpay)

    webhooks.arrive()

    assert len(inbox.page(azpay.db)) == swept.new


def test_a_few_lost_webhooks_are_no_sign_that_none_arrive(
    azpay: Azpay, webhooks: Webhooks, clock: Clock
) -> None:
    payments.charge(azpay.db, azpay.gateway, a_charge(), now=azpay.now())
    clock.advance(minutes=1)
    webhooks.arrive(lost=lambda event: event["type"] == "charge.succeeded")

    swept = sweep(azpay)

    assert (swept.new, swept.deaf) == (1, False)


def test_a_refund_made_elsewhere_is_heard_of_through_a_sweep_alone(
    azpay: Azpay, stripe: Sandbox, webhooks: Webhooks, clock: Clock
) -> None:
    payment = payments.charge(azpay.db, azpay.gateway, a_charge(1000), now=azpay.now())
    sweep(azpay)
    clock.advance(hours=3)
    azpay.gateway.create_refund({"payment_intent": payment.payment_intent, "amount": 400}, key="elsewhere")

    swept = sweep(azpay)
    webhooks.apply()

    assert swept.since == azpay.now() - timedelta(hours=4)
    assert payments.story(azpay.db, payment.id).payment.amount_refunded == 400


def test_a_sweep_that_breaks_off_leaves_the_safe_point_where_it_was(
    azpay: Azpay, stripe: Sandbox, clock: Clock
) -> None:
    sweep(azpay)
    clock.advance(days=1)
    payments.charge(azpay.db, azpay.gateway, a_charge(), now=azpay.now())
    stripe.fail_next(503, path="/v1/events", times=TRIES)
    with pytest.raises(Unavailable):
        sweep(azpay)

    clock.advance(hours=12)
    swept = sweep(azpay)

    assert swept.new > 0
    assert inbox.sweep_age(azpay.db, now=azpay.now()) == timedelta()


def test_events_of_another_account_or_mode_are_left_where_they_are(azpay: Azpay) -> None:
    payments.charge(azpay.db, azpay.gateway, a_charge(), now=azpay.now())

    swept = sweep(azpay, inbox.Ours(payments.EVENTS.keys(), livemode=True, account=None))

    assert (swept.seen, swept.new) == (0, 0)


def test_types_that_nobody_handles_are_not_asked_for(azpay: Azpay) -> None:
    payments.charge(azpay.db, azpay.gateway, a_charge(), now=azpay.now())

    sweep(azpay, inbox.Ours(["charge.succeeded"], livemode=False, account=None))

    assert [event.type for event in inbox.page(azpay.db)] == ["charge.succeeded"]


def test_more_events_than_one_page_are_read_to_the_end(azpay: Azpay, clock: Clock) -> None:
    for number in range(40):
        payments.charge(azpay.db, azpay.gateway, a_charge(reference=f"order-{number}"), now=azpay.now())

    swept = sweep(azpay)

    assert swept.new > 100
    assert len(inbox.page(azpay.db, limit=1000)) == swept.new
