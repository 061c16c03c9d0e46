"""Killed at any boundary of any command that moves money; the same command again; everything moved once.

The boundaries enumerate themselves: a command is let live once, and tells each SQL statement, commit, request
to Stripe and renamed file that it came past, before and after. By default a few of them are tried, chosen by
a seed; AZPAY_CRASHES=40 tries so many of each command, AZPAY_CRASHES=all every one. AZPAY_SEED repeats a
choice.
"""

from __future__ import annotations

import json
import os
import random
import signal
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from tests.e2e.lives import Life, Nursery, a_nursery
from tests.e2e.oracle import assert_all_is_told, saved_methods
from tests.e2e.shop import Shop, a_sandbox
from tests.support.cases import cases, further

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

CRASHES = os.environ.get("AZPAY_CRASHES", "2")
PAIRS = int(os.environ.get("AZPAY_DOUBLE_CRASHES", "1"))
SEED = int(os.environ.get("AZPAY_SEED") or random.SystemRandom().randrange(1 << 32))

DONE, REPETITION = 0, 6
ROWS = 3
FOUR_EYES = {"AZPAY_REFUND_APPROVAL_ABOVE": "usd:1.00"}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]


@pytest.fixture(scope="module")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    """One for all: what an act leaves behind it must not disturb the next."""
    folder = tmp_path_factory.mktemp("crashes")
    with a_sandbox(folder) as stripe, a_nursery(Shop(folder, stripe)) as nursery:
        nursery.does("charge", "1.00", "usd", "--method", "pm_card_visa", "--reference", "the-first")
        yield nursery


def charge(reference: str, *more: str) -> list[str]:
    return ["charge", "19.99", "usd", "--method", "pm_card_visa", "--reference", reference, *more]


def email(name: str) -> str:
    return f"{name}@example.com"


def nothing(_nursery: Nursery, _name: str) -> None:
    """The command needs nothing before it."""


def charged(nursery: Nursery, name: str) -> None:
    nursery.does(*charge(name))


def refunded_before(nursery: Nursery, name: str) -> None:
    charged(nursery, name)
    nursery.does("refund", name, "3.00", "--yes")


def authorized(nursery: Nursery, name: str) -> None:
    nursery.does(*charge(name, "--authorize-only"))


def a_customer(nursery: Nursery, name: str) -> None:
    """With an e-mail, and a card that is to be theirs."""
    nursery.does(*charge(name, "--customer", email(name)))
    file_of(nursery, name).write_text(nursery.shop.new_method())


def left_behind(nursery: Nursery, name: str) -> None:
    """A charge whose command died when Stripe had done it, two minutes ago."""
    passed = nursery.does(*charge(f"{name}-alike")).passed
    done = next(at for at, where in enumerate(passed, start=1) if where.startswith("after POST"))
    died = nursery.live(*charge(name), end=done)
    assert died.status == -signal.SIGKILL, died.err
    nursery.shop.let_leases_run_out()


def a_file_of_charges(nursery: Nursery, name: str) -> None:
    lines = [f"19.99,usd,pm_card_visa,{name}-{row}" for row in range(ROWS)]
    file_of(nursery, name).write_text("\n".join(["amount,currency,method,reference", *lines]))


def a_file_of_refunds(nursery: Nursery, name: str) -> None:
    names = [f"{name}-{row}" for row in range(ROWS)]
    for each in names:
        charged(nursery, each)
    lines = [f"{each},5.00" for each in names]
    file_of(nursery, name).write_text("\n".join(["payment,amount", *lines]))


def asked_for(nursery: Nursery, name: str) -> None:
    """A refund that waits for a second person."""
    charged(nursery, name)
    asked = nursery.live(
        "refund", name, "5.00", "--yes", "--json", settings={"AZPAY_REFUND_APPROVAL_ABOVE": "usd:1.00"}
    )
    file_of(nursery, name).write_text(json.loads(asked.out)["data"]["id"])


def file_of(nursery: Nursery, name: str) -> Path:
    return nursery.shop.folder / f"{name}.csv"


@dataclass(frozen=True, slots=True)
class Act:
    """What stands before the command, the command, and what Stripe is to say of each payment afterwards."""

    before: Callable[[Nursery, str], None]
    words: Callable[[Nursery, str], Sequence[str]]
    status: str = "succeeded"
    received: int = 1999
    refunded: int = 0
    saved: int = 0
    """How many methods each of the customers has."""
    rows: int = 0
    """How many payments the command is about: `NAME-0`, `NAME-1` …; or the one that is called NAME."""
    settings: dict[str, str] = field(default_factory=dict)
    later: bool = False
    """Whether the same command goes on only when the dead one's lease has run out."""

    def payments(self, name: str) -> list[str]:
        return [f"{name}-{row}" for row in range(self.rows)] or [name]


def of(*words: str) -> Callable[[Nursery, str], Sequence[str]]:
    """The command, with what it is about in the place of NAME."""
    return lambda _nursery, name: [word.replace("NAME", name) for word in words]


def approving(nursery: Nursery, name: str) -> Sequence[str]:
    return ["refund", "approve", file_of(nursery, name).read_text(), "--yes"]


def attaching(nursery: Nursery, name: str) -> Sequence[str]:
    return ["methods", "add", file_of(nursery, name).read_text(), "--customer", email(name)]


def setting_up(nursery: Nursery, name: str) -> Sequence[str]:
    return [*attaching(nursery, name), "--off-session"]


