"""`/healthz`: the process answers. `/readyz`: it can do its work.

A long queue does not make a daemon unready: it is told here for whoever watches, but a daemon that is taken
out of service for it could not take in events either.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import msgspec
from aiohttp import web

from azpay import inbox
from azpay.db import schema
from azpay.errors import AzpayError

if TYPE_CHECKING:
    from azpay.bootstrap import Azpay
    from azpay.worker import Worker

    Check = dict[str, Any]

SECONDS = 2.0


class Readiness:
    """Looks at the book in a thread of its own, one look at a time, and not for long."""

    def __init__(self, azpay: Azpay, worker: Worker | None) -> None:
        self._azpay = azpay
        self._worker = worker
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="readiness")

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def checks(self) -> dict[str, Check]:
        checks = await self._book()
        if self._worker is not None:
            checks["worker"] = {"ok": self._worker.alive}
        return checks

    async def _book(self) -> dict[str, Check]:
        try:
            async with asyncio.timeout(SECONDS):
                return await asyncio.get_running_loop().run_in_executor(self._thread, self._look)
        except AzpayError as error:
            return {"database": {"ok": False, "code": error.code}}
        except TimeoutError:
            return {"database": {"ok": False, "code": "database_slow"}}

    def _look(self) -> dict[str, Check]:
        state = schema.state(self._azpay.db)
        checks: dict[str, Check] = {
            "database": {"ok": True},
            "migrations": {"ok": state is schema.State.CURRENT, "state": state},
        }
        if state is schema.State.CURRENT:
            checks["inbox"] = {"ok": True, **self._backlog()}
        return checks

    def _backlog(self) -> dict[str, int]:
        backlog = inbox.backlog(self._azpay.db)
        oldest = self._azpay.now() - backlog.oldest if backlog.oldest else None
        age = max(int(oldest.total_seconds()), 0) if oldest else 0
        return {"waiting": backlog.waiting, "oldest_seconds": age, "dead": backlog.dead}


READINESS = web.AppKey("readiness", Readiness)


async def healthz(_request: web.Request) -> web.Response:
    return _json({"status": "ok"})


async def readyz(request: web.Request) -> web.Response:
    checks = await request.app[READINESS].checks()
    if all(check["ok"] for check in checks.values()):
        return _json({"status": "ready", "checks": checks})
    return _json({"status": "not ready", "checks": checks}, HTTPStatus.SERVICE_UNAVAILABLE)


def _json(data: object, status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    return web.Response(body=msgspec.json.encode(data), content_type="application/json", status=status)
