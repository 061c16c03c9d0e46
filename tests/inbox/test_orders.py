"""Stripe promises no order: whatever comes first, the same is known in the end."""

from __future__ import annotations

import random
from itertools import permutations
from typing import TYPE_CHECKING, Any

import pytest
import stripe as sdk
from sqlmodel import delete

from azpay import inbox
from azpay.gateway import CardDeclined
from azpay.inbox import EventState, InboxEvent
from azpay.payments import Payment, Query, Refund, history, story
from azpay.sandbox import DEFAULT_KEY
from azpay.settlement import BalanceTransaction
from tests.support.stripe_transport import InProcessHTTPClient

if TYPE_CHECKING:
    from collections.abc import Sequence

    from azpay.bootstrap import Azpay
    from azpay.db import Database
    from azpay.sandbox import Sandbox
    from tests.support.clock import Clock
    from tests.support.webhooks import Webhooks

    Events = Sequence[dict[str, Any]]

SIX = (
    "payment_intent.created",
    "charge.succeeded",
    "payment_intent.succeeded",
    "refund.created",
    "charge.refunded",
    "charge.updated",
)
SAMPLED = 20
CARD = {
    "confirm": True,
    "payment_method": "pm_card_visa",
    "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
}


@pytest.fixture
def six(azpay: Azpay, stripe: Sandbox, clock: Clock) -> Events:
    """A payment's six events, all of one second but the last. Nobody here has asked for the payment."""
    intent = azpay.gateway.create_payment_intent({"amount": 700, "currency": "usd", **CARD}, key="charge")
    azpay.gateway.create_refund({"payment_intent": intent.id, "amount": 300}, key="refund")
    clock.advance(seconds=5)
    stripe.tick()
    made = {event["type"]: event for event in stripe.events}
    return [made[type_] for type_ in SIX]


def orders(of: Events) -> list[Events]:
    """Some of the 720, other ones on each day, and always the two extremes."""
    every = list(permutations(of))
    chosen = random.sample(every, SAMPLED)
    return [every[0], every[-1], *chosen]


def what_is_known(azpay: Azpay) -> tuple[Any, ...]:
    """All that does not depend on when we heard of it."""
    (payment,) = history(azpay.db, Query()).payments
    told = story(azpay.db, payment.id)
    return (
        (payment.status, payment.amount, payment.amount_captured, payment.amount_refunded, payment.origin),
        (payment.payment_intent, payment.charge, payment.card_brand, payment.card_last4),
        [(refund.refund, refund.status, refund.amount) for refund in told.refunds],
        sorted((line.balance_transaction, line.amount, line.fee, line.net) for line in told.lines),
        {event.state for event in told.events},
    )


EXPECTED = ("succeeded", 700, 700, 300, "elsewhere")


def test_six_events_of_a_payment_kept_together_end_the_same_in_every_order(
    azpay: Azpay, webhooks: Webhooks, clock: Clock, six: Events
) -> None:
    ends = []
    for order in orders(six):
        forget_everything(azpay.db)
        for event in order:
            clock.advance(seconds=1)
            webhooks.keep([event])
        webhooks.apply()
        ends.append(what_is_known(azpay))

    assert ends.count(ends[0]) == len(ends)
    assert ends[0][0] == EXPECTED
    assert ends[0][4] == {EventState.DONE}


def test_six_events_of_a_payment_heard_one_by_one_end_the_same_in_every_order(
    azpay: Azpay, webhooks: Webhooks, six: Events
) -> None:
    ends = []
    for order in orders(six):
        forget_everything(azpay.db)
        for event in order:
            webhooks.keep([event])
            webhooks.apply()
        ends.append(what_is_known(azpay))

    assert ends.count(ends[0]) == len(ends)
    assert ends[0][0] == EXPECTED


def test_of_two_attempts_the_one_that_succeeded_stands_in_every_order(
    azpay: Azpay, stripe: Sandbox, webhooks: Webhooks
) -> None:
    client = sdk.StripeClient(DEFAULT_KEY, http_client=InProcessHTTPClient(stripe), max_network_retries=0)
    with pytest.raises(CardDeclined) as declined:
        azpay.gateway.create_payment_intent(
            {"amount": 700, "currency": "usd", **CARD, "payment_method": "pm_card_visa_chargeDeclined"},
            key="1",
        )
    assert declined.value.payment_intent is not None
    client.v1.payment_intents.confirm(
        declined.value.payment_intent.id, {"payment_method": "pm_card_mastercard"}
    )

    ends = []
    for order in orders(webhooks.new()):
        forget_everything(azpay.db)
        for event in order:
            webhooks.keep([event])
            webhooks.apply()
        ends.append(what_is_known(azpay))

    assert ends.count(ends[0]) == len(ends)
    assert ends[0][0][0] == "succeeded"
    assert ends[0][1][2:] == ("mastercard", "4444")


def test_any_one_of_the_events_is_enough_to_know_of_the_payment(
    azpay: Azpay, webhooks: Webhooks, six: Events
) -> None:
    heard = []
    for event in six[1:]:
        forget_everything(azpay.db)
        webhooks.keep([event])
        webhooks.apply()
        (payment,) = history(azpay.db, Query()).payments
        heard.append((payment.status, payment.amount_captured))

    assert heard == [("succeeded", 700)] * 5


def test_the_same_events_again_change_nothing(azpay: Azpay, webhooks: Webhooks, six: Events) -> None:
    webhooks.keep(six)
    webhooks.apply()
    before = what_is_known(azpay)

    kept = webhooks.keep([*six, *six])
    progress = webhooks.apply()

    assert (kept, progress) == (0, inbox.Progress())
    assert what_is_known(azpay) == before


def forget_everything(db: Database) -> None:
    with db.writing() as session:
        for table in (Refund, Payment, BalanceTransaction, InboxEvent):
            session.exec(delete(table))