ACTS = {
    "charge": Act(nothing, of(*charge("NAME"))),
    "charge of a new customer": Act(nothing, of(*charge("NAME", "--customer", email("NAME")))),
    "charge that is authorized": Act(
        nothing, of(*charge("NAME", "--authorize-only")), "requires_capture", received=0
    ),
    "capture": Act(authorized, of("capture", "NAME", "--yes")),
    "capture of a part": Act(authorized, of("capture", "NAME", "10.00", "--yes"), received=1000),
    "cancel": Act(authorized, of("cancel", "NAME", "--yes"), "canceled", received=0),
    "refund": Act(charged, of("refund", "NAME", "--yes"), refunded=1999),
    "refund of a part": Act(charged, of("refund", "NAME", "5.00", "--yes"), refunded=500),
    "second refund": Act(refunded_before, of("refund", "NAME", "5.00", "--yes"), refunded=800),
    "approval": Act(asked_for, approving, refunded=500, settings={"AZPAY_ACTOR": "bob"}),
    "attach": Act(a_customer, attaching, saved=1),
    "setup": Act(a_customer, setting_up, saved=1),
    "resolve": Act(left_behind, of("ops", "resolve", "--all"), later=True),
    "charges from a file": Act(
        a_file_of_charges, of("charge", "--file", "NAME.csv", "--at-once", "1", "--yes"), rows=ROWS
    ),
    "refunds from a file": Act(
        a_file_of_refunds,
        of("refund", "--file", "NAME.csv", "--at-once", "1", "--yes"),
        refunded=500,
        rows=ROWS,
    ),
}


def assert_done_once(nursery: Nursery, act: Act, names: Sequence[str]) -> None:
    nursery.shop.let_leases_run_out()
    nursery.live("ops", "resolve", "--all")  # what dead commands left beside what they were asked for
    references = [each for name in names for each in act.payments(name)]
    there = [
        (intent["metadata"]["azpay_reference"], intent["status"], intent["amount_received"])
        for intent in nursery.shop.all_at_stripe("payment_intents")
        if intent["metadata"]["azpay_reference"] in references
    ]
    here = {payment.reference: payment.amount_refunded for payment in nursery.shop.on_record()}
    assert sorted(there) == sorted((each, act.status, act.received) for each in references)
    assert {here[reference] for reference in references} == {act.refunded}
    saved = saved_methods(nursery.shop)
    assert {saved[address] for address in map(email, names) if address in saved} <= {act.saved}
    set_up = [setup["payment_method"] for setup in nursery.shop.all_at_stripe("setup_intents")]
    assert len(set_up) == len({*set_up})
    assert_all_is_told(nursery.shop)


def called(act: str) -> str:
    """What its orders begin with."""
    return act.replace(" ", "-")


def a_chance(name: str) -> random.Random:
    return random.Random(f"{SEED} {name}")  # noqa: S311 - to repeat a choice, not to keep a secret


def chosen(boundaries: int, chance: random.Random) -> list[int]:
    everyone = range(1, boundaries + 1)
    if CRASHES == "all":
        return list(everyone)
    return sorted(chance.sample(everyone, min(int(CRASHES), boundaries)))


@pytest.mark.parametrize("name", cases(ACTS, always={"charge of a new customer", "refund", "capture"}))
def test_killed_at_a_boundary_it_is_done_once_by_the_same_command(
    nursery: Nursery, name: str, record_property: Callable[[str, object], None]
) -> None:
    act, tried, statuses = ACTS[name], [f"{called(name)}-whole"], set[int]()
    act.before(nursery, tried[0])
    boundaries = nursery.does(*act.words(nursery, tried[0]), settings=act.settings).passed

    for end in chosen(len(boundaries), a_chance(name)):
        reference = f"{called(name)}-{end}"
        act.before(nursery, reference)
        died = nursery.live(*act.words(nursery, reference), end=end, settings=act.settings)
        if act.later:
            nursery.shop.let_leases_run_out()
        again = nursery.live(*act.words(nursery, reference), settings=act.settings)
        tried.append(reference)
        statuses.add(again.status)
        assert died.status == -signal.SIGKILL, died.err
        assert ended_well(again), (end, died.passed[-1], again.err)

    record_property("tried", f"{name}: {len(tried) - 1} of {len(boundaries)} boundaries, seed {SEED}")
    assert_done_once(nursery, act, tried)
    assert DONE in statuses


def ended_well(again: Life) -> bool:
    """It did what was left to do; or had nothing left to do, and stopped as a repetition."""
    done_before = ("already", "was approved by")
    return again.status in {DONE, REPETITION} or any(words in again.err for words in done_before)


@pytest.mark.parametrize(
    "name", ["second refund", *map(further, ("charge of a new customer", "capture", "charges from a file"))]
)
def test_killed_twice_it_is_done_once_by_the_same_command(
    nursery: Nursery, name: str, record_property: Callable[[str, object], None]
) -> None:
    act, chance, tried = ACTS[name], a_chance(name), [f"{called(name)}-twice"]
    act.before(nursery, tried[0])
    boundaries = len(nursery.does(*act.words(nursery, tried[0]), settings=act.settings).passed)

    for number in range(PAIRS):
        reference = f"{called(name)}-twice-{number}"
        act.before(nursery, reference)
        for _ in range(2):
            nursery.live(
                *act.words(nursery, reference), end=chance.randint(1, boundaries), settings=act.settings
            )
        again = nursery.live(*act.words(nursery, reference), settings=act.settings)
        tried.append(reference)
        assert ended_well(again), again.err

    record_property("tried", f"{name}: {PAIRS} pairs, seed {SEED}")
    assert_done_once(nursery, act, tried)
