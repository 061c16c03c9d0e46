"""What becomes of an event that was tried: done, postponed, dead, or put off until Stripe can be asked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from azpay.inbox.models import EventState, InboxEvent

if TYPE_CHECKING:
    from datetime import datetime

TRIES = 5
DELAYS = tuple(timedelta(seconds=seconds) for seconds in (2, 15, 120, 900))
OUTAGE = timedelta(seconds=15)


@dataclass(frozen=True, slots=True)
class Progress:
    """What one batch came to."""

    done: int = 0
    postponed: int = 0
    dead: int = 0

    @property
    def taken(self) -> int:
        return self.done + self.postponed + self.dead

    def __add__(self, other: Progress) -> Progress:
        return Progress(self.done + other.done, self.postponed + other.postponed, self.dead + other.dead)


def done(event: InboxEvent, *, now: datetime) -> Progress:
    event.state, event.processed_at, event.error = EventState.DONE, now, None
    event.attempts += 1
    return Progress(done=1)


def postpone(event: InboxEvent, error: Exception, *, now: datetime) -> Progress:
    """Try again later, further each time; give up after the last try."""
    event.attempts += 1
    event.error = _said(error)
    if event.attempts >= TRIES:
        event.state = EventState.DEAD
        return Progress(dead=1)
    event.state, event.due_at = EventState.FAILED, now + DELAYS[event.attempts - 1]
    return Progress(postponed=1)


def put_off(event: InboxEvent, error: Exception, *, now: datetime) -> Progress:
    """Try again when Stripe may be back. It is not the event's fault, so the try is not counted."""
    event.state, event.due_at, event.error = EventState.FAILED, now + OUTAGE, _said(error)
    return Progress(postponed=1)


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:500]
