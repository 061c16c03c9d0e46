"""Saved payment methods: references to what Stripe keeps."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from sqlmodel import col, select, tuple_

from azpay import operations
from azpay.errors import NotFound
from azpay.gateway import NoSuchObject, StripeRefused
from azpay.operations import Kind
from azpay.payments.customers import identify, lookup
from azpay.payments.models import Customer, PaymentMethod
from azpay.payments.records import absorb_customer, absorb_method
from azpay.payments.requests import RequestInvalid, check_customer, check_method

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlmodel import Session

    from azpay.db import Database
    from azpay.gateway import objects
    from azpay.gateway.stripe import Gateway
    from azpay.operations import Operation

    MethodErrand = operations.Plain[objects.PaymentMethod, PaymentMethod]


class MethodUnknown(NotFound):
    """The customer has no such saved method on record."""

    code = "method_unknown"


def saved(db: Database, customer: str | None = None) -> list[PaymentMethod]:
    """The methods that can be charged, newest first; of one customer, or of all."""
    query = select(PaymentMethod).where(
        col(PaymentMethod.removed_at).is_(None), col(PaymentMethod.customer).is_not(None)
    )
    if customer is not None:
        query = query.where(PaymentMethod.customer == customer)
    with db.reading() as session:
        return list(session.exec(query.order_by(col(PaymentMethod.created_at).desc())))


def expiring(db: Database, before: datetime) -> list[PaymentMethod]:
    """Saved cards whose last month ends by then, expired ones included; the first to go first.

    A card is good until the end of the month printed on it.
    """
    last_month = tuple_(col(PaymentMethod.exp_year), col(PaymentMethod.exp_month))
    query = select(PaymentMethod).where(
        col(PaymentMethod.removed_at).is_(None),
        col(PaymentMethod.customer).is_not(None),
        last_month < (before.year, before.month),
    )
    first = (col(PaymentMethod.exp_year), col(PaymentMethod.exp_month), col(PaymentMethod.payment_method))
    with db.reading() as session:
        return list(session.exec(query.order_by(*first)))


def defaults(db: Database) -> set[str]:
    """The ids of all methods that are some customer's default."""
    query = select(Customer.default_method).where(col(Customer.default_method).is_not(None))
    with db.reading() as session:
        return {str(method) for method in session.exec(query)}


def refresh(db: Database, gateway: Gateway, customer: str, *, now: datetime) -> list[PaymentMethod]:
    """Take in a customer's methods as Stripe has them now; what is no longer there was removed."""
    here = {method.payment_method for method in saved(db, customer)}
    there = gateway.payment_methods(customer)
    about = gateway.customer(customer)
    gone = here - {method.id for method in there}
    db.write(lambda session: _take_in(session, about, there, gone, now))
    return saved(db, customer)


def _take_in(
    session: Session,
    customer: objects.Customer,
    there: Sequence[objects.PaymentMethod],
    gone: set[str],
    now: datetime,
) -> None:
    absorb_customer(session, customer, now=now)
    for method in there:
        absorb_method(session, method, now=now)
    for method_id in gone:
        session.get_one(PaymentMethod, method_id).removed_at = now


@operations.before_asking()
def add(db: Database, gateway: Gateway, method: str, who: str, *, now: datetime) -> PaymentMethod:
    """Attach a method to a customer, known by id or e-mail. Twice is once.

    https://docs.stripe.com/api/payment_methods/attach
    """
    check_method(method)
    check_customer(who)
    customer = identify(db, gateway, who, now=now)
    digest = operations.fingerprint(Kind.ATTACH, method=method, customer=customer)
    asked = {"payment_method": method, "customer": customer}
    operation = _planned(db, Kind.ATTACH, method, digest, asked, now)
    return operations.carry_out(db, operation, _attaching(gateway, operation, now), now=now)


def _attaching(gateway: Gateway, operation: Operation, now: datetime) -> MethodErrand:
    asked = operation.parameters or {}

    def ask(key: str) -> objects.PaymentMethod:
        return gateway.attach(operation.subject, asked["customer"], key=key)

    def look() -> objects.PaymentMethod | None:
        found = _there(gateway, operation.subject)
        return found if found and found.customer == asked.get("customer", found.customer or "") else None

    return operations.Plain(ask, partial(absorb_method, now=now), PaymentMethod, look)


