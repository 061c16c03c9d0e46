"""Daemons and workers killed while Stripe posts: each genuine event has one effect, no forged one has any.

Some hundred events by default; AZPAY_EVENTS=5000 and AZPAY_DAEMON_KILLS=25 ask for more.
"""

from __future__ import annotations

import os
import random
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.e2e.daemons import (
    SECRET,
    Mortal,
    Stripe,
    a_daemon,
    a_stripe,
    a_worker,
    await_all,
    living,
    require_exact,
    told_by,
)
from tests.e2e.test_together import free_port
from tests.support.events import PATH, an_event, encoded, signed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from azpay.db import Database

EVENTS = int(os.environ.get("AZPAY_EVENTS", "80"))
KILLS = int(os.environ.get("AZPAY_DAEMON_KILLS", "2"))
EVENTS_OF_A_PAYMENT = 8
PAYMENTS = EVENTS // EVENTS_OF_A_PAYMENT
PATIENCE = 60 + EVENTS

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240 + 60 * KILLS + 3 * EVENTS)]


@pytest.fixture
def ports() -> list[int]:
    return [free_port(), free_port()]


def sell(stripe: Stripe, sold: Event) -> None:
    """A fifth of the events is doubled, and others are late or overtaken."""
    for number in range(PAYMENTS):
        stripe.upset("doubled", times=1)
        stripe.upset(("delayed", "reordered")[number % 2], seconds=1)
        stripe.pay(1000 + number)
    stripe.calm()
    sold.set()


def forgeries() -> Iterator[tuple[bytes, dict[str, str]]]:
    """In earnest terms, again and again: another secret, an old signature, a body that was changed."""
    while True:
        now, body = datetime.now(UTC), encoded(an_event("evt_forged", type="charge.refunded"))
        yield body, signed(body, secret="whsec_of_someone_else", at=now)
        yield body, signed(body, secret=SECRET, at=now - timedelta(seconds=400))
        yield body.replace(b"cou_1", b"cou_2"), signed(body, secret=SECRET, at=now)


def forge(port: int, over: Event) -> set[int]:
    """What the daemon says to forgeries, while it lives."""
    statuses = set()
    for body, headers in forgeries():
        if over.is_set():
            break
        with suppress(httpx.HTTPError):
            answer = httpx.post(f"http://127.0.0.1:{port}{PATH}", content=body, headers=headers, timeout=20)
            statuses.add(answer.status_code)
        time.sleep(0.02)
    return statuses


def kill_now_and_then(mortals: list[Mortal], sold: Event, chance: random.Random) -> None:
    """Until all is sold, and as often as was asked for in any case."""
    kills = 0
    while kills < KILLS or not sold.is_set():
        time.sleep(chance.uniform(0.3, 1.0))
        if kills < KILLS:
            doomed = chance.choice(mortals)
            doomed.kill()
            doomed.started()
            kills += 1


def test_a_daemon_that_is_killed_again_and_again_loses_nothing_and_doubles_nothing(
    db: Database, tmp_path: Path, ports: list[int]
) -> None:
    sold, over = Event(), Event()
    with a_stripe(tmp_path, ports[0]) as stripe, ThreadPoolExecutor(2) as pool:
        daemon = a_daemon(told_by(stripe, db, tmp_path), tmp_path, ports[0])
        with living(daemon):
            selling = pool.submit(sell, stripe, sold)
            forging = pool.submit(forge, ports[0], over)
            try:
                kill_now_and_then([daemon], sold, random.Random(EVENTS))  # noqa: S311 - to be repeated
                selling.result(PATIENCE)
                await_all(db, stripe, PATIENCE)
            finally:
                over.set()
            refused = forging.result(PATIENCE)

        assert refused == {400}
        require_exact(db, stripe)


@pytest.mark.store("postgresql")
def test_two_daemons_and_two_workers_killed_at_random_are_exact(
    db: Database, tmp_path: Path, ports: list[int]
) -> None:
    sold = Event()
    with a_stripe(tmp_path, *ports) as stripe, ThreadPoolExecutor(1) as pool:
        env = told_by(stripe, db, tmp_path)
        mortals = [
            *(a_daemon(env, tmp_path, port, "--no-worker") for port in ports),
            *(a_worker(env, tmp_path) for _ in range(2)),
        ]
        with living(*mortals):
            selling = pool.submit(sell, stripe, sold)
            kill_now_and_then(mortals, sold, random.Random(EVENTS))  # noqa: S311 - to be repeated
            selling.result(PATIENCE)
            await_all(db, stripe, PATIENCE)

        require_exact(db, stripe)
