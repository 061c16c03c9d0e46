"""A second look at one thing, on both sides, so that neither can have moved between the two glances.

Our row is read, then Stripe is asked, then our row is read again. If the row stood still and nothing of ours
is under way about it, what differs then does differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import func
from sqlmodel import col, select

from azpay.gateway import NoSuchObject
from azpay.inbox import EventState, InboxEvent
from azpay.operations import Operation, State
from azpay.reconciliation import books, lines
from azpay.reconciliation.matching import Difference, Pair, difference, pairs
from azpay.reconciliation.models import ObjectType

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlmodel import Session

    from azpay.db import Database
    from azpay.gateway.stripe import Gateway
    from azpay.reconciliation.lines import Line

LOOKS = 3
UNDER_WAY = timedelta(minutes=5)
"""Longer than any call of ours to Stripe takes, tries included. What hangs for longer was cut short."""

UNTOLD = timedelta(seconds=5)
"""What Stripe made so lately may be news that is still on its way to us."""


class Subject(NamedTuple):
    """What is looked at: our id, Stripe's id, or both."""

    object_type: ObjectType
    ours: str | None
    theirs: str | None


@dataclass(frozen=True, slots=True)
class Sighting:
    """Both sides at one moment. `found` is Stripe's object itself."""

    here: Line | None
    there: Line | None
    found: Any = None
    moving: bool = False

    @property
    def difference(self) -> Difference | None:
        return difference(Pair(self.here, self.there))


def look(db: Database, gateway: Gateway, subject: Subject, *, now: datetime) -> Sighting:
    """Both sides as they are now."""
    before = _ours(db, subject)
    for _ in range(LOOKS):
        if subject.theirs is None and before is not None:
            subject = subject._replace(theirs=before.theirs)
        found = fetch(gateway, subject)
        with db.reading() as session:
            after = books.find(session, *subject)
            moving = bool(moving_among(session, [subject], now))
        if before == after:
            there = _line(subject, found)
            return Sighting(after, there, found, moving or _is_untold(after, there, now))
        before = after
    return Sighting(before, _line(subject, found), found, moving=True)


def look_here(db: Database, there: Sequence[Line], *, now: datetime) -> Iterator[Sighting]:
    """Our side as it is now, beside what Stripe just listed: for what we lacked, which may be much."""
    for begin in range(0, len(there), books.AT_ONCE):
        some = there[begin : begin + books.AT_ONCE]
        ours = books.counterparts(db, some[0].object_type, some)
        with db.reading() as session:
            moving = moving_among(session, [subject_of(Pair(None, line)) for line in some], now)
        for pair in pairs(ours, some):
            is_moving = not moving.isdisjoint(subject_of(pair)) or _is_untold(pair.here, pair.there, now)
            yield Sighting(pair.here, pair.there, moving=is_moving)


def subject_of(pair: Pair) -> Subject:
    known = pair.here or pair.there
    assert known is not None  # noqa: S101 - a pair of nothing is never made
    return Subject(
        known.object_type,
        ours=known.ours,
        theirs=pair.there.theirs if pair.there else known.theirs,
    )


def fetch(gateway: Gateway, subject: Subject) -> Any:
    """The object as Stripe has it now, or None where Stripe has none."""
    if subject.theirs is None:
        return None
    try:
        return gateway.fetch(subject.object_type, subject.theirs)
    except NoSuchObject:
        return None


def moving_among(session: Session, subjects: Sequence[Subject], now: datetime) -> set[str | None]:
    """The ids about which a call of ours is under way, or news has come that waits to be applied."""
    asked = select(Operation.subject).where(
        col(Operation.subject).in_([subject.ours for subject in subjects if subject.ours]),
        col(Operation.state).in_((State.PLANNED, State.SENT)),
        func.coalesce(Operation.sent_at, Operation.created_at) > now - UNDER_WAY,
    )
    told = select(InboxEvent.object_id).where(
        col(InboxEvent.object_id).in_([subject.theirs for subject in subjects if subject.theirs]),
        InboxEvent.state == EventState.RECEIVED,
        col(InboxEvent.received_at) > now - UNDER_WAY,
    )
    return {*session.exec(asked), *session.exec(told)}


def _is_untold(here: Line | None, there: Line | None, now: datetime) -> bool:
    return here is None and there is not None and there.created > now - UNTOLD


def _ours(db: Database, subject: Subject) -> Line | None:
    with db.reading() as session:
        return books.find(session, *subject)


def _line(subject: Subject, found: Any) -> Line | None:
    if found is None:
        return None
    return (
        lines.of_refund(found) if subject.object_type is ObjectType.REFUND else lines.of_payment_intent(found)
    )
