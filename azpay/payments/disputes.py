"""Disputes on record: which ones stand, what is at stake, and until when somebody must answer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sqlmodel import Session, col, select, tuple_

from azpay import settlement
from azpay.db import paging
from azpay.errors import NotFound, Usage
from azpay.inbox import about, fetching
from azpay.payments.dispute_transitions import AWAITED
from azpay.payments.finding import find as find_payment
from azpay.payments.objecting import DISPUTE, WARNING
from azpay.payments.objections import Dispute, DisputeStatus, EarlyFraudWarning, Review
from azpay.payments.requests import storable

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement

    from azpay.db import Database
    from azpay.gateway.stripe import Gateway
    from azpay.inbox import Handlers, InboxEvent
    from azpay.settlement import BalanceTransaction

IDS = ("du_", "dp_")


class DisputeUnknown(NotFound):
    """No dispute on record goes by that name."""

    code = "dispute_unknown"

    def __init__(self, named: str) -> None:
        super().__init__(
            f"No dispute goes by {named!r}.",
            hint="List them with `azpay disputes list`; --refresh asks Stripe first.",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputeQuery:
    """Which disputes. The period, of when they were raised, is half-open.

    With `due_before`, those that wait for an answer of ours until then, the most urgent first.
    """

    statuses: Collection[DisputeStatus] = ()
    since: datetime | None = None
    until: datetime | None = None
    due_before: datetime | None = None
    limit: int = 50
    cursor: str | None = None

    def __post_init__(self) -> None:
        paging.require_length(self.limit, "disputes")
        if self.cursor is not None and self.due_before is not None:
            raise Usage("What is due soon has one page.", hint="Leave --cursor out, and raise --limit.")


@dataclass(frozen=True, slots=True)
class Case:
    """A dispute with the ledger lines that it brought, oldest first."""

    dispute: Dispute
    lines: list[BalanceTransaction]

    @property
    def taken(self) -> int:
        """What it has cost the balance so far, the fee included: minor units of the lines' currency."""
        return -sum(line.net for line in self.lines)

    @property
    def fee(self) -> int:
        """The part of `taken` that is Stripe's fee."""
        return sum(line.fee for line in self.lines)


@dataclass(frozen=True, slots=True)
class Page:
    """Some disputes, the cursor of the page after them, and warnings of the same period, newest first."""

    cases: list[Case]
    warnings: list[EarlyFraudWarning]
    next: str | None


@dataclass(frozen=True, slots=True)
class Objections:
    """All that stands against one payment, each list oldest first."""

    disputes: list[Case]
    warnings: list[EarlyFraudWarning]
    reviews: list[Review]


@dataclass(frozen=True, slots=True)
class CaseStory:
    """One dispute, with what was told of it and the warnings that came before."""

    case: Case
    warnings: list[EarlyFraudWarning]
    events: list[InboxEvent]


def listing(db: Database, query: DisputeQuery) -> Page:
    """One page of disputes, newest first unless they are asked for by when they are due."""
    with db.reading() as session:
        order = _order(query)
        rows = select(Dispute).where(*_conditions(session, query)).order_by(*order).limit(query.limit + 1)
        found = list(session.exec(rows))
        page = found[: query.limit]
        warnings = [] if query.cursor or query.statuses or query.due_before else _warnings(session, query)
        more = len(found) > query.limit and query.due_before is None
        return Page(_cases(session, page), warnings, page[-1].dispute if more else None)


def everything(db: Database, query: DisputeQuery) -> Iterator[Case]:
    """The disputes of all pages, from the query's cursor on."""
    while True:
        page = listing(db, query)
        yield from page.cases
        if page.next is None:
            return
        query = replace(query, cursor=page.next)


def show(db: Database, named: str) -> CaseStory:
    """A dispute by its id, or the newest one of a payment by any of its names.

    Raises DisputeUnknown, PaymentUnknown, SeveralPayments.
    """
    with db.reading() as session:
        dispute = _find(session, named)
        [case] = _cases(session, [dispute])
        of_charge = select(EarlyFraudWarning).where(EarlyFraudWarning.charge == dispute.charge)
        warnings = list(session.exec(of_charge.order_by(col(EarlyFraudWarning.created_at))))
    told = [dispute.dispute, *(warning.warning for warning in warnings)]
    return CaseStory(case, warnings, about(db, told))