@operations.before_asking()
def remove(db: Database, gateway: Gateway, method: str, *, now: datetime) -> PaymentMethod:
    """Detach a method for good: Stripe never lets it be used again."""
    ours = _known(db, method)
    if ours.removed_at is not None:
        return ours
    digest = operations.fingerprint(Kind.DETACH, method=method)
    asked = {"payment_method": method, "customer": ours.customer}
    operation = _planned(db, Kind.DETACH, method, digest, asked, now)
    return operations.carry_out(db, operation, _detaching(gateway, operation, now), now=now)


def _detaching(gateway: Gateway, operation: Operation, now: datetime) -> MethodErrand:
    method, owner = operation.subject, (operation.parameters or {}).get("customer")

    def look() -> objects.PaymentMethod | None:
        found = _there(gateway, method)
        return found if found and found.customer is None else None

    record = partial(_record_removal, customer=owner, now=now)
    return operations.Plain(partial(_detach, gateway, method), record, PaymentMethod, look)


def _there(gateway: Gateway, method: str) -> objects.PaymentMethod | None:
    """None where Stripe has no such method, so that nothing can have been done with it."""
    try:
        return gateway.payment_method(method)
    except NoSuchObject:
        return None


def _detach(gateway: Gateway, method: str, key: str) -> objects.PaymentMethod:
    """One that was detached already, by whomever, is what we want."""
    try:
        return gateway.detach(method, key=key)
    except StripeRefused:
        found = gateway.payment_method(method)
        if found.customer is not None:
            raise
        return found


def _record_removal(
    session: Session, answer: objects.PaymentMethod, *, customer: str | None, now: datetime
) -> PaymentMethod:
    owner = session.get(Customer, customer) if customer is not None else None
    if owner is not None and owner.default_method == answer.id:
        owner.default_method = None
    return absorb_method(session, answer, now=now)


@operations.before_asking()
def make_default(
    db: Database, gateway: Gateway, method: str, who: str | None = None, *, now: datetime
) -> Customer:
    """Charge this method when none is named; of the customer it belongs to, unless another is given."""
    owner = lookup(db, gateway, who, now=now) if who else _known(db, method).customer
    if owner is None:
        raise RequestInvalid(f"{method} belongs to no customer.", hint="Attach it with `azpay methods add`.")
    digest = operations.fingerprint(Kind.DEFAULT, method=method, customer=owner)
    asked = {"payment_method": method, "customer": owner}
    operation = _planned(db, Kind.DEFAULT, owner, digest, asked, now)
    return operations.carry_out(db, operation, _choosing(gateway, operation, now), now=now)


def _choosing(
    gateway: Gateway, operation: Operation, now: datetime
) -> operations.Plain[objects.Customer, Customer]:
    owner, method = operation.subject, (operation.parameters or {}).get("payment_method", "")

    def look() -> objects.Customer | None:
        found = gateway.customer(owner)
        return found if found.default_method == method else None

    def ask(key: str) -> objects.Customer:
        answer = gateway.set_default_method(owner, method, key=key)
        return gateway.customer(owner) if operation.attempts else answer  # a key repeats its first answer

    return operations.Plain(ask, partial(absorb_customer, now=now), Customer, look)


def rebuild_attach(_: Session, gateway: Gateway, operation: Operation, now: datetime) -> MethodErrand:
    """The errand of saving a method, from what is on record."""
    return _attaching(gateway, operation, now)


def rebuild_detach(_: Session, gateway: Gateway, operation: Operation, now: datetime) -> MethodErrand:
    """The errand of removing a method, from what is on record."""
    return _detaching(gateway, operation, now)


def rebuild_default(
    _: Session, gateway: Gateway, operation: Operation, now: datetime
) -> operations.Plain[objects.Customer, Customer]:
    """The errand of choosing a default, from what is on record."""
    return _choosing(gateway, operation, now)


def _planned(
    db: Database, kind: Kind, subject: str, digest: str, asked: Mapping[str, str | None], now: datetime
) -> Operation:
    def work(session: Session) -> Operation:
        operation, _ = operations.plan(session, kind, subject, digest=digest, now=now)
        operations.asking(operation, dict(asked))
        return operation

    return db.write(work)


def _known(db: Database, method: str) -> PaymentMethod:
    check_method(method)
    with db.reading() as session:
        ours = session.get(PaymentMethod, method)
    if ours is None:
        raise MethodUnknown(
            f"No saved method goes by {method}.",
            hint="`azpay methods list --customer cus_… --refresh` asks Stripe.",
        )
    return ours
