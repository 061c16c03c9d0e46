"""How many webhooks a second are verified, kept on disk and answered.

    python benchmarks/webhooks.py [--events N]

Each line of the table is a server in a process of its own and a client in this one, on the loopback: first
aiohttp that reads the body and answers, which nothing built on it can exceed, then the daemon's own endpoint
on SQLite, without and with the worker that applies what was kept. Compare the ratios of one run: absolute
figures drift from machine to machine.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from multiprocessing.connection import Connection

SECRET = "whsec_azpay_sandbox"  # noqa: S105 - the sandbox's own
PATH = "/api/webhooks/stripe"
CONNECTIONS = (16, 64)
BODY_BYTES = 3500


class Measured(NamedTuple):
    name: str
    connections: int
    per_second: float
    median: float
    p99: float


# Servers


def bare(ready: Connection, _folder: Path) -> None:
    from aiohttp import web

    async def answer(request: web.Request) -> web.Response:
        await request.read()
        return web.Response()

    app = web.Application()
    app.router.add_post(PATH, answer)
    asyncio.run(_run(app, ready))


async def _run(app: object, ready: Connection) -> None:
    from aiohttp import web

    assert isinstance(app, web.Application)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    ready.send(site.port)
    await asyncio.Event().wait()


def endpoint(ready: Connection, folder: Path) -> None:
    _serve(ready, folder, with_worker=False)


def endpoint_and_worker(ready: Connection, folder: Path) -> None:
    _serve(ready, folder, with_worker=True)


def _serve(ready: Connection, folder: Path, *, with_worker: bool) -> None:
    from azpay import bootstrap, settings
    from azpay.http import daemon

    env = {"AZPAY_PROFILE": "sandbox", "AZPAY_DATA_DIR": str(folder), "AZPAY_LOG_LEVEL": "warning"}
    loaded = settings.load(flags={}, env=env, cwd=folder, config_file=folder / "config.toml")
    azpay = bootstrap.wire(loaded, tell=lambda _line: None)
    daemon.serve(
        azpay,
        host="127.0.0.1",
        port=0,
        with_worker=with_worker,
        listening=lambda address: ready.send(int(address.rpartition(":")[2])),
    )


SERVERS: dict[str, Callable[[Connection, Path], None]] = {
    "aiohttp, nothing kept": bare,
    "azpay, SQLite": endpoint,
    "azpay, SQLite, worker beside": endpoint_and_worker,
}


# The client


def requests(count: int) -> list[bytes]:
    """Signed requests of a real event's size, each with an id of its own."""
    from stripe import WebhookSignature

    now = datetime.now(UTC)
    made = []
    for number in range(count):
        event = {
            "id": f"evt_{now.timestamp():.0f}_{number}",
            "object": "event",
            "type": "coupon.created",
            "created": int(now.timestamp()),
            "livemode": False,
            "data": {"object": {"id": "cou_1", "metadata": {"filler": "x" * BODY_BYTES}}},
        }
        text = json.dumps(event)
        body = text.encode()
        signature = WebhookSignature.generate_signature_header(text, SECRET, int(now.timestamp()))
        head = (
            f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"Stripe-Signature: {signature}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        made.append(head.encode() + body)
    return made


async def post_all(port: int, requests: Sequence[bytes], connections: int) -> tuple[float, list[float]]:
    """All of them over so many connections; the seconds it took and each one's latency."""
    waiting = iter(requests)
    latencies: list[float] = []
    start = time.perf_counter()
    await asyncio.gather(*(_post(port, waiting, latencies) for _ in range(connections)))
    return time.perf_counter() - start, latencies


async def _post(port: int, waiting: Iterator[bytes], latencies: list[float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for request in waiting:
        sent = time.perf_counter()
        writer.write(request)
        answer = await reader.readuntil(b"\r\n\r\n")
        latencies.append(time.perf_counter() - sent)
        assert answer.startswith(b"HTTP/1.1 200 "), answer
    writer.close()
    await writer.wait_closed()


def measure(name: str, events: int, connections: int) -> Measured:
    ours, theirs = multiprocessing.Pipe()
    with tempfile.TemporaryDirectory() as folder:
        server = multiprocessing.get_context("spawn").Process(
            target=SERVERS[name], args=(theirs, Path(folder)), daemon=True
        )
        server.start()
        theirs.close()  # so that a server that could not start is an EOFError here, not a wait for ever
        port = ours.recv()
        asyncio.run(post_all(port, requests(200), connections))
        took, latencies = asyncio.run(post_all(port, requests(events + 200)[200:], connections))
        server.terminate()
        server.join()
        if name != "aiohttp, nothing kept":
            assert kept(Path(folder)) == events + 200
    p99 = statistics.quantiles(latencies, n=100)[98]
    return Measured(name, connections, events / took, statistics.median(latencies), p99)


def kept(folder: Path) -> int:
    from azpay.credentials import RootKey
    from azpay.db import Database, Ring
    from azpay.settings.rules import SANDBOX_ENCRYPTION_KEY

    ring = Ring.of(RootKey.read(SANDBOX_ENCRYPTION_KEY))
    db = Database.open(f"sqlite:///{folder / 'sandbox.db'}", ring)
    with db.engine.connect() as connection:
        return int(connection.exec_driver_sql("SELECT count(*) FROM inbox_events").scalar_one())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--events", type=int, default=10_000)
    events = parser.parse_args().events
    print(f"{'':<30}{'connections':>12}{'accepted/s':>12}{'median ms':>11}{'p99 ms':>9}{'of bare':>9}")
    for connections in CONNECTIONS:
        ceiling = None
        for name in SERVERS:
            found = measure(name, events, connections)
            ceiling = ceiling or found.per_second
            print(
                f"{found.name:<30}{found.connections:>12}{found.per_second:>12,.0f}"
                f"{found.median * 1000:>11.1f}{found.p99 * 1000:>9.1f}{found.per_second / ceiling:>8.0%}"
            )


if __name__ == "__main__":
    main()
