"""What one event makes of the drafts on the desk: the handlers' rules, without a database.

Each of these checks everything before it changes anything: an event that needs something of Stripe's leaves
no trace.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

import msgspec

from azpay import settlement
from azpay.db.drafts import Held
from azpay.gateway import objects
from azpay.inbox import FetchFirst
from azpay.payments import drafts
from azpay.payments.answers import settle_charge, settle_refund
from azpay.payments.drafts import CustomerDraft, MethodDraft, PaymentDraft, RefundDraft
from azpay.payments.models import RefundStatus
from azpay.payments.records import (
    OPERATION_KEY,
    PAYMENT_KEY,
    REFUND_KEY,
    RETURNING,
    absorb_charge,
    describe_customer,
    describe_method,
    first_known,
    identity_for,
    moment,
    refund_first_known,
    releases_a_hold,
    tell,
    tell_refund,
    total_returned,
)
from azpay.payments.transitions import OnlyStripeKnows

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sqlalchemy import Table
    from sqlmodel import Session

    from azpay.payments.drafts import Desk, Names

T = TypeVar("T")

PAYMENT_INTENT, REFUND = "payment_intent", "refund"
UNTOLD: dict[str, Any] = {
    **dict.fromkeys(("charge", "customer", "payment_method", "card_brand", "card_last4", "failure_code")),
    **dict.fromkeys(("failure_message", "next_action_url", "capture_before")),
    "amount_captured": 0,
    "amount_refunded": 0,
}
"""What a payment's first record has in it."""


class _Data(msgspec.Struct, Generic[T], frozen=True):
    object: T


class Told(msgspec.Struct, Generic[T], frozen=True):
    """An event, as far as it is read here."""

    created: int
    data: _Data[T]


class Tale(NamedTuple):
    """An event's object, and what the event itself says of it."""

    object: Any
    type: str
    at: datetime


@dataclass(slots=True)
class Changes:
    """What a group of events has changed on the desk, and what else is to be done in its transaction."""

    rows: dict[Table, dict[str, Held[Any]]] = field(default_factory=lambda: defaultdict(dict))
    lines: list[objects.BalanceTransaction] = field(default_factory=list)
    settle: list[Callable[[Session], None]] = field(default_factory=list)

    def in_table(self, table: Table) -> list[Held[Any]]:
        return [*self.rows[table].values()] if table in self.rows else []

    def new_payments(self) -> list[Held[PaymentDraft]]:
        return [held for held in self.in_table(drafts.PAYMENTS) if held.was is None]


@dataclass(frozen=True, slots=True)
class Kind:
    """How events about one kind of object are read, what they name, and what they change."""

    decoder: msgspec.json.Decoder[Told[Any]]
    subject: Callable[[Any], str]
    name: Callable[[Names, Any], None]
    tell: Callable[[Desk, Changes, Tale, datetime], None]


# payments


def _name_intent(names: Names, intent: objects.PaymentIntent) -> None:
    names.intents.add(intent.id)
    if PAYMENT_KEY in intent.metadata:
        names.marks.add(intent.metadata[PAYMENT_KEY])
    if OPERATION_KEY in intent.metadata:
        names.operations.add(intent.metadata[OPERATION_KEY])


def _tell_intent(desk: Desk, changes: Changes, tale: Tale, now: datetime) -> None:
    intent: objects.PaymentIntent = tale.object
    held = desk.payment_for(intent.id, intent.metadata.get(PAYMENT_KEY)) or _new_payment(desk, intent, now)
    try:
        tell(held.row, intent, at=tale.at, now=now)
    except OnlyStripeKnows:
        raise FetchFirst(PAYMENT_INTENT, intent.id) from None
    desk.claim(held)
    changes.rows[drafts.PAYMENTS][intent.id] = held
    marked = desk.is_open(intent.metadata.get(OPERATION_KEY), held.row.id)
    if marked or held.row.id in desk.charging:
        changes.settle.append(partial(settle_charge, payment=held.row, intent=intent, now=now))


def _new_payment(desk: Desk, intent: objects.PaymentIntent, now: datetime) -> Held[PaymentDraft]:
    known = first_known(intent, identity_for(intent, desk.taken.__contains__), now=now)
    return Held(PaymentDraft(**UNTOLD, **known))


def _name_charge(names: Names, charge: objects.Charge) -> None:
    if charge.payment_intent is not None:
        names.intents.add(charge.payment_intent)
        _name_line(names, charge.balance_transaction)


def _tell_charge(desk: Desk, changes: Changes, tale: Tale, _now: datetime) -> None:
    charge: objects.Charge = tale.object
    if charge.payment_intent is None:
        return
    held = _payment(desk, charge.payment_intent)
    _expect(desk, changes, charge.balance_transaction)
    absorb_charge(held.row, charge)
    changes.rows[drafts.PAYMENTS][charge.payment_intent] = held


def _payment(desk: Desk, intent: str) -> Held[PaymentDraft]:
    held = desk.payments.get(intent)
    if held is None:
        raise FetchFirst(PAYMENT_INTENT, intent)
    return held


def _name_line(names: Names, line: str | objects.BalanceTransaction | None) -> None:
    if isinstance(line, str):
        names.lines.add(line)


def _expect(desk: Desk, changes: Changes, line: str | objects.BalanceTransaction | None) -> None:
    """See `settlement.expect`."""
    if isinstance(line, str):
        if line in desk.lines:
            return
        if line not in desk.fetched:
            raise FetchFirst(settlement.KIND, line)
        line = desk.fetched[line]
    if line is not None:
        changes.lines.append(line)


