"""The sandbox on a port: a thin skin of aiohttp around the engine."""

from __future__ import annotations

import asyncio
import signal
import socket
import struct
import threading
import traceback
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

import msgspec
from aiohttp import web

from azpay.sandbox import control, hosted
from azpay.sandbox.courier import Courier
from azpay.sandbox.loglines import Log, LogLine, silence
from azpay.sandbox.wire import Lost, Request, Response

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
    from azpay.sandbox.engine import Sandbox

MAX_BODY = 1024 * 1024

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_JSON = {"Content-Type": "application/json"}


async def serve(
    sandbox: Sandbox,
    *,
    host: str = "127.0.0.1",
    port: int = 12111,
    on_ready: Callable[[int], None] | None = None,
    log: Log | None = None,
) -> None:
    """Answer requests and deliver webhooks until SIGINT, SIGTERM or cancellation.

    Port 0 takes a free one; `on_ready` is told which. Raises OSError when the port is taken.
    """
    courier = Courier(sandbox, log or silence)
    app = web.Application(client_max_size=MAX_BODY)
    app.router.add_route("*", "/{rest:.*}", Answering(sandbox, courier, log or silence).answer)
    async with _listening(app, host, port) as bound:
        sandbox.base_url = f"http://{f'[{host}]' if ':' in host else host}:{bound}"
        with _stop_signals() as stop:
            if on_ready is not None:
                on_ready(bound)
            await _run_until(stop, courier.run())


class Answering:
    """From aiohttp's request to the engine's, and back."""

    def __init__(self, sandbox: Sandbox, courier: Courier, log: Log) -> None:
        self._sandbox = sandbox
        self._courier = courier
        self._log = log

    async def answer(self, request: web.Request) -> web.Response:
        try:
            response = self._response(request, await request.read())
        except web.HTTPRequestEntityTooLarge:
            response = _error(413, f"The request is larger than {MAX_BODY} bytes.")
        except Lost as lost:
            self._log(LogLine("connection_dropped", {"path": request.path, "effect": lost.effect}))
            _reset(request)
            response = Response(500, {}, b"")
        except Exception:
            self._log(LogLine("request_failed", {"path": request.path, "error": traceback.format_exc()}))
            response = _error(500, "An unknown error occurred", kind="api_error")
        else:
            self._log_answer(request, response)
        self._courier.wake()
        return web.Response(status=response.status, headers=dict(response.headers), body=response.body)

    def _response(self, request: web.Request, body: bytes) -> Response:
        method, path = request.method, request.rel_url.raw_path
        if path.startswith(control.PREFIX):
            reply = control.control(self._sandbox, method, path, body)
            return Response(reply.status, _JSON, msgspec.json.encode(reply.body))
        if path.startswith(hosted.PREFIX):
            return hosted.hosted_page(self._sandbox, method, path, body)
        headers = {name.lower(): value for name, value in request.headers.items()}
        return self._sandbox.handle(Request(method, path, request.rel_url.raw_query_string, headers, body))

    def _log_answer(self, request: web.Request, response: Response) -> None:
        fields = {
            "method": request.method,
            "path": request.path,
            "status": response.status,
            "request": response.headers.get("Request-Id"),
        }
        self._log(LogLine("request_answered", fields))


def _error(status: int, message: str, kind: str = "invalid_request_error") -> Response:
    return Response(status, _JSON, msgspec.json.encode({"error": {"message": message, "type": kind}}))


def _reset(request: web.Request) -> None:
    """Break the connection off, so that the client sees a reset and not an answer."""
    transport = request.transport
    if transport is None:
        return
    sock = transport.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    transport.abort()


@asynccontextmanager
async def _listening(app: web.Application, host: str, port: int) -> AsyncIterator[int]:
    """The port that was bound, for as long as the block runs."""
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=2)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


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
