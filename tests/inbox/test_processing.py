"""Each event once, in the transaction that marks it done, whatever happens in between."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event as listening
from sqlmodel import Session, func, select

from azpay import inbox
from azpay.db.database import DatabaseUnavailable
from azpay.inbox import EventState, Handlers, Progress
from azpay.payments import Customer
from tests.support.events import an_event

if TYPE_CHECKING:
    from datetime import datetime

    from azpay.bootstrap import Azpay
    from azpay.db import Database
    from azpay.gateway.objects import Event
    from tests.support.clock import Clock
    from tests.support.webhooks import Webhooks


class Crash(BaseException):
    """As abrupt as a process can be made to end inside a test."""


def count(session: Session, event: Event, now: datetime) -> None:
    """A handler whose effect can be counted: each time it runs there is one customer more."""
    known = session.exec(select(func.count()).select_from(Customer)).one()
    session.add(Customer(customer=f"cus_{known}_{event.id}", created_at=now, updated_at=now))


def effects(db: Database) -> int:
    with db.reading() as session:
        return session.exec(select(func.count()).select_from(Customer)).one()


def counting(azpay: Azpay, **more: Any) -> Azpay:
    return replace(azpay, handlers=Handlers(events={"coupon.created": count, **more}, objects={}))


def apply(azpay: Azpay, **options: Any) -> Progress:
    return inbox.process(azpay.db, azpay.gateway, azpay.handlers, now=azpay.now(), **options)


def test_an_event_has_its_effect_once_however_often_it_comes(azpay: Azpay, webhooks: Webhooks) -> None:
    azpay = counting(azpay)
    for _ in range(3):
        webhooks.keep([an_event("evt_1")] * 2)
        apply(azpay)

    assert effects(azpay.db) == 1
    assert inbox.one(azpay.db, "evt_1").processed_at == azpay.now()


def test_an_event_of_a_type_that_nobody_handles_is_done(azpay: Azpay, webhooks: Webhooks) -> None:
    webhooks.keep([an_event("evt_1", type="something.new")])

    assert apply(azpay) == Progress(done=1)
    assert inbox.one(azpay.db, "evt_1").state is EventState.DONE


def test_a_crash_after_the_handler_leaves_nothing_and_the_event_is_applied_later(
    azpay: Azpay, webhooks: Webhooks
) -> None:
    def crash(session: Session, event: Event, now: datetime) -> None:
        count(session, event, now)
        session.flush()
        raise Crash

    webhooks.keep([an_event("evt_1")])
    with pytest.raises(Crash):
        apply(counting(azpay, **{"coupon.created": crash}))
    assert (effects(azpay.db), inbox.one(azpay.db, "evt_1").state) == (0, EventState.RECEIVED)

    apply(counting(azpay))

    assert (effects(azpay.db), inbox.one(azpay.db, "evt_1").state) == (1, EventState.DONE)


def test_a_crash_at_the_commit_leaves_nothing_and_the_events_are_applied_later(
    azpay: Azpay, webhooks: Webhooks
) -> None:
    azpay = counting(azpay)
    webhooks.keep([an_event(f"evt_{number}") for number in range(5)])

    def crash(_connection: object) -> None:
        raise Crash

    listening.listen(azpay.db.engine, "commit", crash)
    with pytest.raises(Crash):
        apply(azpay)
    listening.remove(azpay.db.engine, "commit", crash)
    assert effects(azpay.db) == 0

    assert apply(azpay) == Progress(done=5)
    assert effects(azpay.db) == 5


KILLED = """
import os, sys
from datetime import UTC, datetime
from azpay import inbox
from azpay.payments import Customer
from tests.support.books import a_book

def handler(session, event, now):
    session.add(Customer(customer=f"cus_{event.id}", created_at=now, updated_at=now))
    session.flush()
    if event.id == "evt_3":
        os.kill(os.getpid(), 9)

