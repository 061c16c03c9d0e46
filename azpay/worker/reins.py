"""How a worker is woken, and told to stop."""

from __future__ import annotations

import time
from contextlib import suppress
from queue import Empty, SimpleQueue


class Reins:
    """May be pulled from any thread and from a signal handler.

    That is why there is a SimpleQueue in it, which is reentrant: a handler that sets a `threading.Event` may
    have interrupted a wait for that event, and then waits for itself.
    """

    def __init__(self) -> None:
        self.stopping = False
        self._bell: SimpleQueue[None] = SimpleQueue()

    def wake(self) -> None:
        self._bell.put(None)

    def stop(self) -> None:
        self.stopping = True
        self._bell.put(None)

    def rest(self, seconds: float) -> None:
        """Until woken, told to stop, or `seconds` later."""
        with suppress(Empty):
            self._bell.get(timeout=max(seconds, 0))
            while True:
                self._bell.get_nowait()

    def back_off(self, seconds: float) -> None:
        """Until told to stop, or `seconds` later: there is no use in being woken."""
        end = time.monotonic() + seconds
        while not self.stopping and time.monotonic() < end:
            self.rest(end - time.monotonic())
