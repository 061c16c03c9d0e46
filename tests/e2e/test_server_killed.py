"""PostgreSQL killed while it is written to: nothing acknowledged is lost, and nothing is doubled.

Two rounds by default; AZPAY_KILLS=20 asks for twenty.
"""

from __future__ import annotations

import itertools
import os
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from threading import Event
from typing import TYPE_CHECKING

import httpx
import pytest

from azpay import inbox
from azpay.db import Database, migrations
from azpay.errors import AzpayError
from azpay.payments import Query, SuspectedDuplicate, charge, checks, history
from tests.support import programs
from tests.support.books import a_book
from tests.support.builders import a_charge
from tests.support.clock import NOON
from tests.support.crowds import crowded_gateway
from tests.support.events import PATH, an_event, encoded, signed
from tests.support.postgres import Server, a_server
from tests.support.signing import sign
from tests.support.webhooks import SECRET

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from azpay.gateway.stripe import Gateway
    from azpay.sandbox import Sandbox

KILLS = int(os.environ.get("AZPAY_KILLS", "2"))
UNAVAILABLE_WITHIN, WELL_WITHIN = 2.0, 5.0


@pytest.fixture
def doomed() -> Iterator[Server]:
    """A server that waits for its disk, as one in earnest does."""
    with a_server({}) as server:
        yield server


@pytest.fixture
def book(doomed: Server) -> Iterator[Database]:
    db = a_book(doomed.new_database("shop"))
    migrations.upgrade(db)
    yield db
    db.close()


def until_over(over: Event, acknowledged: list[str], do: Callable[[str], None], prefix: str) -> None:
    """One thing after the other; what fails is done again, under the same name, until it is acknowledged."""
    for number in itertools.count():
        name = f"{prefix}{number}"
        while name not in acknowledged[-1:]:
            if over.is_set():
                return
            try:
                do(name)
                acknowledged.append(name)
            except AzpayError:
                time.sleep(0.02)


def keep(db: Database, name: str) -> None:
    body = encoded(an_event(name))
    inbox.keep(db, [inbox.read(body, sign(body, SECRET, now=NOON), [SECRET], now=NOON)], now=NOON)


def pay(db: Database, gateway: Gateway, name: str) -> None:
    with suppress(SuspectedDuplicate):  # an earlier try was kept, and could not say so
        charge(db, gateway, a_charge(reference=name), now=NOON)


@pytest.mark.slow
@pytest.mark.timeout(60 + 30 * KILLS)
def test_whatever_was_acknowledged_is_there_once(doomed: Server, book: Database, stripe: Sandbox) -> None:
    gateway = crowded_gateway(stripe, takes=0.005)
    over = Event()
    events: list[list[str]] = [[], []]
    charges: list[list[str]] = [[], []]
    with ThreadPoolExecutor(4) as pool:
        working = [
            *(
                pool.submit(until_over, over, events[n], lambda name: keep(book, name), f"evt_{n}_")
                for n in range(2)
            ),
            *(
                pool.submit(
                    until_over, over, charges[n], lambda name: pay(book, gateway, name), f"order-{n}-"
                )
                for n in range(2)
            ),
        ]
        for _ in range(KILLS):
            time.sleep(0.7)
            doomed.kill()
            doomed.start()
        time.sleep(0.7)
        over.set()
        for each in working:
            each.result(30)

    kept = {event.event for event in inbox.page(book, limit=100_000)}
    paid = [payment for payment in history(book, Query(limit=1000)).payments if payment.status == "succeeded"]
    assert min(len(done) for done in events + charges) > KILLS
    assert kept >= set(itertools.chain(*events))
    assert {payment.reference for payment in paid} >= set(itertools.chain(*charges))
    assert len({payment.reference for payment in paid}) == len(paid)
    assert len(stripe.charges) <= len(set(itertools.chain(*charges))) + 2
    assert [check for check in checks.sums(book) if check.problems] == []


def post(address: str, event: str) -> int:
    body = encoded(an_event(event))
    headers = signed(body, secret="whsec_azpay_sandbox", at=datetime.now(UTC))
    return httpx.post(address + PATH, content=body, headers=headers, timeout=20).status_code


def test_a_daemon_says_so_at_once_and_is_well_again_by_itself(
    doomed: Server, book: Database, tmp_path: Path
) -> None:
    env = programs.environment(book, tmp_path)
    with programs.azpay("serve", "--port", "0", env=env, cwd=tmp_path) as daemon:
        address = programs.address(daemon)
        before = post(address, "evt_1")

        doomed.kill()
        killed = time.monotonic()
        without = post(address, "evt_2")
        said_after = time.monotonic() - killed
        doomed.start()
        started = time.monotonic()
        while (again := post(address, "evt_2")) != 200 and time.monotonic() - started < 30:
            time.sleep(0.05)
        well_after = time.monotonic() - started
        while inbox.backlog(book).waiting and time.monotonic() - started < 60:
            time.sleep(0.1)

    assert (before, without, again) == (200, 503, 200)
    assert said_after < UNAVAILABLE_WITHIN
    assert well_after < WELL_WITHIN
    assert {(event.event, event.state) for event in inbox.page(book)} == {
        ("evt_1", "done"),
        ("evt_2", "done"),
    }
