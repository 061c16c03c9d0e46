"""Taking what was authorized, or letting it go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpay import operations
from azpay.errors import AzpayError, Conflict
from azpay.gateway import WrongState
from azpay.money import Money
from azpay.operations import Kind
from azpay.payments.finding import find
from azpay.payments.models import Payment, PaymentStatus
from azpay.payments.records import absorb_answer
from azpay.payments.requests import CANCEL_REASONS, RequestInvalid

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

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
    db: Database, gateway: Gateway, named: str, amount: int | None = None, *, now: datetime
) -> Payment:
    """Take `amount` minor units of an authorization, or all of it; what is not taken is released.

    A payment that Stripe says is captured already is success. https://docs.stripe.com/payments/place-a-hold-on-a-payment-method
    """
    with db.writing() as session:
        payment = find(session, named)
        if payment.status is PaymentStatus.SUCCEEDED and amount in {None, payment.amount_captured}:
            return payment
        _require_capturable(payment, amount)
        taking = payment.amount if amount is None else amount
        digest = operations.fingerprint(Kind.CAPTURE, payment=payment.id, amount=taking)
        operation, _ = operations.plan(session, Kind.CAPTURE, payment.id, digest=digest, now=now)
    intent = _id(payment)
    return _carry_out(
        db,
        operation,
        lambda key: gateway.capture_payment_intent(intent, taking, key=key),
        lambda: gateway.payment_intent(intent),
        wanted=PaymentStatus.SUCCEEDED,
        now=now,
    )


def cancel(
    db: Database, gateway: Gateway, named: str, reason: str | None = None, *, now: datetime
) -> Payment:
    """Let a payment go before it is captured. https://docs.stripe.com/api/payment_intents/cancel"""
    if reason is not None and reason not in CANCEL_REASONS:
        raise RequestInvalid(f"{reason!r} is no reason.", hint=f"Choose one of: {', '.join(CANCEL_REASONS)}.")
    with db.writing() as session:
        payment = find(session, named)
        if payment.status is PaymentStatus.CANCELED:
            return payment
        _require_cancelable(payment)
        digest = operations.fingerprint(Kind.CANCEL, payment=payment.id)
        operation, _ = operations.plan(session, Kind.CANCEL, payment.id, digest=digest, now=now)
    intent = _id(payment)
    return _carry_out(
        db,
        operation,
        lambda key: gateway.cancel_payment_intent(intent, reason, key=key),
        lambda: gateway.payment_intent(intent),
        wanted=PaymentStatus.CANCELED,
        now=now,
    )


def _carry_out(
    db: Database,
    operation: operations.Operation,
    call: Callable[[str], objects.PaymentIntent],
    look: Callable[[], objects.PaymentIntent],
    *,
    wanted: PaymentStatus,
    now: datetime,
) -> Payment:
    """Ask; when Stripe says the payment is in another state, look: it may be the one we wanted."""
    refusal: AzpayError | None = None
    try:
        intent = operations.ask_or_fail(db, operation, call, now=now)
    except WrongState as error:
        refusal, intent = error, look()
    with db.writing() as session:
        payment = absorb_answer(session, intent, now=now)
        if payment.status is wanted:
            operations.succeed(session, operation.id, intent.id, now=now)
    if refusal is not None and payment.status is not wanted:
        raise refusal
    return payment


def _id(payment: Payment) -> str:
    assert payment.payment_intent is not None  # noqa: S101 - a status beyond `unknown` came with it
    return payment.payment_intent


def _require_capturable(payment: Payment, amount: int | None) -> None:
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


def _require_cancelable(payment: Payment) -> None:
    if payment.status not in CANCELABLE:
        raise NotCancelable(
            f"{payment.id} is {payment.status} and cannot be canceled.",
            hint=f"Give the money back with `azpay refund {payment.id}`."
            if payment.status is PaymentStatus.SUCCEEDED
            else "Run `azpay reconcile`, which asks Stripe what became of it.",
        )
