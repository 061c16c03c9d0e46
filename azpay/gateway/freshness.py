"""Until when a key may be sent.

Stripe forgets keys, also while we sleep: the lid is closed, the process is stopped. So each single try looks
once more, by clocks that went on meanwhile.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KEY_LIFE = timedelta(hours=23)
"""Stripe forgets a key after 24 hours, and then would do the same thing again. No key leaves us when older,
not by a second: from then on, others conclude from what they find at Stripe.
https://docs.stripe.com/api/idempotent_requests"""

BOOT = getattr(time, "CLOCK_BOOTTIME", None)


def stopwatch() -> float:
    """Seconds, for intervals: those in which the machine slept are counted where its system can."""
    return time.monotonic() if BOOT is None else time.clock_gettime(BOOT)


class Until(NamedTuple):
    """A moment by two clocks: one that can be set, and one that can only go on."""

    wall: datetime
    reading: float
    timer: Callable[[], float] = stopwatch


_UNTIL: ContextVar[Until | None] = ContextVar("azpay_key_until", default=None)


@contextmanager
def sendable(until: Until) -> Iterator[None]:
    """Let this thread send keys until then; nothing with a key is sent any more afterwards."""
    token = _UNTIL.set(until)
    try:
        yield
    finally:
        _UNTIL.reset(token)


def is_too_late(clock: Callable[[], datetime] | None) -> bool:
    """Whether a key must not be sent any more; `clock` is the one that can be set, where it is known."""
    until = _UNTIL.get()
    if until is None:
        return False
    return until.timer() > until.reading or (clock is not None and clock() > until.wall)
