"""`azpay serve` and `azpay worker` as processes: how they start, and how they end."""

from __future__ import annotations

import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from signal import SIGINT, SIGTERM
from typing import TYPE_CHECKING

import httpx
import pytest

from azpay import inbox
from azpay.inbox import EventState
from tests.support import programs
from tests.support.books import ROOT
from tests.support.cases import further
from tests.support.events import PATH, an_event, encoded, signed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from signal import Signals

    from azpay.db import Database
    from tests.support.webhooks import Webhooks

SECRET = "whsec_azpay_sandbox"


@pytest.fixture
def env(db: Database, tmp_path: Path) -> dict[str, str]:
    return programs.environment(db, tmp_path)


def post(address: str, event: str = "evt_1") -> int:
    body = encoded(an_event(event))
    headers = signed(body, secret=SECRET, at=datetime.now(UTC))
    return httpx.post(address + PATH, content=body, headers=headers, timeout=20).status_code


def eventually(is_so: Callable[[], bool], seconds: float = 10) -> bool:
    end = time.monotonic() + seconds
    while not is_so() and time.monotonic() < end:
        time.sleep(0.02)
    return is_so()


@contextmanager
def locked(db: Database) -> Iterator[None]:
    """Nobody else can write meanwhile."""
    with db.writing() as session:
        connection = session.connection()
        if not db.embedded:
            connection.exec_driver_sql("LOCK TABLE inbox_events IN EXCLUSIVE MODE")
        yield


def states(db: Database) -> list[EventState]:
    return [event.state for event in inbox.page(db)]


@pytest.mark.parametrize(("signal", "status"), [(SIGTERM, 143), further(SIGINT, 130)])
def test_the_daemon_keeps_and_applies_until_it_is_told_to_stop(
    db: Database, env: dict[str, str], tmp_path: Path, signal: Signals, status: int
) -> None:
    with programs.azpay("serve", "--port", "0", env=env, cwd=tmp_path) as daemon:
        address = programs.address(daemon)
        answered = post(address)
        applied = eventually(lambda: states(db) == [EventState.DONE])
        ready = httpx.get(f"{address}/readyz").json()["status"]
        daemon.send_signal(signal)
        ended = daemon.wait(10)

    assert (answered, applied, ready) == (200, True, "ready")
    assert ended == status


def test_told_to_stop_it_answers_what_it_holds_and_takes_nothing_new(
    db: Database, env: dict[str, str], tmp_path: Path
) -> None:
    with (
        programs.azpay("serve", "--port", "0", "--no-worker", env=env, cwd=tmp_path) as daemon,
        ThreadPoolExecutor() as elsewhere,
    ):
        address = programs.address(daemon)
        with locked(db):
            held = elsewhere.submit(post, address)
            time.sleep(0.5)
            daemon.send_signal(SIGTERM)
            time.sleep(0.5)
            with pytest.raises(httpx.ConnectError):
                post(address, "evt_late")
            assert not held.done()
        answered = held.result(10)
        ended = daemon.wait(10)

    assert (answered, ended) == (200, 143)
    assert [event.event for event in inbox.page(db)] == ["evt_1"]


def test_a_client_that_never_finishes_does_not_keep_the_daemon_alive(
    env: dict[str, str], tmp_path: Path
) -> None:
    with programs.azpay("serve", "--port", "0", env=env, cwd=tmp_path) as daemon:
        url = httpx.URL(programs.address(daemon))
        with socket.create_connection((url.host, url.port or 0)) as slow:
            slow.sendall(f"POST {PATH} HTTP/1.1\r\nHost: a\r\nContent-Length: 99\r\n\r\n".encode())
            time.sleep(0.2)
            daemon.send_signal(SIGTERM)
            ended = daemon.wait(10)

    assert ended == 143


