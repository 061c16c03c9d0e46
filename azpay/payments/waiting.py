"""Waiting for what a bank or a customer decides, for as long as somebody is willing to.

The book is looked at, which a worker may have brought up to date, and where that has nothing new, Stripe.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import chain, repeat
from typing import TYPE_CHECKING, TypeVar

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


@dataclass(frozen=True, slots=True)
class Patience:
    """How many seconds to wait. `pause` and `timer` are the process's own, except in tests."""

    seconds: int
    pause: Callable[[float], None] = time.sleep
    timer: Callable[[], float] = time.monotonic


def payment(
    db: Database, gateway: Gateway, awaited: Payment, patience: Patience, *, now: Callable[[], datetime]
) -> Payment:
    """The payment once it is decided, or as it stands when patience ends. Raises CardDeclined on a no."""

    def look() -> Payment:
        with db.reading() as session:
            known = session.get_one(Payment, awaited.id)
        if known.status not in UNDECIDED or known.payment_intent is None:
            return known
        try:
            intent = gateway.payment_intent(known.payment_intent)
        except StripeUnavailable:
            return known  # the next look may find it again
        return db.write(lambda session: absorb_answer(session, intent, now=now()))

    return _decided(awaited, look, patience)


def setup(
    db: Database, gateway: Gateway, awaited: SetupIntent, patience: Patience, *, now: Callable[[], datetime]
) -> SetupIntent:
    """The same for a method that is being saved."""

    def look() -> SetupIntent:
        with db.reading() as session:
            known = session.get_one(SetupIntent, awaited.id)
        if known.status not in UNDECIDED or known.setup_intent is None:
            return known
        try:
            intent = gateway.setup_intent(known.setup_intent)
        except StripeUnavailable:
            return known
        return db.write(lambda session: take_in_setup_intent(session, intent, now()))

    return _decided(awaited, look, patience)


def _decided(awaited: Awaited, look: Callable[[], Awaited], patience: Patience) -> Awaited:
    give_up = patience.timer() + patience.seconds
    for pause in chain((1, 2, 3), repeat(5)):
        left = give_up - patience.timer()
        if awaited.status not in UNDECIDED or left <= 0:
            break
        patience.pause(min(pause, left))
        awaited = look()
    return _unless_declined(awaited)


def _unless_declined(awaited: Awaited) -> Awaited:
    if awaited.status is PaymentStatus.FAILED:
        raise CardDeclined(StripeError(decline_code=awaited.failure_code, message=awaited.failure_message))
    return awaited
