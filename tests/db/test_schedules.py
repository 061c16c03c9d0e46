"""Of many who ask whether it is time, one gets the work."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING

from azpay.db import schedules

if TYPE_CHECKING:
    from azpay.db import Database
    from tests.support.clock import Clock

EVERY = timedelta(minutes=5)


def test_work_that_was_never_done_is_due(db: Database, clock: Clock) -> None:
    assert schedules.take(db, "sweep", every=EVERY, now=clock.now()) is not None


def test_it_is_due_again_after_a_while_and_not_before(db: Database, clock: Clock) -> None:
    schedules.take(db, "sweep", every=EVERY, now=clock.now())
    clock.advance(minutes=4)
    early = schedules.take(db, "sweep", every=EVERY, now=clock.now())
    clock.advance(minutes=1)

    again = schedules.take(db, "sweep", every=EVERY, now=clock.now())

    assert early is None
    assert again is not None


def test_of_many_at_once_one_gets_it(db: Database, clock: Clock) -> None:
    with ThreadPoolExecutor(8) as crowd:
        taken = list(
            crowd.map(lambda _: schedules.take(db, "sweep", every=EVERY, now=clock.now()), range(16))
        )

    assert sum(schedule is not None for schedule in taken) == 1


def test_one_kind_of_work_does_not_wait_for_another(db: Database, clock: Clock) -> None:
    schedules.take(db, "sweep", every=EVERY, now=clock.now())

    assert schedules.take(db, "resolve", every=EVERY, now=clock.now()) is not None


def test_the_safe_point_never_moves_back(db: Database, clock: Clock) -> None:
    late = clock.now()
    schedules.done(db, "sweep", mark=late, now=late)

    schedules.done(db, "sweep", mark=late - timedelta(days=1), now=late + EVERY)

    found = schedules.look(db, "sweep")
    assert found is not None
    assert (found.mark, found.done_at) == (late, late + EVERY)


def test_what_was_never_scheduled_is_not_there(db: Database) -> None:
    assert schedules.look(db, "sweep") is None
