"""Whose turn it is: one resolver at a time has an operation, and none while a command has it in hand.

A lease keeps resolvers off, and a resolver's keeps commands off too. A command's does not: whoever types the
same command again after a crash goes on at once, under the same key.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import text
from sqlmodel import col, or_, select

from azpay.gateway.freshness import KEY_LIFE
from azpay.operations.ages import IN_FLIGHT
from azpay.operations.endings import Underway
from azpay.operations.journal import LEASE
from azpay.operations.models import OPEN, OPEN_SQL, Operation

if TYPE_CHECKING:
    from datetime import datetime
    from random import Random

    from sqlmodel import Session
    from sqlmodel.sql.expression import SelectOfScalar

    from azpay.operations.attempts import Turn

TRIES = 5
"""So often an operation is taken up by itself; then it needs a person."""

PAUSE, GROWTH, LONGEST = timedelta(minutes=2), 4, timedelta(hours=4)
"""Before the next try by itself: at most the pause, then at most four times as long, up to hours."""

SETTLED_BY_THEN = KEY_LIFE + IN_FLIGHT + timedelta(minutes=1)
"""At this age the key is not sent any more and nothing is under way, so that a look decides."""


def hold(operation: Operation, turn: Turn) -> None:
    """Take the operation for one attempt. Raises Underway."""
    is_held = operation.leased_until is not None and operation.leased_until > turn.now
    if turn.lease != operation.lease and (turn.lease is not None or is_held):
        raise Underway(operation.id)
    operation.lease, operation.leased_until = turn.lease, turn.now + LEASE
    operation.due_at = operation.leased_until


def claim(session: Session, operation: Operation, lease: str, *, now: datetime) -> None:
    """Take a row that is locked, for somebody who asks for it by name. Raises Underway."""
    if operation.leased_until is not None and operation.leased_until > now:
        raise Underway(operation.id)
    _give(operation, lease, now)
    session.flush()


def claim_next(session: Session, lease: str, *, now: datetime) -> Operation | None:
    """Take what is longest due and in nobody's hand; None when there is nothing left.

    One that took its resolver down with it too often is left to a person.
    """
    while (operation := session.exec(_due(now)).first()) is not None:
        if operation.resolutions < TRIES:
            operation.resolutions += 1
            _give(operation, lease, now)
            return operation
        flag(operation, now)
        session.flush()
    return None


def _due(now: datetime) -> SelectOfScalar[Operation]:
    in_nobodys_hand = or_(col(Operation.leased_until).is_(None), col(Operation.leased_until) <= now)
    is_due = (text(OPEN_SQL), col(Operation.flagged_at).is_(None), col(Operation.due_at) <= now)
    found = select(Operation).where(*is_due, in_nobodys_hand).order_by(col(Operation.due_at))
    return found.limit(1).with_for_update(skip_locked=True)


def _give(operation: Operation, lease: str, now: datetime) -> None:
    operation.lease, operation.leased_until = lease, now + LEASE
    operation.due_at = operation.leased_until


def postpone(operation: Operation, lease: str, chance: Random, *, now: datetime) -> None:
    """Say when an operation that stayed open is tried again; after its last try it waits for a person."""
    if operation.state not in OPEN or operation.lease not in {None, lease}:
        return
    operation.lease = operation.leased_until = None
    if operation.resolutions >= TRIES:
        flag(operation, now)
        return
    longest = min(PAUSE * GROWTH ** (operation.resolutions - 1), LONGEST)
    operation.due_at = now + timedelta(seconds=chance.randint(1, int(longest.total_seconds())))
    if operation.resolutions == TRIES - 1:
        operation.due_at = max(operation.due_at, operation.created_at + SETTLED_BY_THEN)


def flag(operation: Operation, now: datetime) -> None:
    operation.flagged_at = operation.flagged_at or now
    operation.lease = operation.leased_until = operation.due_at = None
