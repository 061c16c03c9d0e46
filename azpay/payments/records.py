"""Taking Stripe's objects into our records: the one way in, for answers, events and reconciliation alike."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, case, func, or_
from sqlmodel import col, select

from azpay.db import new_id
from azpay.db.upsert import keep_new
from azpay.errors import OutcomeUnknown
from azpay.payments.models import (
    Customer,
    Origin,
    Payment,
    PaymentMethod,
    PaymentStatus,
    Refund,
    RefundStatus,
)
from azpay.payments.searching import index
from azpay.payments.transitions import (
    Standing,
    advance,
    advance_on_answer,
    advance_refund,
    advance_refund_on_answer,
    restate,
    restate_refund,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlmodel import Session

    from azpay.gateway import objects
    from azpay.payments.drafts import CustomerDraft, MethodDraft, PaymentDraft, RefundDraft

PAYMENT_KEY, REFUND_KEY = "azpay_payment", "azpay_refund"
OPERATION_KEY, REFERENCE_KEY = "azpay_op", "azpay_reference"
OUR_ID = re.compile(r"pay_[0-9a-z]{18,22}")
"""What anybody can write into metadata becomes an id of ours only when it looks like one."""
OURS = frozenset({PAYMENT_KEY, REFUND_KEY, OPERATION_KEY, REFERENCE_KEY})

RELEASED = "expired_uncaptured_charge"
"""https://docs.stripe.com/api/refunds/object#refund_object-reason"""

STATUSES = {
    "requires_payment_method": PaymentStatus.INCOMPLETE,
    "requires_confirmation": PaymentStatus.INCOMPLETE,
    "requires_action": PaymentStatus.REQUIRES_ACTION,
    "processing": PaymentStatus.PROCESSING,
    "requires_capture": PaymentStatus.AUTHORIZED,
    "succeeded": PaymentStatus.SUCCEEDED,
    "canceled": PaymentStatus.CANCELED,
}

RETURNING = frozenset(
    {RefundStatus.UNKNOWN, RefundStatus.REQUIRES_ACTION, RefundStatus.PENDING, RefundStatus.SUCCEEDED}
)
"""Refunds that took their amount, or still may."""


class StatusUnheardOf(OutcomeUnknown):
    """Stripe used a status that this azpay does not know. The record is left as it was."""

    code = "status_unheard_of"

    def __init__(self, named: str, status: str) -> None:
        super().__init__(
            f"{named} has a status that this azpay does not know: {status!r}.", hint="Upgrade azpay."
        )


def moment(unix: int) -> datetime:
    """Stripe's times count whole seconds."""
    return datetime.fromtimestamp(unix, UTC)


def status_of(intent: objects.PaymentIntent) -> PaymentStatus:
    """Our word for the payment intent's status; a failed attempt is told from one never made."""
    if intent.status == "requires_payment_method" and intent.last_payment_error is not None:
        return PaymentStatus.FAILED
    try:
        return STATUSES[intent.status]
    except KeyError:
        raise StatusUnheardOf(intent.id, intent.status) from None


def refund_status_of(refund: objects.Refund) -> RefundStatus:
    """Our word for the refund's status; the oldest refunds have none, and succeeded at once."""
    try:
        return RefundStatus(refund.status or RefundStatus.SUCCEEDED)
    except ValueError:
        raise StatusUnheardOf(refund.id, str(refund.status)) from None


def releases_a_hold(refund: objects.Refund) -> bool:
    """Whether it is a hold that ran out or was canceled, which Stripe shows as a refund. No money moved."""
    return refund.reason == RELEASED


# payments


def absorb_answer(session: Session, intent: objects.PaymentIntent, *, now: datetime) -> Payment:
    """Record what Stripe itself just answered about a payment intent.

    `now` may be the moment before it was asked, and so before the payment intent was made.
    """
    return _absorb(session, intent, at=max(now, moment(intent.created)), now=now, advance=advance_on_answer)


