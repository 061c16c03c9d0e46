"""Giving money back.

The amount is taken from what is left to refund in the same transaction that writes the refund down, by one
conditional update: of many refunds at once, the database lets through as many as the payment can bear.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import update
from sqlmodel import Session, col, or_, select

from azpay import audit, operations
from azpay.db import new_id
from azpay.errors import Conflict
from azpay.money import Money
from azpay.operations import Kind, Operation
from azpay.payments import disputes
from azpay.payments.charges import SuspectedDuplicate
from azpay.payments.finding import find
from azpay.payments.models import Origin, Payment, PaymentStatus, Refund, RefundStatus
from azpay.payments.objections import DisputeStatus
from azpay.payments.records import (
    OPERATION_KEY,
    PAYMENT_KEY,
    REFUND_KEY,
    RETURNING,
    absorb_refund_answer,
    recount,
)
from azpay.payments.transitions import advance_refund_on_answer

if TYPE_CHECKING:
    from azpay.db import Database
    from azpay.errors import AzpayError
    from azpay.gateway import objects
    from azpay.gateway.stripe import Gateway
    from azpay.payments.objections import Dispute
    from azpay.payments.requests import RefundRequest

SUSPICIOUS = timedelta(minutes=10)


class RefundExceedsPayment(Conflict):
    """More than is left to refund."""

    code = "refund_exceeds_payment"

    def __init__(self, wanted: Money, left: Money, payment: Payment) -> None:
        super().__init__(
            f"{wanted} is more than the {left} that is left to refund of {payment.id}.",
            hint=f"Leave AMOUNT out to refund the rest; see `azpay history {payment.id}`.",
        )


class PaymentDisputed(Conflict):
    """The customer's bank decides about the money, or has decided: Stripe refuses to refund it as well."""

    code = "payment_disputed"

    def __init__(self, payment: Payment, dispute: Dispute) -> None:
        super().__init__(
            f"{payment.id} is disputed ({dispute.dispute}, {dispute.status}): the bank decides on its money.",
            hint=f"{_of_a_dispute(dispute)} See `azpay disputes show {dispute.dispute}`.",
        )


class NothingToRefund(Conflict):
    """Nothing was taken, or everything went back already."""

    code = "nothing_to_refund"


def refund(db: Database, gateway: Gateway, request: RefundRequest, *, now: datetime) -> Refund:
    """Refund a payment in part or in full; the refund is succeeded, pending, or needs the customer.

    Asking again for the same refund while it is open resumes it. Raises RefundExceedsPayment,
    NothingToRefund, PaymentDisputed, SuspectedDuplicate, KeyTaken, AnswerLost, and what the gateway raises.
    https://docs.stripe.com/api/refunds/create
    """
    payment, ours, operation = _intend(db, request, now=now)
    errand = _Refunding(gateway, payment, ours, operation, now)
    return operations.carry_out(db, operation, errand, now=now)


def rebuild(session: Session, gateway: Gateway, operation: Operation, now: datetime) -> _Refunding:
    """The errand of a refund, from what is on record."""
    ours = session.get_one(Refund, operation.subject)
    return _Refunding(gateway, session.get_one(Payment, ours.payment_id), ours, operation, now)


@dataclass(frozen=True, slots=True)
class _Refunding:
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


def _intend(db: Database, request: RefundRequest, *, now: datetime) -> tuple[Payment, Refund, Operation]:
    """The payment, refund and operation for this request, made now or standing open already."""
    identity = new_id("ref", now)
    return db.write(lambda session: _intended(session, identity, request, now))


def _intended(
    session: Session, identity: str, request: RefundRequest, now: datetime
) -> tuple[Payment, Refund, Operation]:
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
    _refuse_disputed(session, payment)
    amount = _take(session, payment, request)
    if not request.allow_duplicate:
        _refuse_duplicate(session, payment, amount, now=now)
    why, money = request.note or request.reason, Money(amount, payment.currency)
    audit.add(session, operations.about(operation.id, payment.id), reason=why, details=audit.amount_of(money))
    ours = _written_down(identity, payment, amount, request, now)
    session.add(ours)
    operations.asking(operation, parameters(payment, ours, operation.id))
    return payment, ours, operation


def _digest(payment: Payment, request: RefundRequest) -> str:
    return operations.fingerprint(
        Kind.REFUND,
        payment=payment.id,
        amount=request.amount,
        reason=request.reason,
        note=request.note,
        key=request.idempotency_key,
    )


def _take(session: Session, payment: Payment, request: RefundRequest) -> int:
    """Set the amount aside, so that no other refund can have it too."""
    left = payment.amount_captured - payment.amount_refunded
    amount = left if request.amount is None else request.amount
    if payment.status is not PaymentStatus.SUCCEEDED or left == 0:
        raise NothingToRefund(f"{payment.id} {_why_not(payment)}", hint=_instead(payment))
    taken = (
        update(Payment)
        .where(
            col(Payment.id) == payment.id,
            col(Payment.amount_refunded) + amount <= col(Payment.amount_captured),
        )
        .values(amount_refunded=col(Payment.amount_refunded) + amount)
        .execution_options(synchronize_session=False)
    )
    if session.execute(taken).rowcount != 1:  # type: ignore[attr-defined]  # a cursor result
        raise RefundExceedsPayment(Money(amount, payment.currency), Money(left, payment.currency), payment)
    session.refresh(payment)
    return amount


def _refuse_disputed(session: Session, payment: Payment) -> None:
    """An inquiry, or a dispute that was won, bars no refund."""
    dispute = disputes.barring(session, payment.id)
    if dispute is not None:
        raise PaymentDisputed(payment, dispute)


def _of_a_dispute(dispute: Dispute) -> str:
    if dispute.status is DisputeStatus.LOST:
        return "It was lost: the customer has the money already."
    return "Answer it in Stripe's dashboard, or accept it there: then the customer gets the money."


def _why_not(payment: Payment) -> str:
    if payment.status is PaymentStatus.SUCCEEDED:
        return f"was refunded already ({Money(payment.amount_refunded, payment.currency)})."
    return f"is {payment.status}: nothing was taken that could be given back."


def _instead(payment: Payment) -> str:
    if payment.status is PaymentStatus.AUTHORIZED:
        return f"Release it with `azpay cancel {payment.id}`."
    return f"See `azpay history {payment.id}`."


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


def _written_down(
    identity: str, payment: Payment, amount: int, request: RefundRequest, now: datetime
) -> Refund:
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
