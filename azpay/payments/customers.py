"""Who pays: a customer by Stripe's id, or by e-mail."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from sqlmodel import col, select

from azpay import operations
from azpay.db.book_keys import blind_name
from azpay.db.sealing import found_by
from azpay.operations import Kind, Operation
from azpay.payments.models import Customer
from azpay.payments.records import OPERATION_KEY, absorb_customer
from azpay.payments.requests import RequestInvalid

if TYPE_CHECKING:
    from datetime import datetime

    from sqlmodel import Session

    from azpay.db import Database
    from azpay.gateway import objects
    from azpay.gateway.stripe import Gateway


class SeveralCustomers(RequestInvalid):
    """Stripe lets several customers share an e-mail; only a person can say which is meant."""

    code = "several_customers"

    def __init__(self, email: str, ids: list[str]) -> None:
        super().__init__(
            f"{len(ids)} customers have the e-mail {email}: {', '.join(ids)}.",
            hint="Give the id: --customer cus_…",
        )


def identify(db: Database, gateway: Gateway, who: str, *, now: datetime) -> str:
    """The customer's id. An e-mail is looked up here, then at Stripe, and made a customer if it is new."""
    if "@" not in who:
        return who
    return lookup(db, gateway, who, now=now) or _create(db, gateway, who, now=now)


def lookup(db: Database, gateway: Gateway, who: str, *, now: datetime) -> str | None:
    """The customer's id, or None when nobody has that e-mail. Raises SeveralCustomers."""
    known = on_record(db, who)
    if known is not None:
        return known
    there = gateway.customers_with(who)
    db.write(lambda session: [absorb_customer(session, customer, now=now) for customer in there])
    return _the_one(who, [customer.id for customer in there])


def on_record(db: Database, who: str) -> str | None:
    """The customer's id as far as the book knows, without asking Stripe. Raises SeveralCustomers."""
    if "@" not in who:
        return who
    with db.reading() as session:
        return _known(session, who)


def _known(session: Session, email: str) -> str | None:
    has_email = found_by(session.connection(), col(Customer.email_index), email)
    here = select(Customer.customer).where(has_email, col(Customer.deleted).is_(False))
    return _the_one(email, list(session.exec(here)))


def _the_one(email: str, ids: list[str]) -> str | None:
    if len(ids) > 1:
        raise SeveralCustomers(email, sorted(ids))
    return ids[0] if ids else None


def _create(db: Database, gateway: Gateway, email: str, *, now: datetime) -> str:
    operation, known = db.write(lambda session: _intended(session, email, now))
    if known is not None:
        return known
    return operations.carry_out(db, operation, _making(gateway, operation, now), now=now).customer


def _intended(session: Session, email: str, now: datetime) -> tuple[Operation, str | None]:
    """The operation, and the customer when another process made it since we looked."""
    digest = operations.fingerprint(Kind.CUSTOMER, email=email)
    subject = blind_name(session.connection(), "email", email)
    operation, _ = operations.plan(session, Kind.CUSTOMER, subject, digest=digest, now=now)
    operations.asking(operation, {"email": email, "metadata": {OPERATION_KEY: operation.id}})
    known = _known(session, email)
    if known is not None:
        operations.succeed(session, operation.id, known, now=now)
    return operation, known


def rebuild(
    _: Session, gateway: Gateway, operation: Operation, now: datetime
) -> operations.Plain[objects.Customer, Customer]:
    """The errand of making a customer, from what is on record."""
    return _making(gateway, operation, now)


def _making(
    gateway: Gateway, operation: Operation, now: datetime
) -> operations.Plain[objects.Customer, Customer]:
    def ask(key: str) -> objects.Customer:
        answer = gateway.create_customer(operations.asked(operation), key=key)
        return gateway.customer(answer.id) if operation.attempts else answer  # a key repeats its first answer

    def look() -> objects.Customer | None:
        """By its mark, among those with the e-mail; one from before parameters were kept cannot be found."""
        email = (operation.parameters or {}).get("email")
        there = gateway.customers_with(email) if email else []
        return next((found for found in there if found.metadata.get(OPERATION_KEY) == operation.id), None)

    return operations.Plain(ask, partial(absorb_customer, now=now), Customer, look)


def default_method(db: Database, gateway: Gateway, customer: str, *, now: datetime) -> str | None:
    """The method to charge when none is named: as we know it, else as Stripe says."""
    with db.reading() as session:
        known = session.get(Customer, customer)
    if known is not None and known.default_method is not None:
        return known.default_method
    answer = gateway.customer(customer)
    if answer.deleted:
        raise RequestInvalid(f"{customer} was deleted at Stripe.", hint="Charge another customer.")
    return db.write(lambda session: absorb_customer(session, answer, now=now)).default_method
