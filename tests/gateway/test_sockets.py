"""What a real network does to a request: the HTTP client that ships, on a socket of this machine."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import pytest

from azpay.gateway import AnswerLost, StripeUnavailable
from azpay.gateway.line import TRIES
from azpay.gateway.stripe import Gateway, connect

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEY = "sk_test_canary_0123456789"
CHARGE = {"amount": 500, "currency": "usd", "receipt_email": "canary@example.com"}
HALF_A_BODY = (
    b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n{"id": "pi_1", '
)
HALF_A_HEADER = b"HTTP/1.1 200 OK\r\nContent-Ty"
NOT_HTTP = b"220 mail.example.com ESMTP\r\n"
GARBAGE = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 6\r\n\r\n\x00\xff\xfe{]\x00"
BROKEN_GZIP = (
    b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope"
)
FOUND = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: 19\r\n\r\n"
    b'{"id": "acct_1234"}'
)


class Server:
    """Says the same to everyone, and hangs up."""

    def __init__(self, listener: socket.socket, answer: bytes) -> None:
        self._listener, self._answer = listener, answer
        self.requests: list[bytes] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def run(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection, suppress(OSError):
                self.requests.append(connection.recv(65536))
                connection.sendall(self._answer)


@contextmanager
def serving(answer: bytes) -> Iterator[Server]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Server(listener, answer)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(timeout=10)


def gateway_at(url: str) -> Gateway:
    gateway = connect(KEY, url)
    gateway.line.patience.pause = lambda _seconds: None
    return gateway


@pytest.mark.parametrize(
    "answer", [b"", HALF_A_HEADER, HALF_A_BODY, NOT_HTTP, GARBAGE, BROKEN_GZIP], ids=range(6)
)
def test_half_an_answer_is_an_unknown_outcome(answer: bytes) -> None:
    with serving(answer) as server, pytest.raises(AnswerLost):
        gateway_at(server.url).create_payment_intent(CHARGE, key="key-of-ours")

    assert len(server.requests) == TRIES
    assert all(b"Idempotency-Key: key-of-ours" in request for request in server.requests)


@pytest.mark.parametrize("answer", [b"", HALF_A_BODY, NOT_HTTP, GARBAGE], ids=range(4))
def test_half_an_answer_to_a_question_moves_nothing(answer: bytes) -> None:
    with serving(answer) as server, pytest.raises(StripeUnavailable):
        gateway_at(server.url).account()


def test_a_server_that_is_not_there_got_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    with pytest.raises(StripeUnavailable, match="Nothing was moved") as refused:
        gateway_at(f"http://127.0.0.1:{port}").create_payment_intent(CHARGE, key="k")

    assert "AZPAY_STRIPE_API_BASE" in str(refused.value.hint)


def test_a_name_that_does_not_resolve_got_nothing() -> None:
    with pytest.raises(StripeUnavailable, match="Nothing was moved"):
        gateway_at("http://stripe.invalid").create_payment_intent(CHARGE, key="k")


PROGRAM = """
import logging, sys
logging.basicConfig(level=logging.DEBUG)
from azpay.gateway.stripe import connect
logging.getLogger("httpx").setLevel(logging.WARNING)
gateway = connect("sk_test_canary_0123456789", sys.argv[1])
gateway.create_customer({"email": "canary@example.com"}, key="k")
try:
    gateway.customers_with("canary@example.com")
except Exception as error:
    print(error, repr(error), repr(gateway))
"""


def test_the_sdk_writes_no_file_and_shows_no_body_even_when_told_to(tmp_path: Path) -> None:
    environment = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path), "STRIPE_LOG": "debug"}

    with serving(FOUND) as server:
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, server.url],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )

    assert "Stripe answered with something we cannot read" in done.stdout
    assert "canary" not in done.stdout + done.stderr
    assert list(tmp_path.rglob("*")) == []
    assert b"telemetry" not in server.requests[0].lower()
