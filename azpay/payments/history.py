"""What happened: pages of payments, and one payment's whole story."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlmodel import col, select

from azpay import operations, settlement
from azpay.inbox import about
from azpay.payments import disputes, listing
from azpay.payments.finding import find
from azpay.payments.models import Payment, Refund
from azpay.payments.searching import mentions

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import ColumnElement
    from sqlmodel import Session

    from azpay.db import Database
    from azpay.inbox import InboxEvent
    from azpay.operations import Operation
    from azpay.payments.disputes import Objections
    from azpay.payments.plain import PlainPayment
    from azpay.payments.queries import Query
    from azpay.settlement import BalanceTransaction, Payout


@dataclass(frozen=True, slots=True)
class Page:
    """Some payments, and the cursor of the page after them when there is one."""

    payments: list[PlainPayment]
    next: str | None


@dataclass(frozen=True, slots=True)
class Story:
    """Everything on record about one payment, each list oldest first."""

    payment: Payment
    refunds: list[Refund]
    objections: Objections
    operations: list[Operation]
    lines: list[BalanceTransaction]
    payouts: list[Payout]
    events: list[InboxEvent]


def history(db: Database, query: Query) -> Page:
    """One page of payments. Raises CursorInvalid."""
    with db.reading() as session:
        found = listing.find(session, db.ring, query, _also(session, query))
    page = found[: query.limit]
    return Page(page, query.cursor_at(page[-1]) if len(found) > query.limit else None)


def count(db: Database, query: Query) -> int:
    """How many payments the query finds, on all of its pages. Reads as many entries of an index."""
    with db.reading() as session:
        return listing.count(session, query, _also(session, query))


def _also(session: Session, query: Query) -> list[ColumnElement[bool]]:
    return [mentions(session, query.search)] if query.search is not None else []


def story(db: Database, named: str) -> Story:
    """A payment by any of its names, with all that belongs to it. Raises PaymentUnknown, SeveralPayments."""
    with db.reading() as session:
        payment = find(session, named)
        of_payment = select(Refund).where(Refund.payment_id == payment.id)
        refunds = list(session.exec(of_payment.order_by(col(Refund.created_at), col(Refund.id))))
        subjects = [payment.id, *(refund.id for refund in refunds)]
        asked = [operation for subject in subjects for operation in operations.of(session, subject)]
        objections = disputes.against(session, payment.id)
        sources = [source for source in (payment.charge, *(refund.refund for refund in refunds)) if source]
        sources += [case.dispute.dispute for case in objections.disputes]
        lines = settlement.of(session, sources)
        payouts = settlement.payouts_of(session, lines)
    told = [payment.payment_intent, *sources, *(warning.warning for warning in objections.warnings)]
    told += [review.review for review in objections.reviews]
    events = about(db, [name for name in told if name])
    return Story(payment, refunds, objections, sorted(asked, key=_when), lines, payouts, events)


def _when(operation: Operation) -> tuple[datetime, str]:
    return operation.created_at, operation.id
