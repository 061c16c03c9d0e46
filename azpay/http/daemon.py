"""The daemon's life: listen, answer, and when told to stop: stop accepting, finish what it holds, be gone."""

from __future__ import annotations

import asyncio
import signal
from contextlib import asynccontextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

from aiohttp import web

from azpay import worker as workers
from azpay.http import connections, sockets
from azpay.http.app import build
from azpay.logs import get_logger

if TYPE_CHECKING:
    import socket
    from collections.abc import AsyncIterator, Callable

    from azpay.bootstrap import Azpay

SIGNALS = (signal.SIGINT, signal.SIGTERM)
ANSWERS_SECONDS = 3.0
WORKER_SECONDS = 2.0
GONE_SECONDS = 9.0

log = get_logger(__name__)


def serve(
    azpay: Azpay, *, host: str, port: int, with_worker: bool = True, listening: Callable[[str], None]
) -> int:
    """Serve until a signal comes; the exit status a shell expects after it. `listening` is told the address.

    Raises NoWebhookSecret and CannotListen before anything has begun.
    """
    worker = workers.Worker(azpay) if with_worker else None
    app = build(azpay, worker)
    listener = sockets.listen(host, port)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(_serve(app, worker, listener, listening))


async def _serve(
    app: web.Application,
    worker: workers.Worker | None,
    listener: socket.socket,
    listening: Callable[[str], None],
) -> int:
    told = _signals()
    async with answering(app, listener):
        if worker is not None:
            worker.start()
        listening(sockets.address(*listener.getsockname()[:2]))
        status = 128 + await told
        last_call = workers.leave_within(GONE_SECONDS, status)
        log.info("stopping", status=status)
    if worker is not None:
        worker.stop(within=WORKER_SECONDS)
    last_call.cancel()
    return status


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
