"""Two daemons, a cron's reconcile and four clerks on one book: every cent is where it should be.

Sixteen operations by default; AZPAY_TOGETHER=5000 asks for five thousand.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlmodel import select

from azpay import inbox, payments
from azpay.operations import Operation, State
from azpay.payments import Query, checks
from tests.e2e.shop import Shop, a_sandbox
from tests.support import programs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from azpay.db import Database

OPERATIONS = int(os.environ.get("AZPAY_TOGETHER", "16"))
CLERKS = 4
CLERK = [sys.executable, str(Path(__file__).with_name("clerk.py"))]
DRAINED_WITHIN = 60 + OPERATIONS // 10

SAME, DIFFERENT, BUSY = 0, 10, 5
"""What a cron's reconcile may end with: among so many the book may be held for longer than it waits."""

pytestmark = [pytest.mark.both_stores, pytest.mark.slow, pytest.mark.timeout(120 + OPERATIONS)]


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def ports() -> list[int]:
    return [free_port(), free_port()]


@pytest.fixture
def stripe(tmp_path: Path, ports: list[int]) -> Iterator[Shop]:
    """A sandbox that posts its events to both daemons."""
    hooks = [f"--webhook=http://127.0.0.1:{port}/api/webhooks/stripe" for port in ports]
    with a_sandbox(tmp_path, *hooks) as address:
        yield Shop(tmp_path, address)


def everything_at(stripe: Shop, kind: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while page := stripe.at_stripe(kind, **({"starting_after": found[-1]["id"]} if found else {})):
        found += page
    return found


def reconcile(env: dict[str, str], folder: Path) -> int:
    with programs.azpay("reconcile", "--since", "1d", env=env, cwd=folder) as cron:
        cron.communicate(timeout=300)
    return int(cron.returncode)


def eventually(is_so: Any, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not is_so() and time.monotonic() < end:
        time.sleep(0.1)
    return bool(is_so())


def in_the_book(db: Database) -> dict[str, tuple[int, int]]:
    found: dict[str, tuple[int, int]] = {}
    cursor: str | None = None
    while True:
        page = payments.history(db, Query(limit=1000, cursor=cursor))
        found |= {
            str(each.payment_intent): (each.amount_captured, each.amount_refunded) for each in page.payments
        }
        if (cursor := page.next) is None:
            return found


def test_all_of_them_at_once_are_exact(db: Database, stripe: Shop, ports: list[int], tmp_path: Path) -> None:
    quiet = {"AZPAY_LOG_LEVEL": "error"}  # nobody reads what the daemons say
    env = programs.environment(db, tmp_path) | {"AZPAY_STRIPE_API_BASE": stripe.stripe, **quiet}
    with ExitStack() as running:
        for port in ports:
            daemon = running.enter_context(
                programs.azpay("serve", "--port", str(port), env=env, cwd=tmp_path)
            )
            programs.address(daemon)
        clerks = [
            subprocess.Popen([*CLERK, f"clerk{n}", str(OPERATIONS // CLERKS)], env=env, cwd=tmp_path)
            for n in range(CLERKS)
        ]
        reconciled = []
        while any(clerk.poll() is None for clerk in clerks):
            with programs.azpay("reconcile", "--since", "1d", env=env, cwd=tmp_path) as cron:
                cron.communicate(timeout=300)
                reconciled.append(cron.returncode)
        assert [clerk.wait() for clerk in clerks] == [0] * CLERKS
        assert eventually(
            lambda: inbox.backlog(db).waiting == 0 and len(inbox.page(db, limit=1)), DRAINED_WITHIN
        )
    assert reconcile(env, tmp_path) == SAME

    there = {each["id"]: each["amount_received"] for each in everything_at(stripe, "payment_intents")}
    back: dict[str, int] = {}
    for each in everything_at(stripe, "refunds"):
        back[each["payment_intent"]] = back.get(each["payment_intent"], 0) + each["amount"]
    with db.reading() as session:
        states = set(session.exec(select(Operation.state)))
    assert in_the_book(db) == {intent: (taken, back[intent]) for intent, taken in there.items()}
    assert len(there) == OPERATIONS // 2 // CLERKS * CLERKS
    assert set(back.values()) == {300}
    assert states == {State.SUCCEEDED}
    assert inbox.backlog(db).dead == 0
    assert set(reconciled) <= {SAME, DIFFERENT, BUSY}
    assert [check for check in checks.sums(db) if check.problems] == []
