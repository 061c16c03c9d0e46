"""Anything, in any order, in any trouble: no money is moved twice, and none of it is forgotten.

A machine types commands, loses answers, kills them halfway, delivers events late, twice or never, and lets
days go by. AZPAY_MACHINE_RUNS=10000 asks for so many histories, AZPAY_MACHINE_STEPS=30 for longer ones;
AZPAY_SEED repeats a choice. What fails is printed as the shortest history that does.
"""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import event

from azpay import audit, inbox
from azpay.gateway.stripe import TRIES
from azpay.inbox import outcomes
from azpay.payments import PaymentStatus, checks, methods
from tests.conftest import emptied
from tests.machine import truths
from tests.machine.meant import Intent
from tests.machine.merchant import NONE, Merchant, Said, Trouble, emptied_file
from tests.machine.mortality import Boundary, End
from tests.support.sheets import a_sheet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from azpay.db import Database
    from azpay.payments import Payment
    from azpay.settings import Settings
    from tests.support.postgres import Server

RUNS = int(os.environ.get("AZPAY_MACHINE_RUNS", "200"))
STEPS = int(os.environ.get("AZPAY_MACHINE_STEPS", "5"))
SEED = int(os.environ.get("AZPAY_SEED") or random.SystemRandom().randrange(1 << 32))
PARTS = 4
"""So that several processes share the histories."""

EMAILS = ("ada@example.com", "bob@example.com")
BROKE = "pm_card_visa_chargeDeclinedInsufficientFunds"
CARDS = st.sampled_from(["pm_card_visa", "pm_card_visa", "pm_card_visa", BROKE, "pm_card_pendingRefund"])
REFERENCED = ("--reference", "REFERENCE")
HOWS = st.sampled_from(
    [
        (),
        REFERENCED,
        ("--authorize-only",),
        (*REFERENCED, "--authorize-only"),
        (*REFERENCED, "--customer", EMAILS[0]),
    ]
)
ENDS_OF_HOLDS = st.sampled_from([("capture",), ("capture", "3.00"), ("capture", "8.00"), ("cancel",)])
AMOUNTS = st.sampled_from([(), ("1.00",), ("4.00",), ("8.00",)])
VERBS = st.sampled_from(["add", "add", "default", "remove"])
FAULTS = (
    "drop-answer",
    "drop-request",
    "500-stored",
    "500-effect",
    "429",
    "lock_timeout",
    "409",
    "503",
    "half-answer",
    "garbage",
    "timeout-answer",
)

PLACES = st.integers(0, 3)
ENDS = st.builds(
    End,
    st.sampled_from([Boundary.COMMIT, Boundary.KEPT, Boundary.REQUEST, Boundary.ANSWER]),
    st.integers(1, 6),
    interrupted=st.sampled_from([False, False, False, True]),
) | st.builds(End, st.sampled_from([Boundary.STATEMENT, Boundary.RESULT]), st.integers(1, 40))
STRUCK = st.lists(
    st.tuples(st.sampled_from(FAULTS), st.sampled_from([1, 2, TRIES, TRIES])), min_size=1, max_size=2
)
TROUBLE = st.one_of(
    st.just(NONE),
    st.just(NONE),
    st.just(NONE),
    st.builds(Trouble, STRUCK),
    st.builds(Trouble, end=ENDS),
    st.builds(Trouble, STRUCK, ENDS),
)
LOSSES = st.sampled_from(
    [Trouble([(fault, TRIES)]) for fault in ("drop-answer", "drop-request", "500-effect")]
)
AGAIN = st.sampled_from([Trouble([(fault, TRIES)]) for fault in ("429", "409", "503", "lock_timeout")])
PAUSES = st.sampled_from(
    [
        timedelta(minutes=2),
        timedelta(minutes=11),
        timedelta(hours=3),
        timedelta(hours=23, minutes=1),
        timedelta(days=1, minutes=1),
        timedelta(days=8),
    ]
)


