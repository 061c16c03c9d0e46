"""How many webhooks a second are verified, kept on disk and answered.

    python -m benchmarks.webhooks [--seconds N] [--connections 1,16,64,256] [--peer] [--only WORDS]

Each line of the table is a server in a process of its own and a client in this one, on the loopback, with
events of 3.5 KB: first aiohttp that reads the body and answers, and the same with the signature checked,
which nothing built on them can exceed; then the daemon's own endpoint on SQLite and on PostgreSQL, without
and with the worker that applies what was kept; with --peer, dj-stripe on the same PostgreSQL. Compare the
ratios of one run: absolute figures drift from machine to machine, and with whatever else runs there. What a
server's own processes used of the processor per event does so less.
"""

from __future__ import annotations

import argparse
import gc
import os
import tempfile
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from benchmarks import djstripe, webhook_servers
from benchmarks.webhook_load import Events, load
from benchmarks.webhook_servers import Book, Running
from tests.support.postgres import Server, a_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CONNECTIONS = "1,16,64,256"
HEAD = (
    f"{'':<34}{'conn.':>6}{'accepted/s':>12}{'median ms':>11}{'p99 ms':>9}{'refused':>9}{'CPU µs/event':>14}"
    f"{'load':>7}"
)
ON_DISK = {"synchronous_commit": "on"}


class Line(NamedTuple):
    name: str
    server: Callable[[], AbstractContextManager[Running]]
    count: Callable[[], int] | None = None


def on_sqlite(target: Callable[..., None], name: str) -> Iterator[Line]:
    with tempfile.TemporaryDirectory() as folder:
        book = Book(f"sqlite:///{folder}/book.db", Path(folder))
        yield Line(name, partial(webhook_servers.running, target, book), partial(webhook_servers.kept, book))


def on_postgresql(target: Callable[..., None], name: str, server: Server) -> Iterator[Line]:
    with tempfile.TemporaryDirectory() as folder:
        book = Book(server.new_database("shop"), Path(folder))
        webhook_servers.prepare(book)
        yield Line(name, partial(webhook_servers.running, target, book), partial(webhook_servers.kept, book))


@contextmanager
def ceiling(target: Callable[..., None]) -> Iterator[Running]:
    with (
        tempfile.TemporaryDirectory() as folder,
        webhook_servers.running(target, Book("", Path(folder))) as server,
    ):
        yield server


def lines(server: Server, *, peer: bool) -> Iterator[Line]:
    yield Line("aiohttp, nothing kept", partial(ceiling, webhook_servers.bare))
    yield Line("aiohttp, signature checked", partial(ceiling, webhook_servers.signed))
    yield from on_sqlite(webhook_servers.endpoint, "azpay, SQLite")
    yield from on_sqlite(webhook_servers.endpoint_and_worker, "azpay, SQLite, worker beside")
    yield from on_postgresql(webhook_servers.endpoint, "azpay, PostgreSQL", server)
    yield from on_postgresql(webhook_servers.endpoint_and_worker, "azpay, PostgreSQL, worker beside", server)
    if peer:
        for name, processing in (("dj-stripe, processing put off", False), ("dj-stripe", True)):
            address = server.new_database("django")
            yield Line(
                name,
                partial(djstripe.running, address, processing=processing),
                partial(djstripe.kept, address),
            )


def measure(line: Line, connections: int, seconds: float) -> str:
    before = line.count() if line.count else 0
    with line.server() as running:
        events = Events(running.path, running.secret)
        used = running.cpu_seconds()
        found, accepted = load(running.port, events, connections=connections, seconds=seconds)
        used = running.cpu_seconds() - used
    if line.count:
        there = line.count() - before
        assert there >= accepted, f"{accepted} events were accepted, and {there} are there"
    cpu = used / accepted * 1_000_000 if accepted else 0
    median = sorted(found.latencies)[len(found.latencies) // 2]
    return (
        f"{line.name:<34}{connections:>6}{found.per_second:>12,.0f}{median * 1000:>11.1f}"
        f"{found.p99 * 1000:>9.1f}{found.refused:>9}{cpu:>14,.0f}{os.getloadavg()[0]:>7.1f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--connections", default=CONNECTIONS)
    parser.add_argument("--only", default="", help="lines whose name begins so")
    parser.add_argument(
        "--peer", action="store_true", help="dj-stripe as well; installs it in a folder of its own"
    )
    given = parser.parse_args()
    gc.freeze()
    print(HEAD)
    with a_server(ON_DISK) as server:
        for line in lines(server, peer=given.peer):
            if line.name.startswith(given.only):
                for connections in map(int, given.connections.split(",")):
                    print(measure(line, connections, given.seconds), flush=True)


if __name__ == "__main__":
    main()
