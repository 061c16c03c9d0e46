"""Giving out receipts.

Numbers have no gaps because a number is taken in the transaction that writes its receipt, and no doubles
because the database refuses them: of two writers that read the same last number, one is let through and the
other reads again. A receipt that exists is found, never given out twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func
from sqlmodel import col, select

from azpay import audit
from azpay.db import new_id
from azpay.db.upsert import keep_new
from azpay.errors import Conflict
from azpay.money import Money
from azpay.payments import PaymentStatus, RefundStatus
from azpay.receipts.finding import find, issued, names_receipt, subject
from azpay.receipts.models import Receipt

if TYPE_CHECKING:
    from datetime import datetime

    from sqlmodel import Session

    from azpay.db import Database
    from azpay.payments import Payment, Refund

NEXT_STEP = {
    PaymentStatus.UNKNOWN: "Whether it was taken is not known yet: run `azpay reconcile`.",
    PaymentStatus.INCOMPLETE: "It waits for a payment method: `azpay history {id}`.",
    PaymentStatus.REQUIRES_ACTION: "The customer has to confirm it first: `azpay history {id}` has the link.",
    PaymentStatus.PROCESSING: "Ask again when `azpay history {id}` says that it succeeded.",
    PaymentStatus.AUTHORIZED: "The money is only held: take it with `azpay capture {id}`.",
    PaymentStatus.FAILED: "The last attempt failed: `azpay history {id}` says why.",
    PaymentStatus.CANCELED: "Nothing was taken, so there is nothing to give a receipt for.",
}
ON_ITS_WAY = "Ask again when `azpay history {id}` says that the refund succeeded."
NEVER_LEFT = "The money stayed with you. Refund again with `azpay refund {id}`."


class NotPaid(Conflict):
    """Only money that was taken has a receipt."""

    code = "not_paid"

    def __init__(self, payment: Payment) -> None:
        amount = Money(payment.amount, payment.currency).display()
        super().__init__(
            f"{payment.id} ({amount}) is {payment.status}: there is no receipt for it.",
            hint=NEXT_STEP[payment.status].format(id=payment.id),
        )


class NotRefunded(Conflict):
    """Only money that went back has a refund's receipt."""

    code = "not_refunded"

    def __init__(self, refund: Refund) -> None:
        amount = Money(refund.amount, refund.currency).display()
        over = refund.status in {RefundStatus.FAILED, RefundStatus.CANCELED}
        super().__init__(
            f"The refund {refund.id} ({amount}) is {refund.status}: there is no receipt for it.",
            hint=(NEVER_LEFT if over else ON_ITS_WAY).format(id=refund.payment_id),
        )


def issue(db: Database, named: str, *, now: datetime) -> Receipt:
    """The receipt of a payment or a refund by any of its names: given out now, or the same one again.

    A receipt's own number or id finds it. Raises NotPaid, NotRefunded, ReceiptUnknown, PaymentUnknown,
    SeveralPayments.
    """
    if names_receipt(named):
        with db.reading() as session:
            return find(session, named)
    return db.write(lambda session: write_out(session, *subject(session, named), now=now))


def write_out(session: Session, payment: Payment, refund: Refund | None = None, *, now: datetime) -> Receipt:
    """The receipt of `payment`, or of its `refund`, in the caller's transaction: if that rolls back, the
    number is free again. Raises NotPaid, NotRefunded.
    """
    refund_id = "" if refund is None else refund.id
    while (found := issued(session, payment.id, refund_id)) is None:
        draft = _draft(session, payment, refund, now)
        if keep_new(session, [draft]):
            _record(session, draft)
    return found


def _record(session: Session, draft: Receipt) -> None:
    about = audit.About("receipt", draft.id, draft.payment_id)
    told = {"number": draft.number, **audit.amount_of(Money(draft.amount, draft.currency))}
    audit.record(session, "receipt.issued", about, now=draft.issued_at, details=told)


def _draft(session: Session, payment: Payment, refund: Refund | None, now: datetime) -> Receipt:
    return Receipt(
        id=new_id("rcp", now),
        sequence=_next(session),
        payment_id=payment.id,
        refund_id="" if refund is None else refund.id,
        currency=payment.currency,
        amount=_amount(payment, refund),
        issued_at=now,
    )


def _amount(payment: Payment, refund: Refund | None) -> int:
    if payment.status is not PaymentStatus.SUCCEEDED:
        raise NotPaid(payment)
    if refund is None:
        return payment.amount_captured
    if refund.status is not RefundStatus.SUCCEEDED:
        raise NotRefunded(refund)
    return refund.amount


def _next(session: Session) -> int:
    return int(session.exec(select(func.coalesce(func.max(col(Receipt.sequence)), 0) + 1)).one())
