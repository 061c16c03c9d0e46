"""The line to Stripe, as whoever types a command sees it fail: nobody there, the wrong one, a slow one.

Over the HTTP client that ships and sockets of this machine; where seconds pass, they are not waited for.
"""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import stripe as sdk
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from azpay.gateway.patience import Patience
from azpay.gateway.stripe import Gateway, connect
from tests.support.clock import NOON
from tests.support.stripe_transport import Answer, InProcessHTTPClient

from .moves import CHARGE, DONE, KEY, MOVED, NOT_DONE, OPEN, VERBS, a_till, told
from .running import run

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from azpay.bootstrap import Azpay
    from azpay.sandbox import Sandbox
    from tests.support.clock import Clock

A_PAGE = b"HTTP/1.1 404 Not Found\r\nContent-Length: 15\r\nConnection: close\r\n\r\n<html>No</html>"
NOTHING_MOVED = "Nothing was moved."


def gateway_at(url: str) -> Gateway:
    gateway = connect(KEY, url, within=60)
    gateway.line.patience.pause = lambda _seconds: None
    return gateway


@contextmanager
def answering(page: bytes, tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """A port where everybody is told the same."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_answer, args=(listener, page, tls))
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(10)


def _answer(listener: socket.socket, page: bytes, tls: ssl.SSLContext | None) -> None:
    while True:
        try:
            line, _ = listener.accept()
        except OSError:
            return
        with line, suppress(OSError):
            line.settimeout(5)
            spoken = tls.wrap_socket(line, server_side=True) if tls else line
            with spoken:
                spoken.recv(65536)
                spoken.sendall(page)


@pytest.fixture
def stranger(tmp_path: Path) -> ssl.SSLContext:
    """A server whose certificate nobody has signed but itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, NOON, NOON + timedelta(days=3650))
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (tmp_path / "server.pem").write_bytes(private + certificate)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem")
    return context


def a_closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@pytest.mark.parametrize("verb", VERBS)
def test_nobody_at_the_address_moves_nothing(azpay: Azpay, stripe: Sandbox, clock: Clock, verb: str) -> None:
    till = a_till(azpay, stripe, clock, verb)
    before = till.moved

    result = till.over(gateway_at(f"http://127.0.0.1:{a_closed_port()}")).type()

    message, following = told(result)
    assert result.exit_code == 5
    assert message.startswith("Stripe could not be reached ([Errno ")
    assert message.endswith(NOTHING_MOVED)
    assert following.startswith("Check the network and AZPAY_STRIPE_API_BASE")
    assert (till.standing, till.moved) == (NOT_DONE[verb], before)
    assert till.type().exit_code == 0
    assert (till.standing, till.moved) == (DONE[verb], MOVED[verb])


def test_a_name_that_does_not_resolve_moves_nothing(azpay: Azpay, stripe: Sandbox, clock: Clock) -> None:
    till = a_till(azpay, stripe, clock, CHARGE).over(gateway_at("http://stripe.invalid"))

    result = till.type()

    message, _ = told(result)
    assert result.exit_code == 5
    assert message.startswith("Stripe could not be reached (")
    assert message.endswith(NOTHING_MOVED)
    assert till.standing == NOT_DONE[CHARGE]


def test_a_certificate_that_nobody_vouches_for_gets_no_request(
    azpay: Azpay, stripe: Sandbox, clock: Clock, stranger: ssl.SSLContext
) -> None:
    with answering(A_PAGE, stranger) as port:
        till = a_till(azpay, stripe, clock, CHARGE).over(gateway_at(f"https://127.0.0.1:{port}"))
        result = till.type()

    message, _ = told(result)
    assert result.exit_code == 5
    assert "certificate verify failed" in message
    assert message.endswith(NOTHING_MOVED)
    assert till.standing == NOT_DONE[CHARGE]


def test_a_server_that_speaks_no_tls_gets_no_request(azpay: Azpay, stripe: Sandbox, clock: Clock) -> None:
    with answering(A_PAGE) as port:
        till = a_till(azpay, stripe, clock, CHARGE).over(gateway_at(f"https://127.0.0.1:{port}"))
        result = till.type()

    message, _ = told(result)
    assert result.exit_code == 5
    assert "SSL" in message
    assert message.endswith(NOTHING_MOVED)
    assert till.standing == NOT_DONE[CHARGE]


def test_a_wrong_address_is_unknown_until_the_right_one_is_asked(
    azpay: Azpay, stripe: Sandbox, clock: Clock
) -> None:
    till = a_till(azpay, stripe, clock, CHARGE)
    with answering(A_PAGE) as port:
        result = till.over(gateway_at(f"http://127.0.0.1:{port}")).type()

    message, following = told(result)
    assert result.exit_code == 8
    assert (
        message == "Stripe answered 404 with something we cannot read. Whether it took effect is not known."
    )
    assert "Check AZPAY_STRIPE_API_BASE and any proxy" in following
    assert till.standing == OPEN[CHARGE]
    assert till.type().exit_code == 0
    assert (till.standing, till.moved) == (DONE[CHARGE], MOVED[CHARGE])


@dataclass
class Seconds:
    """They pass when somebody waits."""

    passed: float = 0.0

    def now(self) -> float:
        return self.passed

    def pause(self, seconds: float) -> None:
        self.passed += seconds


class Slow(InProcessHTTPClient):
    """Each request takes so many seconds; with `works` false, all of them end in a 503."""

    def __init__(self, sandbox: Sandbox, seconds: Seconds, takes: float, *, works: bool) -> None:
        super().__init__(sandbox)
        self._seconds, self._takes, self._works = seconds, takes, works

    def request(
        self, method: str, url: str, headers: Mapping[str, str] | None, post_data: Any = None, **_: object
    ) -> Answer:
        self._seconds.passed += self._takes
        return super().request(method, url, headers, post_data) if self._works else ("", 503, {})


def slow_gateway(stripe: Sandbox, seconds: Seconds, takes: float, *, works: bool = True) -> Gateway:
    transport = Slow(stripe, seconds, takes, works=works)
    client = sdk.StripeClient(KEY, http_client=transport, max_network_retries=0)
    return Gateway(client, patience=Patience(60, pause=seconds.pause, timer=seconds.now))


@pytest.mark.parametrize("verb", VERBS)
def test_nobody_waits_longer_than_a_minute_for_a_stripe_that_stalls(
    azpay: Azpay, stripe: Sandbox, clock: Clock, verb: str
) -> None:
    till, seconds = a_till(azpay, stripe, clock, verb), Seconds()

    result = till.over(slow_gateway(stripe, seconds, 20, works=False)).type()

    assert result.exit_code == 8
    assert "Whether it took effect is not known." in told(result)[0]
    assert seconds.passed <= 60
    assert till.standing == OPEN[verb]
    assert till.type().exit_code == 0
    assert (till.standing, till.moved) == (DONE[verb], MOVED[verb])


def test_a_minute_spent_on_the_customer_leaves_nothing_to_charge_with(azpay: Azpay, stripe: Sandbox) -> None:
    words = ["charge", "5", "usd", "--customer", "ada@example.com", "--method", "pm_card_visa"]
    seconds = Seconds()

    result = run(replace(azpay, gateway=slow_gateway(stripe, seconds, 29.5)), *words)

    assert result.exit_code == 5
    assert told(result) == (
        "Stripe has kept this command waiting for too long. Nothing was moved by this request.",
        "Try again in a minute.",
    )
    assert seconds.passed <= 60
    assert stripe.payment_intents == []
    assert run(azpay, *words).exit_code == 0
    assert len(stripe.charges) == len(stripe.customers) == 1
