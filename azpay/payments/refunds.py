"""Giving money back.

The amount is taken from what is left to refund in the same transaction that writes the refund down, by one
conditional update: of many refunds at once, the database lets through as many as the payment can bear.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlmodel import Session, col, or_, select

from azpay import access, audit, operations
from azpay.access import approvals
from azpay.db import actor_of, new_id
from azpay.money import Money
from azpay.operations import Kind, Operation
from azpay.payments.charges import SuspectedDuplicate
from azpay.payments.finding import find
from azpay.payments.models import Origin, Payment, Refund, RefundStatus
from azpay.payments.records import (
    OPERATION_KEY,
    PAYMENT_KEY,
    REFUND_KEY,
    RETURNING,
    absorb_refund_answer,
    recount,
)
from azpay.payments.refundable import given_lately, take
from azpay.payments.transitions import advance_refund_on_answer

if TYPE_CHECKING:
    from azpay.access import Guards
    from azpay.db import Database
    from azpay.errors import AzpayError
    from azpay.gateway import objects
    from azpay.gateway.stripe import Gateway
    from azpay.payments.requests import RefundRequest

SUSPICIOUS = timedelta(minutes=10)


class SecondPersonNeeded(Exception):
    """More than one person may give back alone: rolls back what was about to be written down."""

    def __init__(self, asked: access.Asked) -> None:
        super().__init__(asked.subject)
        self.asked = asked


@operations.before_asking()
def refund(
    db: Database,
    gateway: Gateway,
    request: RefundRequest,
    *,
    now: datetime,
    guards: Guards = access.UNGUARDED,
) -> Refund:
    """Refund a payment in part or in full; the refund is succeeded, pending, or needs the customer.

    Asking again for the same refund while it is open resumes it. Raises RoleMissing, OverLimit, OverBudget,
    ApprovalNeeded, RefundExceedsPayment, NothingToRefund, PaymentDisputed, SuspectedDuplicate, KeyTaken,
    AnswerLost, and what the gateway raises. https://docs.stripe.com/api/refunds/create
    """
    guards.require(db.actor, access.Action.REFUND)
    identity = new_id("ref", now)
    try:
        payment, ours, operation = db.write(
            lambda session: intended(session, identity, request, guards, now=now)
        )
    except SecondPersonNeeded as needed:
        raise access.ApprovalNeeded(_waiting(db, needed.asked, guards, now)) from None
    errand = Refunding(gateway, payment, ours, operation, now)
    return operations.carry_out(db, operation, errand, now=now)


def rebuild(session: Session, gateway: Gateway, operation: Operation, now: datetime) -> Refunding:
    """The errand of a refund, from what is on record."""
    ours = session.get_one(Refund, operation.subject)
    return Refunding(gateway, session.get_one(Payment, ours.payment_id), ours, operation, now)


def _waiting(db: Database, asked: access.Asked, guards: Guards, now: datetime) -> access.Approval:
    return db.write(lambda session: approvals.ask(session, asked, life=guards.approval_life, now=now))


@dataclass(frozen=True, slots=True)
class Refunding:
    """What a refund asks of Stripe, and what the answers change."""

    gateway: Gateway
    payment: Payment
    ours: Refund
    operation: Operation
    now: datetime

    def ask(self, key: str) -> objects.Refund:
        return self.gateway.create_refund(operations.asked(self.operation), key=key)

    def look(self) -> objects.Refund | None:
        refunds = self.gateway.refunds_of(str(self.payment.payment_intent))
        return next(
            (found for found in refunds if found.metadata.get(OPERATION_KEY) == self.operation.id), None
        )

    def hold(self, session: Session) -> None:
        session.get_one(Payment, self.payment.id, with_for_update=True)

    def on_yes(self, session: Session, answer: objects.Refund) -> Refund:
        payment = session.get_one(Payment, self.payment.id, with_for_update=True)
        return absorb_refund_answer(session, payment, answer, now=self.now)

    def on_no(self, session: Session, error: AzpayError) -> None:
        """The amount that was set aside is free again."""
        payment = session.get_one(Payment, self.payment.id, with_for_update=True)
        ours = session.get_one(Refund, self.ours.id, with_for_update=True)
        if ours.status is RefundStatus.UNKNOWN:
            ours.status = advance_refund_on_answer(ours.status, RefundStatus.FAILED)
            ours.failure_reason, ours.updated_at = error.code, self.now
            recount(session, payment, now=self.now)

    def stands(self, session: Session, operation: Operation) -> Refund:
        if operation.state is operations.State.FAILED:
            raise operations.FailedBefore(operation)
        return session.get_one(Refund, self.ours.id)


def underway(session: Session, request: RefundRequest) -> Refund | None:
    """The refund that asking again would go on with: written down, and its outcome not known."""
    operation = operations.underway(session, _digest(find(session, request.payment), request))
    return session.get_one(Refund, operation.subject) if operation is not None else None


def intended(
    session: Session,
    identity: str,
    request: RefundRequest,
    guards: Guards,
    *,
    approved: bool = False,
    now: datetime,
) -> tuple[Payment, Refund, Operation]:
    """The payment, refund and operation for this request, made now under this id or standing open already.

    Raises SecondPersonNeeded when somebody else must approve it, and has not.
    """
    payment = find(session, request.payment)
    kept = session.get(Refund, identity)
    if kept is not None:  # by a commit whose answer was lost
        return payment, kept, operations.of(session, identity)[0]
    digest = _digest(payment, request)
    operation, new = operations.plan(
        session, Kind.REFUND, identity, digest=digest, key=request.idempotency_key, now=now
    )
    if not new:
        standing = session.get_one(Refund, operation.subject)
        operations.asking(operation, parameters(payment, standing, operation.id))
        return payment, standing, operation
    giving = take(session, payment, request)
    if not request.allow_duplicate:
        _refuse_duplicate(session, payment, giving.amount, now=now)
    guards.require_money(actor_of(session), access.Kind.REFUND, giving)
    if not approved and guards.needs_approval(giving + given_lately(session, payment, now)):
        raise SecondPersonNeeded(_asked(payment, giving, request))
    why = request.note or request.reason
    about = operations.about(operation.id, payment.id)
    audit.add(session, about, reason=why, details=audit.amount_of(giving))
    ours = written_down(identity, payment, giving.amount, request, now)
    session.add(ours)
    operations.asking(operation, parameters(payment, ours, operation.id))
    guards.allow(session, operation.id, access.Kind.REFUND, giving, now=now)
    return payment, ours, operation


def _asked(payment: Payment, giving: Money, request: RefundRequest) -> access.Asked:
    digest = operations.fingerprint(Kind.REFUND, of=_digest(payment, request), giving=giving.amount)
    words = {**asdict(request), "payment": payment.id}
    return access.Asked(access.Kind.REFUND, payment.id, giving, digest, words)


def _digest(payment: Payment, request: RefundRequest) -> str:
    return operations.fingerprint(
        Kind.REFUND,
        payment=payment.id,
        amount=request.amount,
        reason=request.reason,
        note=request.note,
        key=request.idempotency_key,
    )


def _refuse_duplicate(session: Session, payment: Payment, amount: int, *, now: datetime) -> None:
    same = select(Refund).where(
        Refund.payment_id == payment.id,
        Refund.amount == amount,
        or_(col(Refund.created_at) > now - SUSPICIOUS, Refund.status == RefundStatus.UNKNOWN),
        col(Refund.status).in_(RETURNING),
    )
    earlier = session.exec(same.limit(1)).first()
    if earlier is not None:
        raise SuspectedDuplicate(
            f"{Money(amount, payment.currency)} of {payment.id} was refunded minutes ago: {earlier.id} "
            f"({earlier.status}).",
            hint=f"Look at it with `azpay history {payment.id}`; --allow-duplicate refunds again.",
        )


def written_down(
    identity: str, payment: Payment, amount: int, request: RefundRequest, now: datetime
) -> Refund:
    """The record of a refund that is about to be asked for."""
    return Refund(
        id=identity,
        payment_id=payment.id,
        status=RefundStatus.UNKNOWN,
        currency=payment.currency,
        amount=amount,
        reason=request.reason,
        note=request.note,
        origin=Origin.AZPAY,
        created_at=now,
        updated_at=now,
    )


def parameters(payment: Payment, ours: Refund, operation_id: str) -> dict[str, Any]:
    """What Stripe is sent. The amount is always named, also for a full refund."""
    marks = {PAYMENT_KEY: payment.id, REFUND_KEY: ours.id, OPERATION_KEY: operation_id}
    optional = {"reason": ours.reason}
    return {
        "payment_intent": payment.payment_intent,
        "amount": ours.amount,
        "metadata": marks,
        **{name: value for name, value in optional.items() if value is not None},
    }
