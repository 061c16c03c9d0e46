"""The daemon under a supervisor that speaks as systemd does: notices, watchdog, activation, reload."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import httpx
import pytest

from azpay.http.supervision import Supervisor, TooManySockets
from tests.support import programs
from tests.support.cases import further
from tests.support.events import PATH, an_event, encoded, signed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from azpay.db import Database

OLD, NEW = "whsec_old_one_aaaa", "whsec_new_one_bbbb"
ACTIVATE = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ |= {"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid())}
os.execv(sys.executable, [sys.executable, "-m", "azpay", "serve"])
"""


@pytest.fixture
def env(db: Database, tmp_path: Path) -> dict[str, str]:
    return programs.environment(db, tmp_path)


@pytest.fixture
def channel(tmp_path: Path) -> Iterator[socket.socket]:
    """The supervisor's end of sd_notify."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.bind(str(tmp_path / "notify"))
        channel.settimeout(20)
        yield channel


def heard(channel: socket.socket, wanted: str) -> str:
    """The first notice with this in it."""
    while wanted not in (notice := channel.recv(4096).decode()):
        pass
    return notice


def post(address: str, secret: str, event: str) -> int:
    body = encoded(an_event(event))
    headers = signed(body, secret=secret, at=datetime.now(UTC))
    return httpx.post(address + PATH, content=body, headers=headers, timeout=20).status_code


def test_the_supervisor_is_told_when_it_is_ready_alive_and_stopping(
    env: dict[str, str], tmp_path: Path, channel: socket.socket
) -> None:
    supervised = env | {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "400000"}
    with programs.azpay("serve", "--port", "0", env=supervised, cwd=tmp_path) as daemon:
        ready = heard(channel, "READY=1")
        alive = [heard(channel, "WATCHDOG=1") for _ in range(3)]
        daemon.terminate()
        stopping = heard(channel, "STOPPING=1")
        ended = daemon.wait(10)

    assert "STATUS=Listening on http://127.0.0.1:" in ready
    assert len(alive) == 3
    assert "STATUS=" in stopping
    assert ended == 143


def test_a_socket_that_is_handed_over_is_listened_on(env: dict[str, str], tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as handed:
        address = f"http://127.0.0.1:{handed.getsockname()[1]}"
        with subprocess.Popen(
            [sys.executable, "-c", ACTIVATE, str(handed.fileno())],
            env=env,
            cwd=tmp_path,
            pass_fds=[handed.fileno()],
            stderr=subprocess.DEVNULL,
        ) as daemon:
            answer = httpx.get(f"{address}/healthz", timeout=30)  # waits in the backlog until it is there
            daemon.terminate()
            ended = daemon.wait(10)

    assert answer.json() == {"status": "ok"}
    assert ended == 143


def test_secrets_are_rotated_without_a_restart(
    env: dict[str, str], tmp_path: Path, channel: socket.socket
) -> None:
    secrets = tmp_path / "secrets"
    secrets.touch(mode=0o600)
    secrets.write_text(OLD)
    rotated = env | {
        "AZPAY_WEBHOOK_SECRETS_FILE": str(secrets),
        "NOTIFY_SOCKET": str(tmp_path / "notify"),
    }
    with programs.azpay("serve", "--port", "0", env=rotated, cwd=tmp_path) as daemon:
        address = programs.address(daemon)
        heard(channel, "READY=1")
        before = post(address, OLD, "evt_1"), post(address, NEW, "evt_2")
        secrets.write_text(f"{NEW},{OLD}")
        daemon.send_signal(signal.SIGHUP)
        heard(channel, "RELOADING=1")
        heard(channel, "READY=1")
        both = post(address, OLD, "evt_3"), post(address, NEW, "evt_4")
        secrets.write_text(NEW)
        daemon.send_signal(signal.SIGHUP)
        heard(channel, "READY=1")
        after = post(address, OLD, "evt_5"), post(address, NEW, "evt_6")

    assert (before, both, after) == ((200, 400), (200, 200), (400, 200))


@pytest.mark.parametrize("written", [further(""), "not a secret"])
def test_secrets_that_cannot_be_read_leave_the_old_ones_in_place(
    env: dict[str, str], tmp_path: Path, channel: socket.socket, written: str
) -> None:
    secrets = tmp_path / "secrets"
    secrets.touch(mode=0o600)
    secrets.write_text(OLD)
    given = env | {"AZPAY_WEBHOOK_SECRETS_FILE": str(secrets), "NOTIFY_SOCKET": str(tmp_path / "notify")}
    with programs.azpay("serve", "--port", "0", env=given, cwd=tmp_path) as daemon:
        address = programs.address(daemon)
        heard(channel, "READY=1")
        secrets.write_text(written)
        daemon.send_signal(signal.SIGHUP)
        heard(channel, "READY=1")
        status = post(address, OLD, "evt_1")
        daemon.terminate()
        _, said = daemon.communicate(timeout=20)

    assert status == 200
    assert "webhook_secrets_unchanged" in said
    assert OLD not in said


def test_several_sockets_are_refused() -> None:
    supervisor = Supervisor({"LISTEN_FDS": "2", "LISTEN_PID": str(os.getpid())})

    with pytest.raises(TooManySockets, match="2 sockets"):
        supervisor.listener()


@pytest.mark.parametrize(
    "env",
    [
        {},
        {"LISTEN_FDS": "1"},
        {"LISTEN_FDS": "1", "LISTEN_PID": "1"},
        {"LISTEN_FDS": "0", "LISTEN_PID": str(os.getpid())},
        {"LISTEN_FDS": "x", "LISTEN_PID": str(os.getpid())},
    ],
)
def test_sockets_that_were_meant_for_another_process_are_not_taken(env: dict[str, str]) -> None:
    assert Supervisor(env).listener() is None


@pytest.mark.parametrize(
    ("env", "seconds"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_patience_is_counted_only_where_it_is_meant_for_us(
    env: dict[str, str], seconds: float | None
) -> None:
    assert Supervisor(env).patience == seconds


def test_a_supervisor_that_does_not_listen_is_no_reason_to_stop(tmp_path: Path) -> None:
    supervisor = Supervisor({"NOTIFY_SOCKET": str(tmp_path / "nobody")})

    supervisor.ready("http://127.0.0.1:8000")
    supervisor.stopping()
