"""What may be given back of a payment, and setting it aside.

One conditional update takes the amount from what is left: of many refunds at once, the database lets through
as many as the payment can bear.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import func, update
from sqlmodel import col, select

from azpay.errors import Conflict
from azpay.money import Money
from azpay.payments import disputes
from azpay.payments.models import Payment, PaymentStatus, Refund
from azpay.payments.objections import DisputeStatus
from azpay.payments.records import RETURNING

if TYPE_CHECKING:
    from sqlmodel import Session

    from azpay.payments.objections import Dispute
    from azpay.payments.requests import RefundRequest

TOGETHER = timedelta(days=1)
"""What is given back of one payment within this counts as one refund where a second person must approve."""


class RefundExceedsPayment(Conflict):
    """More than is left to refund."""

    code = "refund_exceeds_payment"

    def __init__(self, wanted: Money, left: Money, payment: Payment) -> None:
        super().__init__(
            f"{wanted} is more than the {left} that is left to refund of {payment.id}.",
            hint=f"Leave AMOUNT out to refund the rest; see `azpay history {payment.id}`.",
        )


class NothingToRefund(Conflict):
    """Nothing was taken, or everything went back already."""

    code = "nothing_to_refund"


class PaymentDisputed(Conflict):
    """The customer's bank decides about the money, or has decided: Stripe refuses to refund it as well."""

    code = "payment_disputed"

    def __init__(self, payment: Payment, dispute: Dispute) -> None:
        super().__init__(
            f"{payment.id} is disputed ({dispute.dispute}, {dispute.status}): the bank decides on its money.",
            hint=f"{_of_a_dispute(dispute)} See `azpay disputes show {dispute.dispute}`.",
        )


def giving(session: Session, payment: Payment, request: RefundRequest) -> Money:
    """How much would go back, by what is known.

    Raises PaymentDisputed, NothingToRefund, RefundExceedsPayment.
    """
    _refuse_disputed(session, payment)
    left = Money(payment.amount_captured - payment.amount_refunded, payment.currency)
    if payment.status is not PaymentStatus.SUCCEEDED or left.amount == 0:
        raise NothingToRefund(f"{payment.id} {_why_not(payment)}", hint=_instead(payment))
    wanted = left if request.amount is None else Money(request.amount, payment.currency)
    if left < wanted:
        raise RefundExceedsPayment(wanted, left, payment)
    return wanted


def take(session: Session, payment: Payment, request: RefundRequest) -> Money:
    """Set the amount aside, so that no other refund can have it too. Raises as `giving` does."""
    wanted = giving(session, payment, request)
    taken = (
        update(Payment)
        .where(
            col(Payment.id) == payment.id,
            col(Payment.amount_refunded) + wanted.amount <= col(Payment.amount_captured),
        )
        .values(amount_refunded=col(Payment.amount_refunded) + wanted.amount)
        .execution_options(synchronize_session=False)
    )
    done = session.execute(taken).rowcount == 1  # type: ignore[attr-defined]  # a cursor result
    session.refresh(payment)
    if not done:
        left = Money(payment.amount_captured - payment.amount_refunded, payment.currency)
        raise RefundExceedsPayment(wanted, left, payment)
    return wanted


def given_lately(session: Session, payment: Payment, now: datetime) -> Money:
    """What is on its way back, by whomever: many small refunds of a payment are one large one."""
    amounts = select(func.coalesce(func.sum(col(Refund.amount)), 0)).where(
        Refund.payment_id == payment.id,
        col(Refund.created_at) > now - TOGETHER,
        col(Refund.status).in_(RETURNING),
    )
    return Money(int(session.exec(amounts).one()), payment.currency)


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
