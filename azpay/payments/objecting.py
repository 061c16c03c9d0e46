"""Taking in what stands against a payment, from events and from Stripe's own answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlmodel import Session, col, select

from azpay import settlement
from azpay.db.upsert import keep_new
from azpay.gateway import objects
from azpay.inbox import FetchFirst
from azpay.inbox.handling import object_of
from azpay.payments.dispute_transitions import (
    advance_dispute,
    advance_dispute_on_answer,
    read,
    weightiest,
)
from azpay.payments.models import Payment
from azpay.payments.objections import Dispute, EarlyFraudWarning, Review
from azpay.payments.records import moment
from azpay.payments.transitions import OnlyStripeKnows
from azpay.settlement.transitions import is_newer

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from azpay.payments.objections import DisputeStatus

    Advance = Callable[[DisputeStatus, DisputeStatus], DisputeStatus]

DISPUTE, WARNING, PAYMENT_INTENT = "dispute", "early_fraud_warning", "payment_intent"


def on_dispute(session: Session, event: objects.Event, now: datetime) -> None:
    told = object_of(event, objects.Dispute)
    payment = disputed_payment(session, told.payment_intent)
    try:
        with session.begin_nested():
            _absorb_report(session, payment, told, at=moment(event.created), now=now)
    except OnlyStripeKnows:
        raise FetchFirst(DISPUTE, told.id) from None
    _take_in_what_follows(session, payment, told, now)


def take_in_dispute(session: Session, answered: objects.Dispute, now: datetime) -> None:
    """Record a dispute as Stripe has it. Raises FetchFirst for a payment that is not on record."""
    payment = disputed_payment(session, answered.payment_intent)
    ours = _row(session, payment, answered, max(now, moment(answered.created)), now)
    _tell(ours, answered, advance_dispute_on_answer, now)
    ours.as_of = max(ours.as_of, now)
    _take_in_what_follows(session, payment, answered, now)


def on_warning(session: Session, event: objects.Event, now: datetime) -> None:
    take_in_warning(session, object_of(event, objects.EarlyFraudWarning), now)


def take_in_warning(session: Session, told: objects.EarlyFraudWarning, now: datetime) -> None:
    """Record a warning; what is no longer actionable never is again."""
    payment = disputed_payment(session, told.payment_intent)
    new = EarlyFraudWarning(
        warning=told.id,
        payment_id=payment.id if payment else None,
        charge=told.charge,
        fraud_type=told.fraud_type,
        actionable=told.actionable,
        livemode=told.livemode,
        created_at=moment(told.created),
        updated_at=now,
    )
    if not keep_new(session, [new]):
        ours = session.get_one(EarlyFraudWarning, told.id, with_for_update=True)
        ours.actionable, ours.updated_at = ours.actionable and told.actionable, now
        session.flush()


def on_review(session: Session, event: objects.Event, now: datetime) -> None:
    """Record a review; one that is closed never opens again."""
    told = object_of(event, objects.Review)
    payment = disputed_payment(session, told.payment_intent)
    new = Review(
        review=told.id,
        payment_id=payment.id if payment else None,
        charge=told.charge,
        open=told.open,
        reason=told.opened_reason or told.reason,
        closed_reason=told.closed_reason,
        ip_address=told.ip_address,
        billing_zip=told.billing_zip,
        livemode=told.livemode,
        created_at=moment(told.created),
        updated_at=now,
    )
    if not keep_new(session, [new]) and not told.open:
        ours = session.get_one(Review, told.id, with_for_update=True)
        ours.open, ours.closed_reason, ours.updated_at = False, told.closed_reason, now
        session.flush()


def disputed_payment(session: Session, intent: str | None) -> Payment | None:
    """Our record, locked, or None without a payment intent. One never heard of is asked for first."""
    if intent is None:
        return None
    query = select(Payment).where(Payment.payment_intent == intent).with_for_update()
    payment = session.exec(query).one_or_none()
    if payment is None:
        raise FetchFirst(PAYMENT_INTENT, intent)
    return payment


def _absorb_report(
    session: Session, payment: Payment | None, told: objects.Dispute, *, at: datetime, now: datetime
) -> None:
    """What differs is believed from the newer report. Raises OnlyStripeKnows where none is."""
    ours = _row(session, payment, told, at, now)
    if all(getattr(ours, name) == value for name, value in _details(told).items()):
        ours.status = advance_dispute(ours.status, read(told.status))
    elif is_newer(at, ours.as_of):
        _tell(ours, told, advance_dispute, now)
    ours.as_of, ours.updated_at = max(ours.as_of, at), now
    session.flush()


def _row(
    session: Session, payment: Payment | None, told: objects.Dispute, at: datetime, now: datetime
) -> Dispute:
    new = Dispute(
        dispute=told.id,
        payment_id=payment.id if payment else None,
        charge=told.charge,
        status=read(told.status),
        livemode=told.livemode,
        as_of=at,
        created_at=moment(told.created),
        updated_at=now,
        **_details(told),
    )
    keep_new(session, [new])
    return session.get_one(Dispute, told.id, with_for_update=True)


def _details(told: objects.Dispute) -> dict[str, Any]:
    """What may change while a dispute goes on."""
    evidence = told.evidence_details
    return {
        "amount": told.amount,
        "currency": told.currency,
        "reason": told.reason,
        "network_reason_code": told.network_reason_code,
        "due_at": moment(evidence.due_by) if evidence.due_by else None,
        "past_due": evidence.past_due,
        "has_evidence": evidence.has_evidence,
        "submissions": evidence.submission_count,
        "refundable": told.is_charge_refundable,
    }


def _tell(ours: Dispute, told: objects.Dispute, advance: Advance, now: datetime) -> None:
    """An answer or report that is too late for the status is too late for the rest."""
    status = advance(ours.status, read(told.status))
    if status is read(told.status):
        for name, value in _details(told).items():
            setattr(ours, name, value)
    ours.status, ours.updated_at = status, now


def _take_in_what_follows(
    session: Session, payment: Payment | None, told: objects.Dispute, now: datetime
) -> None:
    """The ledger lines that a dispute brings along, and how its payment stands now."""
    session.flush()
    for line in told.balance_transactions:
        settlement.take_in(session, line, now)
    if payment is not None:
        statuses = session.exec(
            select(col(Dispute.status)).where(col(Dispute.payment_id) == payment.id)
        ).all()
        payment.dispute, payment.updated_at = weightiest(statuses), now
        session.flush()


EVENTS: dict[str, Any] = {
    **dict.fromkeys(
        (
            "charge.dispute.created",
            "charge.dispute.updated",
            "charge.dispute.closed",
            "charge.dispute.funds_withdrawn",
            "charge.dispute.funds_reinstated",
        ),
        on_dispute,
    ),
    **dict.fromkeys(("radar.early_fraud_warning.created", "radar.early_fraud_warning.updated"), on_warning),
    **dict.fromkeys(("review.opened", "review.closed"), on_review),
}

OBJECTS: dict[str, Any] = {DISPUTE: take_in_dispute, WARNING: take_in_warning}
