"""A worker in threads of its own."""

from __future__ import annotations

from threading import Thread
from typing import TYPE_CHECKING

from azpay.worker.reins import Reins
from azpay.worker.schedules import keep_schedules
from azpay.worker.work import work

if TYPE_CHECKING:
    from azpay.bootstrap import Azpay
    from azpay.inbox import Progress
    from azpay.worker.work import Watcher

LET_GO_SECONDS = 1.0
"""Enough to put the book down; not to hear from Stripe."""


class Worker:
    """One thread for what comes in is enough: SQLite takes one writer at a time, and a batch is writing.

    What is done every so often waits for Stripe, and has a thread of its own.
    """

    def __init__(self, azpay: Azpay) -> None:
        self._reins = Reins()
        self._watchers: list[Watcher] = []
        self._thread = Thread(target=work, args=(azpay, self._reins, self._done), name="worker", daemon=True)
        self._clockwork = Clockwork(azpay)

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def start(self) -> None:
        self._thread.start()
        self._clockwork.start()

    def watch(self, watcher: Watcher) -> None:
        """Tell it of every batch: what came of it, and how many seconds it took."""
        self._watchers.append(watcher)

    def _done(self, progress: Progress, seconds: float) -> None:
        for watcher in self._watchers:
            watcher(progress, seconds)

    def wake(self) -> None:
        """There is something to do."""
        self._reins.wake()

    def stop(self, *, within: float) -> bool:
        """Ask it to stop and wait for the piece of work in hand; whether it has ended."""
        self._reins.stop()
        self._clockwork.stop()
        self._thread.join(within)
        return not self._thread.is_alive()


class Clockwork:
    """The schedules, in a thread. It may be in a call to Stripe when told to stop: nobody waits for that."""

    def __init__(self, azpay: Azpay) -> None:
        self._reins = Reins()
        self._thread = Thread(target=keep_schedules, args=(azpay, self._reins), name="schedules", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._reins.stop()
        if self._thread.is_alive():
            self._thread.join(LET_GO_SECONDS)
