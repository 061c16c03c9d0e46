"""Anything, in any order, in any trouble: no money is moved twice, and none of it is forgotten.

A machine types commands, loses answers, kills them halfway, takes their book away, delivers events late,
twice or never, sets the clock, and lets days go by; customers refuse, and banks take back.
AZPAY_MACHINE_RUNS=10000 asks for so many histories, AZPAY_MACHINE_STEPS=30 for longer ones; AZPAY_SEED plays
the same ones again. What fails is printed as the shortest history that does, with the line that repeats it.
"""

from __future__ import annotations

import gc
import os
import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, run_state_machine_as_test
from sqlalchemy import event

from azpay import audit, inbox
from azpay.inbox import outcomes
from azpay.payments import checks
from tests.conftest import emptied
from tests.machine import agreement, truths
from tests.machine.merchant import Merchant, emptied_file
from tests.machine.outside import Outside
from tests.machine.returns import Returns
from tests.machine.till import CARDS, HOWS
from tests.machine.trouble import NONE, TROUBLE
from tests.machine.upkeep import Upkeep

if TYPE_CHECKING:
    from collections.abc import Sequence

    from azpay.db import Database
    from azpay.settings import Settings
    from tests.machine.trouble import Trouble
    from tests.support.postgres import Server

RUNS = int(os.environ.get("AZPAY_MACHINE_RUNS", "60"))
STEPS = int(os.environ.get("AZPAY_MACHINE_STEPS", "3"))
SEED = int(os.environ.get("AZPAY_SEED") or random.SystemRandom().randrange(1 << 32))
PARTS = 2
"""So that several processes share the histories."""
AT_ONCE = 10
"""After so many from one seed, Hypothesis begins to vary those that it has instead of making new ones."""


class Machine(Returns, Outside, Upkeep):
    """All of it, what must always be so, and what must be so when all is quiet again."""

    @initialize(four_eyes=st.booleans(), card=CARDS, how=HOWS, trouble=st.just(NONE) | TROUBLE)
    def charge_first(self, four_eyes: bool, card: str, how: Sequence[str], trouble: Trouble) -> None:
        self.merchant.decide_by_two(four_eyes=four_eyes)
        self.charge(card, how, None, trouble)

    @invariant()
    def no_money_is_doubled_or_forgotten(self) -> None:
        now = truths.Moment.of(self.merchant)
        truths.assert_each_at_most_once(now, [*self.orders, *self.returns])
        truths.assert_nothing_is_overdrawn(now)
        truths.assert_nothing_is_forgotten(now, self.promises)
        truths.assert_no_key_outlives_stripes_memory(self.merchant)

    def teardown(self) -> None:
        """When all is quiet again, everything agrees; unless the history has failed already."""
        if sys.exc_info()[0] is None:
            self.settle()
            self.check()

    def settle(self) -> None:
        """No more trouble, all news, and time enough: first Stripe is asked again, a day later looked at."""
        merchant = self.merchant
        merchant.set_clock(timedelta(0))
        for pause in (timedelta(minutes=12), timedelta(days=1)):
            merchant.pass_time(pause)
            if merchant.open_operations():
                self.hear()
                self.note(merchant.types("ops", "resolve", "--all"))
        self.hear()
        if self.lost:
            self.catch_up()
        for _ in range(outcomes.TRIES):
            if not inbox.backlog(merchant.db).waiting:
                break
            merchant.pass_time(timedelta(minutes=16))
            self.note(merchant.works())

    def hear(self) -> None:
        """Everything that Stripe has told, if there is any."""
        self.mail += self.merchant.webhooks.new()
        if self.mail or inbox.backlog(self.merchant.db).waiting:
            self.note(self.merchant.receives(self.mail))
        self.mail.clear()

    def catch_up(self) -> None:
        """What no webhook has brought, and no sweep finds after so long, is asked for."""
        self.note(self.merchant.types("events", "sweep"))
        self.reconcile(NONE)
        self.note(self.merchant.types("disputes", "list", "--refresh"))
        for customer in self.merchant.stripe.customers:
            words = ("methods", "list", "--customer", customer["id"], "--refresh")
            self.note(self.merchant.types(*words))

    def check(self) -> None:
        merchant, now = self.merchant, truths.Moment.of(self.merchant)
        truths.assert_nothing_stays_open(merchant)
        truths.assert_each_key_made_one_thing(merchant.stripe)
        truths.assert_every_spending_is_of_something_done(merchant)
        truths.assert_nothing_is_forgotten(now, self.promises)
        truths.assert_each_at_most_once(now, [*self.orders, *self.returns])
        agreement.assert_all_is_told(now)
        agreement.assert_disputes_are_told(merchant, now)
        agreement.assert_methods_are_told(merchant)
        truths.assert_large_refunds_had_two_people(merchant, now)
        found = [*checks.sums(merchant.db), audit.check(merchant.db)]
        assert [problem for check in found for problem in check.problems] == []


