"""Holding a row against the book, before anything moves, and without asking Stripe."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol

from sqlmodel import col, or_, select

from azpay.db.ciphers import normal
from azpay.db.sealing import found_by
from azpay.errors import AzpayError
from azpay.money import Money
from azpay.payments.batches.asking import Terms, money
from azpay.payments.batches.mistakes import Mistake, mistake
from azpay.payments.charges import SUSPICIOUS
from azpay.payments.finding import find
from azpay.payments.models import Customer, Payment, PaymentMethod, PaymentStatus, Refund, RefundStatus
from azpay.payments.records import RETURNING
from azpay.payments.requests import ChargeRequest, RefundRequest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from sqlmodel import Session

AT_ONCE = 200


class Weighed(NamedTuple):
    """What a row would move, or what speaks against it."""

    money: Money | None
    objections: tuple[Mistake, ...] = ()
    payment: str | None = None


class Asked(NamedTuple):
    """A row as it was read. `cells` holds the amount of a refund, whose currency is the payment's."""

    row: int
    request: ChargeRequest | RefundRequest
    cells: Mapping[str, str]


class Scales(Protocol):
    """Weighs the rows of one file in their order, and remembers those before."""

    def weigh(self, session: Session, rows: Sequence[Asked]) -> Iterator[Weighed]:
        """One answer a row."""


class Seen:
    """In which row something stood first: a digest each, so that long files stay small."""

    def __init__(self) -> None:
        self._rows: dict[bytes, int] = {}

    def before(self, row: int, *what: object) -> int | None:
        """The earlier row with the same, if there is one."""
        digest = hashlib.blake2b(repr(what).encode(), digest_size=12).digest()
        first = self._rows.setdefault(digest, row)
        return None if first == row else first


def _repeats(row: int, first: int | None, earlier: str | None) -> tuple[Mistake, ...]:
    if first is not None:
        return (Mistake(row, f"is the same as row {first}.", suspected=True),)
    if earlier is not None:
        return (Mistake(row, f"was done minutes ago: {earlier}.", suspected=True),)
    return ()


# charges


@dataclass(slots=True)
class Charges:
    """By customer, amount, currency and reference, as `charge` suspects a repetition."""

    terms: Terms
    recent: Mapping[tuple[str, int, str | None, str | None], str]
    seen: Seen = field(default_factory=Seen)

    @classmethod
    def beside(cls, session: Session, terms: Terms, now: datetime) -> Charges:
        young = or_(col(Payment.created_at) > now - SUSPICIOUS, Payment.status == PaymentStatus.UNKNOWN)
        gone = col(Payment.status).in_((PaymentStatus.FAILED, PaymentStatus.CANCELED))
        rows = session.exec(select(Payment).where(young, ~gone))
        same = {(each.currency, each.amount, each.customer, each.reference): each.id for each in rows}
        return cls(terms, same)

    def weigh(self, session: Session, rows: Sequence[Asked]) -> Iterator[Weighed]:
        requests = [row.request for row in rows if isinstance(row.request, ChargeRequest)]
        people = _People.named(session, requests)
        for row, request in zip(rows, requests, strict=True):
            try:
                customer = people.check(request)
            except AzpayError as error:
                yield Weighed(None, (mistake(row.row, None, error),))
            else:
                yield Weighed(request.money, self._repeated(row.row, request, customer))

    def _repeated(self, row: int, request: ChargeRequest, customer: str | None) -> tuple[Mistake, ...]:
        if self.terms.allow_duplicate:
            return ()
        same = (request.money.currency, request.money.amount, customer, request.reference)
        return _repeats(row, self.seen.before(row, *same), self.recent.get(same))


class CustomerGone(AzpayError):
    """The customer was deleted at Stripe, or the method removed."""


