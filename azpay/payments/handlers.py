"""What happens on each type of event. To learn what `refund.failed` does, look it up below."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from sqlmodel import Session, select

from azpay import settlement
from azpay.gateway import objects
from azpay.inbox import FetchFirst
from azpay.payments import objecting, setting_up, tales
from azpay.payments.answers import settle_charge, settle_refund
from azpay.payments.models import Customer, Payment, PaymentMethod
from azpay.payments.records import (
    absorb_answer,
    absorb_charge,
    absorb_customer,
    absorb_method,
    absorb_refund_answer,
    absorb_refund_report,
    absorb_report,
    moment,
    releases_a_hold,
)
from azpay.payments.tales import PAYMENT_INTENT, REFUND
from azpay.payments.transitions import OnlyStripeKnows
from azpay.payments.weighing import Weighing

if TYPE_CHECKING:
    from datetime import datetime

T = TypeVar("T")


def on_payment_intent(session: Session, event: objects.Event, now: datetime) -> None:
    intent = _object(event, objects.PaymentIntent)
    try:
        with session.begin_nested():
            payment = absorb_report(session, intent, at=moment(event.created), now=now)
    except OnlyStripeKnows:
        raise FetchFirst(PAYMENT_INTENT, intent.id) from None
    settle_charge(session, payment, intent, now=now)


def on_charge(session: Session, event: objects.Event, now: datetime) -> None:
    """A charge brings what its payment intent's events lack: the card, and the ledger line with the fee."""
    charge = _object(event, objects.Charge)
    if charge.payment_intent is None:
        return  # a charge made without a payment intent, by an integration older than those
    payment = _payment(session, charge.payment_intent)
    absorb_charge(payment, charge)
    settlement.expect(session, charge.balance_transaction, now)


def on_refund(session: Session, event: objects.Event, now: datetime) -> None:
    refund = _object(event, objects.Refund)
    if refund.payment_intent is None or releases_a_hold(refund):
        return
    payment = _payment(session, refund.payment_intent)
    _require_room(payment, refund)
    try:
        with session.begin_nested():
            ours = absorb_refund_report(session, payment, refund, now=now)
    except OnlyStripeKnows:
        raise FetchFirst(REFUND, refund.id) from None
    settle_refund(session, ours, refund, now=now)
    settlement.expect(session, refund.balance_transaction, now)
    settlement.expect(session, refund.failure_balance_transaction, now)


def on_customer(session: Session, event: objects.Event, now: datetime) -> None:
    """Events of a customer may come in any order; one seen before is asked for."""
    told = _object(event, objects.Customer)
    known = session.get(Customer, told.id)
    if event.type == "customer.deleted":
        told = msgspec.structs.replace(told, deleted=True)
    elif known is not None and not known.deleted:
        raise FetchFirst("customer", told.id)
    absorb_customer(session, told, now=now)


def on_payment_method(session: Session, event: objects.Event, now: datetime) -> None:
    """Attaching and detaching are told by type; what else changed is asked for."""
    told = _object(event, objects.PaymentMethod)
    if event.type != "payment_method.detached" and session.get(PaymentMethod, told.id) is not None:
        raise FetchFirst("payment_method", told.id)
    absorb_method(session, told, now=now)


def take_in_payment_intent(session: Session, intent: objects.PaymentIntent, now: datetime) -> None:
    payment = absorb_answer(session, intent, now=now)
    settle_charge(session, payment, intent, now=now)


def take_in_refund(session: Session, refund: objects.Refund, now: datetime) -> None:
    if refund.payment_intent is not None and not releases_a_hold(refund):
        payment = _payment(session, refund.payment_intent)
        _require_room(payment, refund)
        ours = absorb_refund_answer(session, payment, refund, now=now)
        settle_refund(session, ours, refund, now=now)


def take_in_customer(session: Session, customer: objects.Customer, now: datetime) -> None:
    absorb_customer(session, customer, now=now)


def take_in_payment_method(session: Session, method: objects.PaymentMethod, now: datetime) -> None:
    absorb_method(session, method, now=now)


def _object(event: objects.Event, into: type[T]) -> T:
    return msgspec.convert(event.data.object, into, strict=False)


def _payment(session: Session, intent: str) -> Payment:
    """Our record, locked. A payment we have never heard of is asked for first."""
    query = select(Payment).where(Payment.payment_intent == intent).with_for_update()
    payment = session.exec(query).one_or_none()
    if payment is None:
        raise FetchFirst(PAYMENT_INTENT, intent)
    return payment


def _require_room(payment: Payment, refund: objects.Refund) -> None:
    """A refund told before its payment's success is news of that success, too."""
    if payment.amount_captured < refund.amount:
        raise FetchFirst(PAYMENT_INTENT, payment.payment_intent or "")


EVENTS: dict[str, Any] = {
    **dict.fromkeys(
        (
            "payment_intent.created",
            "payment_intent.requires_action",
            "payment_intent.processing",
            "payment_intent.amount_capturable_updated",
            "payment_intent.partially_funded",
            "payment_intent.payment_failed",
            "payment_intent.succeeded",
            "payment_intent.canceled",
        ),
        on_payment_intent,
    ),
    **dict.fromkeys(
        (
            "charge.pending",
            "charge.succeeded",
            "charge.captured",
            "charge.updated",
            "charge.refunded",
            "charge.failed",
            "charge.expired",
        ),
        on_charge,
    ),
    **dict.fromkeys(
        ("refund.created", "refund.updated", "refund.failed", "charge.refund.updated"), on_refund
    ),
    **dict.fromkeys(("customer.created", "customer.updated", "customer.deleted"), on_customer),
    **dict.fromkeys(
        (
            "payment_method.attached",
            "payment_method.updated",
            "payment_method.automatically_updated",
            "payment_method.detached",
        ),
        on_payment_method,
    ),
    **objecting.EVENTS,
    **setting_up.EVENTS,
}

OBJECTS: dict[str, Any] = {
    PAYMENT_INTENT: take_in_payment_intent,
    REFUND: take_in_refund,
    "customer": take_in_customer,
    "payment_method": take_in_payment_method,
    **objecting.OBJECTS,
    **setting_up.OBJECTS,
}

SWIFT = {
    on_payment_intent: tales.INTENTS,
    on_charge: tales.CHARGES,
    on_refund: tales.REFUNDS,
    on_customer: tales.CUSTOMERS,
    on_payment_method: tales.METHODS,
}

TOGETHER = Weighing({type_: SWIFT[handler] for type_, handler in EVENTS.items() if handler in SWIFT})