Try = Callable[[Merchant, int, int], None]


@pytest.fixture
def histories(record_property: Callable[[str, object], None], monkeypatch: pytest.MonkeyPatch) -> Try:
    """So many of them, in a part of their own. Those of one seed draw the same ids in the same order."""

    def go(merchant: Merchant, runs: int, part: int) -> None:
        how = settings(
            max_examples=AT_ONCE,
            stateful_step_count=STEPS,
            deadline=None,
            print_blob=True,
            phases=[Phase.reuse, Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        )
        with merchant.watched(), little_garbage():
            for number in range(ceil(runs / AT_ONCE)):
                choice = SEED + number * (PARTS + 1) + part
                with how_to_repeat(choice):
                    run_state_machine_as_test(seeded(choice, merchant), settings=how)  # type: ignore[arg-type]
        record_property("tried", f"{runs} histories of {STEPS} steps, AZPAY_SEED={SEED}, part {part}")

    def seeded(choice: int, merchant: Merchant) -> Callable[[], Machine]:
        @seed(choice)
        def machine() -> Machine:
            monkeypatch.setattr("secrets.randbits", random.Random(choice).getrandbits)  # noqa: S311
            return Machine(merchant)

        return machine

    return go


@contextmanager
def little_garbage() -> Iterator[None]:
    """What is there when histories begin is not looked at again and again."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


@contextmanager
def how_to_repeat(choice: int) -> Iterator[None]:
    """A failure says which words bring it back, as the first choice of the first part."""
    try:
        yield
    except BaseException as error:
        words = f"AZPAY_SEED={choice} AZPAY_MACHINE_RUNS={PARTS} AZPAY_MACHINE_STEPS={STEPS}"
        error.add_note(f"To play it again: {words} pytest tests/machine -k 0")
        raise


@pytest.mark.slow
@pytest.mark.store("sqlite")
@pytest.mark.timeout(300 + RUNS * STEPS)
@pytest.mark.parametrize("part", range(PARTS))
def test_whatever_happens_each_cent_moves_once(  # noqa: PLR0917 - fixtures
    part: int,
    histories: Try,
    settings: Settings,
    db: Database,
    address: str,
    empty_book: Path,
    tmp_path: Path,
) -> None:
    file = Path(address.removeprefix("sqlite:///"))
    event.listen(db.engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=OFF"))
    merchant = Merchant(settings, db, tmp_path, lambda: emptied_file(file, empty_book))

    histories(merchant, RUNS // PARTS, part)


@pytest.mark.slow
@pytest.mark.store("postgresql")
@pytest.mark.timeout(300 + RUNS * STEPS)
def test_whatever_happens_each_cent_moves_once_in_a_servers_book(
    histories: Try, settings: Settings, db: Database, server: Server, tmp_path: Path
) -> None:
    merchant = Merchant(settings, db, tmp_path, lambda: assert_emptied(server))

    histories(merchant, RUNS // 20, PARTS)


def assert_emptied(server: Server) -> None:
    assert emptied(server, "book")
