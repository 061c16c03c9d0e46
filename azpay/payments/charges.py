"""Taking money.

Three short steps, so that a crash between any two of them is harmless:

1. write down that we are about to charge;
2. ask Stripe, with the key kept in that record;
3. write down what Stripe said.

Asking for the same charge again while one is open goes on with that one, under its key.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlmodel import Session, col, or_, select

from azpay import access, operations
from azpay.db import new_id, take_turn
from azpay.errors import Refused
from azpay.gateway import AuthenticationNeeded, CardDeclined, objects
from azpay.operations import Kind, Operation
from azpay.payments import customers
from azpay.payments.models import Origin, Payment, PaymentStatus
from azpay.payments.records import (
    OPERATION_KEY,
    PAYMENT_KEY,
    REFERENCE_KEY,
    absorb_answer,
)
from azpay.payments.requests import ChargeRequest, RequestInvalid
from azpay.payments.searching import index
from azpay.payments.transitions import Standing, advance_on_answer

if TYPE_CHECKING:
    from azpay.access import Guards
    from azpay.db import Database
    from azpay.errors import AzpayError
    from azpay.gateway.stripe import Gateway

SUSPICIOUS = timedelta(minutes=10)
CLOCKS_APART = timedelta(hours=1)
"""How far Stripe's clock and ours may differ when we look for what we sent."""
LATEST = operations.KEY_LIFE + CLOCKS_APART
"""How long after it was written down a request may have left a machine that slept meanwhile."""
DECLINES = {kind.code: kind for kind in (CardDeclined, AuthenticationNeeded)}


class SuspectedDuplicate(Refused):
    """Something identical was done a moment ago."""

    code = "suspected_duplicate"


def charge(
    db: Database,
    gateway: Gateway,
    request: ChargeRequest,
    *,
    now: datetime,
    guards: Guards = access.UNGUARDED,
) -> Payment:
    """Charge, and return the payment: succeeded, authorized, or pending on the bank or the customer.

    The same request again while its operation is open resumes it; the same idempotency key again returns what
    became of it. Raises RoleMissing, OverLimit, OverBudget, CardDeclined, SuspectedDuplicate, KeyTaken,
    AnswerLost, and what the gateway raises.
    https://docs.stripe.com/api/payment_intents/create
    """
    guards.require_money(db.actor, access.Kind.CHARGE, request.money)
    request = _complete(db, gateway, request, now=now)
    payment, operation = _intend(db, request, guards, now=now)
    errand = _Charging(gateway, request, payment, operation, now)
    return operations.carry_out(db, operation, errand, now=now)


@dataclass(frozen=True, slots=True)
class _Charging:
    """What a charge asks of Stripe, and what the answers change."""

    gateway: Gateway
    request: ChargeRequest
    payment: Payment
    operation: Operation
    now: datetime

    def ask(self, key: str) -> objects.PaymentIntent:
        params = parameters(self.request, self.payment.id, self.operation.id)
        return self.gateway.create_payment_intent(params, key=key)

    def look(self) -> objects.PaymentIntent | None:
        """By its id when an event brought it, else by the operation's mark, with a list call: search lags."""
        if self.payment.payment_intent is not None:
            return self.gateway.payment_intent(self.payment.payment_intent)
        last = self.operation.sent_at or self.operation.created_at
        around = self.gateway.payment_intents(self.operation.created_at - CLOCKS_APART, last + LATEST)
        return next(
            (found for found in around if found.metadata.get(OPERATION_KEY) == self.operation.id), None
        )

    def hold(self, session: Session) -> None:
        session.get_one(Payment, self.payment.id, with_for_update=True)

    def on_yes(self, session: Session, answer: objects.PaymentIntent) -> Payment:
        return absorb_answer(session, answer, now=self.now)

    def on_no(self, session: Session, error: AzpayError) -> None:
        """A decline still leaves a payment intent at Stripe; any other no leaves nothing there."""
        intent = error.payment_intent if isinstance(error, CardDeclined) else None
        if intent is not None:
            absorb_answer(session, intent, now=self.now)
        else:
            _mark_failed(session.get_one(Payment, self.payment.id, with_for_update=True), error, self.now)

    def stands(self, session: Session, operation: Operation) -> Payment:
        return _as_it_ended(session.get_one(Payment, self.payment.id), operation)


def _complete(db: Database, gateway: Gateway, request: ChargeRequest, *, now: datetime) -> ChargeRequest:
    """The request with the customer's id for an e-mail, and their default method where none is named."""
    if request.customer is None:
        return request
    if request.payment_method is not None:
        return replace(request, customer=customers.identify(db, gateway, request.customer, now=now))
    customer = customers.lookup(db, gateway, request.customer, now=now)
    method = customer and customers.default_method(db, gateway, customer, now=now)
    if method is None:
        raise RequestInvalid(
            f"{request.customer} has no default payment method.",
            hint="Give --method pm_…, or save one: `azpay methods add pm_… --customer "
            f"{request.customer} --default`.",
        )
    return replace(request, customer=customer, payment_method=method)