handlers = inbox.Handlers(events={"coupon.created": handler}, objects={})
inbox.process(a_book(sys.argv[1]), None, handlers, now=datetime.max.replace(tzinfo=UTC))
"""


def test_a_worker_that_is_killed_leaves_nothing_half_done(azpay: Azpay, webhooks: Webhooks) -> None:
    webhooks.keep([an_event(f"evt_{number}") for number in range(5)])

    killed = subprocess.run([sys.executable, "-c", KILLED, str(azpay.db.engine.url)], check=False)

    assert killed.returncode == -9
    assert effects(azpay.db) == 0
    assert apply(counting(azpay)) == Progress(done=5)
    assert effects(azpay.db) == 5


def test_four_workers_on_one_book_have_each_effect_once(azpay: Azpay, webhooks: Webhooks) -> None:
    azpay = counting(azpay)
    webhooks.keep([an_event(f"evt_{number}") for number in range(200)])

    with ThreadPoolExecutor(4) as workers:
        progress = list(workers.map(lambda _: apply(azpay, limit=10), range(24)))

    assert sum(progress, Progress()) == Progress(done=200)
    assert effects(azpay.db) == 200


def broken(_session: Session, _event: Event, _now: datetime) -> None:
    raise ValueError("nobody thought of this")


def test_a_poison_event_is_tried_five_times_and_then_dead_while_others_flow(
    azpay: Azpay, webhooks: Webhooks, clock: Clock
) -> None:
    azpay = counting(azpay, poison=broken)
    webhooks.keep([an_event("evt_bad", type="poison"), *(an_event(f"evt_{number}") for number in range(3))])

    first = apply(azpay)
    tries = [first]
    for seconds in (2, 15, 120, 900):
        clock.advance(seconds=seconds - 1)
        assert apply(azpay) == Progress()
        clock.advance(seconds=1)
        tries.append(apply(azpay))
    clock.advance(days=30)

    bad = inbox.one(azpay.db, "evt_bad")
    assert first == Progress(done=3, postponed=1)
    assert tries[1:] == [Progress(postponed=1)] * 3 + [Progress(dead=1)]
    assert (bad.state, bad.attempts) == (EventState.DEAD, 5)
    assert bad.error == "ValueError: nobody thought of this"
    assert apply(azpay) == Progress()


def test_what_a_failing_handler_had_written_is_undone_and_its_neighbours_stay(
    azpay: Azpay, webhooks: Webhooks
) -> None:
    def half(session: Session, event: Event, now: datetime) -> None:
        count(session, event, now)
        session.flush()
        raise ValueError

    webhooks.keep([an_event("evt_1"), an_event("evt_2", type="half"), an_event("evt_3")])

    progress = apply(counting(azpay, half=half))

    assert progress == Progress(done=2, postponed=1)
    assert effects(azpay.db) == 2


def test_a_postponed_event_that_succeeds_later_is_done_without_a_trace_of_its_error(
    azpay: Azpay, webhooks: Webhooks, clock: Clock
) -> None:
    webhooks.keep([an_event("evt_1")])
    apply(counting(azpay, **{"coupon.created": broken}))
    clock.advance(seconds=2)

    progress = apply(counting(azpay))

    healed = inbox.one(azpay.db, "evt_1")
    assert progress == Progress(done=1)
    assert (healed.state, healed.attempts, healed.error) == (EventState.DONE, 2, None)


def test_a_store_that_fails_is_no_event_s_fault(azpay: Azpay, webhooks: Webhooks) -> None:
    def lose_the_store(session: Session, _event: Event, _now: datetime) -> None:
        session.connection().exec_driver_sql("SELECT * FROM a_table_that_is_gone")

    webhooks.keep([an_event("evt_1"), an_event("evt_2", type="lost")])

    with pytest.raises(DatabaseUnavailable):
        apply(counting(azpay, lost=lose_the_store))

    assert {(each.state, each.attempts) for each in inbox.page(azpay.db)} == {(EventState.RECEIVED, 0)}
    assert effects(azpay.db) == 0