class Machine(RuleBasedStateMachine):
    """Somebody who means things, and what becomes of them."""

    def __init__(self, merchant: Merchant) -> None:
        super().__init__()
        merchant.begin()
        self.merchant = merchant
        self.orders: list[Intent] = []
        self.returns: list[Intent] = []
        self.promises: list[dict[str, Any]] = []
        self.mail: list[dict[str, Any]] = []
        self.sheets: list[Path] = []

    # what is typed

    @initialize(card=CARDS, how=HOWS, trouble=st.just(NONE) | TROUBLE)
    def charge_first(self, card: str, how: Sequence[str], trouble: Trouble) -> None:
        self.charge(card, how, None, trouble)

    @rule(card=CARDS, how=HOWS, key=st.sampled_from([None, None, "key-1", "key-2"]), trouble=TROUBLE)
    def charge(self, card: str, how: Sequence[str], key: str | None, trouble: Trouble) -> None:
        name = self._next_order()
        words = ["charge", *self._priced(), "--metadata", f"meant={name}", "--method", card, *how]
        words = [name if word == "REFERENCE" else word for word in words]
        words += ["--idempotency-key", key] if key else []
        self.orders.append(Intent(name, words, self.merchant.clock.now(), key, good=card != BROKE))
        self._type(self.orders[-1], trouble)

    @precondition(lambda self: self._saved())
    @rule(email=st.sampled_from(EMAILS), trouble=TROUBLE)
    def charge_whatever_is_saved(self, email: str, trouble: Trouble) -> None:
        name = self._next_order()
        words = ["charge", *self._priced(), "--metadata", f"meant={name}", "--customer", email]
        self.orders.append(Intent(name, words, self.merchant.clock.now()))
        self._type(self.orders[-1], trouble)

    @rule(place=PLACES, trouble=TROUBLE)
    def charge_again(self, place: int, trouble: Trouble) -> None:
        """Up-arrow, Enter."""
        typed = [order for order in self.orders if order.words]
        order = typed[-1 - place % len(typed)]
        if order.may_be_repeated(self.merchant.clock.now()) and not self._is_canceled(order):
            self._type(order, trouble)

    @precondition(lambda self: any(not order.good for order in self.orders))
    @rule(place=PLACES, trouble=TROUBLE)
    def charge_another_card(self, place: int, trouble: Trouble) -> None:
        """The first was declined, or so it seems."""
        declined = [order for order in self.orders if not order.good]
        order = declined[-1 - place % len(declined)]
        if order.may_be_repeated(self.merchant.clock.now()) and order.key is None:
            order.words = ["pm_card_visa" if word == BROKE else word for word in order.words]
            self._type(order, trouble)

    @precondition(lambda self: self._with(PaymentStatus.AUTHORIZED))
    @rule(place=PLACES, words=ENDS_OF_HOLDS, trouble=TROUBLE)
    def end_a_hold(self, place: int, words: Sequence[str], trouble: Trouble) -> None:
        verb, *rest = words
        payment = self._one(place, PaymentStatus.AUTHORIZED)
        self._note(self.merchant.types(verb, payment.id, *rest, "--yes", trouble=trouble))

    @precondition(lambda self: self._with(PaymentStatus.SUCCEEDED))
    @rule(place=PLACES, words=AMOUNTS, key=st.sampled_from([None, None, "back-1"]), trouble=TROUBLE)
    def refund(self, place: int, words: Sequence[str], key: str | None, trouble: Trouble) -> None:
        if not self._with(PaymentStatus.SUCCEEDED):
            return
        payment, name = self._one(place, PaymentStatus.SUCCEEDED), f"return-{len(self.returns)}"
        typed = ["refund", payment.id, *words, "--note", name, "--yes"]
        typed += ["--idempotency-key", key] if key else []
        self.returns.append(Intent(name, typed, self.merchant.clock.now(), key))
        self._type(self.returns[-1], trouble)

    @rule(words=AMOUNTS, trouble=TROUBLE)
    def charge_and_refund(self, words: Sequence[str], trouble: Trouble) -> None:
        self.charge("pm_card_visa", REFERENCED, None, NONE)
        self.refund(0, words, None, trouble)

    @rule(lost=LOSSES, back=st.booleans(), trouble=TROUBLE | AGAIN)
    def lose_and_ask_again(self, lost: Trouble, back: bool, trouble: Trouble) -> None:
        """What the first answer would have been, the second must find out, or leave open."""
        self.charge("pm_card_visa", REFERENCED, None, NONE if back else lost)
        if back:
            self.refund(0, ("2.00",), None, lost)
        self._type((self.returns if back and self.returns else self.orders)[-1], trouble)

    @rule(words=ENDS_OF_HOLDS, trouble=TROUBLE)
    def hold_and_end(self, words: Sequence[str], trouble: Trouble) -> None:
        self.charge("pm_card_visa", ("--authorize-only",), None, NONE)
        if self._with(PaymentStatus.AUTHORIZED):
            self.end_a_hold(0, words, trouble)

    @precondition(lambda self: self.returns)
    @rule(place=PLACES, trouble=TROUBLE)
    def refund_again(self, place: int, trouble: Trouble) -> None:
        back = self.returns[-1 - place % len(self.returns)]
        if back.may_be_repeated(self.merchant.clock.now()):
            self._type(back, trouble)

    @rule(email=st.sampled_from(EMAILS), verb=VERBS, place=PLACES, trouble=TROUBLE)
    def keep_methods(self, email: str, verb: str, place: int, trouble: Trouble) -> None:
        words = ["add", "pm_card_visa", "--customer", email, "--default"]
        saved = self._saved()
        if verb != "add" and saved:
            words = [verb, saved[place % len(saved)], *["--yes"] * (verb == "remove")]
        self._note(self.merchant.types("methods", *words, trouble=trouble))

    @rule(rows=st.integers(1, 3), trouble=TROUBLE)
    def run_a_file(self, rows: int, trouble: Trouble) -> None:
        sheet, lines = self.merchant.folder / f"sheet-{len(self.orders)}.csv", []
        for _ in range(rows):
            name = self._next_order()
            lines.append((*self._priced(), "pm_card_visa", name, name))
            self.orders.append(Intent(name, (), self.merchant.clock.now()))
        sheet.write_bytes(a_sheet(("amount", "currency", "method", "reference", "metadata.meant"), lines))
        self.sheets.append(sheet)
        self._run(sheet, trouble)

    @precondition(lambda self: self.sheets)
    @rule(place=PLACES, trouble=TROUBLE)
    def run_a_file_again(self, place: int, trouble: Trouble) -> None:
        self._run(self.sheets[-1 - place % len(self.sheets)], trouble)

    @rule(care=st.sampled_from(["resolve", "sweep", "reconcile", "work"]), trouble=TROUBLE)
    def look_after(self, care: str, trouble: Trouble) -> None:
        if care == "resolve":
            self._note(self.merchant.types("ops", "resolve", "--all", trouble=trouble))
        elif care == "sweep":
            self._note(self.merchant.types("events", "sweep", trouble=trouble))
        elif care == "reconcile":
            self._reconcile(trouble)
        self._note(self.merchant.works(trouble if care == "work" else NONE))

    # what Stripe tells, and time

    @rule(chance=st.randoms(use_true_random=False), trouble=TROUBLE)
    def deliver(self, chance: random.Random, trouble: Trouble) -> None:
        """Some of what is under way, in any order, some of it twice; the rest later or never."""
        self.mail += self.merchant.webhooks.new()
        chance.shuffle(self.mail)
        arriving = self.mail[: chance.randint(0, len(self.mail))]
        self._note(self.merchant.receives(arriving + arriving[:2], trouble))
        self.mail = [event for event in self.mail if chance.random() < 0.9]  # some are lost for good

    @rule(pause=PAUSES)
    def wait(self, pause: timedelta) -> None:
        self.merchant.clock.at += pause

    # what is always so

    @invariant()
    def no_money_is_doubled_or_forgotten(self) -> None:
        now = truths.Moment.of(self.merchant)
        truths.assert_each_at_most_once(now, [*self.orders, *self.returns])
        truths.assert_nothing_is_overdrawn(now)
        truths.assert_nothing_is_forgotten(now, self.promises)

    def teardown(self) -> None:
        """When all is quiet again, everything agrees; unless the history has failed already."""
        if sys.exc_info()[0] is None:
            self.settle()
            self.check()

    def settle(self) -> None:
        """No more trouble, all news, and time enough: first Stripe is asked again, a day later looked at."""
        merchant = self.merchant
        merchant.stripe.disarm()
        for pause in (timedelta(minutes=12), timedelta(days=1)):
            merchant.clock.at += pause
            self._note(merchant.receives(merchant.webhooks.new()))
            if merchant.open_operations():
                self._note(merchant.types("ops", "resolve", "--all"))
        merchant.types("events", "sweep")
        self._note(merchant.works())
        for _ in range(outcomes.TRIES):
            if inbox.backlog(merchant.db).waiting:
                merchant.clock.advance(minutes=16)
                self._note(merchant.works())

    def check(self) -> None:
        merchant = self.merchant
        truths.assert_nothing_stays_open(merchant)
        truths.assert_each_key_made_one_thing(merchant.stripe)
        truths.assert_every_spending_is_of_something_done(merchant)
        now = truths.Moment.of(merchant)
        truths.assert_all_is_told(now)
        truths.assert_nothing_is_forgotten(now, self.promises)
        truths.assert_each_at_most_once(now, [*self.orders, *self.returns])
        found = [*checks.sums(merchant.db), audit.check(merchant.db)]
        assert [problem for check in found for problem in check.problems] == []

    # how

    def _next_order(self) -> str:
        return f"order-{len(self.orders)}"

    def _priced(self) -> tuple[str, str]:
        """Each order has an amount of its own, so that none of them looks like another."""
        return f"{10 + len(self.orders)}.99", "usd"

    def _type(self, intent: Intent, trouble: Trouble) -> None:
        intent.typed_again(self.merchant.clock.now())
        said = self.merchant.types(*intent.words, trouble=trouble)
        intent.said.append(said)
        self._note(said)

    def _run(self, sheet: Path, trouble: Trouble) -> None:
        words = ["charge", "--file", str(sheet), "--at-once", "1"]
        self._note(self.merchant.types(*words, trouble=trouble))

    def _reconcile(self, trouble: Trouble) -> None:
        plan = self.merchant.folder / "plan.json"
        plan.unlink(missing_ok=True)
        self._note(self.merchant.types("reconcile", "--plan", str(plan), trouble=trouble))
        if plan.exists():
            self._note(self.merchant.types("reconcile", "apply", str(plan), trouble=trouble))

    def _note(self, said: Said) -> None:
        truths.assert_speaks_well(self.merchant, said)
        if said.status == 0 and said.schema in {"azpay.payment/1", "azpay.refund/1"}:
            self.promises.append(said.data)

    def _with(self, status: PaymentStatus) -> list[Payment]:
        return [payment for payment in self.merchant.payments() if payment.status is status]

    def _one(self, place: int, status: PaymentStatus) -> Payment:
        found = self._with(status)
        return found[-1 - place % len(found)]

    def _saved(self) -> list[str]:
        return [method.payment_method for method in methods.saved(self.merchant.db)]

    def _is_canceled(self, intent: Intent) -> bool:
        return any(
            each["status"] == "canceled" and each["metadata"].get("meant") == intent.name
            for each in self.merchant.stripe.payment_intents
        )


Try = Callable[[Merchant, int, int], None]


@pytest.fixture
def histories(record_property: Callable[[str, object], None], monkeypatch: pytest.MonkeyPatch) -> Try:
    """So many of them, in a part of their own. Each draws the same ids in the same order."""

    def go(merchant: Merchant, runs: int, part: int) -> None:
        @seed(SEED + part)
        def machine() -> Machine:
            monkeypatch.setattr("secrets.randbits", random.Random(SEED).getrandbits)  # noqa: S311
            return Machine(merchant)

        how = settings(
            max_examples=runs,
            stateful_step_count=STEPS,
            deadline=None,
            print_blob=True,
            phases=[Phase.reuse, Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        )
        with merchant.mortality.watching(merchant.db.engine):
            run_state_machine_as_test(machine, settings=how)  # type: ignore[arg-type]  # a factory will do
        record_property("tried", f"{runs} histories of {STEPS} steps, AZPAY_SEED={SEED}, part {part}")

    return go


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