def absorb_report(session: Session, intent: objects.PaymentIntent, *, at: datetime, now: datetime) -> Payment:
    """Record what an event of the moment `at` says. Raises OnlyStripeKnows when it cannot be trusted."""
    return _absorb(session, intent, at=at, now=now, advance=advance)


def restate_payment(session: Session, intent: objects.PaymentIntent, *, now: datetime) -> Payment:
    """Make the record say what Stripe says, whatever it said before.

    Only for a row that has not changed since before Stripe was asked; else late news could undo an end.
    """
    with session.no_autoflush:  # amounts may break the table's checks until all of them are right
        payment = payment_for(session, intent)
        if payment is not None:
            payment.currency = intent.currency
            payment.amount_refunded = _returned(session, payment, of=intent.amount_received)
        return _absorb(session, intent, at=now, now=now, advance=restate)


def _absorb(
    session: Session,
    intent: objects.PaymentIntent,
    *,
    at: datetime,
    now: datetime,
    advance: Callable[[Standing, Standing], Standing],
) -> Payment:
    payment = payment_for(session, intent) or _found_elsewhere(session, intent, now)
    tell(payment, intent, at=at, now=now, advance=advance)
    session.flush()
    return payment


def tell(
    payment: Payment | PaymentDraft,
    intent: objects.PaymentIntent,
    *,
    at: datetime,
    now: datetime,
    advance: Callable[[Standing, Standing], Standing] = advance,
) -> None:
    """Change the record as the payment intent says; not at all when `advance` raises."""
    known = Standing(payment.status, payment.amount_captured, payment.as_of)
    after = advance(known, Standing(status_of(intent), intent.amount_received, at))
    if after.status is status_of(intent):
        _describe(payment, intent)
    payment.payment_intent = intent.id
    payment.status, payment.amount_captured, payment.as_of = after.status, after.captured, after.at
    payment.updated_at = now


def payment_for(session: Session, intent: objects.PaymentIntent) -> Payment | None:
    """Our record of a payment intent: by its id, or by the mark that we left in its metadata."""
    named = col(Payment.payment_intent) == intent.id
    marked = and_(col(Payment.id) == intent.metadata.get(PAYMENT_KEY), col(Payment.payment_intent).is_(None))
    found = session.exec(select(Payment).where(or_(named, marked)).with_for_update()).all()
    return next((payment for payment in found if payment.payment_intent), None) or next(iter(found), None)


def _found_elsewhere(session: Session, intent: objects.PaymentIntent, now: datetime) -> Payment:
    payment = Payment(**first_known(intent, _identity(session, intent), now=now))
    if keep_new(session, [payment]):
        index(session, payment)
    return session.exec(select(Payment).where(Payment.payment_intent == intent.id).with_for_update()).one()


def first_known(intent: objects.PaymentIntent, identity: str, *, now: datetime) -> dict[str, Any]:
    """The record of a payment intent that was made elsewhere, before anything is known of its status."""
    return {
        "id": identity,
        "payment_intent": intent.id,
        "status": PaymentStatus.UNKNOWN,
        "currency": intent.currency,
        "amount": intent.amount,
        "reference": intent.metadata.get(REFERENCE_KEY),
        "origin": Origin.AZPAY if PAYMENT_KEY in intent.metadata else Origin.ELSEWHERE,
        "metadata_": {key: value for key, value in intent.metadata.items() if key not in OURS},
        "description": intent.description,
        "receipt_email": intent.receipt_email,
        "livemode": intent.livemode,
        "as_of": moment(intent.created),
        "created_at": moment(intent.created),
        "updated_at": now,
    }


def _identity(session: Session, intent: objects.PaymentIntent) -> str:
    return identity_for(intent, lambda marked: session.get(Payment, marked) is not None)


def identity_for(intent: objects.PaymentIntent, taken: Callable[[str], bool]) -> str:
    """The id we gave it once, when the book lost the row (a restore from a backup); else a new one."""
    marked = intent.metadata.get(PAYMENT_KEY, "")
    if OUR_ID.fullmatch(marked) and not taken(marked):
        return marked
    return new_id("pay", moment(intent.created))


