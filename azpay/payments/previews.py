"""What would be sent to Stripe, for who wants to see it first: nothing is written, and nobody is asked.

Guards that can be answered without counting say no here as they would then.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from azpay.access import Action, Kind
from azpay.payments import captures, charges, refunds
from azpay.payments.finding import find
from azpay.payments.refundable import given_lately, giving

if TYPE_CHECKING:
    from datetime import datetime

    from azpay.access import Guards
    from azpay.db import Database
    from azpay.payments.requests import ChargeRequest, RefundRequest

NEW = "(new)"
"""In the place of an id that is not made yet."""


@dataclass(frozen=True, slots=True)
class Preview:
    """A request to Stripe; `waits` when a second person would have to approve it first."""

    path: str
    parameters: dict[str, Any]
    waits: bool = False


def preview_charge(request: ChargeRequest, guards: Guards, actor: str) -> Preview:
    """The request of a charge. Raises RoleMissing, OverLimit."""
    guards.require_money(actor, Kind.CHARGE, request.money)
    return Preview("/v1/payment_intents", charges.parameters(request, NEW, NEW))


def preview_capture(db: Database, guards: Guards, named: str, amount: int | None) -> Preview:
    """The request of a capture. Raises RoleMissing, PaymentUnknown, NotCapturable, RequestInvalid."""
    guards.require(db.actor, Action.CAPTURE)
    with db.reading() as session:
        payment = find(session, named)
    captures.require_capturable(payment, amount)
    taking = payment.amount if amount is None else amount
    return Preview(f"/v1/payment_intents/{payment.payment_intent}/capture", {"amount_to_capture": taking})


def preview_cancel(db: Database, guards: Guards, named: str, reason: str | None) -> Preview:
    """The request of a cancellation. Raises RoleMissing, PaymentUnknown, NotCancelable, RequestInvalid."""
    guards.require(db.actor, Action.CANCEL)
    captures.require_reason(reason)
    with db.reading() as session:
        payment = find(session, named)
    captures.require_cancelable(payment)
    parameters = {} if reason is None else {"cancellation_reason": reason}
    return Preview(f"/v1/payment_intents/{payment.payment_intent}/cancel", parameters)


def preview_refund(db: Database, guards: Guards, request: RefundRequest, *, now: datetime) -> Preview:
    """The request of a refund. Raises RoleMissing, OverLimit, and what `refund` raises for its amount."""
    guards.require(db.actor, Action.REFUND)
    with db.reading() as session:
        payment = find(session, request.payment)
        open_ = refunds.underway(session, request)
        if open_ is not None:
            return Preview("/v1/refunds", refunds.parameters(payment, open_, NEW))
        money = giving(session, payment, request)
        lately = given_lately(session, payment, now)
    guards.require_money(db.actor, Kind.REFUND, money)
    ours = refunds.written_down(NEW, payment, money.amount, request, now)
    waits = guards.needs_approval(money + lately)
    return Preview("/v1/refunds", refunds.parameters(payment, ours, NEW), waits)
