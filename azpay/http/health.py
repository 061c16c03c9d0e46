"""`/healthz`: the process answers. `/readyz`: it can do all of its work, or what is in the way."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import TYPE_CHECKING

import msgspec
from aiohttp import web

from azpay.errors import AzpayError
from azpay.http import readiness
from azpay.http.readiness import Check

if TYPE_CHECKING:
    from azpay.bootstrap import Azpay
    from azpay.worker import Worker

SECONDS = 2.0


class Readiness:
    """Looks at the book in a thread of its own, one look at a time, and not for long."""

    def __init__(self, azpay: Azpay, worker: Worker | None) -> None:
        self._azpay = azpay
        self._worker = worker
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="readiness")

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def checks(self) -> list[Check]:
        ours = [] if self._worker is None else [readiness.of_the_worker(self._worker)]
        return [*await self._book(), *ours]

    async def _book(self) -> list[Check]:
        try:
            async with asyncio.timeout(SECONDS):
                return await asyncio.get_running_loop().run_in_executor(self._thread, self._look)
        except AzpayError as error:
            return [_failed(error.code)]
        except TimeoutError:
            return [_failed("database_slow")]

    def _look(self) -> list[Check]:
        return list(readiness.of_the_book(self._azpay))


def _failed(code: str) -> Check:
    """Without the store's own words, which may name where it is."""
    return Check("database", ok=False, detail="it does not answer as it should", facts={"code": code})


READINESS = web.AppKey("readiness", Readiness)


async def healthz(_request: web.Request) -> web.Response:
    return _json({"status": "ok"})


async def readyz(request: web.Request) -> web.Response:
    checks = await request.app[READINESS].checks()
    ready = all(check.ok for check in checks)
    told = {check.name: {"ok": check.ok, "detail": check.detail, **check.facts} for check in checks}
    return _json(
        {"status": "ready" if ready else "not ready", "checks": told},
        HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE,
    )


def _json(data: object, status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    return web.Response(body=msgspec.json.encode(data), content_type="application/json", status=status)