def test_a_store_that_hangs_does_not_keep_the_daemon_alive(
    db: Database, env: dict[str, str], tmp_path: Path
) -> None:
    with (
        programs.azpay("serve", "--port", "0", env=env, cwd=tmp_path) as daemon,
        ThreadPoolExecutor() as elsewhere,
        locked(db),
    ):
        held = elsewhere.submit(post, programs.address(daemon))
        time.sleep(0.5)
        daemon.send_signal(SIGTERM)
        ended = daemon.wait(10)
        answered = held.result(10)

    assert (answered, ended) == (503, 143)
    assert inbox.page(db) == []


def test_a_port_that_is_taken_is_an_error_with_a_next_step(env: dict[str, str], tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with programs.azpay("serve", "--port", port, env=env, cwd=tmp_path) as daemon:
            _, said = daemon.communicate(timeout=20)

    assert daemon.returncode == 5
    assert f"Cannot listen on http://127.0.0.1:{port}: Address already in use." in said
    assert "--port" in said
    assert "Traceback" not in said


def test_a_host_that_is_none_is_a_usage_error(env: dict[str, str], tmp_path: Path) -> None:
    with programs.azpay("serve", "--host", "no such host", env=env, cwd=tmp_path) as daemon:
        _, said = daemon.communicate(timeout=20)

    assert daemon.returncode == 2
    assert "no such host" in said


def test_without_a_webhook_secret_the_daemon_does_not_start(env: dict[str, str], tmp_path: Path) -> None:
    keyed = env | {
        "AZPAY_PROFILE": "default",
        "AZPAY_STRIPE_API_KEY": "sk_test_of_nobody",
        "AZPAY_STRIPE_API_BASE": "http://127.0.0.1:12111",
        "AZPAY_ENCRYPTION_KEY": ROOT.written,
    }
    with programs.azpay("serve", "--port", "0", env=keyed, cwd=tmp_path) as daemon:
        _, said = daemon.communicate(timeout=20)

    assert daemon.returncode == 4
    assert "AZPAY_WEBHOOK_SECRETS" in said
    assert "Traceback" not in said


def test_programs_are_told_where_the_daemon_listens(env: dict[str, str], tmp_path: Path) -> None:
    with programs.azpay("serve", "--port", "0", "--json", env=env, cwd=tmp_path) as daemon:
        address = programs.address(daemon)
        assert daemon.stdout is not None
        told = json.loads(daemon.stdout.readline())

    assert told == {"schema": "azpay.serving/1", "data": {"address": address, "webhook_path": PATH}}


def test_programs_are_told_which_book_the_worker_works_on(
    db: Database, env: dict[str, str], tmp_path: Path
) -> None:
    with programs.azpay("worker", "--json", env=env, cwd=tmp_path) as worker:
        assert worker.stdout is not None
        told = json.loads(worker.stdout.readline())

    assert told == {"schema": "azpay.working/1", "data": {"book": db.where}}


def test_the_worker_alone_applies_until_it_is_told_to_stop(
    db: Database, env: dict[str, str], tmp_path: Path, webhooks: Webhooks
) -> None:
    webhooks.keep([an_event("evt_1")])
    with programs.azpay("worker", env=env, cwd=tmp_path) as worker:
        applied = eventually(lambda: states(db) == [EventState.DONE], 20)
        worker.send_signal(SIGTERM)
        ended = worker.wait(10)

    assert (applied, ended) == (True, 143)


def test_the_worker_once_applies_what_is_due_and_ends(
    db: Database, env: dict[str, str], tmp_path: Path, webhooks: Webhooks
) -> None:
    webhooks.keep([an_event("evt_1"), an_event("evt_2")])
    with programs.azpay("worker", "--once", env=env, cwd=tmp_path) as worker:
        said, _ = worker.communicate(timeout=20)

    assert worker.returncode == 0
    assert said == "2 done, 0 postponed, 0 given up.\n"
    assert states(db) == [EventState.DONE] * 2
