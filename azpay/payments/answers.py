"""The answer that an operation waits for may come by another way: in an event, or in what was looked up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlmodel import col, select

from azpay import operations
from azpay.gateway import CardDeclined
from azpay.operations import OPEN, Kind, Operation, State
from azpay.payments.charging import DECLINES
from azpay.payments.models import Payment, PaymentStatus, Refund
from azpay.payments.records import OPERATION_KEY, status_of

if TYPE_CHECKING:
    from datetime import datetime

    from sqlmodel import Session

    from azpay.gateway import objects
    from azpay.payments.drafts import PaymentDraft, RefundDraft

PAID = frozenset({PaymentStatus.AUTHORIZED, PaymentStatus.SUCCEEDED})


def settle_charge(
    session: Session, payment: Payment | PaymentDraft, intent: objects.PaymentIntent, *, now: datetime
) -> None:
    """Settle the charge that made this payment intent, once it is past being made."""
    operation = unanswered(session, intent.metadata.get(OPERATION_KEY), payment.id)
    status = status_of(intent)
    if operation is None and status in PAID:
        operation = _another_attempt(session, payment.id)
    if operation is None or status is PaymentStatus.INCOMPLETE:
        return
    if status is PaymentStatus.FAILED and intent.last_payment_error is not None:
        declined = CardDeclined(intent.last_payment_error)
        operations.fail(session, operation.id, declined, now=now, stripe_object=intent.id)
    else:
        operations.succeed(session, operation.id, intent.id, now=now)


def settle_refund(
    session: Session, ours: Refund | RefundDraft, refund: objects.Refund, *, now: datetime
) -> None:
    """Settle the operation that made this refund: it was made, whatever becomes of it."""
    operation = unanswered(session, refund.metadata.get(OPERATION_KEY), ours.id)
    if operation is not None:
        operations.succeed(session, operation.id, refund.id, now=now)


def _another_attempt(session: Session, payment: str) -> Operation | None:
    """The attempt that confirmed it anew and has no answer; it left no mark.

    The one that is open, else the one that was given up, or not found: azpay's own attempts are taken to be
    all there are. Of several, of one that another overtook, and of a decline, nobody knows whose it was:
    under the key of each that is open Stripe says so, and what was given up stays so.
    """
    found = operations.unanswered_charges(session, payment)
    these = [each for each in found if each.state in OPEN] or found
    if len(these) != 1:
        return None
    since = select(Operation.id).where(
        Operation.subject == payment,
        Operation.kind == Kind.CHARGE,
        Operation.state == State.SUCCEEDED,
        col(Operation.settled_at) >= these[0].created_at,
    )
    return None if session.exec(since.limit(1)).first() else these[0]


def unanswered(session: Session, named: str | None, subject: str) -> Operation | None:
    """The operation of this id, such as our mark tells, if it is about this subject and not answered yet.

    One that was given up, or that seemed never to have arrived, has arrived after all.
    """
    operation = session.get(Operation, named, with_for_update=True) if named is not None else None
    if operation is None or operation.subject != subject:
        return None
    given_up = operation.state is State.FAILED and operation.error_code not in DECLINES
    return operation if given_up or operation.state in OPEN else None
