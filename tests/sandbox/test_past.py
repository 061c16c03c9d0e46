"""A past that was written in one go: it looks as if it had been lived through, and adds up."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from azpay.sandbox import Sandbox
from azpay.sandbox.past.orders import Order, SeededAlready
from tests.sandbox.conftest import NOON
from tests.sandbox.payments import get, sums

if TYPE_CHECKING:
    from pathlib import Path

ORDER = Order(payments=400, months=3, seed=7)
WITH_DEBTS = Order(payments=60, months=2, seed=1)
"""On some days more is paid back than taken, and what was there leaves with a later payout, or not at all."""
SCRATCH = ("7654321", "1234567", "80818283", "Quixote")
"""What scenes are played with, and what must not be left anywhere."""


@pytest.fixture(scope="module")
def written() -> Sandbox:
    """To be looked at only."""
    sandbox = Sandbox(now=lambda: NOON)
    sandbox.seed(ORDER)
    return sandbox


def listed(sandbox: Sandbox, path: str, **query: object) -> list[dict[str, Any]]:
    """The first page, oldest first."""
    words = "&".join(f"{name}={value}" for name, value in {"limit": 100, **query}.items())
    page: list[dict[str, Any]] = json.loads(get(sandbox, path, words).body)["data"]
    return page[::-1]


def everything(sandbox: Sandbox) -> bytes:
    kept = (sandbox.payment_intents, sandbox.charges, sandbox.refunds, sandbox.customers)
    return json.dumps([*kept, sandbox.payment_methods, sandbox.balance_transactions, sandbox.events]).encode()


def takings(sandbox: Sandbox) -> dict[str, list[str]]:
    """What each payout that can be looked into took."""
    payouts = [row for row in listed(sandbox, "/v1/payouts") if row["reconciliation_status"] == "completed"]
    rows = {row["id"]: listed(sandbox, "/v1/balance_transactions", payout=row["id"]) for row in payouts}
    return {payout: [row["id"] for row in taken] for payout, taken in rows.items()}


def assert_it_adds_up(sandbox: Sandbox) -> None:
    """As `sums`, without a request."""
    told, booked = sandbox.summary(), Counter[str]()
    for transaction in sandbox.balance_transactions:
        booked[transaction["currency"]] += transaction["net"]
    held = Counter(told["available"])
    held.update(told["pending"])
    assert {c: n for c, n in held.items() if n} == {c: n for c, n in booked.items() if n}


def test_a_past_has_the_payments_that_were_ordered_and_every_kind_of_them(written: Sandbox) -> None:
    intents = Counter(intent["status"] for intent in written.payment_intents)
    charges = Counter(charge["status"] for charge in written.charges)

    assert sum(intents.values()) == 400
    assert intents.keys() == {"succeeded", "requires_payment_method"}
    assert charges["failed"] > 0
    assert {charge["currency"] for charge in written.charges} == {"usd", "eur", "gbp", "jpy"}
    assert {refund["status"] for refund in written.refunds} >= {"succeeded"}
    assert any(0 < charge["amount_refunded"] < charge["amount"] for charge in written.charges)


def test_the_balance_is_what_the_transactions_add_up_to(written: Sandbox) -> None:
    held, booked = sums(written)

    assert held == booked


def test_each_payout_lists_its_transactions_and_is_their_sum(written: Sandbox) -> None:
    payouts = [
        payout for payout in listed(written, "/v1/payouts") if payout["reconciliation_status"] == "completed"
    ]

    listings = {
        each["id"]: listed(written, "/v1/balance_transactions", payout=each["id"]) for each in payouts
    }

    assert len(payouts) > 50
    for payout in payouts:
        rows = [row for row in listings[payout["id"]] if row["type"] != "payout"]
        assert sum(row["net"] for row in rows) == payout["amount"]
        assert {row["currency"] for row in rows} == {payout["currency"]}


def test_every_refund_and_charge_has_its_transaction(written: Sandbox) -> None:
    booked = {row["id"]: row for row in written.balance_transactions}

    for charge in written.charges:
        if charge["status"] == "succeeded":
            row = booked[charge["balance_transaction"]]
            assert (row["source"], row["amount"]) == (charge["id"], charge["amount_captured"])
            assert row["net"] == row["amount"] - row["fee"]
    for refund in written.refunds:
        assert booked[refund["balance_transaction"]]["amount"] == -refund["amount"]


def test_customers_come_back(written: Sandbox) -> None:
    bought = Counter(charge["customer"] for charge in written.charges if charge["customer"])
    known = {customer["id"]: customer["created"] for customer in written.customers}

    assert max(bought.values()) > 2
    assert bought.keys() <= known.keys()
    assert all(
        charge["created"] >= known[charge["customer"]] for charge in written.charges if charge["customer"]
    )


def test_lists_are_in_the_order_of_time_and_lie_in_the_past(written: Sandbox) -> None:
    for rows in (written.charges, written.refunds, written.balance_transactions, written.events):
        times = [row["created"] for row in rows]
        assert times == sorted(times)
        assert times[-1] <= int(NOON.timestamp())


def test_only_the_events_of_a_month_are_remembered(written: Sandbox) -> None:
    oldest = min(event["created"] for event in written.events)

    assert oldest >= int(NOON.timestamp()) - 31 * 86_400
    assert {event["type"] for event in written.events} >= {"charge.succeeded", "payout.paid"}


def test_nothing_is_left_of_the_scenes_that_moulds_were_taken_from(written: Sandbox) -> None:
    told = everything(written).decode()

    assert [trace for trace in SCRATCH if trace in told] == []
    ids = [row["id"] for row in (*written.charges, *written.payment_methods, *written.balance_transactions)]
    assert len(ids) == len(set(ids))


def test_the_same_order_makes_the_same_past_to_the_byte_however_it_is_cut() -> None:
    order = WITH_DEBTS
    at_once, in_slices = Sandbox(now=lambda: NOON), Sandbox(now=lambda: NOON)
    at_once.seed(order)

    while not in_slices.seed(order, steps=17).done:
        assert_it_adds_up(in_slices)

    assert everything(in_slices) == everything(at_once)
    assert takings(in_slices) == takings(at_once)


def test_a_past_is_finished_after_a_restart(tmp_path: Path) -> None:
    order = WITH_DEBTS
    whole = Sandbox(now=lambda: NOON)
    whole.seed(order)
    first = Sandbox.open(tmp_path / "state.db", now=lambda: NOON)
    assert not first.seed(order, steps=40).done
    first.close()

    again = Sandbox.open(tmp_path / "state.db", now=lambda: NOON)
    progress = again.seed(order)

    assert (progress.made, progress.done) == (60, True)
    assert everything(again) == everything(whole)
    assert takings(again) == takings(whole)
    again.close()


def test_what_a_debt_held_back_leaves_with_a_later_payout() -> None:
    sandbox = Sandbox(now=lambda: NOON)
    sandbox.seed(WITH_DEBTS)

    taken = takings(sandbox)

    nets = {row["id"]: row["net"] for row in sandbox.balance_transactions}
    assert max(sum(nets[row] < 0 for row in rows) for rows in taken.values()) > 1
    assert {sum(nets[row] for row in rows) for rows in taken.values()} == {0}


def test_another_past_is_refused() -> None:
    sandbox = Sandbox(now=lambda: NOON)
    order = Order(payments=5, months=1)
    sandbox.seed(order)
    before = everything(sandbox)

    with pytest.raises(SeededAlready, match="5 payments"):
        sandbox.seed(Order(payments=6, months=1))

    assert sandbox.seed(order).done
    assert everything(sandbox) == before


def test_life_goes_on_after_the_past() -> None:
    sandbox = Sandbox(now=lambda: NOON)
    sandbox.seed(Order(payments=120, months=2, seed=5))
    paid_out = len(listed(sandbox, "/v1/payouts", limit=100))

    sandbox.advance(5 * 86_400)

    held, booked = sums(sandbox)
    assert held == booked
    assert json.loads(get(sandbox, "/v1/balance").body)["pending"][0]["amount"] == 0
    assert len(listed(sandbox, "/v1/payouts", limit=100)) >= paid_out
    assert {payout["status"] for payout in listed(sandbox, "/v1/payouts", limit=3)} <= {"paid", "in_transit"}