def _describe(payment: Payment | PaymentDraft, intent: objects.PaymentIntent) -> None:
    payment.amount = intent.amount
    payment.customer = intent.customer or payment.customer
    payment.payment_method = intent.method_id or payment.payment_method
    if intent.charge_id not in {None, payment.charge}:
        payment.charge, payment.card_brand, payment.card_last4 = intent.charge_id, None, None
    payment.livemode = intent.livemode
    error = intent.last_payment_error
    payment.failure_code = (error.decline_code or error.code) if error else None
    payment.failure_message = error.message if error else None
    redirect = intent.next_action.redirect_to_url if intent.next_action else None
    payment.next_action_url = redirect.url if redirect else None
    if intent.charge is not None:
        _describe_card(payment, intent.charge)


def absorb_charge(payment: Payment | PaymentDraft, charge: objects.Charge) -> None:
    """Record the charge and its card. The attempt that succeeded stands for the payment, not those before."""
    if charge.status == "succeeded" or payment.charge in {None, charge.id}:
        payment.charge = charge.id
        _describe_card(payment, charge)


def _describe_card(payment: Payment | PaymentDraft, charge: objects.Charge) -> None:
    card = charge.payment_method_details.card if charge.payment_method_details else None
    if card is None:
        return
    payment.card_brand, payment.card_last4 = card.brand, card.last4
    payment.capture_before = moment(card.capture_before) if card.capture_before else None


# refunds


def absorb_refund_answer(
    session: Session, payment: Payment, refund: objects.Refund, *, now: datetime
) -> Refund:
    """Record what Stripe itself just answered about a refund of `payment`."""
    return _absorb_refund(session, payment, refund, now=now, advance=advance_refund_on_answer)


def absorb_refund_report(
    session: Session, payment: Payment, refund: objects.Refund, *, now: datetime
) -> Refund:
    """Record what an event says about a refund of `payment`. Raises OnlyStripeKnows on a contradiction."""
    return _absorb_refund(session, payment, refund, now=now, advance=advance_refund)


def restate_refund_of(session: Session, payment: Payment, refund: objects.Refund, *, now: datetime) -> Refund:
    """Make the record of a refund of `payment` say what Stripe says; see `restate_payment`."""
    with session.no_autoflush:
        ours = refund_for(session, refund)
        if ours is not None:
            ours.amount, ours.currency = refund.amount, refund.currency
    return _absorb_refund(session, payment, refund, now=now, advance=restate_refund)


def _absorb_refund(
    session: Session,
    payment: Payment,
    refund: objects.Refund,
    *,
    now: datetime,
    advance: Callable[[RefundStatus, RefundStatus], RefundStatus],
) -> Refund:
    ours = refund_for(session, refund) or _refunded_elsewhere(session, payment, refund, now)
    tell_refund(ours, refund, now=now, advance=advance)
    session.flush()
    recount(session, payment, now=now)
    return ours


def tell_refund(
    ours: Refund | RefundDraft,
    refund: objects.Refund,
    *,
    now: datetime,
    advance: Callable[[RefundStatus, RefundStatus], RefundStatus] = advance_refund,
) -> None:
    """Change the record as Stripe's refund says; not at all when `advance` raises.

    A no of ours, given before Stripe had a refund by that id, is no end: the refund was made after all.
    """
    known = ours.status if ours.refund == refund.id else RefundStatus.UNKNOWN
    ours.status = advance(known, refund_status_of(refund))
    ours.refund = refund.id
    ours.failure_reason = refund.failure_reason or ours.failure_reason
    ours.updated_at = now


def refund_for(session: Session, refund: objects.Refund) -> Refund | None:
    """Our record of a refund: by its id, or by the mark that we left in its metadata."""
    named = col(Refund.refund) == refund.id
    marked = and_(col(Refund.id) == refund.metadata.get(REFUND_KEY), col(Refund.refund).is_(None))
    found = session.exec(select(Refund).where(or_(named, marked)).with_for_update()).all()
    return next((ours for ours in found if ours.refund), None) or next(iter(found), None)


