"""Making our book agree with Stripe. Reads from Stripe, writes to our book, and never moves money.

Each repair looks again at both sides first: what has come right meanwhile is left alone. What it records is
Stripe's answer of this moment, and only over a row that did not change while Stripe was asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, select

from azpay import audit
from azpay.errors import AzpayError, Failed
from azpay.payments import Payment, answers, records
from azpay.reconciliation import books
from azpay.reconciliation.models import ObjectType
from azpay.reconciliation.sightings import LOOKS, Sighting, Subject, look

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from azpay.db import Database
    from azpay.gateway import objects
    from azpay.gateway.stripe import Gateway
    from azpay.reconciliation.plans import Plan, Repair


class NotThere(Failed):
    """There is nothing to repair from."""

    code = "not_there"


class StillMoving(Failed):
    """It changed each time it was looked at."""

    code = "still_moving"


class Outcome(StrEnum):
    DONE = "done"
    ALREADY_RIGHT = "already_right"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one repair; `why` when it failed."""

    repair: Repair
    outcome: Outcome
    why: str | None = None


def apply(db: Database, gateway: Gateway, plan: Plan, *, clock: Callable[[], datetime]) -> Iterator[Result]:
    """Make the plan's repairs, one after the other. Making them again changes nothing."""
    for repair in plan.repairs:
        yield _result(db, gateway, repair, clock())


def _result(db: Database, gateway: Gateway, repair: Repair, now: datetime) -> Result:
    subject = Subject(repair.object_type, repair.ours, repair.theirs)
    try:
        return Result(repair, _carry_out(db, gateway, subject, now))
    except AzpayError as error:
        return Result(repair, Outcome.FAILED, error.message)
    except IntegrityError:
        return Result(
            repair, Outcome.FAILED, "It contradicts another record in the book, which is wrong too."
        )


def _carry_out(db: Database, gateway: Gateway, subject: Subject, now: datetime) -> Outcome:
    for _ in range(LOOKS):
        seen = look(db, gateway, subject, now=now)
        if seen.found is None:
            raise NotThere(f"Stripe no longer has {subject.theirs}.")
        if seen.moving:
            break
        if seen.difference is None:
            return Outcome.ALREADY_RIGHT
        if subject.object_type is ObjectType.REFUND:
            _payment_first(db, gateway, seen.found, now)
        if _taken_in(db, subject, seen, now):
            return Outcome.DONE
    raise StillMoving(f"{subject.ours or subject.theirs} is changing at this moment; apply the plan again.")


def _payment_first(db: Database, gateway: Gateway, refund: objects.Refund, now: datetime) -> None:
    """A refund needs its payment on record, with as much captured as goes back."""
    subject = Subject(ObjectType.PAYMENT_INTENT, None, refund.payment_intent)
    with db.reading() as session:
        payment = books.find(session, *subject)
    if payment is None or payment.moved < refund.amount:
        _carry_out(db, gateway, subject, now)


def _taken_in(db: Database, subject: Subject, seen: Sighting, now: datetime) -> bool:
    """Record what Stripe said, unless our row is not the one that was seen."""
    lock, record = _LOCKS[subject.object_type], _RECORDS[subject.object_type]

    def take_in(session: Session) -> bool:
        lock(session, seen.found)
        if books.find(session, *subject) != seen.here:
            return False
        record(session, seen.found, now)
        _write_down(session, subject, seen, now)
        return True

    return db.write(take_in)


def _write_down(session: Session, subject: Subject, seen: Sighting, now: datetime) -> None:
    about = audit.About(str(subject.object_type), subject.theirs or str(subject.ours))
    difference = seen.difference
    told = {"ours": subject.ours, "difference": None if difference is None else str(difference.kind)}
    audit.record(session, "reconcile.repaired", about, now=now, details=told)


def _payment_of(session: Session, refund: objects.Refund) -> Payment | None:
    query = select(Payment).where(Payment.payment_intent == refund.payment_intent)
    return session.exec(query.with_for_update()).one_or_none()


def _record_payment(session: Session, intent: objects.PaymentIntent, now: datetime) -> None:
    payment = records.restate_payment(session, intent, now=now)
    answers.settle_charge(session, payment, intent, now=now)


def _record_refund(session: Session, refund: objects.Refund, now: datetime) -> None:
    payment = _payment_of(session, refund)
    if payment is None:
        raise NotThere(f"The book lost the payment of {refund.id}.")
    ours = records.restate_refund_of(session, payment, refund, now=now)
    answers.settle_refund(session, ours, refund, now=now)


_LOCKS: dict[ObjectType, Callable[[Session, Any], object]] = {
    ObjectType.PAYMENT_INTENT: records.payment_for,
    ObjectType.REFUND: _payment_of,
}
_RECORDS: dict[ObjectType, Callable[[Session, Any, datetime], None]] = {
    ObjectType.PAYMENT_INTENT: _record_payment,
    ObjectType.REFUND: _record_refund,
}
