"""A dispute's events in any order: what is known in the end is the same.

Some of the 720 orders by default, other ones on each day; all of them with LONG_TESTS=1.
"""

from __future__ import annotations

import os
import random
from datetime import timedelta
from itertools import permutations
from typing import TYPE_CHECKING, Any

import pytest
from sqlmodel import delete, select

from azpay.inbox import InboxEvent
from azpay.payments import Payment
from azpay.payments.objections import Dispute
from azpay.settlement import BalanceTransaction
from tests.sandbox.payments import post

if TYPE_CHECKING:
    from collections.abc import Sequence

    from azpay.bootstrap import Azpay
    from azpay.sandbox import Sandbox
    from tests.support.clock import Clock
    from tests.support.webhooks import Webhooks

    Events = Sequence[dict[str, Any]]

SIX = (
    "charge.succeeded",
    "charge.dispute.created",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.updated",
    "charge.dispute.funds_reinstated",
    "charge.dispute.closed",
)
SAMPLED = 720 if os.environ.get("LONG_TESTS") else 12
CARD: dict[str, Any] = {
    "confirm": True,
    "payment_method": "pm_card_createDispute",
    "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
}


@pytest.fixture
def six(azpay: Azpay, stripe: Sandbox, clock: Clock) -> Events:
    """A dispute from its beginning to its good end. Nobody here has asked for the payment."""
    azpay.gateway.create_payment_intent({"amount": 2000, "currency": "usd", **CARD}, key="charge")
    clock.advance(seconds=5)
    stripe.tick()
    [dispute] = azpay.gateway.disputes(clock.now() - timedelta(hours=1), clock.now())
    post(stripe, f"/v1/disputes/{dispute.id}", {"evidence[uncategorized_text]": "winning_evidence"})
    clock.advance(minutes=10)
    stripe.tick()
    made = {event["type"]: event for event in stripe.events}
    return [made[type_] for type_ in SIX]


def orders(of: Events) -> list[Events]:
    every = list(permutations(of))
    return [every[0], every[-1], *random.sample(every, SAMPLED)]


def what_is_known(azpay: Azpay) -> tuple[Any, ...]:
    """All that does not depend on when we heard of it."""
    with azpay.db.reading() as session:
        [payment] = session.exec(select(Payment)).all()
        [dispute] = session.exec(select(Dispute)).all()
        lines = session.exec(select(BalanceTransaction)).all()
        states = {event.state.value for event in session.exec(select(InboxEvent))}
    told = dispute.model_dump(exclude={"payment_id", "as_of", "updated_at"})
    standing = (payment.status, payment.amount_captured, payment.dispute, payment.charge)
    return standing, told, sorted(line.balance_transaction for line in lines), states


@pytest.mark.parametrize("together", [True, False], ids=["kept together", "heard one by one"])
def test_six_events_of_a_dispute_end_the_same_in_every_order(
    azpay: Azpay, webhooks: Webhooks, six: Events, together: bool
) -> None:
    ends = []
    for order in orders(six):
        forget_everything(azpay)
        for piece in [order] if together else [[event] for event in order]:
            webhooks.keep(piece)
            webhooks.apply()
        ends.append(what_is_known(azpay))

    standing, dispute, lines, states = ends[0]
    assert ends.count(ends[0]) == len(ends)
    assert standing[:3] == ("succeeded", 2000, "won")
    assert (dispute["status"], dispute["amount"], dispute["submissions"]) == ("won", 2000, 1)
    assert (dispute["refundable"], dispute["has_evidence"]) == (True, True)
    assert (len(lines), states) == (2, {"done"})


def forget_everything(azpay: Azpay) -> None:
    with azpay.db.writing() as session:
        for table in (Dispute, Payment, BalanceTransaction, InboxEvent):
            session.exec(delete(table))
