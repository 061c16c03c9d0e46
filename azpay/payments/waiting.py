"""Waiting for what a bank or a customer decides, for as long as somebody is willing to.

The book is looked at, which a worker may have brought up to date, and where that has nothing new, Stripe.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any, TypeVar

from azpay.gateway import CardDeclined, StripeUnavailable
from azpay.gateway.objects import StripeError
from azpay.payments.models import Payment, PaymentStatus, SetupIntent
from azpay.payments.records import absorb_answer
from azpay.payments.setting_up import take_in_setup_intent

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from azpay.db import Database
    from azpay.gateway.stripe import Gateway

Awaited = TypeVar("Awaited", Payment, SetupIntent)

UNDECIDED = frozenset({PaymentStatus.REQUIRES_ACTION, PaymentStatus.PROCESSING})
WAYS: dict[type, tuple[str, Callable[..., Any]]] = {
    Payment: ("payment_intent", absorb_answer),
    SetupIntent: ("setup_intent", take_in_setup_intent),
}
"""What Stripe calls it, which is also our column with its id there, and how its answer is taken in."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How many seconds to wait. `pause` and `timer` are the process's own, except in tests."""

    seconds: int
    pause: Callable[[float], None] = time.sleep
    timer: Callable[[], float] = time.monotonic


def decided(
    db: Database, gateway: Gateway, awaited: Awaited, patience: Patience, *, now: Callable[[], datetime]
) -> Awaited:
    """What is awaited once it is decided, or as it stands when patience ends. Raises CardDeclined on a no."""
    give_up = patience.timer() + patience.seconds
    for pause in chain((1, 2, 3), repeat(5)):
        left = give_up - patience.timer()
        if awaited.status not in UNDECIDED or left <= 0:
            break
        patience.pause(min(pause, left))
        awaited = _looked_at(db, gateway, awaited, now)
    return _unless_declined(awaited)


def _looked_at(db: Database, gateway: Gateway, awaited: Awaited, now: Callable[[], datetime]) -> Awaited:
    with db.reading() as session:
        known = session.get_one(type(awaited), awaited.id)
    kind, take_in = WAYS[type(known)]
    at_stripe = getattr(known, kind)
    if known.status not in UNDECIDED or at_stripe is None:
        return known
    try:
        answer = gateway.fetch(kind, at_stripe)
    except StripeUnavailable:
        return known  # the next look may find it again
    taken_in: Awaited = db.write(lambda session: take_in(session, answer, now=now()))
    return taken_in


def _unless_declined(awaited: Awaited) -> Awaited:
    if awaited.status is PaymentStatus.FAILED:
        raise CardDeclined(StripeError(decline_code=awaited.failure_code, message=awaited.failure_message))
    return awaited