def _refunded_elsewhere(session: Session, payment: Payment, refund: objects.Refund, now: datetime) -> Refund:
    keep_new(session, [Refund(**refund_first_known(payment.id, refund, now=now))])
    return session.exec(select(Refund).where(Refund.refund == refund.id).with_for_update()).one()


def refund_first_known(payment_id: str, refund: objects.Refund, *, now: datetime) -> dict[str, Any]:
    """The record of a refund that was made elsewhere, before anything is known of its status."""
    return {
        "id": new_id("ref", moment(refund.created)),
        "refund": refund.id,
        "payment_id": payment_id,
        "status": RefundStatus.UNKNOWN,
        "currency": refund.currency,
        "amount": refund.amount,
        "reason": refund.reason,
        "origin": Origin.AZPAY if REFUND_KEY in refund.metadata else Origin.ELSEWHERE,
        "created_at": moment(refund.created),
        "updated_at": now,
    }


def recount(session: Session, payment: Payment, *, now: datetime) -> None:
    """Make the payment's refunded total the sum of the refunds that took their amount, or still may."""
    payment.amount_refunded = _returned(session, payment, of=payment.amount_captured)
    payment.updated_at = now
    session.flush()


def _returned(session: Session, payment: Payment, *, of: int) -> int:
    unknown = col(Refund.status) == RefundStatus.UNKNOWN
    sums = select(
        func.coalesce(func.sum(col(Refund.amount)), 0),
        func.coalesce(func.sum(case((unknown, 0), else_=col(Refund.amount))), 0),
    ).where(Refund.payment_id == payment.id, col(Refund.status).in_(RETURNING))
    claimed, certain = session.exec(sums).one()
    return total_returned(int(claimed), int(certain), of=of)


def total_returned(claimed: int, certain: int, *, of: int) -> int:
    """One of ours whose outcome is unknown may claim what was refunded elsewhere: then nothing is left."""
    return max(certain, min(claimed, of))


# customers and their methods


def absorb_customer(session: Session, customer: objects.Customer, *, now: datetime) -> Customer:
    """Record a customer as Stripe has it."""
    made = moment(customer.created) if customer.created else now
    keep_new(session, [Customer(customer=customer.id, created_at=made, updated_at=now)])
    ours = session.get_one(Customer, customer.id, with_for_update=True)
    describe_customer(ours, customer, now=now)
    session.flush()
    return ours


def describe_customer(ours: Customer | CustomerDraft, customer: objects.Customer, *, now: datetime) -> None:
    """What was deleted stays deleted, and as it was then."""
    ours.deleted = ours.deleted or customer.deleted
    if not ours.deleted:
        ours.email, ours.name = customer.email, customer.name
        ours.default_method = customer.default_method
    ours.updated_at = now


def absorb_method(session: Session, method: objects.PaymentMethod, *, now: datetime) -> PaymentMethod:
    """Record a saved method as Stripe has it: the reference, never the number."""
    new = PaymentMethod(payment_method=method.id, type=method.type, created_at=moment(method.created))
    keep_new(session, [new])
    ours = session.get_one(PaymentMethod, method.id, with_for_update=True)
    describe_method(ours, method, now=now)
    session.flush()
    return ours


def describe_method(
    ours: PaymentMethod | MethodDraft, method: objects.PaymentMethod, *, now: datetime
) -> None:
    """One that was detached is gone for good."""
    ours.customer = method.customer or ours.customer
    if method.card is not None:
        ours.brand, ours.last4 = method.card.brand, method.card.last4
        ours.exp_month, ours.exp_year = method.card.exp_month, method.card.exp_year
        ours.fingerprint = method.card.fingerprint
    if method.customer is None and ours.removed_at is None:
        ours.removed_at = now
