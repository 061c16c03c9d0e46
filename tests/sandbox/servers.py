"""The sandbox as a server in the loop of a test, and what it says."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from azpay.sandbox import DEFAULT_KEY, Sandbox
from azpay.sandbox.server import serve

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    import aiohttp

    from azpay.sandbox.loglines import LogLine

HEADERS = {"Authorization": f"Bearer {DEFAULT_KEY}"}


class Running:
    def __init__(self, sandbox: Sandbox, **options: Any) -> None:
        self.sandbox = sandbox
        self.lines: list[LogLine] = []
        self.port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.task = asyncio.ensure_future(
            serve(sandbox, port=0, on_ready=self.port.set_result, log=self.lines.append, **options)
        )

    async def url(self, path: str = "") -> str:
        ends: set[asyncio.Future[Any]] = {self.port, self.task}
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        assert self.port.done(), "the server did not start"
        return f"http://127.0.0.1:{self.port.result()}{path}"

    async def stop(self) -> None:
        self.task.cancel()
        with suppress(asyncio.CancelledError):
            await self.task

    def said(self, what: str) -> list[LogLine]:
        return [line for line in self.lines if line.what == what]


@asynccontextmanager
async def running(**options: Any) -> AsyncIterator[Running]:
    server = Running(Sandbox(now=lambda: datetime.now(UTC), webhook_retries=(0, 0)), **options)
    try:
        yield server
    finally:
        await server.stop()


async def eventually(done: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not done():
            await asyncio.sleep(0.01)


async def ask(session: aiohttp.ClientSession, url: str, **form: str) -> dict[str, Any]:
    """POST a form, and the answer."""
    headers = {**HEADERS, "Content-Type": "application/x-www-form-urlencoded"}
    async with session.post(url, data=urlencode(form), headers=headers) as answer:
        assert answer.status == 200, await answer.text()
        told: dict[str, Any] = await answer.json()
        return told