def _intend(
    db: Database, request: ChargeRequest, guards: Guards, *, now: datetime
) -> tuple[Payment, Operation]:
    """The payment and operation for this request, made now or standing open already."""
    identity = new_id("pay", now)
    return db.write(lambda session: _intended(session, identity, request, guards, now))


def _intended(
    session: Session, identity: str, request: ChargeRequest, guards: Guards, now: datetime
) -> tuple[Payment, Operation]:
    kept = session.get(Payment, identity)
    if kept is not None:  # by a commit whose answer was lost
        return kept, operations.of(session, identity)[0]
    operation, new = operations.plan(
        session, Kind.CHARGE, identity, digest=_digest(request), key=request.idempotency_key, now=now
    )
    if not new:
        return session.get_one(Payment, operation.subject), operation
    if not request.allow_duplicate:
        _refuse_duplicate(session, request, now=now)
    payment = _written_down(identity, request, now)
    session.add(payment)
    index(session, payment)
    guards.allow(session, operation.id, access.Kind.CHARGE, request.money, now=now)
    return payment, operation


def _digest(request: ChargeRequest) -> str:
    return operations.fingerprint(
        Kind.CHARGE,
        amount=request.money.amount,
        currency=request.money.currency,
        customer=request.customer,
        payment_method=request.payment_method,
        reference=request.reference,
        description=request.description,
        receipt_email=request.receipt_email,
        metadata=dict(request.metadata),
        authorize_only=request.authorize_only,
        off_session=request.off_session,
        key=request.idempotency_key,
    )


def _refuse_duplicate(session: Session, request: ChargeRequest, *, now: datetime) -> None:
    take_turn(session, "charge", str(request.money), request.customer, request.reference)
    same = select(Payment).where(
        Payment.currency == request.money.currency,
        Payment.amount == request.money.amount,
        col(Payment.customer).is_not_distinct_from(request.customer),
        col(Payment.reference).is_not_distinct_from(request.reference),
        or_(
            col(Payment.created_at) > now - SUSPICIOUS,
            Payment.status == PaymentStatus.UNKNOWN,
        ),
        col(Payment.status).not_in((PaymentStatus.FAILED, PaymentStatus.CANCELED)),
    )
    earlier = session.exec(same.order_by(col(Payment.created_at).desc()).limit(1)).first()
    if earlier is not None:
        raise SuspectedDuplicate(
            f"The same charge of {request.money} was made {_ago(now, earlier.created_at)}: {earlier.id} "
            f"({earlier.status}).",
            hint="Look at it with `azpay history`; --allow-duplicate charges again.",
        )


def _ago(now: datetime, then: datetime) -> str:
    seconds = int((now - then).total_seconds())
    return f"{seconds} s ago" if seconds < 120 else f"{seconds // 60} min ago"  # noqa: PLR2004 - two minutes


def _written_down(identity: str, request: ChargeRequest, now: datetime) -> Payment:
    return Payment(
        id=identity,
        status=PaymentStatus.UNKNOWN,
        currency=request.money.currency,
        amount=request.money.amount,
        customer=request.customer,
        payment_method=request.payment_method,
        reference=request.reference,
        description=request.description,
        receipt_email=request.receipt_email,
        metadata_=dict(request.metadata),
        origin=Origin.AZPAY,
        as_of=now,
        created_at=now,
        updated_at=now,
    )


def parameters(request: ChargeRequest, payment_id: str, operation_id: str) -> dict[str, Any]:
    """What Stripe is sent. The marks in the metadata let us find it again without its id."""
    marks = {PAYMENT_KEY: payment_id, OPERATION_KEY: operation_id}
    if request.reference is not None:
        marks[REFERENCE_KEY] = request.reference
    optional = {
        "customer": request.customer,
        "description": request.description,
        "receipt_email": request.receipt_email,
        "capture_method": "manual" if request.authorize_only else None,
        "off_session": True if request.off_session else None,
    }
    return {
        "amount": request.money.amount,
        "currency": request.money.currency,
        "payment_method": request.payment_method,
        "confirm": True,
        "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        "metadata": {**request.metadata, **marks},
        **{name: value for name, value in optional.items() if value is not None},
    }


def _mark_failed(payment: Payment, error: AzpayError, now: datetime) -> None:
    if payment.status is not PaymentStatus.UNKNOWN:
        return  # an event told of it: it is at Stripe, whatever became of this attempt
    known = Standing(payment.status, payment.amount_captured, payment.as_of)
    payment.status = advance_on_answer(known, Standing(PaymentStatus.FAILED, 0, now)).status
    payment.failure_code, payment.failure_message = error.code, error.message
    payment.updated_at = now


def _as_it_ended(payment: Payment, operation: Operation) -> Payment:
    if operation.error_code in DECLINES:
        raise _declined_before(payment, operation)
    if operation.state is operations.State.FAILED:
        raise operations.FailedBefore(operation)
    return payment


def _declined_before(payment: Payment, operation: Operation) -> CardDeclined:
    """The same answer as the first time; a key is for one attempt."""
    said = objects.StripeError(decline_code=payment.failure_code, message=payment.failure_message)
    error = DECLINES[str(operation.error_code)](said)
    error.hint, error.operation = "Use a new idempotency key for a new attempt.", operation.id
    return error
