"""The worker goes on whatever happens, and stops when it is told to."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from sqlmodel import select

from azpay import inbox, operations
from azpay.gateway import AnswerLost
from azpay.inbox import EventState, Handlers, Progress
from azpay.operations.idempotency import IdempotencyKey
from azpay.payments import charge
from azpay.worker import Reins, Worker, drain, resolve_due, work
from azpay.worker.schedules import forget_answers
from tests.support.builders import a_charge
from tests.support.events import an_event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from sqlmodel import Session

    from azpay.bootstrap import Azpay
    from azpay.db import Database
    from azpay.gateway.objects import Event
    from azpay.sandbox import Sandbox
    from tests.support.clock import Clock
    from tests.support.webhooks import Webhooks


def eventually(is_so: Callable[[], bool], seconds: float = 10) -> bool:
    end = time.monotonic() + seconds
    while not is_so() and time.monotonic() < end:
        time.sleep(0.01)
    return is_so()


def states(db: Database) -> set[EventState]:
    return {event.state for event in inbox.page(db, limit=1000)}


def test_a_worker_applies_what_comes_in_and_ends_when_told_to(azpay: Azpay, webhooks: Webhooks) -> None:
    worker = Worker(azpay)
    worker.start()
    webhooks.keep([an_event("evt_1")])

    worker.wake()

    assert eventually(lambda: states(azpay.db) == {EventState.DONE})
    assert worker.alive
    assert worker.stop(within=5)
    assert not worker.alive


def test_a_worker_that_nobody_wakes_finds_what_another_process_kept(azpay: Azpay, webhooks: Webhooks) -> None:
    worker = Worker(azpay)
    worker.start()

    webhooks.keep([an_event("evt_1")])

    assert eventually(lambda: states(azpay.db) == {EventState.DONE})
    worker.stop(within=5)


def test_a_worker_settles_what_a_command_left_open(azpay: Azpay, stripe: Sandbox, clock: Clock) -> None:
    stripe.drop_next_answer(times=4)
    with pytest.raises(AnswerLost):
        charge(azpay.db, azpay.gateway, a_charge(), now=azpay.now())
    clock.advance(minutes=2)
    worker = Worker(azpay)

    worker.start()

    assert eventually(lambda: operations.open_by_kind(azpay.db) == {})
    assert worker.stop(within=5)
    assert len(stripe.charges) == 1


def test_a_worker_says_what_needs_a_person(
    azpay: Azpay, stripe: Sandbox, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    stripe.drop_next_request(times=100)
    with pytest.raises(AnswerLost):
        charge(azpay.db, azpay.gateway, a_charge(), now=azpay.now())

    for _ in range(operations.TRIES):
        clock.advance(days=1)
        resolve_due(azpay, Reins())

    [loud] = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert "operation_still_open" in loud
    assert "'needs_a_person': True" in loud


def test_answers_of_yesterday_are_forgotten(azpay: Azpay, clock: Clock) -> None:
    answers = operations.Answers(azpay.db)
    answers.replayed("cli:charge", "k", "d", now=azpay.now())
    clock.advance(days=1)

    forget_answers(azpay)

    with azpay.db.reading() as session:
        assert session.exec(select(IdempotencyKey)).all() == []


def test_a_worker_outlives_a_store_that_fails_and_says_so(
    azpay: Azpay, webhooks: Webhooks, caplog: pytest.LogCaptureFixture
) -> None:
    webhooks.keep([an_event("evt_1")])
    rename(azpay.db, "inbox_events", "away")
    worker = Worker(azpay)
    worker.start()
    assert eventually(lambda: "worker_waits" in caplog.text)

    rename(azpay.db, "away", "inbox_events")

    assert eventually(lambda: states(azpay.db) == {EventState.DONE})
    assert worker.stop(within=5)


def test_a_worker_outlives_a_bug_and_tells_where_it_is(
    azpay: Azpay, caplog: pytest.LogCaptureFixture
) -> None:
    def broken_clock() -> datetime:
        raise ZeroDivisionError

    worker = Worker(replace(azpay, now=broken_clock))
    worker.start()

    assert eventually(lambda: "worker_failed" in caplog.text)
    assert worker.alive
    assert worker.stop(within=5)
    assert "ZeroDivisionError" in caplog.text


def test_a_worker_stops_between_two_pieces_of_work(azpay: Azpay, webhooks: Webhooks) -> None:
    reins = Reins()

    def stop_at_the_first(_session: Session, _event: Event, _now: datetime) -> None:
        reins.stop()

    stopping = replace(azpay, handlers=Handlers(events={"coupon.created": stop_at_the_first}, objects={}))
    webhooks.keep(an_event(f"evt_{number}") for number in range(150))

    work(stopping, reins)

    finished = inbox.page(azpay.db, states=[EventState.DONE], limit=1000)
    assert len(finished) == 100


def test_draining_takes_all_that_is_due_and_nothing_that_is_not(azpay: Azpay, webhooks: Webhooks) -> None:
    def broken(_session: Session, _event: Event, _now: datetime) -> None:
        raise ValueError

    failing = replace(azpay, handlers=Handlers(events={"poison": broken}, objects={}))
    webhooks.keep(an_event(f"evt_{number:03}") for number in range(150))
    webhooks.keep([an_event("evt_bad", type="poison")])

    progress = drain(failing, Reins())

    assert progress == Progress(done=150, postponed=1)
    assert drain(failing, Reins()) == Progress()


def test_resting_ends_early_when_there_is_something_to_do() -> None:
    reins = Reins()
    with later(reins.wake):
        assert took(lambda: reins.rest(30)) < 10
    assert not reins.stopping


def test_backing_off_ends_early_only_to_stop() -> None:
    reins = Reins()
    reins.wake()
    with later(reins.wake):
        assert took(lambda: reins.back_off(0.4)) >= 0.4
    with later(reins.stop):
        assert took(lambda: reins.back_off(30)) < 10


@contextmanager
def later(act: Callable[[], None]) -> Iterator[None]:
    """Do it from another thread, a moment from now."""
    timer = threading.Timer(0.1, act)
    timer.start()
    yield
    timer.join()


def took(act: Callable[[], None]) -> float:
    start = time.monotonic()
    act()
    return time.monotonic() - start


def rename(db: Database, table: str, to: str) -> None:
    with db.engine.begin() as connection:
        connection.exec_driver_sql(f"ALTER TABLE {table} RENAME TO {to}")
