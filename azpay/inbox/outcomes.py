"""What becomes of an event that was tried: done, postponed, dead, or put off until Stripe can be asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import bindparam, update

from azpay.db.among import among
from azpay.inbox.claiming import COLUMN, TABLE
from azpay.inbox.models import EventState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from typing import Any

    from sqlmodel import Session

    from azpay.inbox.handling import Waiting

TRIES = 5
DELAYS = tuple(timedelta(seconds=seconds) for seconds in (2, 15, 120, 900))
OUTAGE = timedelta(seconds=15)
KEY = "inbox_events_event"


class Outcome(StrEnum):
    DONE = "done"
    POSTPONED = "postponed"
    DEAD = "dead"


class Spent(NamedTuple):
    """How many events came to it, and the time they took together."""

    events: int = 0
    time: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Progress:
    """What one batch came to."""

    done: int = 0
    postponed: int = 0
    dead: int = 0
    spent: Mapping[tuple[str, Outcome], Spent] = field(default_factory=dict, compare=False)
    """By type and outcome. Events that are applied together have each an even share of the time."""

    @property
    def taken(self) -> int:
        return self.done + self.postponed + self.dead

    def __add__(self, other: Progress) -> Progress:
        spent = dict(self.spent)
        for what, (events, time) in other.spent.items():
            before = spent.get(what, Spent())
            spent[what] = Spent(before.events + events, before.time + time)
        counts = (self.done + other.done, self.postponed + other.postponed, self.dead + other.dead)
        return Progress(*counts, spent)

    def in_all(self, time: timedelta) -> Progress:
        """The same, when all of it took so long."""
        share = time // max(self.taken, 1)
        spent = {what: Spent(each.events, each.events * share) for what, each in self.spent.items()}
        return Progress(self.done, self.postponed, self.dead, spent)


class Watch:
    """Started when it is made."""

    def __init__(self) -> None:
        self._began = perf_counter()

    @property
    def time(self) -> timedelta:
        return timedelta(seconds=perf_counter() - self._began)


def done(session: Session, events: Sequence[Waiting], *, now: datetime) -> Progress:
    _mark(
        session,
        events,
        state=EventState.DONE,
        attempts=COLUMN.attempts + 1,
        processed_at=now,
        error=None,
    )
    return _came_to(Outcome.DONE, events)


def give_up(session: Session, events: Sequence[Waiting], *, now: datetime) -> Progress:
    """What cannot be read cannot be applied, and must not hold up the others."""
    _mark(session, events, state=EventState.DEAD, processed_at=now)
    return _came_to(Outcome.DEAD, events)


def postpone(session: Session, event: Waiting, error: Exception, *, now: datetime) -> Progress:
    """Try again later, further each time; give up after the last try."""
    attempts = event.attempts + 1
    if attempts >= TRIES:
        _say(session, event, error, state=EventState.DEAD, attempts=attempts)
        return _came_to(Outcome.DEAD, [event])
    due = now + DELAYS[event.attempts]
    _say(session, event, error, state=EventState.FAILED, attempts=attempts, due_at=due)
    return _came_to(Outcome.POSTPONED, [event])


def put_off(session: Session, events: Sequence[Waiting], error: Exception, *, now: datetime) -> Progress:
    """Try again when Stripe may be back. It is not the events' fault, so the try is not counted."""
    for event in events:
        _say(session, event, error, state=EventState.FAILED, due_at=now + OUTAGE)
    return _came_to(Outcome.POSTPONED, events)


def _mark(session: Session, events: Sequence[Waiting], **values: Any) -> None:
    if events:
        connection = session.connection()
        these = among(connection, COLUMN.event, [event.event for event in events])
        connection.execute(update(TABLE).where(these).values(**values))


def _say(session: Session, event: Waiting, error: Exception, **values: Any) -> None:
    said = f"{type(error).__name__}: {error}"[:500]
    row = {KEY: event.event, "error": said, **values}
    session.connection().execute(update(TABLE).where(COLUMN.event == bindparam(KEY)), [row])


def _came_to(outcome: Outcome, events: Sequence[Waiting]) -> Progress:
    types = [event.type for event in events]
    spent = {(type_, outcome): Spent(types.count(type_)) for type_ in set(types)}
    counts = {outcome.value: len(events)}
    return Progress(**counts, spent=spent)
