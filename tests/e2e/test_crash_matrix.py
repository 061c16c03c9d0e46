"""Killed at any boundary of any command that moves money; the same command again; everything moved once.

The boundaries enumerate themselves: a command is let live once, and tells each SQL statement, commit, request
to Stripe and renamed file that it came past, before and after. By default a few of them are tried, chosen by
a seed; AZPAY_CRASHES=40 tries so many of each command, AZPAY_CRASHES=all every one. AZPAY_SEED repeats a
choice.
"""

from __future__ import annotations

import os
import random
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.e2e.lives import Life, Nursery, a_nursery
from tests.e2e.oracle import assert_all_is_told

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tests.e2e.shop import Shop

CRASHES = os.environ.get("AZPAY_CRASHES", "4")
PAIRS = int(os.environ.get("AZPAY_DOUBLE_CRASHES", "4"))
SEED = int(os.environ.get("AZPAY_SEED") or random.SystemRandom().randrange(1 << 32))

DONE, REPETITION = 0, 6
REFUND = 500

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]


@pytest.fixture
def nursery(shop: Shop) -> Iterator[Nursery]:
    with a_nursery(shop) as nursery:
        nursery.does("charge", "1.00", "usd", "--method", "pm_card_visa", "--reference", "the-first")
        yield nursery


def charge(reference: str, *more: str) -> list[str]:
    return ["charge", "19.99", "usd", "--method", "pm_card_visa", "--reference", reference, *more]


def nothing(_nursery: Nursery, _reference: str) -> None:
    """The command needs nothing before it."""


def charged(nursery: Nursery, reference: str) -> None:
    nursery.does(*charge(reference))


def refunded_before(nursery: Nursery, reference: str) -> None:
    charged(nursery, reference)
    nursery.does("refund", reference, "3.00", "--yes")


def authorized(nursery: Nursery, reference: str) -> None:
    nursery.does(*charge(reference, "--authorize-only"))


@dataclass(frozen=True, slots=True)
class Act:
    """What stands before the command, the command, and what Stripe is to say of each payment afterwards."""

    before: Callable[[Nursery, str], None]
    words: Callable[[str], Sequence[str]]
    status: str = "succeeded"
    received: int = 1999
    refunded: int = 0


ACTS = {
    "charge": Act(nothing, charge),
    "charge of a new customer": Act(nothing, lambda name: charge(name, "--customer", f"{name}@example.com")),
    "charge that is authorized": Act(
        nothing, lambda name: charge(name, "--authorize-only"), "requires_capture", received=0
    ),
    "capture": Act(authorized, lambda name: ["capture", name, "--yes"]),
    "capture of a part": Act(authorized, lambda name: ["capture", name, "10.00", "--yes"], received=1000),
    "cancel": Act(authorized, lambda name: ["cancel", name, "--yes"], "canceled", received=0),
    "refund": Act(charged, lambda name: ["refund", name, "--yes"], refunded=1999),
    "refund of a part": Act(charged, lambda name: ["refund", name, "5.00", "--yes"], refunded=500),
    "second refund": Act(refunded_before, lambda name: ["refund", name, "5.00", "--yes"], refunded=800),
}


def assert_done_once(nursery: Nursery, act: Act, references: Sequence[str]) -> None:
    nursery.live("ops", "resolve", "--all")  # what dead commands left beside what they were asked for
    there = {
        intent["metadata"]["azpay_reference"]: (intent["status"], intent["amount_received"])
        for intent in nursery.shop.all_at_stripe("payment_intents")
        if intent["metadata"]["azpay_reference"] in references
    }
    here = {payment.reference: payment.amount_refunded for payment in nursery.shop.on_record()}
    assert there == dict.fromkeys(references, (act.status, act.received))
    assert {here[reference] for reference in references} == {act.refunded}
    assert_all_is_told(nursery.shop)


def a_chance(name: str) -> random.Random:
    return random.Random(f"{SEED} {name}")  # noqa: S311 - to repeat a choice, not to keep a secret


def chosen(boundaries: int, chance: random.Random) -> list[int]:
    everyone = range(1, boundaries + 1)
    if CRASHES == "all":
        return list(everyone)
    return sorted(chance.sample(everyone, min(int(CRASHES), boundaries)))


@pytest.mark.parametrize("name", ACTS)
def test_killed_at_a_boundary_it_is_done_once_by_the_same_command(
    nursery: Nursery, name: str, record_property: Callable[[str, object], None]
) -> None:
    act, tried, statuses = ACTS[name], ["whole"], set[int]()
    act.before(nursery, "whole")
    boundaries = nursery.does(*act.words("whole")).passed

    for end in chosen(len(boundaries), a_chance(name)):
        reference = f"order-{end}"
        act.before(nursery, reference)
        died = nursery.live(*act.words(reference), end=end)
        again = nursery.live(*act.words(reference))
        tried.append(reference)
        statuses.add(again.status)
        assert died.status == -signal.SIGKILL, died.err
        assert ended_well(again), (end, died.passed[-1], again.err)

    record_property("tried", f"{name}: {len(tried) - 1} of {len(boundaries)} boundaries, seed {SEED}")
    assert_done_once(nursery, act, tried)
    assert DONE in statuses


def ended_well(again: Life) -> bool:
    """It did what was left to do; or had nothing left to do, and stopped as a repetition."""
    return again.status in {DONE, REPETITION} or "already" in again.err


@pytest.mark.parametrize("name", ["charge of a new customer", "capture", "second refund"])
def test_killed_twice_it_is_done_once_by_the_same_command(
    nursery: Nursery, name: str, record_property: Callable[[str, object], None]
) -> None:
    act, chance, tried = ACTS[name], a_chance(name), ["whole"]
    act.before(nursery, "whole")
    boundaries = len(nursery.does(*act.words("whole")).passed)

    for number in range(PAIRS):
        reference = f"order-{number}"
        act.before(nursery, reference)
        for _ in range(2):
            nursery.live(*act.words(reference), end=chance.randint(1, boundaries))
        again = nursery.live(*act.words(reference))
        tried.append(reference)
        assert ended_well(again), again.err

    record_property("tried", f"{name}: {PAIRS} pairs, seed {SEED}")
    assert_done_once(nursery, act, tried)
