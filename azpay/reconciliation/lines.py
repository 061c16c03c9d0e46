"""One line of a book: a payment or a refund, as one of the two sides tells it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from azpay.payments import RefundStatus
from azpay.payments.records import (
    PAYMENT_KEY,
    REFUND_KEY,
    RETURNING,
    StatusUnheardOf,
    moment,
    releases_a_hold,
    status_of,
)
from azpay.reconciliation.models import ObjectType

if TYPE_CHECKING:
    from datetime import datetime

    from azpay.gateway import objects

UNANSWERED = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Amounts are minor units of `currency`; `status` is our word for it.

    On Stripe's side `ours` is the mark that azpay left in the object's metadata, if it did.
    """

    object_type: ObjectType
    ours: str | None
    theirs: str | None
    status: str
    currency: str
    amount: int
    moved: int
    """What was captured, or what went back or still may."""
    created: datetime
    refunded: int = 0
    """What has gone back of a payment, as this side totals it."""
    returned: int = 0
    """The same, added up from the single refunds."""
    bookable: bool = True
    """False for a refund that is not on record: of a charge without a payment intent, or of a hold."""


def of_payment_intent(intent: objects.PaymentIntent) -> Line:
    """What Stripe says about a payment."""
    refunded = intent.charge.amount_refunded if intent.charge else 0
    return Line(
        object_type=ObjectType.PAYMENT_INTENT,
        ours=intent.metadata.get(PAYMENT_KEY),
        theirs=intent.id,
        status=_status(intent),
        currency=intent.currency,
        amount=intent.amount,
        moved=intent.amount_received,
        created=moment(intent.created),
        refunded=refunded,
        returned=refunded,
    )


def of_refund(refund: objects.Refund) -> Line:
    """What Stripe says about a refund."""
    status = refund.status or RefundStatus.SUCCEEDED
    return Line(
        object_type=ObjectType.REFUND,
        ours=refund.metadata.get(REFUND_KEY),
        theirs=refund.id,
        status=str(status),
        currency=refund.currency,
        amount=refund.amount,
        moved=gone_back(status, refund.amount),
        created=moment(refund.created),
        bookable=refund.payment_intent is not None and not releases_a_hold(refund),
    )


def gone_back(status: str, amount: int) -> int:
    """The refund's amount, unless it failed or was canceled."""
    return amount if status in RETURNING else 0


def _status(intent: objects.PaymentIntent) -> str:
    """A status that we have no word for differs from all of ours, and so is reported, not hidden."""
    try:
        return str(status_of(intent))
    except StatusUnheardOf:
        return intent.status
