"""The sandbox on a port: a thin skin of aiohttp around the engine."""

from __future__ import annotations

import asyncio
import signal
import threading
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

from aiohttp import web

from azpay.sandbox import connections
from azpay.sandbox.answering import MAX_BODY, Answering
from azpay.sandbox.courier import POST_TIMEOUT, Courier
from azpay.sandbox.listening import Listeners
from azpay.sandbox.loglines import Log, silence
from azpay.sandbox.pages import Pages
from azpay.sandbox.recent import Recent
from azpay.sandbox.resources import stripecli

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterator

    from azpay.sandbox.engine import Sandbox


async def serve(
    sandbox: Sandbox,
    *,
    host: str = "127.0.0.1",
    port: int = 12111,
    on_ready: Callable[[int], None] | None = None,
    log: Log | None = None,
    webhook_timeout: float = POST_TIMEOUT,
) -> None:
    """Answer requests and deliver webhooks until SIGINT, SIGTERM or cancellation.

    Port 0 takes a free one; `on_ready` is told which. Raises OSError when the port is taken.
    """
    recent, listeners = Recent(), Listeners(sandbox)
    told = recent.reading(log or silence)
    courier = Courier(sandbox, listeners, told, timeout=webhook_timeout)
    answering = Answering(sandbox, courier, told)
    app = web.Application(client_max_size=MAX_BODY)
    app.router.add_get(f"{stripecli.PATH}{{listener}}", listeners.attend)
    Pages(sandbox, recent, otherwise=answering.answer).add_to(app.router)
    app.router.add_route("*", "/{rest:.*}", answering.answer)
    app.on_shutdown.extend((answering.stop, listeners.close))
    async with _listening(app, host, port) as bound:
        sandbox.base_url = f"http://{f'[{host}]' if ':' in host else host}:{bound}"
        with _stop_signals() as stop:
            if on_ready is not None:
                on_ready(bound)
            await _run_until(stop, courier.run())


@asynccontextmanager
async def _listening(app: web.Application, host: str, port: int) -> AsyncIterator[int]:
    """The port that was bound, for as long as the block runs."""
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=2)
    loop = asyncio.get_running_loop()
    async with AsyncExitStack() as stack:
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        assert runner.server is not None  # noqa: S101 - it was set up
        server = await loop.create_server(connections.protocol(runner.server, loop), host, port)
        stack.callback(server.close)
        yield server.sockets[0].getsockname()[1]


@contextmanager
def _stop_signals() -> Iterator[asyncio.Event]:
    """An event that SIGINT and SIGTERM set. Only the main thread hears signals."""
    stop = asyncio.Event()
    heard = (signal.SIGINT, signal.SIGTERM) if threading.current_thread() is threading.main_thread() else ()
    loop = asyncio.get_running_loop()
    for number in heard:
        loop.add_signal_handler(number, stop.set)
    try:
        yield stop
    finally:
        for number in heard:
            loop.remove_signal_handler(number)


async def _run_until(stop: asyncio.Event, *work: Coroutine[object, object, None]) -> None:
    """Run all of it until `stop`. If one part breaks, everything ends with its error."""
    tasks = [asyncio.ensure_future(part) for part in work]
    waiting = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait([waiting, *tasks], return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (waiting, *tasks):
            task.cancel()
        results = await asyncio.gather(*tasks, waiting, return_exceptions=True)
    for result in results:
        if isinstance(result, Exception):
            raise result
