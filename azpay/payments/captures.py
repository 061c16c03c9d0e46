"""Taking what was authorized, or letting it go."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from azpay import access, operations
from azpay.errors import Conflict
from azpay.gateway import WrongState
from azpay.money import Money
from azpay.operations import Kind, Operation
from azpay.payments.finding import find
from azpay.payments.models import Payment, PaymentStatus
from azpay.payments.records import absorb_answer
from azpay.payments.requests import CANCEL_REASONS, RequestInvalid

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sqlmodel import Session

    from azpay.access import Guards
    from azpay.db import Database
    from azpay.gateway import objects
    from azpay.gateway.stripe import Gateway

CANCELABLE = frozenset(
    {
        PaymentStatus.INCOMPLETE,
        PaymentStatus.REQUIRES_ACTION,
        PaymentStatus.PROCESSING,
        PaymentStatus.AUTHORIZED,
        PaymentStatus.FAILED,
    }
)


class NotCapturable(Conflict):
    """The payment is not waiting to be captured."""

    code = "not_capturable"


class NotCancelable(Conflict):
    """The payment has gone too far to be canceled."""

    code = "not_cancelable"


def capture(
    db: Database,
    gateway: Gateway,
    named: str,
    amount: int | None = None,
    *,
    now: datetime,
    guards: Guards = access.UNGUARDED,
) -> Payment:
    """Take `amount` minor units of an authorization, or all of it; what is not taken is released.

    A payment that Stripe says is captured already is success. https://docs.stripe.com/payments/place-a-hold-on-a-payment-method
    """
    guards.require(db.actor, access.Action.CAPTURE)
    payment, operation = db.write(lambda session: _capture_intended(session, named, amount, now))
    if operation is None:
        return payment
    taking = payment.amount if amount is None else amount
    intent = _id(payment)
    change = _Change(
        gateway,
        intent,
        lambda key: gateway.capture_payment_intent(intent, taking, key=key),
        lambda found: (found.status, found.amount_received) == ("succeeded", taking),
    )
    return _carry_out(db, operation, change, now=now)


def cancel(
    db: Database,
    gateway: Gateway,
    named: str,
    reason: str | None = None,
    *,
    now: datetime,
    guards: Guards = access.UNGUARDED,
) -> Payment:
    """Let a payment go before it is captured. https://docs.stripe.com/api/payment_intents/cancel"""
    guards.require(db.actor, access.Action.CANCEL)
    require_reason(reason)
    payment, operation = db.write(lambda session: _cancel_intended(session, named, now))
    if operation is None:
        return payment
    intent = _id(payment)
    change = _Change(
        gateway,
        intent,
        lambda key: gateway.cancel_payment_intent(intent, reason, key=key),
        lambda found: found.status == "canceled",
    )
    return _carry_out(db, operation, change, now=now)


def _capture_intended(
    session: Session, named: str, amount: int | None, now: datetime
) -> tuple[Payment, Operation | None]:
    """The payment, and no operation when it was captured already."""
    payment = find(session, named)
    if payment.status is PaymentStatus.SUCCEEDED and amount in {None, payment.amount_captured}:
        return payment, None
    require_capturable(payment, amount)
    taking = payment.amount if amount is None else amount
    digest = operations.fingerprint(Kind.CAPTURE, payment=payment.id, amount=taking)
    return payment, operations.plan(session, Kind.CAPTURE, payment.id, digest=digest, now=now)[0]


def _cancel_intended(session: Session, named: str, now: datetime) -> tuple[Payment, Operation | None]:
    """The payment, and no operation when it was canceled already."""
    payment = find(session, named)
    if payment.status is PaymentStatus.CANCELED:
        return payment, None
    require_cancelable(payment)
    digest = operations.fingerprint(Kind.CANCEL, payment=payment.id)
    return payment, operations.plan(session, Kind.CANCEL, payment.id, digest=digest, now=now)[0]


@dataclass(frozen=True, slots=True)
class _Change:
    """A change of a held payment. One that was `made` already, by whomever, is the one we want."""

    gateway: Gateway
    intent: str
    call: Callable[[str], objects.PaymentIntent]
    made: Callable[[objects.PaymentIntent], bool]

    def ask(self, key: str) -> objects.PaymentIntent:
        try:
            return self.call(key)
        except WrongState:
            found = self.look()
            if found is None:
                raise
            return found

    def look(self) -> objects.PaymentIntent | None:
        found = self.gateway.payment_intent(self.intent)
        return found if self.made(found) else None


def _carry_out(db: Database, operation: Operation, change: _Change, *, now: datetime) -> Payment:
    """Ask. A payment that is not in the state we thought is recorded as Stripe has it."""
    errand = operations.Plain(change.ask, partial(absorb_answer, now=now), Payment, change.look)
    try:
        return operations.carry_out(db, operation, errand, now=now)
    except WrongState:
        found = change.gateway.payment_intent(change.intent)
        db.write(lambda session: absorb_answer(session, found, now=now))
        raise


def _id(payment: Payment) -> str:
    assert payment.payment_intent is not None  # noqa: S101 - a status beyond `unknown` came with it
    return payment.payment_intent


def require_reason(reason: str | None) -> None:
    """Refuse what Stripe takes for no reason. Raises RequestInvalid."""
    if reason is not None and reason not in CANCEL_REASONS:
        raise RequestInvalid(f"{reason!r} is no reason.", hint=f"Choose one of: {', '.join(CANCEL_REASONS)}.")


def require_capturable(payment: Payment, amount: int | None) -> None:
    """Raises NotCapturable, RequestInvalid."""
    if payment.status is not PaymentStatus.AUTHORIZED:
        raise NotCapturable(
            f"{payment.id} is {payment.status}; only an authorized payment can be captured.",
            hint=f"See `azpay history {payment.id}`.",
        )
    if amount is not None and not 0 < amount <= payment.amount:
        raise RequestInvalid(
            f"{Money(amount, payment.currency)} is not within what was authorized: "
            f"{Money(payment.amount, payment.currency)}.",
            hint="Leave AMOUNT out to capture all of it.",
        )


def require_cancelable(payment: Payment) -> None:
    """Raises NotCancelable."""
    if payment.status not in CANCELABLE:
        raise NotCancelable(
            f"{payment.id} is {payment.status} and cannot be canceled.",
            hint=f"Give the money back with `azpay refund {payment.id}`."
            if payment.status is PaymentStatus.SUCCEEDED
            else "Run `azpay reconcile`, which asks Stripe what became of it.",
        )
