"""How a status moves. Pure: what is known and what is reported in, what is known next out.

Stripe promises no order, its events carry whole seconds, and their payloads go stale, so reports are hints. A
terminal state never gives way to an open one, totals never shrink, and late news changes nothing. Where two
reports tie or contradict each other, neither is believed: `OnlyStripeKnows` asks for the object itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from azpay.payments.models import PaymentStatus, RefundStatus
from azpay.settlement.transitions import CLOCKS_APART as CLOCKS_APART
from azpay.settlement.transitions import OnlyStripeKnows as OnlyStripeKnows

if TYPE_CHECKING:
    from datetime import datetime

TERMINAL = frozenset({PaymentStatus.SUCCEEDED, PaymentStatus.CANCELED})

REFUND_ORDER = {
    RefundStatus.UNKNOWN: 0,
    RefundStatus.REQUIRES_ACTION: 1,
    RefundStatus.PENDING: 2,
    RefundStatus.SUCCEEDED: 3,
    RefundStatus.FAILED: 4,
    RefundStatus.CANCELED: 4,
}
"""A refund that succeeded can still fail, days later; nothing comes after failed or canceled."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A payment's status and captured total (minor units), as of a moment."""

    status: PaymentStatus
    captured: int
    at: datetime


def advance(known: Standing, reported: Standing) -> Standing:
    """What is known after an event's report. Raises OnlyStripeKnows on a tie or a contradiction."""
    return _joined(_status(known, reported), known, reported)


def advance_on_answer(known: Standing, answered: Standing) -> Standing:
    """What is known after Stripe's own answer about the object: it is believed, but never undoes an end."""
    undoes = known.status in TERMINAL and answered.status not in TERMINAL
    return _joined(known.status if undoes else answered.status, known, answered)


def _joined(status: PaymentStatus, known: Standing, told: Standing) -> Standing:
    """The status with the larger total; before the first report there is no moment to keep."""
    first = known.status is PaymentStatus.UNKNOWN
    return Standing(
        status=status,
        captured=max(known.captured, told.captured),
        at=told.at if first else max(known.at, told.at),
    )


def restate(known: Standing, answered: Standing) -> Standing:
    """Stripe's answer alone, even where it undoes an end or shrinks a total: to repair a wrong record."""
    return Standing(answered.status, answered.captured, max(known.at, answered.at))


def _status(known: Standing, reported: Standing) -> PaymentStatus:
    if known.status is reported.status or known.status is PaymentStatus.UNKNOWN:
        return reported.status
    ended, ends = known.status in TERMINAL, reported.status in TERMINAL
    if ended and ends:
        raise OnlyStripeKnows
    if ended or ends:
        return known.status if ended else reported.status
    return _newer(known, reported)


def _newer(known: Standing, reported: Standing) -> PaymentStatus:
    if abs(known.at - reported.at) < CLOCKS_APART:
        raise OnlyStripeKnows
    return known.status if known.at > reported.at else reported.status


def advance_refund(known: RefundStatus, reported: RefundStatus) -> RefundStatus:
    """The further of the two along a refund's one way. Raises OnlyStripeKnows when both are ends."""
    if known is reported:
        return known
    before, after = REFUND_ORDER[known], REFUND_ORDER[reported]
    if before == after:
        raise OnlyStripeKnows
    return reported if after > before else known


def advance_refund_on_answer(known: RefundStatus, answered: RefundStatus) -> RefundStatus:
    """Stripe's own answer decides between two ends, and moves nothing backwards."""
    return answered if REFUND_ORDER[answered] >= REFUND_ORDER[known] else known


def restate_refund(_known: RefundStatus, answered: RefundStatus) -> RefundStatus:
    """Stripe's answer alone: to repair a wrong record."""
    return answered
