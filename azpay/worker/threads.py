"""A worker in a thread of its own."""

from __future__ import annotations

from threading import Thread
from typing import TYPE_CHECKING

from azpay.worker.reins import Reins
from azpay.worker.work import work

if TYPE_CHECKING:
    from azpay.bootstrap import Azpay


class Worker:
    """One is enough: SQLite takes one writer at a time, and a batch is mostly writing."""

    def __init__(self, azpay: Azpay) -> None:
        self._reins = Reins()
        self._thread = Thread(target=work, args=(azpay, self._reins), name="worker", daemon=True)

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """There is something to do."""
        self._reins.wake()

    def stop(self, *, within: float) -> bool:
        """Ask it to stop and wait for the piece of work in hand; whether it has ended."""
        self._reins.stop()
        self._thread.join(within)
        return not self._thread.is_alive()
