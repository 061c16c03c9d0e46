"""Carrying webhooks: looks what is due, posts it, and reports back. A slow endpoint holds up only itself."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING

import aiohttp

from azpay.sandbox.loglines import LogLine

if TYPE_CHECKING:
    from azpay.sandbox.engine import Sandbox
    from azpay.sandbox.listening import Listeners
    from azpay.sandbox.loglines import Log
    from azpay.sandbox.wire import Delivery

POST_TIMEOUT = 10
POSTS_PER_ENDPOINT = 20
LONGEST_REST, SHORTEST_REST = 1.0, 0.02


class Courier:
    def __init__(
        self, sandbox: Sandbox, listeners: Listeners, log: Log, timeout: float = POST_TIMEOUT
    ) -> None:
        self._sandbox = sandbox
        self._listeners = listeners
        self._log = log
        self._timeout = timeout
        self._awake = asyncio.Event()
        self._turns: dict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(POSTS_PER_ENDPOINT))

    def wake(self) -> None:
        """Something has happened: look again."""
        self._awake.set()

    async def run(self) -> None:
        """Until cancelled. What is on its way then counts as not delivered."""
        timeout = aiohttp.ClientTimeout(total=self._timeout)
        connector = aiohttp.TCPConnector(limit=0, force_close=True)
        async with (
            aiohttp.ClientSession(timeout=timeout, connector=connector) as session,
            asyncio.TaskGroup() as posts,
        ):
            while True:
                self._awake.clear()
                for delivery in self._sandbox.due_deliveries():
                    posts.create_task(self._carry(session, delivery))
                await self._rest()

    async def _rest(self) -> None:
        due = self._sandbox.seconds_until_due()
        longest = LONGEST_REST if due is None else min(max(due, SHORTEST_REST), LONGEST_REST)
        with suppress(TimeoutError):
            async with asyncio.timeout(longest):
                await self._awake.wait()

    async def _carry(self, session: aiohttp.ClientSession, delivery: Delivery) -> None:
        async with self._turns[delivery.endpoint]:
            began = monotonic()
            status = await self._hand_over(session, delivery)
        self._sandbox.delivered(delivery, status)
        self._log(
            LogLine(
                "webhook_posted",
                {
                    "type": delivery.type,
                    "endpoint": delivery.endpoint,
                    "url": delivery.url,
                    "event_id": delivery.event,
                    "attempt": delivery.attempt,
                    "status": status,
                    "ms": int((monotonic() - began) * 1000),
                },
            )
        )
        self.wake()

    async def _hand_over(self, session: aiohttp.ClientSession, delivery: Delivery) -> int | None:
        if delivery.url:
            return await self._post(session, delivery)
        return await self._listeners.post(delivery)

    async def _post(self, session: aiohttp.ClientSession, delivery: Delivery) -> int | None:
        """The status, or None when nobody answered. A redirect is an answer, and not a good one."""
        try:
            async with session.post(
                delivery.url, data=delivery.body, headers=delivery.headers, allow_redirects=False
            ) as response:
                return response.status
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
            return None
