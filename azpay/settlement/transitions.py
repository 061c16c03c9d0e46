"""How a payout moves, and which of two reports is the newer. Pure.

Events are hints: they come in any order, in whole seconds, with payloads that may be stale. Where two of them
cannot both be right, neither is believed, and `OnlyStripeKnows` asks for the object itself.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from azpay.errors import OutcomeUnknown
from azpay.settlement.models import PayoutStatus

CLOCKS_APART = timedelta(minutes=5)
"""Our clock dates Stripe's answers, Stripe's own dates its events: nearer than this, neither is the newer."""

PAYOUT_ORDER = {
    PayoutStatus.PENDING: 0,
    PayoutStatus.IN_TRANSIT: 1,
    PayoutStatus.PAID: 2,
    PayoutStatus.FAILED: 3,
    PayoutStatus.CANCELED: 3,
}
"""What the bank was thought to have may come back, days later; nothing comes after that."""


class OnlyStripeKnows(Exception):
    """Two reports cannot both be right, and nothing in them says which is newer."""


def is_newer(reported: datetime, known: datetime) -> bool:
    """Whether a report that differs from what is known came later. Raises OnlyStripeKnows where they tie."""
    if abs(known - reported) < CLOCKS_APART:
        raise OnlyStripeKnows
    return reported > known


class PayoutStatusUnheardOf(OutcomeUnknown):
    """Stripe used a status that this azpay does not know. The record is left as it was."""

    code = "payout_status_unheard_of"

    def __init__(self, status: str) -> None:
        super().__init__(
            f"A payout has a status that this azpay does not know: {status!r}.", hint="Upgrade azpay."
        )


def read(status: str) -> PayoutStatus:
    """Our word for Stripe's."""
    try:
        return PayoutStatus(status)
    except ValueError:
        raise PayoutStatusUnheardOf(status) from None


def advance(known: PayoutStatus, reported: PayoutStatus) -> PayoutStatus:
    """The further of the two along a payout's one way. Raises OnlyStripeKnows when both are ends."""
    if known is reported:
        return known
    before, after = PAYOUT_ORDER[known], PAYOUT_ORDER[reported]
    if before == after:
        raise OnlyStripeKnows
    return reported if after > before else known


def advance_on_answer(known: PayoutStatus, answered: PayoutStatus) -> PayoutStatus:
    """Stripe's own answer decides between two ends, and moves nothing backwards."""
    return answered if PAYOUT_ORDER[answered] >= PAYOUT_ORDER[known] else known
