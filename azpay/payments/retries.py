"""Another attempt after a decline: the payment intent that Stripe kept open is confirmed anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlmodel import col, select

from azpay.payments.charging import CONFIRMS
from azpay.payments.models import Origin, Payment, PaymentStatus
from azpay.payments.transitions import Standing, advance_on_answer

if TYPE_CHECKING:
    from datetime import datetime

    from sqlmodel import Session

    from azpay.payments.requests import ChargeRequest


def declined_before(session: Session, request: ChargeRequest) -> Payment | None:
    """The payment that this request is another attempt at, locked.

    Without a reference nobody can say that two requests are about the same thing.
    """
    if request.reference is None:
        return None
    same = select(Payment).where(
        Payment.reference == request.reference,
        Payment.amount == request.money.amount,
        Payment.currency == request.money.currency,
        col(Payment.customer).is_not_distinct_from(request.customer),
        Payment.status == PaymentStatus.FAILED,
        Payment.origin == Origin.AZPAY,
        col(Payment.payment_intent).is_not(None),
    )
    return session.exec(same.order_by(col(Payment.created_at).desc()).limit(1).with_for_update()).first()


def reopen(payment: Payment, request: ChargeRequest, *, now: datetime) -> None:
    """From here on nobody knows, until Stripe has answered."""
    known = Standing(payment.status, payment.amount_captured, payment.as_of)
    payment.status = advance_on_answer(known, Standing(PaymentStatus.UNKNOWN, 0, now)).status
    payment.payment_method, payment.updated_at = request.payment_method, now


def confirmation(request: ChargeRequest, payment: Payment) -> dict[str, Any]:
    """What Stripe is sent. Description and metadata stay as they were: a confirmation does not take them."""
    optional = {
        "receipt_email": request.receipt_email,
        "off_session": True if request.off_session else None,
    }
    return {
        CONFIRMS: payment.payment_intent,
        "payment_method": request.payment_method,
        "capture_method": "manual" if request.authorize_only else "automatic_async",
        **{name: value for name, value in optional.items() if value is not None},
    }
