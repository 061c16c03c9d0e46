"""Which payment is meant: by our id, by Stripe's, or by the merchant's own reference."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlmodel import Session, col, select

from azpay.errors import NotFound, Usage
from azpay.payments.models import Payment, Refund
from azpay.payments.requests import storable

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement


class PaymentUnknown(NotFound):
    """No payment on record goes by that name. It may be one that we have not heard of yet."""

    code = "payment_unknown"

    def __init__(self, named: str) -> None:
        super().__init__(
            f"No payment goes by {named!r}.",
            hint="List them with `azpay history`; `azpay reconcile` finds what Stripe knows and we do not.",
        )


class SeveralPayments(Usage):
    """A reference may name several attempts at the same order."""

    code = "several_payments"

    def __init__(self, named: str, payments: list[Payment]) -> None:
        listed = ", ".join(f"{payment.id} ({payment.status})" for payment in payments)
        super().__init__(
            f"{named!r} names several payments: {listed}.",
            hint=f"Give the id of one; `azpay history --reference {named}` shows them.",
        )


def find(session: Session, named: str) -> Payment:
    """The payment by `pay_…`, `pi_…`, `ch_…` or reference. Raises PaymentUnknown or SeveralPayments."""
    if not storable(named):
        raise PaymentUnknown(named)
    matches = list(
        session.exec(select(Payment).where(_goes_by(named)).order_by(col(Payment.created_at)).limit(6))
    )
    if len(matches) > 1:
        raise SeveralPayments(named, matches)
    if not matches:
        raise PaymentUnknown(named)
    return matches[0]


def _goes_by(named: str) -> ColumnElement[bool]:
    if named.startswith("pay_"):
        return col(Payment.id) == named
    if named.startswith("pi_"):
        return col(Payment.payment_intent) == named
    if named.startswith(("ch_", "py_")):
        return col(Payment.charge) == named
    return col(Payment.reference) == named


def find_refund(session: Session, named: str) -> Refund:
    """The refund by `ref_…` or `re_…`."""
    column = Refund.id if named.startswith("ref_") else Refund.refund
    found = session.exec(select(Refund).where(col(column) == named)).first() if storable(named) else None
    if found is None:
        raise NotFound(
            f"No refund goes by {named!r}.", hint="`azpay history PAYMENT` lists a payment's refunds."
        )
    return found