def against(session: Session, payment_id: str) -> Objections:
    """What stands, or stood, against a payment."""
    disputes = select(Dispute).where(Dispute.payment_id == payment_id).order_by(col(Dispute.created_at))
    warnings = select(EarlyFraudWarning).where(EarlyFraudWarning.payment_id == payment_id)
    reviews = select(Review).where(Review.payment_id == payment_id)
    return Objections(
        _cases(session, list(session.exec(disputes))),
        list(session.exec(warnings.order_by(col(EarlyFraudWarning.created_at)))),
        list(session.exec(reviews.order_by(col(Review.created_at)))),
    )


def barring(session: Session, payment_id: str) -> Dispute | None:
    """The newest dispute for whose sake Stripe refuses to refund this payment, if there is one."""
    barred = select(Dispute).where(Dispute.payment_id == payment_id, col(Dispute.refundable).is_(False))
    return session.exec(barred.order_by(col(Dispute.created_at).desc()).limit(1)).first()


def refresh(
    db: Database, gateway: Gateway, handlers: Handlers, since: datetime, until: datetime, *, now: datetime
) -> int:
    """Take in the disputes and warnings that Stripe has of [since, until); how many there are."""
    count = 0
    for dispute in gateway.disputes(since, until):
        fetching.take_in(db, gateway, handlers, DISPUTE, dispute, now=now)
        count += 1
    for warning in gateway.early_fraud_warnings(since, until):
        fetching.take_in(db, gateway, handlers, WARNING, warning, now=now)
        count += 1
    return count


def refresh_one(db: Database, gateway: Gateway, handlers: Handlers, dispute: str, *, now: datetime) -> None:
    """Take in one dispute as Stripe has it now. Raises NoSuchObject."""
    fetching.take_in(db, gateway, handlers, DISPUTE, gateway.dispute(dispute), now=now)


def _conditions(session: Session, query: DisputeQuery) -> Iterator[ColumnElement[bool]]:
    if query.statuses:
        yield col(Dispute.status).in_(list(query.statuses))
    yield from paging.within(col(Dispute.created_at), query.since, query.until)
    if query.due_before is not None:
        yield col(Dispute.status).in_(list(AWAITED))
        yield col(Dispute.due_at) < query.due_before
    if query.cursor is not None:
        last = session.get(Dispute, query.cursor) if storable(query.cursor) else None
        if last is None:
            raise paging.CursorInvalid
        yield tuple_(col(Dispute.created_at), col(Dispute.dispute)) < (last.created_at, last.dispute)


def _order(query: DisputeQuery) -> tuple[ColumnElement[Any], ...]:
    if query.due_before is not None:
        return col(Dispute.due_at).asc(), col(Dispute.dispute).asc()
    return col(Dispute.created_at).desc(), col(Dispute.dispute).desc()


def _cases(session: Session, disputes: Sequence[Dispute]) -> list[Case]:
    lines = settlement.of(session, [dispute.dispute for dispute in disputes])
    return [Case(dispute, [line for line in lines if line.source == dispute.dispute]) for dispute in disputes]


def _warnings(session: Session, query: DisputeQuery) -> list[EarlyFraudWarning]:
    made = col(EarlyFraudWarning.created_at)
    rows = select(EarlyFraudWarning).where(*paging.within(made, query.since, query.until))
    order = (col(EarlyFraudWarning.created_at).desc(), col(EarlyFraudWarning.warning).desc())
    return list(session.exec(rows.order_by(*order).limit(query.limit)))


def _find(session: Session, named: str) -> Dispute:
    found = session.get(Dispute, named) if storable(named) else None
    if found is None and not named.startswith(IDS):
        payment = find_payment(session, named)
        newest = select(Dispute).where(Dispute.payment_id == payment.id)
        found = session.exec(newest.order_by(col(Dispute.created_at).desc()).limit(1)).first()
    if found is None:
        raise DisputeUnknown(named)
    return found
