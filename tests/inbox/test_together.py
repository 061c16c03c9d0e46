"""Many events applied at once: exactly once, whatever is wrong with some, and wherever the worker dies."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event as listening
from sqlalchemy import text
from sqlmodel import select

from azpay import inbox
from azpay.inbox import EventState, InboxEvent, Outcome, Progress, Weighed
from azpay.payments import Customer, Payment, checks
from azpay.settlement import BalanceTransaction
from tests.support.clock import NOON
from tests.support.events import an_event

if TYPE_CHECKING:
    from azpay.bootstrap import Azpay
    from azpay.db import Database
    from azpay.sandbox import Sandbox
    from tests.support.clock import Clock
    from tests.support.webhooks import Webhooks

LONG = "LONG_TESTS" in os.environ
UNIX = int(NOON.timestamp())
PAID: dict[str, Any] = {
    "amount": 500,
    "currency": "usd",
    "payment_method": "pm_card_visa",
    "confirm": True,
    "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
}


def an_intent(number: int, **changed: Any) -> dict[str, Any]:
    return {
        "id": f"pi_{number:03}",
        "object": "payment_intent",
        "amount": 500,
        "amount_received": 500,
        "currency": "usd",
        "status": "succeeded",
        "created": UNIX,
        **changed,
    }


def succeeded(number: int, *, event: str | None = None, **changed: Any) -> dict[str, Any]:
    named = event or f"evt_{number:03}"
    return an_event(named, type="payment_intent.succeeded", data={"object": an_intent(number, **changed)})


def a_refund_of(number: int, amount: int = 100) -> dict[str, Any]:
    thing = {"id": f"re_{number:03}", "object": "refund", "amount": amount, "currency": "usd",
             "created": UNIX, "status": "succeeded", "payment_intent": f"pi_{number:03}"}  # fmt: skip
    return an_event(f"evt_{number:03}_refund", type="refund.created", data={"object": thing})


def apply(azpay: Azpay, **options: Any) -> Progress:
    return inbox.process(azpay.db, azpay.gateway, azpay.handlers, now=azpay.now(), **options)


def payments(db: Database) -> dict[str | None, tuple[str, int, int]]:
    with db.reading() as session:
        rows = session.exec(select(Payment)).all()
    return {row.payment_intent: (row.status, row.amount_captured, row.amount_refunded) for row in rows}


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount": -5},
        {"currency": "DOLLAR"},
        {"amount_received": 900},
        {"status": "levitating"},
        {"amount": None},
    ],
)
def test_one_that_the_book_refuses_is_found_among_many_and_alone_postponed(
    azpay: Azpay, webhooks: Webhooks, wrong: dict[str, Any]
) -> None:
    webhooks.keep([*(succeeded(number) for number in range(20)), succeeded(99, **wrong)])

    progress = apply(azpay)

    assert progress == Progress(done=20, postponed=1)
    assert inbox.one(azpay.db, "evt_099").attempts == 1
    assert payments(azpay.db) == {f"pi_{number:03}": ("succeeded", 500, 0) for number in range(20)}


def test_what_a_refused_group_shares_with_a_bad_event_is_applied_all_the_same(
    azpay: Azpay, webhooks: Webhooks
) -> None:
    webhooks.keep([succeeded(1), a_refund_of(1), succeeded(1, event="evt_bad", amount=-5), succeeded(2)])

    progress = apply(azpay)

    assert progress == Progress(done=3, postponed=1)
    assert payments(azpay.db) == {"pi_001": ("succeeded", 500, 100), "pi_002": ("succeeded", 500, 0)}


def test_events_of_other_types_go_beside_them_in_the_same_call(azpay: Azpay, webhooks: Webhooks) -> None:
    def note(session: Any, event: Any, now: Any) -> None:
        session.add(Customer(customer=f"cus_{event.id}", created_at=now, updated_at=now))

    azpay = replace(azpay, handlers=replace(azpay.handlers, events={**azpay.handlers.events, "other": note}))
    webhooks.keep(
        [
            succeeded(1),
            an_event("evt_other", type="other"),
            an_event("evt_nobody", type="nobody"),
            succeeded(2),
        ]
    )

    progress = apply(azpay)

    assert progress == Progress(done=4)
    assert len(payments(azpay.db)) == 2
    with azpay.db.reading() as session:
        assert session.get_one(Customer, "cus_evt_other").customer


def test_a_body_that_was_changed_in_the_book_is_given_up_and_the_others_flow(
    azpay: Azpay, webhooks: Webhooks
) -> None:
    webhooks.keep([succeeded(1), succeeded(2), succeeded(3)])
    with azpay.db.writing() as session:
        rows = session.connection()
        [other] = rows.exec_driver_sql("SELECT body FROM inbox_bodies WHERE event = 'evt_001'").one()
        moved = text("UPDATE inbox_bodies SET body = :body WHERE event = 'evt_002'")
        rows.execute(moved, {"body": other})

    progress = apply(azpay)

    assert progress == Progress(done=2, dead=1)
    assert sorted(payments(azpay.db), key=str) == ["pi_001", "pi_003"]


def test_a_weighing_that_fails_as_a_whole_leaves_every_event_to_its_handler(
    azpay: Azpay, webhooks: Webhooks
) -> None:
    class Confused:
        types, fetches = azpay.handlers.swift, ()

        def weigh(self, *_: object) -> Weighed:
            raise ValueError

        def write(self, *_: object) -> None: ...

    webhooks.keep([succeeded(1), succeeded(2)])

    progress = apply(replace(azpay, handlers=replace(azpay.handlers, together=Confused())))

    assert progress == Progress(done=2)
    assert len(payments(azpay.db)) == 2


def test_the_time_that_events_took_is_told_by_type_and_outcome(azpay: Azpay, webhooks: Webhooks) -> None:
    webhooks.keep(
        [succeeded(1), succeeded(2), succeeded(3, amount=-5), an_event("evt_nobody", type="nobody")]
    )

    spent = apply(azpay).spent

    assert {what: each.events for what, each in spent.items()} == {
        ("payment_intent.succeeded", Outcome.DONE): 2,
        ("payment_intent.succeeded", Outcome.POSTPONED): 1,
        ("nobody", Outcome.DONE): 1,
    }
    assert spent["payment_intent.succeeded", Outcome.DONE].time > timedelta(0)
    assert spent["payment_intent.succeeded", Outcome.POSTPONED].time > timedelta(0)


def test_ledger_lines_are_fetched_once_and_all_their_events_applied_together(
    azpay: Azpay, stripe: Sandbox, webhooks: Webhooks
) -> None:
    for key in "abc":
        azpay.gateway.create_payment_intent(PAID, key=key)
    stripe.tick()

    progress = webhooks.arrive()

    assert (progress.postponed, progress.dead) == (0, 0)
    with azpay.db.reading() as session:
        assert {row.state for row in session.exec(select(InboxEvent))} == {EventState.DONE}
    assert {found[:2] for found in payments(azpay.db).values()} == {("succeeded", 500)}


@pytest.fixture
def paid(azpay: Azpay, clock: Clock, webhooks: Webhooks) -> None:
    """Three payments are on record, and the events that name their ledger lines are kept."""
    for key in "abc":
        azpay.gateway.create_payment_intent(PAID, key=key)
    webhooks.arrive()
    clock.advance(seconds=5)
    webhooks.keep(webhooks.new())


def lines(db: Database) -> int:
    with db.reading() as session:
        return len(session.exec(select(BalanceTransaction)).all())


@pytest.mark.usefixtures("paid")
def test_while_stripe_is_out_of_reach_events_wait_for_their_lines_and_no_try_is_counted(
    azpay: Azpay, stripe: Sandbox, clock: Clock
) -> None:
    stripe.fail_next(503, times=4)
    during = apply(azpay)
    attempts = {event.attempts for event in inbox.page(azpay.db, states=[EventState.FAILED])}
    clock.advance(seconds=15)

    after = apply(azpay)

    assert (during.postponed, attempts) == (3, {0})
    assert (after, lines(azpay.db)) == (Progress(done=3), 3)


@pytest.mark.usefixtures("paid")
def test_told_to_stop_it_fetches_no_line_and_leaves_the_events_due(azpay: Azpay) -> None:
    progress = apply(azpay, stopping=lambda: True)

    assert (progress.postponed, lines(azpay.db)) == (0, 0)
    assert inbox.backlog(azpay.db).waiting == 3


@pytest.mark.usefixtures("paid")
def test_a_line_that_stripe_does_not_have_postpones_its_event_alone(azpay: Azpay, webhooks: Webhooks) -> None:
    intent = next(iter(payments(azpay.db)))
    thing = {"id": "ch_1", "object": "charge", "amount": 500, "currency": "usd", "created": UNIX,
             "payment_intent": intent, "balance_transaction": "txn_gone"}  # fmt: skip
    webhooks.keep([an_event("evt_gone", type="charge.updated", data={"object": thing})])

    progress = apply(azpay)

    assert progress.postponed == 1
    assert lines(azpay.db) == 3
    assert "NoSuchObject" in (inbox.one(azpay.db, "evt_gone").error or "")


class Crash(BaseException):
    """As abrupt as a process can be made to end inside a test."""


def a_backlog() -> list[dict[str, Any]]:
    """With one that the book refuses, so that there is a savepoint to go back to."""
    events = [event for number in range(4) for event in (succeeded(number), a_refund_of(number))]
    return [*events, succeeded(9, amount=-5)]


AS_IT_ENDS = {f"pi_{number:03}": ("succeeded", 500, 100) for number in range(4)}


def test_a_crash_before_any_statement_leaves_nothing_half_done(azpay: Azpay, webhooks: Webhooks) -> None:
    webhooks.keep(a_backlog())
    crashes = 0

    for boundary in count(1, 1 if LONG else 3):
        left = iter(range(boundary - 1))

        def die(*_: object, left: Any = left) -> None:
            if next(left, None) is None:
                raise Crash

        listening.listen(azpay.db.engine, "before_cursor_execute", die)
        try:
            apply(azpay)
            break
        except Crash:
            crashes += 1
        finally:
            listening.remove(azpay.db.engine, "before_cursor_execute", die)
        assert no_effect_without_its_mark(azpay.db)
    apply(azpay)

    assert crashes > 5
    assert payments(azpay.db) == AS_IT_ENDS
    assert not any(check.problems for check in checks.sums(azpay.db))


def no_effect_without_its_mark(db: Database) -> bool:
    with db.reading() as session:
        done = session.exec(select(InboxEvent).where(InboxEvent.state == EventState.DONE)).all()
    told = {event.object_id for event in done if event.type == "payment_intent.succeeded"}
    return told == set(payments(db))


KILLED = """
import os, sys
from datetime import datetime
from sqlalchemy import event
from azpay import inbox
from azpay.bootstrap import HANDLERS
from tests.support.books import a_book

