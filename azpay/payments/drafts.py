"""Payments, refunds, customers and methods in the making, and the desk on which those of one batch lie.

Everything that a batch of events is about is loaded and locked here: payments first, then what hangs on
them, then operations, each table in the order of its keys. Whoever else locks several of these locks a
payment before its operation, so nobody waits in a circle.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import or_

from azpay import operations, settlement
from azpay.db.among import among
from azpay.db.drafts import Held, locked, table_of, wanted
from azpay.payments.models import (
    Customer,
    Origin,
    Payment,
    PaymentMethod,
    PaymentStatus,
    Refund,
    RefundStatus,
)
from azpay.payments.transitions import TERMINAL

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from sqlmodel import Session

    from azpay.gateway import objects

UNMADE = datetime.min.replace(tzinfo=UTC)
"""When a draft that was read was made: nobody asks."""

PAYMENTS, REFUNDS = table_of(Payment), table_of(Refund)
CUSTOMERS, METHODS = table_of(Customer), table_of(PaymentMethod)


class PaymentDraft(msgspec.Struct):
    id: str
    payment_intent: str | None
    status: PaymentStatus
    amount: int
    livemode: bool
    as_of: datetime
    updated_at: datetime
    charge: str | None
    amount_captured: int
    amount_refunded: int
    customer: str | None
    payment_method: str | None
    card_brand: str | None
    card_last4: str | None
    failure_code: str | None
    failure_message: Any
    next_action_url: Any
    capture_before: datetime | None
    currency: str = ""
    origin: Origin = Origin.ELSEWHERE
    created_at: datetime = UNMADE
    reference: str | None = None
    metadata_: dict[str, str] = {}
    description: str | None = None
    receipt_email: str | None = None


class RefundDraft(msgspec.Struct):
    id: str
    refund: str | None
    payment_id: str
    status: RefundStatus
    amount: int
    updated_at: datetime
    failure_reason: str | None
    currency: str = ""
    reason: str | None = None
    origin: Origin = Origin.ELSEWHERE
    created_at: datetime = UNMADE


class CustomerDraft(msgspec.Struct):
    customer: str
    email: Any
    name: Any
    default_method: str | None
    deleted: bool
    updated_at: datetime
    created_at: datetime = UNMADE
    email_index: bytes | None = None


class MethodDraft(msgspec.Struct):
    payment_method: str
    customer: str | None
    brand: str | None
    last4: str | None
    exp_month: int | None
    exp_year: int | None
    fingerprint: str | None
    removed_at: datetime | None
    type: str = ""
    created_at: datetime = UNMADE


@dataclass(slots=True)
class Names:
    """What a batch of events speaks of: Stripe's ids, and the marks that we left in metadata."""

    intents: set[str] = field(default_factory=set)
    refunded: set[str] = field(default_factory=set)
    """The payment intents that refunds are told of."""
    marks: set[str] = field(default_factory=set)
    operations: set[str] = field(default_factory=set)
    lines: set[str] = field(default_factory=set)
    customers: set[str] = field(default_factory=set)
    methods: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Desk:
    """What the book says of all that, and what it will say."""

    payments: dict[str, Held[PaymentDraft]]
    """By payment intent."""
    unclaimed: dict[str, Held[PaymentDraft]]
    """By our id: payments that no payment intent is known for."""
    taken: set[str]
    """Ids of ours that stand for another payment intent."""
    refunds: dict[str, dict[str, Held[RefundDraft]]]
    """By payment, and then by our id."""
    operations: Mapping[str, str]
    """Those that did not succeed, with what they are about."""
    charging: Collection[str]
    """Payments that such an operation is about, whether or not Stripe's object has its mark."""
    lines: set[str]
    """Those on record."""
    fetched: Mapping[str, objects.BalanceTransaction]
    customers: dict[str, Held[CustomerDraft]]
    methods: dict[str, Held[MethodDraft]]

    def payment_for(self, intent: str, mark: str | None) -> Held[PaymentDraft] | None:
        """See `records.payment_for`."""
        return self.payments.get(intent) or self.unclaimed.get(mark or "")

    def claim(self, held: Held[PaymentDraft]) -> None:
        """From now on the payment stands for the payment intent that it names."""
        self.payments[str(held.row.payment_intent)] = held
        self.unclaimed.pop(held.row.id, None)
        self.taken.add(held.row.id)

    def is_open(self, operation: str | None, subject: str) -> bool:
        """Whether the operation by our mark is about this, and has not succeeded."""
        return operation is not None and self.operations.get(operation) == subject


def load(session: Session, names: Names, fetched: Sequence[objects.BalanceTransaction]) -> Desk:
    """Everything in a query for each table, locked."""
    payments = _payments(session, names)
    known = {each.row.payment_intent: each for each in payments if each.row.payment_intent is not None}
    undecided = [each.row.id for each in payments if each.row.status not in TERMINAL]
    open_ = operations.open_among(session, names.operations, undecided)
    refunded = [each.row.id for each in payments if each.row.payment_intent in {None, *names.refunded}]
    return Desk(
        payments=known,
        unclaimed={each.row.id: each for each in payments if each.row.payment_intent is None},
        taken={each.row.id for each in known.values()},
        refunds=_refunds(session, refunded),
        operations=open_,
        charging=frozenset(open_.values()),
        lines=settlement.known(session, names.lines),
        fetched={line.id: line for line in fetched},
        customers={each.row.customer: each for each in _customers(session, names.customers)},
        methods={each.row.payment_method: each for each in _methods(session, names.methods)},
    )


def _payments(session: Session, names: Names) -> list[Held[PaymentDraft]]:
    if not names.intents:
        return []
    connection = session.connection()
    ours = among(connection, PAYMENTS.c.payment_intent, names.intents)
    either = or_(ours, among(connection, PAYMENTS.c.id, names.marks)) if names.marks else ours
    return locked(connection, PaymentDraft, PAYMENTS, wanted(PaymentDraft, PAYMENTS).where(either))


def _refunds(session: Session, payments: Collection[str]) -> dict[str, dict[str, Held[RefundDraft]]]:
    found: dict[str, dict[str, Held[RefundDraft]]] = {payment: {} for payment in payments}
    if payments:
        connection = session.connection()
        query = wanted(RefundDraft, REFUNDS).where(among(connection, REFUNDS.c.payment_id, payments))
        for each in locked(connection, RefundDraft, REFUNDS, query):
            found[each.row.payment_id][each.row.id] = each
    return found


def _customers(session: Session, names: Collection[str]) -> list[Held[CustomerDraft]]:
    connection = session.connection()
    query = wanted(CustomerDraft, CUSTOMERS).where(among(connection, CUSTOMERS.c.customer, names))
    return locked(connection, CustomerDraft, CUSTOMERS, query) if names else []


def _methods(session: Session, names: Collection[str]) -> list[Held[MethodDraft]]:
    connection = session.connection()
    query = wanted(MethodDraft, METHODS).where(among(connection, METHODS.c.payment_method, names))
    return locked(connection, MethodDraft, METHODS, query) if names else []
