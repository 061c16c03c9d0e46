"""Taking money.

Three short steps, so that a crash between any two of them is harmless:

1. write down that we are about to charge;
2. ask Stripe, with the key kept in that record;
3. write down what Stripe said.

Asking for the same charge again while one is open goes on with that one, under its key.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlmodel import Session, col, or_, select

from azpay import access, audit, operations
from azpay.db import new_id, take_turn
from azpay.errors import Refused
from azpay.operations import Kind, Operation
from azpay.payments import customers
from azpay.payments.charging import errand_of
from azpay.payments.models import Origin, Payment, PaymentStatus
from azpay.payments.records import OPERATION_KEY, PAYMENT_KEY, REFERENCE_KEY
from azpay.payments.requests import ChargeRequest, RequestInvalid
from azpay.payments.retries import confirmation, declined_before, reopen
from azpay.payments.searching import index

if TYPE_CHECKING:
    from azpay.access import Guards
    from azpay.db import Database
    from azpay.gateway.stripe import Gateway

SUSPICIOUS = timedelta(minutes=10)


class SuspectedDuplicate(Refused):
    """Something identical was done a moment ago."""

    code = "suspected_duplicate"


@operations.before_asking()
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
    errand = errand_of(gateway, payment, operation, now)
    return operations.carry_out(db, operation, errand, now=now)


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
    declined = declined_before(session, request)
    subject = declined.id if declined else identity
    operation, new = operations.plan(
        session, Kind.CHARGE, subject, digest=_digest(request), key=request.idempotency_key, now=now
    )
    if not new:
        operations.asking(operation, parameters(request, operation.subject, operation.id))
        return session.get_one(Payment, operation.subject), operation
    audit.add(session, operations.about(operation.id, subject), details=audit.amount_of(request.money))
    if not request.allow_duplicate:
        _refuse_duplicate(session, request, now=now)
    payment = declined or _begun(session, identity, request, now)
    if declined is not None:
        reopen(declined, request, now=now)
        operations.asking(operation, confirmation(request, declined))
    else:
        operations.asking(operation, parameters(request, identity, operation.id))
    guards.allow(session, operation.id, access.Kind.CHARGE, request.money, now=now)
    return payment, operation


def _begun(session: Session, identity: str, request: ChargeRequest, now: datetime) -> Payment:
    payment = _written_down(identity, request, now)
    session.add(payment)
    index(session, payment)
    return payment


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
        **_when_given(statement_suffix=request.statement_suffix, return_url=request.return_url),
    )


def _when_given(**asked: str | None) -> dict[str, str]:
    """Younger parts of a request leave the digests of requests without them as they were."""
    return {name: value for name, value in asked.items() if value is not None}


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
        "statement_descriptor_suffix": request.statement_suffix,
        "return_url": request.return_url,
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
