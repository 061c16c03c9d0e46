"""What is measured: each server in a process of its own, beginning with two that nothing can exceed."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import socket
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.connection import Connection

    from aiohttp import web

    from azpay.bootstrap import Azpay
    from azpay.settings import Settings

SECRET = "whsec_azpay_sandbox"  # noqa: S105 - the sandbox's own
PATH = "/api/webhooks/stripe"
TICKS = os.sysconf("SC_CLK_TCK")
USER, SYSTEM = 11, 12


class Book(NamedTuple):
    """Where the daemon under test keeps its book."""

    address: str
    folder: Path


class Running(NamedTuple):
    """`pids` are the processes that serve."""

    port: int
    path: str
    secret: str
    pids: tuple[int, ...]

    def cpu_seconds(self) -> float:
        """What they have used of the processors, however many others share them."""
        return sum(_used(pid) for pid in self.pids)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _used(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[USER]) + int(fields[SYSTEM])) / TICKS


def bare(ready: Connection, _book: Book) -> None:
    """aiohttp that reads the body and answers."""
    from aiohttp import web

    async def answer(request: web.Request) -> web.Response:
        await request.read()
        return web.Response()

    _run(answer, ready)


def signed(ready: Connection, _book: Book) -> None:
    """The same, and the signature is checked."""
    from datetime import UTC, datetime

    from aiohttp import web

    from azpay import inbox

    async def answer(request: web.Request) -> web.Response:
        header = request.headers.get("Stripe-Signature")
        inbox.read(await request.read(), header, [SECRET], now=datetime.now(UTC))
        return web.Response()

    _run(answer, ready)


def _run(answer: Callable[[web.Request], object], ready: Connection) -> None:
    from aiohttp import web

    from azpay.http.daemon import _loop_factory

    async def run() -> None:
        app = web.Application()
        app.router.add_post(PATH, answer)  # type: ignore[arg-type]
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        ready.send(site.port)
        await asyncio.Event().wait()

    with asyncio.Runner(loop_factory=_loop_factory()) as loop:
        loop.run(run())


def endpoint(ready: Connection, book: Book) -> None:
    _serve(ready, book, with_worker=False)


def endpoint_and_worker(ready: Connection, book: Book) -> None:
    _serve(ready, book, with_worker=True)


def _serve(ready: Connection, book: Book, *, with_worker: bool) -> None:
    """Its worker marks events as done and asks nobody: what applying them costs is measured elsewhere."""
    from azpay.http import daemon
    from azpay.http.supervision import Supervisor
    from azpay.inbox import Handlers

    azpay = replace(wired(book), handlers=Handlers(events={}, objects={}))
    around = daemon.Surroundings(
        Supervisor({}),
        listening=lambda address: ready.send(int(address.rpartition(":")[2])),
        settings=lambda: azpay.settings,
    )
    daemon.serve(azpay, around, host="127.0.0.1", port=0, with_worker=with_worker)


def prepare(book: Book) -> None:
    """A server's book is not made by itself."""
    from azpay import bootstrap

    loaded = _settings(book)
    db = bootstrap.book_as_it_is(loaded, None)
    bootstrap.upgrade(db, loaded, None, tell=lambda _line: None)
    db.close()


def wired(book: Book) -> Azpay:
    from azpay import bootstrap

    return bootstrap.wire(_settings(book), tell=lambda _line: None)


def _settings(book: Book) -> Settings:
    from azpay import settings

    env = {
        "AZPAY_PROFILE": "sandbox",
        "AZPAY_DATA_DIR": str(book.folder),
        "AZPAY_DATABASE_URL": book.address,
        "AZPAY_LOG_LEVEL": "warning",
        "AZPAY_SWEEP_MINUTES": "0",
    }
    return settings.load(flags={}, env=env, cwd=book.folder, config_file=book.folder / "config.toml")


def kept(book: Book) -> int:
    db = wired(book).db
    with db.engine.connect() as connection:
        found = int(connection.exec_driver_sql("SELECT count(*) FROM inbox_events").scalar_one())
    db.close()
    return found


@contextmanager
def running(target: Callable[[Connection, Book], None], book: Book) -> Iterator[Running]:
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=target, args=(theirs, book), daemon=True)
    server.start()
    theirs.close()  # so that a server that could not start is an EOFError here, not a wait for ever
    try:
        yield Running(ours.recv(), PATH, SECRET, (server.pid or 0,))
    finally:
        server.terminate()
        server.join()
