"""The daemon's life: listen, answer, and when told to stop: stop accepting, finish what it holds, be gone."""

from __future__ import annotations

import asyncio
import signal
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

from aiohttp import web

from azpay import worker as workers
from azpay.errors import AzpayError
from azpay.http import connections, sockets, webhooks
from azpay.http.app import build
from azpay.logs import get_logger

if TYPE_CHECKING:
    import socket
    from collections.abc import AsyncIterator, Callable, Iterator

    from azpay.bootstrap import Azpay
    from azpay.http.supervision import Supervisor
    from azpay.settings import Settings

SIGNALS = (signal.SIGINT, signal.SIGTERM)
ANSWERS_SECONDS = 3.0
WORKER_SECONDS = 2.0
GONE_SECONDS = 9.0

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Who started the daemon, who is told where it listens, and where its settings are read."""

    supervisor: Supervisor
    listening: Callable[[str], None]
    settings: Callable[[], Settings]


def serve(azpay: Azpay, around: Surroundings, *, host: str, port: int, with_worker: bool = True) -> int:
    """Serve until a signal comes; the exit status a shell expects after it.

    A socket that the supervisor hands over counts more than `host` and `port`. Raises NoWebhookSecret and
    CannotListen before anything has begun.
    """
    worker = workers.Worker(azpay) if with_worker else None
    app = build(azpay, worker)
    listener = around.supervisor.listener() or sockets.listen(host, port)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(_serve(app, worker, listener, around))


async def _serve(
    app: web.Application, worker: workers.Worker | None, listener: socket.socket, around: Surroundings
) -> int:
    told, supervisor = _signals(), around.supervisor
    async with answering(app, listener):
        if worker is not None:
            worker.start()
        address = sockets.name(listener)
        with _reloading_on_request(app, around), _watched(supervisor, worker):
            around.listening(address)
            supervisor.ready(address)
            status = 128 + await told
        last_call = workers.leave_within(GONE_SECONDS, status)
        supervisor.stopping()
        log.info("stopping", status=status)
    if worker is not None:
        worker.stop(within=WORKER_SECONDS)
    last_call.cancel()
    return status


@contextmanager
def _reloading_on_request(app: web.Application, around: Surroundings) -> Iterator[None]:
    """On SIGHUP read the webhook secrets again; if they cannot be read, go on with those that are known."""
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, _reload, app, around)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGHUP)


def _reload(app: web.Application, around: Surroundings) -> None:
    around.supervisor.reloading()
    door = app[webhooks.DOOR]
    try:
        door.change(around.settings())
    except AzpayError as error:
        log.warning("webhook_secrets_unchanged", code=error.code, reason=error.message)
    else:
        log.info("webhook_secrets_reloaded", ends=[secret[-4:] for secret in door.endpoint.secrets])
    around.supervisor.reloaded()


@contextmanager
def _watched(supervisor: Supervisor, worker: workers.Worker | None) -> Iterator[None]:
    """Say at every half of the supervisor's patience that the loop runs and the worker lives."""
    patience = supervisor.patience
    beating = asyncio.ensure_future(_beat(supervisor, worker, patience / 2)) if patience else None
    try:
        yield
    finally:
        if beating is not None:
            beating.cancel()


async def _beat(supervisor: Supervisor, worker: workers.Worker | None, seconds: float) -> None:
    while worker is None or worker.alive:
        supervisor.alive()
        await asyncio.sleep(seconds)
    log.error("worker_gone")


@asynccontextmanager
async def answering(app: web.Application, listener: socket.socket) -> AsyncIterator[None]:
    """Answer what comes in on the socket; at the end, finish what has begun."""
    runner = web.AppRunner(app, shutdown_timeout=ANSWERS_SECONDS)
    await runner.setup()
    assert runner.server is not None  # noqa: S101 - set up
    loop = asyncio.get_running_loop()
    server = await loop.create_server(connections.protocol(app, runner.server, loop), sock=listener)
    try:
        yield
    finally:
        server.close()
        await runner.cleanup()


def _signals() -> asyncio.Future[int]:
    """The first signal to stop. A second one ends the process at once, as it would any other."""
    loop = asyncio.get_running_loop()
    told: asyncio.Future[int] = loop.create_future()

    def tell(number: int) -> None:
        for each in SIGNALS:
            loop.remove_signal_handler(each)
            signal.signal(each, signal.SIG_DFL)
        told.set_result(number)

    for number in SIGNALS:
        loop.add_signal_handler(number, tell, number)
    return told


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """uvloop where it is installed: a fifth faster."""
    module = "uvloop" if find_spec("uvloop") else "asyncio"
    factory: Callable[[], asyncio.AbstractEventLoop] = import_module(module).new_event_loop
    return factory
