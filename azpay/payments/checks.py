"""Sums that must hold, whatever happened: for `azpay db check`, `doctor` and the tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import case, func
from sqlmodel import col, select

from azpay import access
from azpay.db.schema import Check
from azpay.money import Money
from azpay.operations import Operation, State
from azpay.payments.models import Payment, PaymentStatus, Refund, RefundStatus
from azpay.payments.records import RETURNING

if TYPE_CHECKING:
    from sqlmodel import Session

    from azpay.db import Database


def sums(db: Database) -> list[Check]:
    """Refunds add up to what payments say, operations to their effects, and budgets to operations."""
    with db.reading() as session:
        return [
            Check("refund sums", _refund_sums(session)),
            Check("operations", _operations(session)),
            Check("budgets", access.miscounted(session)),
        ]


def _refund_sums(session: Session) -> list[str]:
    """See `records.recount`, which this repeats in another way."""
    unknown = col(Refund.status) == RefundStatus.UNKNOWN
    total = (
        select(
            Refund.payment_id,
            func.sum(Refund.amount).label("claimed"),
            func.sum(case((unknown, 0), else_=col(Refund.amount))).label("certain"),
        )
        .where(col(Refund.status).in_(RETURNING))
        .group_by(col(Refund.payment_id))
        .subquery()
    )
    claimed, certain = func.coalesce(total.c.claimed, 0), func.coalesce(total.c.certain, 0)
    captured = col(Payment.amount_captured)
    refunded = case((claimed <= captured, claimed), (certain > captured, certain), else_=captured)
    wrong = (
        select(Payment, refunded)
        .outerjoin(total, col(Payment.id) == total.c.payment_id)
        .where(col(Payment.amount_refunded) != refunded)
    )
    return [
        f"{payment.id} says {Money(payment.amount_refunded, payment.currency)} refunded, "
        f"its refunds add up to {Money(int(actual), payment.currency)}"
        for payment, actual in session.exec(wrong)
    ]


def _operations(session: Session) -> list[str]:
    unrecorded = (
        select(Operation.id)
        .join(Payment, col(Payment.id) == col(Operation.subject))
        .where(Operation.state == State.SUCCEEDED, Payment.status == PaymentStatus.UNKNOWN)
    )
    return [f"{operation} succeeded, its payment does not say so" for operation in session.exec(unrecorded)]
