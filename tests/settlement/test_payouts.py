"""Payouts and the balance as events tell of them, in any order."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING, Any

import pytest
from sqlmodel import delete, select

from azpay.inbox import EventState, InboxEvent
from azpay.payments import charge
from azpay.settlement import Balance, BalanceTransaction, Payout, PayoutStatus
from azpay.settlement.transitions import (
    PAYOUT_ORDER,
    OnlyStripeKnows,
    PayoutStatusUnheardOf,
    advance,
    advance_on_answer,
    read,
)
from tests.sandbox.orders import order
from tests.sandbox.payments import post
from tests.support.builders import a_charge
from tests.support.clock import NOON
from tests.support.events import an_event

if TYPE_CHECKING:
    from azpay.bootstrap import Azpay
    from azpay.sandbox import Sandbox
    from tests.support.clock import Clock
    from tests.support.webhooks import Webhooks

UNIX = int(NOON.timestamp())


def rows(azpay: Azpay, table: Any) -> list[Any]:
    with azpay.db.reading() as session:
        return list(session.exec(select(table)).all())


def paid_out(azpay: Azpay, stripe: Sandbox, clock: Clock) -> None:
    stripe.agree(stripe.policy.changed({"payouts": "daily"}))
    charge(azpay.db, azpay.gateway, a_charge(5000, payment_method="pm_card_bypassPending"), now=azpay.now())
    clock.advance(days=4)


def known(azpay: Azpay) -> tuple[Any, ...]:
    [payout] = rows(azpay, Payout)
    told = payout.model_dump(exclude={"as_of", "updated_at", "itemized_at"})
    lines = sorted((line.balance_transaction, line.payout) for line in rows(azpay, BalanceTransaction))
    return told, lines, {event.state for event in rows(azpay, InboxEvent)}


def forget(azpay: Azpay) -> None:
    with azpay.db.writing() as session:
        for table in (Payout, BalanceTransaction, InboxEvent):
            session.exec(delete(table))


def test_a_payout_s_events_end_the_same_in_every_order(
    azpay: Azpay, stripe: Sandbox, clock: Clock, webhooks: Webhooks
) -> None:
    paid_out(azpay, stripe, clock)
    told = [event for event in webhooks.new() if event["type"].startswith("payout.")]
    every = list(permutations(told))

    ends = []
    for events in [every[0], every[-1], *every[:: len(every) // 10]]:
        forget(azpay)
        for event in events:
            webhooks.keep([event])
            webhooks.apply()
        ends.append(known(azpay))

    payout, lines, states = ends[0]
    assert len(told) == 5
    assert ends.count(ends[0]) == len(ends)
    assert (payout["status"], payout["amount"], payout["trace_status"]) == ("paid", 4825, "supported")
    assert payout["reconciliation_status"] == "completed"
    assert [line[1] for line in lines] == [payout["payout"]] * 2
    assert states == {EventState.DONE}


def test_what_the_bank_sent_back_has_failed_after_it_was_paid(
    azpay: Azpay, stripe: Sandbox, clock: Clock, webhooks: Webhooks
) -> None:
    paid_out(azpay, stripe, clock)
    webhooks.arrive()
    [before] = rows(azpay, Payout)
    clock.advance(days=2)
    order(stripe, "payouts", payout=before.payout, fail="no_account")

    webhooks.arrive()

    [after] = rows(azpay, Payout)
    own = [line for line in rows(azpay, BalanceTransaction) if line.source == after.payout]
    assert (before.status, after.status) == (PayoutStatus.PAID, PayoutStatus.FAILED)
    assert (after.failure_code, sum(line.net for line in own)) == ("no_account", 0)


def test_a_payout_by_hand_that_is_called_off_is_canceled(
    azpay: Azpay, stripe: Sandbox, webhooks: Webhooks
) -> None:
    charge(azpay.db, azpay.gateway, a_charge(5000, payment_method="pm_card_bypassPending"), now=azpay.now())
    post(stripe, "/v1/payouts", {"amount": "1000", "currency": "usd"})
    webhooks.arrive()
    [payout] = rows(azpay, Payout)
    post(stripe, f"/v1/payouts/{payout.payout}/cancel")

    webhooks.arrive()

    [after] = rows(azpay, Payout)
    assert (payout.status, payout.automatic) == (PayoutStatus.PENDING, False)
    assert (after.status, after.itemized_at) == (PayoutStatus.CANCELED, None)


def test_the_newest_balance_that_was_told_stands(azpay: Azpay, webhooks: Webhooks) -> None:
    def told(number: int, at: int, available: int) -> dict[str, Any]:
        funds = [{"amount": available, "currency": "usd"}]
        balance = {"object": "balance", "available": funds, "pending": funds, "livemode": False}
        return an_event(f"evt_{number}", type="balance.available", created=at, data={"object": balance})

    webhooks.keep([told(1, UNIX, 500), told(2, UNIX - 60, 900)])
    webhooks.apply()

    [held] = rows(azpay, Balance)
    assert (held.currency, held.available, held.pending) == ("usd", 500, 500)


@pytest.mark.parametrize("before", PayoutStatus)
@pytest.mark.parametrize("told", PayoutStatus)
def test_a_payout_only_moves_forward(before: PayoutStatus, told: PayoutStatus) -> None:
    furthest = max(PAYOUT_ORDER[before], PAYOUT_ORDER[told])
    if before is not told and PAYOUT_ORDER[before] == PAYOUT_ORDER[told]:
        with pytest.raises(OnlyStripeKnows):
            advance(before, told)
    else:
        assert PAYOUT_ORDER[advance(before, told)] == furthest
    assert PAYOUT_ORDER[advance_on_answer(before, told)] == furthest


def test_a_status_of_a_payout_that_azpay_has_no_word_for_is_an_error() -> None:
    with pytest.raises(PayoutStatusUnheardOf, match="teleported"):
        read("teleported")
