"""From aiohttp's request to the engine's, and back."""

from __future__ import annotations

import asyncio
import traceback
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING

import msgspec
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from azpay.sandbox import connections, control, hosted
from azpay.sandbox.errors import INVALID
from azpay.sandbox.loglines import Log, LogLine, refusal
from azpay.sandbox.wire import Lost, Request, Response

if TYPE_CHECKING:
    from azpay.sandbox.courier import Courier
    from azpay.sandbox.engine import Sandbox

MAX_BODY = 1024 * 1024

_JSON = {"Content-Type": "application/json"}
_CUT_OFF = (ConnectionError, web.RequestPayloadError, HttpProcessingError)


class Answering:
    def __init__(self, sandbox: Sandbox, courier: Courier, log: Log) -> None:
        self._sandbox = sandbox
        self._courier = courier
        self._log = log
        self._stopping = asyncio.Event()

    async def stop(self, _app: web.Application) -> None:
        """Hold nothing back any longer."""
        self._stopping.set()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        began = monotonic()
        try:
            response = await self._response(request, await request.read())
        except web.HTTPRequestEntityTooLarge:
            response = _error(413, f"The request is larger than {MAX_BODY} bytes.")
        except _CUT_OFF:
            response = _error(400, "The request ended before its body did.")
        except Lost as lost:
            return await self._lose(request, lost)
        except Exception:
            self._log(LogLine("request_failed", {"path": request.path, "error": traceback.format_exc()}))
            response = _error(500, "An unknown error occurred", kind="api_error")
        self._log_answer(request, response, ms=int((monotonic() - began) * 1000))
        self._courier.wake()
        return await connections.send(request, response)

    async def _response(self, request: web.Request, body: bytes) -> Response:
        method, path = request.method, request.rel_url.raw_path
        if path.startswith(control.PREFIX):
            reply = control.control(self._sandbox, method, path, body)
            return Response(reply.status, _JSON, msgspec.json.encode(reply.body))
        if path.startswith(hosted.PREFIX):
            return hosted.hosted_page(self._sandbox, method, path, body)
        headers = {name.lower(): value for name, value in request.headers.items()}
        return await self._ask(Request(method, path, request.rel_url.raw_query_string, headers, body))

    async def _ask(self, asked: Request) -> Response:
        """A delayed answer is held back; its idempotency key is in use until it goes out."""
        answer = self._sandbox.handle(asked, hold=True)
        if answer.delay:
            self._courier.wake()
            try:
                await self._pause(answer.delay)
            finally:
                self._sandbox.release(asked)
        return answer

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)

    async def _lose(self, request: web.Request, lost: Lost) -> web.Response:
        self._log(LogLine("connection_dropped", {"path": request.path, "effect": lost.effect}))
        self._courier.wake()
        await self._pause(lost.after)
        connections.reset(request)
        return web.Response(status=500)

    def _log_answer(self, request: web.Request, response: Response, *, ms: int) -> None:
        fields = {
            "method": request.method,
            "path": request.path,
            "status": response.status,
            "ms": ms,
            "request": response.headers.get("Request-Id"),
            "code": refusal(response),
        }
        self._log(LogLine("request_answered", fields))


def _error(status: int, message: str, kind: str = INVALID) -> Response:
    return Response(status, _JSON, msgspec.json.encode({"error": {"message": message, "type": kind}}))
