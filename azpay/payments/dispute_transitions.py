"""How a dispute moves. Pure, like a payment's transitions: late news changes nothing.

An inquiry may become a chargeback, and a verdict may be appealed against and fall again, so verdicts and
appeals have no order among themselves: where two of them meet, only Stripe knows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpay.payments.objections import DisputeStatus
from azpay.payments.transitions import OnlyStripeKnows

if TYPE_CHECKING:
    from collections.abc import Collection

DISPUTE_ORDER = {
    DisputeStatus.WARNING_NEEDS_RESPONSE: 0,
    DisputeStatus.WARNING_UNDER_REVIEW: 1,
    DisputeStatus.WARNING_CLOSED: 2,
    DisputeStatus.NEEDS_RESPONSE: 3,
    DisputeStatus.UNDER_REVIEW: 4,
    DisputeStatus.WON: 5,
    DisputeStatus.LOST: 5,
    DisputeStatus.PREVENTED: 5,
    DisputeStatus.APPEAL_NEEDS_RESPONSE: 5,
    DisputeStatus.APPEAL_UNDER_REVIEW: 5,
}

WEIGHT = (
    DisputeStatus.NEEDS_RESPONSE,
    DisputeStatus.APPEAL_NEEDS_RESPONSE,
    DisputeStatus.UNHEARD_OF,
    DisputeStatus.UNDER_REVIEW,
    DisputeStatus.APPEAL_UNDER_REVIEW,
    DisputeStatus.LOST,
    DisputeStatus.WARNING_NEEDS_RESPONSE,
    DisputeStatus.WARNING_UNDER_REVIEW,
    DisputeStatus.PREVENTED,
    DisputeStatus.WON,
    DisputeStatus.WARNING_CLOSED,
)
"""Of several disputes of a payment, which one says how the payment stands."""

INQUIRIES = frozenset({DisputeStatus.WARNING_NEEDS_RESPONSE, DisputeStatus.WARNING_UNDER_REVIEW})
CHARGEBACKS = frozenset(
    {
        DisputeStatus.NEEDS_RESPONSE,
        DisputeStatus.UNDER_REVIEW,
        DisputeStatus.APPEAL_NEEDS_RESPONSE,
        DisputeStatus.APPEAL_UNDER_REVIEW,
        DisputeStatus.UNHEARD_OF,
    }
)
"""Open, with the money gone until they are decided."""
OPEN = INQUIRIES | CHARGEBACKS
AWAITED = frozenset(
    {
        DisputeStatus.WARNING_NEEDS_RESPONSE,
        DisputeStatus.NEEDS_RESPONSE,
        DisputeStatus.APPEAL_NEEDS_RESPONSE,
        DisputeStatus.UNHEARD_OF,
    }
)
"""Those that wait for our answer."""


def read(status: str) -> DisputeStatus:
    """Our word for Stripe's: one that we have never heard of counts as open."""
    try:
        return DisputeStatus(status)
    except ValueError:
        return DisputeStatus.UNHEARD_OF


def advance_dispute(known: DisputeStatus, reported: DisputeStatus) -> DisputeStatus:
    """What is known after an event's report. Raises OnlyStripeKnows on a contradiction."""
    if known is reported:
        return known
    before, after = DISPUTE_ORDER.get(known), DISPUTE_ORDER.get(reported)
    if before is None or after is None or before == after:
        raise OnlyStripeKnows
    return reported if after > before else known


def advance_dispute_on_answer(known: DisputeStatus, answered: DisputeStatus) -> DisputeStatus:
    """Stripe's own answer decides where reports could not, and moves nothing backwards."""
    before, after = DISPUTE_ORDER.get(known), DISPUTE_ORDER.get(answered)
    return known if before is not None and after is not None and after < before else answered


def weightiest(statuses: Collection[DisputeStatus]) -> DisputeStatus | None:
    """How a payment with these disputes stands."""
    return min(statuses, key=WEIGHT.index, default=None)