# refunds


def _name_refund(names: Names, refund: objects.Refund) -> None:
    if refund.payment_intent is None or releases_a_hold(refund):
        return
    names.intents.add(refund.payment_intent)
    names.refunded.add(refund.payment_intent)
    _name_line(names, refund.balance_transaction)
    _name_line(names, refund.failure_balance_transaction)
    if OPERATION_KEY in refund.metadata:
        names.operations.add(refund.metadata[OPERATION_KEY])


def _tell_refund(desk: Desk, changes: Changes, tale: Tale, now: datetime) -> None:
    refund: objects.Refund = tale.object
    if refund.payment_intent is None or releases_a_hold(refund):
        return
    payment = _payment(desk, refund.payment_intent)
    if payment.row.amount_captured < refund.amount:
        raise FetchFirst(PAYMENT_INTENT, refund.payment_intent)
    _expect(desk, changes, refund.balance_transaction)
    _expect(desk, changes, refund.failure_balance_transaction)
    refunds = desk.refunds.setdefault(payment.row.id, {})
    ours = _refund_for(refunds, refund) or _new_refund(payment.row.id, refund, now)
    try:
        tell_refund(ours.row, refund, now=now)
    except OnlyStripeKnows:
        raise FetchFirst(REFUND, refund.id) from None
    refunds[ours.row.id] = ours
    _recount(payment.row, [each.row for each in refunds.values()], now)
    changes.rows[drafts.PAYMENTS][refund.payment_intent] = payment
    changes.rows[drafts.REFUNDS][refund.id] = ours
    if desk.is_open(refund.metadata.get(OPERATION_KEY), ours.row.id):
        changes.settle.append(partial(settle_refund, ours=ours.row, refund=refund, now=now))


def _refund_for(refunds: dict[str, Held[RefundDraft]], refund: objects.Refund) -> Held[RefundDraft] | None:
    named = next((each for each in refunds.values() if each.row.refund == refund.id), None)
    marked = refunds.get(refund.metadata.get(REFUND_KEY, ""))
    return named or (marked if marked and marked.row.refund is None else None)


def _new_refund(payment_id: str, refund: objects.Refund, now: datetime) -> Held[RefundDraft]:
    known = refund_first_known(payment_id, refund, now=now)
    return Held(RefundDraft(failure_reason=None, **known))


def _recount(payment: PaymentDraft, refunds: list[RefundDraft], now: datetime) -> None:
    """See `records.recount`."""
    returning = [each for each in refunds if each.status in RETURNING]
    claimed = sum(each.amount for each in returning)
    certain = sum(each.amount for each in returning if each.status is not RefundStatus.UNKNOWN)
    payment.amount_refunded = total_returned(claimed, certain, of=payment.amount_captured)
    payment.updated_at = now


# customers and their methods


def _name_customer(names: Names, customer: objects.Customer) -> None:
    names.customers.add(customer.id)


def _tell_customer(desk: Desk, changes: Changes, tale: Tale, now: datetime) -> None:
    told: objects.Customer = tale.object
    known = desk.customers.get(told.id)
    if tale.type == "customer.deleted":
        told = msgspec.structs.replace(told, deleted=True)
    elif known is not None and not known.row.deleted:
        raise FetchFirst("customer", told.id)
    held = known or Held(_new_customer(told, now))
    describe_customer(held.row, told, now=now)
    desk.customers[told.id] = changes.rows[drafts.CUSTOMERS][told.id] = held


def _new_customer(told: objects.Customer, now: datetime) -> CustomerDraft:
    made = moment(told.created) if told.created else now
    return CustomerDraft(told.id, None, None, None, deleted=False, updated_at=now, created_at=made)


def _name_method(names: Names, method: objects.PaymentMethod) -> None:
    names.methods.add(method.id)


def _tell_method(desk: Desk, changes: Changes, tale: Tale, now: datetime) -> None:
    told: objects.PaymentMethod = tale.object
    known = desk.methods.get(told.id)
    if tale.type != "payment_method.detached" and known is not None:
        raise FetchFirst("payment_method", told.id)
    held = known or Held(_new_method(told))
    describe_method(held.row, told, now=now)
    desk.methods[told.id] = changes.rows[drafts.METHODS][told.id] = held


def _new_method(told: objects.PaymentMethod) -> MethodDraft:
    unknown: dict[str, Any] = dict.fromkeys(
        ("customer", "brand", "last4", "exp_month", "exp_year", "fingerprint")
    )
    made = moment(told.created)
    return MethodDraft(told.id, removed_at=None, type=told.type, created_at=made, **unknown)


def _about(thing: objects.Charge | objects.Refund) -> str:
    return thing.payment_intent or thing.id


def _itself(thing: objects.PaymentIntent | objects.Customer | objects.PaymentMethod) -> str:
    return thing.id


def _reads(kind: Any) -> msgspec.json.Decoder[Told[Any]]:
    return msgspec.json.Decoder(Told[kind], strict=False)


INTENTS = Kind(_reads(objects.PaymentIntent), _itself, _name_intent, _tell_intent)
CHARGES = Kind(_reads(objects.Charge), _about, _name_charge, _tell_charge)
REFUNDS = Kind(_reads(objects.Refund), _about, _name_refund, _tell_refund)
CUSTOMERS = Kind(_reads(objects.Customer), _itself, _name_customer, _tell_customer)
METHODS = Kind(_reads(objects.PaymentMethod), _itself, _name_method, _tell_method)
