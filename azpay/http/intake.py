"""Many events, one commit.

A commit costs the same for one event as for hundreds: it waits for the disk. So while one commit runs, the
events that arrive are gathered, and the next commit takes them all. Nobody is answered before it.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from azpay.errors import AzpayError, Unavailable
from azpay.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from azpay.inbox import Received

    Store = Callable[[Sequence[Received]], int]
    Waiting = tuple[Received, asyncio.Future[None]]

MOST_AT_ONCE = 500
MOST_WAITING = 10_000
SECONDS = 7.0
"""For one commit: longer than SQLite waits for another writer, shorter than Stripe waits for an answer."""

log = get_logger(__name__)


class NotKept(Unavailable):
    """The store did not take the event in time. Stripe will send it again."""

    code = "event_not_kept"


class Intake:
    """Belongs to the loop that it is used from. `store` runs in a thread, one call at a time."""

    def __init__(self, store: Store, *, room: int = MOST_WAITING, seconds: float = SECONDS) -> None:
        self._store = store
        self._room = room
        self._seconds = seconds
        self._waiting: list[Waiting] = []
        self._writer: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="intake")

    async def keep(self, event: Received) -> None:
        """Return when the event is on disk. Raises NotKept."""
        if len(self._waiting) >= self._room:
            raise NotKept("Too many events are waiting for the store.")
        answer = asyncio.get_running_loop().create_future()
        self._waiting.append((event, answer))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())
        await answer

    def close(self) -> None:
        self._thread.shutdown(wait=False)

    async def _write(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:MOST_AT_ONCE], self._waiting[MOST_AT_ONCE:]
            kept = await self._try([event for event, _ in batch])
            for _, answer in batch:
                _settle(answer, kept=kept)

    async def _try(self, events: Sequence[Received]) -> bool:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._seconds):
                new = await loop.run_in_executor(self._thread, self._store, events)
        except TimeoutError:
            log.warning("events_not_kept", events=len(events), reason="the store has not answered in time")
            return False
        except AzpayError as error:
            log.warning("events_not_kept", events=len(events), code=error.code, reason=error.message)
            return False
        except Exception:  # a daemon's task: whatever the store does, those who wait are answered
            log.exception("events_not_kept", events=len(events))
            return False
        log.info("events_kept", events=len(events), new=new)
        return True


def _settle(answer: asyncio.Future[None], *, kept: bool) -> None:
    if answer.done():
        return  # whoever asked has left
    if kept:
        answer.set_result(None)
    else:
        answer.set_exception(NotKept("The store did not take the event."))
