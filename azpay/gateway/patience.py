"""How long Stripe may keep us waiting: one budget for all threads of a process.

Whoever is told to slow down slows the others down too, or they would only be told the same. A command has a
minute in all, whatever it asks; a daemon has as long as it takes, request by request.
"""

from __future__ import annotations

import random
import time
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

PER_CALL = 25.0
"""Seconds after which no new try of one call begins."""
LONGEST_ASKED = 20
"""Seconds that Stripe may ask us to wait. When it asks for more, we give up and say so."""
LEAST = 2.0
"""With less than that left, nothing is sent any more."""


class Patience:
    """Times and waits are seconds. `total` is for all calls together."""

    def __init__(
        self,
        total: float | None = None,
        *,
        pause: Callable[[float], None] = time.sleep,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._left = total
        self.pause = pause
        self.timer = timer
        self._slow_until = 0.0
        self._lock = Lock()

    @property
    def is_over(self) -> bool:
        return self._left is not None and self._left < LEAST

    def at_most(self, seconds: float) -> float:
        """So long, or as long as is left."""
        return seconds if self._left is None else max(min(seconds, self._left), LEAST)

    def spend(self, seconds: float) -> None:
        with self._lock:
            if self._left is not None:
                self._left -= seconds

    def wait_turn(self) -> None:
        """Until the end of a pause that another thread was told to make, and not all at its end."""
        if not self._slow_until:
            return
        wait = self._slow_until - self.timer()
        if wait > 0:
            self.pause(self.at_most(wait) * random.uniform(1.0, 1.25))  # noqa: S311 - jitter

    def rest(self, tried: int, asked: int | None, *, all_of_us: bool) -> None:
        """Between two tries: as long as Stripe asked for, else a little longer each time, and not evenly."""
        by_ourselves = min(0.5 * 2 ** (tried - 1), 5.0)
        wait = max(asked or 0, by_ourselves * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
        if all_of_us:
            with self._lock:
                self._slow_until = max(self._slow_until, self.timer() + wait)
        self.pause(wait)

    def allows(self, began: float, asked: int | None) -> bool:
        """Whether another try of a call that began then is worth its wait."""
        elapsed = self.timer() - began
        wait = asked or 0
        room = PER_CALL if self._left is None else min(PER_CALL, self._left - LEAST)
        return wait <= LONGEST_ASKED and elapsed + wait <= room
