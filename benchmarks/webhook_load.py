"""Events of a real size, signed one by one as they are sent, over so many connections for so many seconds."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from datetime import UTC, datetime
from itertools import count
from statistics import quantiles
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlencode

from azpay.sandbox import DEFAULT_KEY, Sandbox
from azpay.sandbox.wire import Request

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "evt_00000000000000000000000000"
WARM_UP_SECONDS = 1.0
LAST_CHUNK = b"0\r\n\r\n"
CHARGE = urlencode(
    {
        "amount": "1999", "currency": "usd", "confirm": "true", "payment_method": "pm_card_visa",
        "description": "Order 1042", "receipt_email": "payer@example.com", "metadata[order]": "1042",
        "automatic_payment_methods[enabled]": "true", "automatic_payment_methods[allow_redirects]": "never",
    }
)  # fmt: skip


class Loaded(NamedTuple):
    """What came of it: events accepted, refused, and the latency of each in seconds."""

    seconds: float
    accepted: int
    refused: int
    latencies: list[float]

    @property
    def per_second(self) -> float:
        return self.accepted / self.seconds

    @property
    def p99(self) -> float:
        return quantiles(self.latencies, n=100)[98] if len(self.latencies) > 1 else float("inf")


class Events:
    """Signed requests without end: one charge's event, each time under another name."""

    def __init__(self, path: str, secret: str) -> None:
        body = a_charges_event()
        before, after = body.split(NAME.encode())
        self._before, self._after = before, after
        self._secret = secret.encode()
        self.size = len(body)
        self._head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json; charset=utf-8\r\n"
            f"Content-Length: {len(body)}\r\nStripe-Signature: "
        ).encode()

    def __iter__(self) -> Iterator[bytes]:
        prefix = f"evt_{time.time_ns():016x}"
        for number in count():
            name = b"%s%010d" % (prefix.encode(), number)
            body = self._before + name[:30] + self._after
            at = b"%d" % time.time()
            digest = hmac.digest(self._secret, at + b"." + body, hashlib.sha256).hex().encode()
            yield self._head + b"t=" + at + b",v1=" + digest + b"\r\n\r\n" + body


def a_charges_event() -> bytes:
    """What the sandbox posts after a charge, as Stripe writes JSON: with line breaks and spaces."""
    stripe = Sandbox(now=lambda: datetime.now(UTC), seed=7)
    headers = {"authorization": f"Bearer {DEFAULT_KEY}", "content-type": "application/x-www-form-urlencoded"}
    stripe.handle(Request("POST", "/v1/payment_intents", headers=headers, body=CHARGE.encode()))
    stripe.tick()
    (event,) = [each for each in stripe.events if each["type"] == "charge.succeeded"]
    return json.dumps({**event, "id": NAME}, indent=2).encode()


class _Caller(asyncio.Protocol):
    """One connection: the next request leaves when the answer to the last one has come."""

    def __init__(self, requests: Iterator[bytes], end: float) -> None:
        self._requests, self._end = requests, end
        self._answer = bytearray()
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.accepted = self.refused = 0
        self.latencies: list[float] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._send()

    def _send(self) -> None:
        self._sent = time.perf_counter()
        self._transport.write(next(self._requests))

    def data_received(self, data: bytes) -> None:
        self._answer += data
        head, ended, rest = self._answer.partition(b"\r\n\r\n")
        if not ended or not _is_whole(head, rest):
            return
        now = time.perf_counter()
        self.latencies.append(now - self._sent)
        good = head.startswith(b"HTTP/1.1 2")
        self.accepted, self.refused = self.accepted + good, self.refused + (not good)
        self._answer.clear()
        if now < self._end and b"onnection: close" not in head:
            self._send()
        else:
            self._transport.close()

    def connection_lost(self, _error: Exception | None) -> None:
        if not self.over.done():
            self.over.set_result(None)


def _is_whole(head: bytearray, rest: bytearray) -> bool:
    if b"chunked" in head:
        return rest.endswith(LAST_CHUNK)
    return len(rest) >= _length(head)


def _length(head: bytearray) -> int:
    for line in bytes(head).lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0


async def _load(port: int, events: Events, connections: int, seconds: float) -> Loaded:
    requests, began = iter(events), time.perf_counter()
    callers: list[_Caller] = []
    await asyncio.gather(*(_calling(port, requests, began + seconds, callers) for _ in range(connections)))
    took = time.perf_counter() - began
    return Loaded(
        took,
        sum(caller.accepted for caller in callers),
        sum(caller.refused for caller in callers),
        [each for caller in callers for each in caller.latencies],
    )


async def _calling(port: int, requests: Iterator[bytes], end: float, callers: list[_Caller]) -> None:
    """Until it is over, on another connection wherever a server closes one."""
    while time.perf_counter() < end:
        _, caller = await asyncio.get_running_loop().create_connection(
            lambda: _Caller(requests, end), "127.0.0.1", port
        )
        callers.append(caller)
        await caller.over


def load(port: int, events: Events, *, connections: int, seconds: float) -> tuple[Loaded, int]:
    """What came of these seconds, and how many were accepted with those of the warming up before them."""
    warm = asyncio.run(_load(port, events, connections, min(WARM_UP_SECONDS, seconds)))
    found = asyncio.run(_load(port, events, connections, seconds))
    return found, warm.accepted + found.accepted
