"""Taking what was authorized, or letting it go."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

from azpay import access, audit, operations
from azpay.errors import Conflict
from azpay.gateway import WrongState
from azpay.money import Money
from azpay.operations import Kind, Operation, State
from azpay.payments.finding import find
from azpay.payments.models import Payment, PaymentStatus
from azpay.payments.records import absorb_answer
from azpay.payments.requests import CANCEL_REASONS, RequestInvalid

if TYPE_CHECKING:
    from datetime import datetime

    from sqlmodel import Session

    from azpay.access import Guards
    from azpay.db import Database
    from azpay.errors import AzpayError
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


@operations.before_asking()
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
    return operations.carry_out(db, operation, _Capturing(gateway, payment, operation, now), now=now)


@operations.before_asking()
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
    payment, operation = db.write(lambda session: _cancel_intended(session, named, reason, now))
    if operation is None:
        return payment
    return operations.carry_out(db, operation, _Canceling(gateway, payment, operation, now), now=now)


def rebuild_capture(
    session: Session, gateway: Gateway, operation: Operation, now: datetime
) -> operations.Errand[objects.PaymentIntent, Payment]:
    """The errand of a capture, from what is on record."""
    return _Capturing(gateway, session.get_one(Payment, operation.subject), operation, now)


def rebuild_cancel(
    session: Session, gateway: Gateway, operation: Operation, now: datetime
) -> operations.Errand[objects.PaymentIntent, Payment]:
    """The errand of a cancellation, from what is on record."""
    return _Canceling(gateway, session.get_one(Payment, operation.subject), operation, now)


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
    operation, _ = operations.plan(session, Kind.CAPTURE, payment.id, digest=digest, now=now)
    operations.asking(operation, {"payment_intent": payment.payment_intent, "amount_to_capture": taking})
    _tell(session, operation, payment, taking)
    return payment, operation


def _cancel_intended(
    session: Session, named: str, reason: str | None, now: datetime
) -> tuple[Payment, Operation | None]:
    """The payment, and no operation when it was canceled already."""
    payment = find(session, named)
    if payment.status is PaymentStatus.CANCELED:
        return payment, None
    require_cancelable(payment)
    digest = operations.fingerprint(Kind.CANCEL, payment=payment.id)
    operation, _ = operations.plan(session, Kind.CANCEL, payment.id, digest=digest, now=now)
    operations.asking(operation, {"payment_intent": payment.payment_intent, "cancellation_reason": reason})
    _tell(session, operation, payment, payment.amount)
    return payment, operation


def _tell(session: Session, operation: Operation, payment: Payment, amount: int) -> None:
    money = Money(amount, payment.currency)
    audit.add(session, operations.about(operation.id, payment.id), details=audit.amount_of(money))


@dataclass(slots=True)
class _Change(ABC):
    """A change of a held payment. One that was made already, by whomever, is the one we want.

    A payment that is not in the state we thought is recorded as Stripe has it.
    """

    gateway: Gateway
    payment: Payment
    operation: Operation
    now: datetime
    seen: objects.PaymentIntent | None = None
    """How Stripe has it, when it would not be changed."""

    @abstractmethod
    def call(self, key: str) -> objects.PaymentIntent: ...

    @abstractmethod
    def made(self, found: objects.PaymentIntent) -> bool: ...

    def ask(self, key: str) -> objects.PaymentIntent:
        try:
            return self.call(key)
        except WrongState:
            found = self.look()
            if found is None:
                raise
            return found

    def look(self) -> objects.PaymentIntent | None:
        self.seen = self.gateway.payment_intent(str(self.payment.payment_intent))
        return self.seen if self.made(self.seen) else None

    def hold(self, session: Session) -> None:
        session.get_one(Payment, self.payment.id, with_for_update=True)

    def on_yes(self, session: Session, answer: objects.PaymentIntent) -> Payment:
        return absorb_answer(session, answer, now=self.now)

    def on_no(self, session: Session, error: AzpayError) -> None:  # noqa: ARG002 - it changed nothing
        if self.seen is not None:
            absorb_answer(session, self.seen, now=self.now)

    def stands(self, session: Session, operation: Operation) -> Payment:
        if operation.state is State.FAILED:
            raise operations.FailedBefore(operation)
        return session.get_one(Payment, self.payment.id)


class _Capturing(_Change):
    def call(self, key: str) -> objects.PaymentIntent:
        asked = operations.asked(self.operation)
        return self.gateway.capture_payment_intent(
            asked["payment_intent"], asked["amount_to_capture"], key=key
        )

    def made(self, found: objects.PaymentIntent) -> bool:
        """Of an operation from before parameters were kept, any captured amount is the one."""
        taking = (self.operation.parameters or {}).get("amount_to_capture", found.amount_received)
        return (found.status, found.amount_received) == ("succeeded", taking)


class _Canceling(_Change):
    def call(self, key: str) -> objects.PaymentIntent:
        asked = operations.asked(self.operation)
        return self.gateway.cancel_payment_intent(
            asked["payment_intent"], asked["cancellation_reason"], key=key
        )

    def made(self, found: objects.PaymentIntent) -> bool:
        return found.status == "canceled"


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