db, left = a_book(sys.argv[1]), int(sys.argv[2])

def die(*_):
    global left
    left -= 1
    if not left:
        os.kill(os.getpid(), 9)

event.listen(db.engine, "before_cursor_execute", die)
inbox.process(db, None, HANDLERS, now=datetime.fromisoformat(sys.argv[3]))
"""


@pytest.mark.store("sqlite")
def test_what_waits_is_read_off_its_index_in_order_however_much_is_done(
    azpay: Azpay, webhooks: Webhooks
) -> None:
    webhooks.keep([succeeded(1)])
    claims: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: object, *_: object) -> None:
        if "LIMIT" in statement and "inbox_events" in statement:
            claims.append((statement, parameters))

    listening.listen(azpay.db.engine, "before_cursor_execute", note)
    apply(azpay)
    with azpay.db.reading() as session:
        statement, parameters = claims[0]
        plan = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()

    assert [step.detail for step in plan] == [
        "SEARCH inbox_events USING INDEX ix_inbox_events_waiting (due_at<?)",
        "SEARCH inbox_bodies USING INDEX sqlite_autoindex_inbox_bodies_1 (event=?) LEFT-JOIN",
    ]


@pytest.mark.parametrize("boundary", range(1, 40) if LONG else [7, 15])
def test_a_worker_killed_between_two_statements_of_a_batch_leaves_it_exact(
    azpay: Azpay, address: str, webhooks: Webhooks, boundary: int
) -> None:
    webhooks.keep(a_backlog())
    words = [sys.executable, "-c", KILLED, address, str(boundary), azpay.now().isoformat()]

    killed = subprocess.run(words, check=False, timeout=120)
    apply(azpay)

    assert killed.returncode in {-signal.SIGKILL, 0}
    assert payments(azpay.db) == AS_IT_ENDS
    assert not any(check.problems for check in checks.sums(azpay.db))


def test_four_workers_with_the_same_payments_wait_for_each_other_and_do_not_deadlock(
    azpay: Azpay, webhooks: Webhooks
) -> None:
    numbers = list(range(30))
    for round_ in range(4):
        random.shuffle(numbers)
        webhooks.keep(succeeded(number, event=f"evt_{round_}_{at:02}") for at, number in enumerate(numbers))
    troubles: list[str] = []

    def note(trouble: Any) -> None:
        troubles.append(str(trouble.original_exception))

    listening.listen(azpay.db.engine, "handle_error", note)

    with ThreadPoolExecutor(4) as workers:
        progress = list(workers.map(lambda _: apply(azpay, limit=30), range(12)))

    assert sum(progress, Progress()).done == 120
    assert [each for each in troubles if "deadlock" in each] == []
    assert payments(azpay.db) == {f"pi_{number:03}": ("succeeded", 500, 0) for number in range(30)}
