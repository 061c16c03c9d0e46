"""One line for each attempt: written down before Stripe is asked, and ended with what it said."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import func
from sqlmodel import col, select

from azpay.db import actor_of
from azpay.operations.models import Attempt, Outcome, Step

if TYPE_CHECKING:
    from datetime import datetime

    from sqlmodel import Session

    from azpay.errors import AzpayError
    from azpay.gateway.traces import Trace
    from azpay.operations.models import Operation


@dataclass(frozen=True, slots=True)
class Turn:
    """One attempt, before it is one: its id is made outside of any transaction, which may be done twice."""

    id: str
    now: datetime
    lease: str | None = None
    """The resolver's, when it is one that asks and no command."""
    absent: AzpayError | None = None
    """What is written down when Stripe has no trace of it, instead of `never_happened`."""


def begin(session: Session, operation: Operation, step: Step, turn: Turn) -> bool:
    """Write the attempt down; False when a commit whose answer was lost did so already."""
    if session.get(Attempt, turn.id) is not None:
        return False
    counted = select(func.coalesce(func.max(Attempt.number), 0)).where(Attempt.operation_id == operation.id)
    session.add(
        Attempt(
            id=turn.id,
            operation_id=operation.id,
            number=session.exec(counted).one() + 1,
            step=step,
            actor=actor_of(session),
            started_at=turn.now,
        )
    )
    return True


def end(session: Session, turn: Turn, outcome: Outcome, trace: Trace, code: str | None = None) -> None:
    """Write down what it heard, in the transaction that records the effect."""
    attempt = session.get_one(Attempt, turn.id)
    attempt.outcome, attempt.code = outcome, code
    attempt.request, attempt.milliseconds = trace.last, trace.milliseconds
    attempt.ended_at = turn.now + timedelta(milliseconds=trace.milliseconds)


def attempts_at(session: Session, operation: str) -> list[Attempt]:
    """All attempts at one operation, the first first."""
    found = select(Attempt).where(Attempt.operation_id == operation)
    return list(session.exec(found.order_by(col(Attempt.number))))