@dataclass(frozen=True, slots=True)
class _People:
    """Who pays, and with what, as far as the book knows."""

    by_id: Mapping[str, Customer]
    by_email: Mapping[str, Sequence[Customer]]
    methods: Mapping[str, PaymentMethod]

    @classmethod
    def named(cls, session: Session, requests: Sequence[ChargeRequest]) -> _People:
        who = {request.customer for request in requests if request.customer}
        emails = {name for name in who if "@" in name}
        methods = {request.payment_method for request in requests if request.payment_method}
        known = session.exec(select(Customer).where(col(Customer.customer).in_(who - emails)))
        saved = session.exec(select(PaymentMethod).where(col(PaymentMethod.payment_method).in_(methods)))
        return cls(
            {each.customer: each for each in known},
            _with_emails(session, emails),
            {each.payment_method: each for each in saved},
        )

    def check(self, request: ChargeRequest) -> str | None:
        """The customer's id as far as it is known. Raises what stands against charging them."""
        customer = self._customer(request.customer)
        method = self.methods.get(request.payment_method or "")
        if customer is not None and customer.deleted:
            raise CustomerGone(f"{customer.customer} was deleted at Stripe.", hint="Charge another customer.")
        if method is not None and method.removed_at is not None:
            raise CustomerGone(f"{method.payment_method} was removed.", hint="Name a method that is saved.")
        if method is not None and customer is not None and method.customer not in {None, customer.customer}:
            raise CustomerGone(
                f"{method.payment_method} belongs to another customer.", hint="Name their own."
            )
        return customer.customer if customer else request.customer

    def _customer(self, named: str | None) -> Customer | None:
        if named is None or "@" not in named:
            return self.by_id.get(named or "")
        found = self.by_email.get(normal(named), ())
        if len(found) > 1:
            ids = ", ".join(sorted(each.customer for each in found))
            raise CustomerGone(f"{len(found)} customers have that e-mail: {ids}.", hint="Give the cus_… id.")
        return found[0] if found else None


def _with_emails(session: Session, emails: set[str]) -> dict[str, list[Customer]]:
    found: dict[str, list[Customer]] = {}
    if emails:
        index = col(Customer.email_index)
        one_of_them = or_(*(found_by(session.connection(), index, email) for email in sorted(emails)))
        for each in session.exec(select(Customer).where(one_of_them, col(Customer.deleted).is_(False))):
            found.setdefault(normal(each.email or ""), []).append(each)
    return found


# refunds


@dataclass(slots=True)
class Refunds:
    """What is left of each payment after the rows before."""

    terms: Terms
    recent: Mapping[tuple[str, int], str]
    seen: Seen = field(default_factory=Seen)
    taken: Counter[str] = field(default_factory=Counter)

    @classmethod
    def beside(cls, session: Session, terms: Terms, now: datetime) -> Refunds:
        young = or_(col(Refund.created_at) > now - SUSPICIOUS, Refund.status == RefundStatus.UNKNOWN)
        found = select(Refund.payment_id, Refund.amount, Refund.id)
        rows = session.exec(found.where(young, col(Refund.status).in_(RETURNING)))
        return cls(terms, {(payment, amount): identity for payment, amount, identity in rows})

    def weigh(self, session: Session, rows: Sequence[Asked]) -> Iterator[Weighed]:
        for row in rows:
            try:
                payment = find(session, row.cells["payment"])
            except AzpayError as error:
                yield Weighed(None, (mistake(row.row, "payment", error),))
            else:
                yield self._of(row, payment)

    def _of(self, row: Asked, payment: Payment) -> Weighed:
        left = payment.amount_captured - payment.amount_refunded - self.taken[payment.id]
        try:
            giving = self._giving(row, payment, left)
        except AzpayError as error:
            return Weighed(None, (mistake(row.row, "amount", error),))
        wrong = _beyond(row.row, payment, giving, left)
        if wrong is not None:
            return Weighed(None, (wrong,))
        self.taken[payment.id] += giving.amount
        return Weighed(giving, self._repeated(row.row, payment.id, giving.amount), payment.id)

    def _giving(self, row: Asked, payment: Payment, left: int) -> Money:
        typed = row.cells.get("amount")
        return Money(left, payment.currency) if typed is None else money(typed, payment.currency, self.terms)

    def _repeated(self, row: int, payment: str, amount: int) -> tuple[Mistake, ...]:
        if self.terms.allow_duplicate:
            return ()
        return _repeats(row, self.seen.before(row, payment, amount), self.recent.get((payment, amount)))


def _beyond(row: int, payment: Payment, giving: Money, left: int) -> Mistake | None:
    if payment.status is not PaymentStatus.SUCCEEDED:
        return Mistake(row, f"{payment.id} is {payment.status}: there is nothing to give back.", "payment")
    if left <= 0:
        return Mistake(row, f"nothing is left of {payment.id}, earlier rows counted.", "payment")
    if not 0 < giving.amount <= left:
        room = Money(left, payment.currency)
        return Mistake(
            row, f"{giving} is not within the {room} left of {payment.id}, earlier rows counted.", "amount"
        )
    return None
