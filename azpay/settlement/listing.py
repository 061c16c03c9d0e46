"""Payouts on record, the newest first, and what the account holds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sqlalchemy import func
from sqlmodel import Session, col, select, tuple_

from azpay.db import paging
from azpay.errors import NotFound
from azpay.inbox import about, fetching
from azpay.settlement.lines import of
from azpay.settlement.models import Balance, BalanceTransaction, Payout, PayoutStatus
from azpay.settlement.payouts import PAYOUT, PAYOUT_LINES, take_in_balance

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import datetime

    from sqlalchemy import ColumnElement

    from azpay.db import Database
    from azpay.gateway import objects
    from azpay.gateway.stripe import Gateway
    from azpay.inbox import Handlers, InboxEvent

READY = "completed"
"""Stripe's word for a payout whose lines it is sure of."""


class PayoutUnknown(NotFound):
    """No payout on record goes by that name."""

    code = "payout_unknown"

    def __init__(self, named: str) -> None:
        super().__init__(
            f"No payout goes by {named!r}.",
            hint="List them with `azpay payouts list`; --refresh asks Stripe first.",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutQuery:
    """Which payouts, by when they were made: a half-open period."""

    statuses: Collection[PayoutStatus] = ()
    since: datetime | None = None
    until: datetime | None = None
    limit: int = 50
    cursor: str | None = None

    def __post_init__(self) -> None:
        paging.require_length(self.limit, "payouts")


@dataclass(frozen=True, slots=True)
class Page:
    """Some payouts, and the cursor of the page after them when there is one."""

    payouts: list[Payout]
    next: str | None


@dataclass(frozen=True, slots=True)
class PayoutStory:
    """One payout: the lines of its going and coming back, how many lines it is made of, and what was told."""

    payout: Payout
    lines: list[BalanceTransaction]
    made_of: int
    events: list[InboxEvent]


def listing(db: Database, query: PayoutQuery) -> Page:
    """One page of payouts. Raises CursorInvalid."""
    order = (col(Payout.created_at).desc(), col(Payout.payout).desc())
    with db.reading() as session:
        rows = select(Payout).where(*_conditions(session, query)).order_by(*order)
        found = list(session.exec(rows.limit(query.limit + 1)))
    page = found[: query.limit]
    return Page(page, page[-1].payout if len(found) > query.limit else None)


def everything(db: Database, query: PayoutQuery) -> Iterator[Payout]:
    """The payouts of all pages, from the query's cursor on."""
    while True:
        page = listing(db, query)
        yield from page.payouts
        if page.next is None:
            return
        query = replace(query, cursor=page.next)


def show(db: Database, named: str) -> PayoutStory:
    """A payout by its id, or by the trace id on the bank's statement. Raises PayoutUnknown."""
    with db.reading() as session:
        payout = _find(session, named)
        in_it = select(func.count()).where(BalanceTransaction.payout == payout.payout)
        lines, made_of = of(session, [payout.payout]), session.exec(in_it).one()
    return PayoutStory(payout, lines, made_of, about(db, [payout.payout]))


def payouts_of(session: Session, lines: Collection[BalanceTransaction]) -> list[Payout]:
    """The payouts that brought these lines to the bank, oldest first, as far as Stripe has said."""
    named = {line.payout for line in lines if line.payout is not None}
    rows = select(Payout).where(col(Payout.payout).in_(named))
    return list(session.exec(rows.order_by(col(Payout.created_at))))


def refresh(
    db: Database, gateway: Gateway, handlers: Handlers, since: datetime, until: datetime, *, now: datetime
) -> int:
    """Take in the payouts that Stripe has of [since, until); how many there are."""
    count = 0
    for payout in gateway.payouts(since, until):
        fetching.take_in(db, gateway, handlers, PAYOUT, payout, now=now)
        count += 1
    return count


def refresh_one(db: Database, gateway: Gateway, handlers: Handlers, payout: str, *, now: datetime) -> None:
    """Take in a payout as Stripe has it now, with what it is made of once Stripe says so."""
    found: objects.Payout = gateway.payout(payout)
    if found.automatic and found.reconciliation_status == READY:
        fetching.take_in(db, gateway, handlers, PAYOUT_LINES, gateway.itemized(payout), now=now)
    else:
        fetching.take_in(db, gateway, handlers, PAYOUT, found, now=now)


def balances(db: Database) -> list[Balance]:
    """What the account holds, as it was last told, by currency."""
    with db.reading() as session:
        return list(session.exec(select(Balance).order_by(col(Balance.currency))))


def refresh_balance(db: Database, gateway: Gateway, *, now: datetime) -> None:
    """Ask Stripe what the account holds now."""
    held = gateway.balance()
    db.write(lambda session: take_in_balance(session, held, at=now, now=now))


def _conditions(session: Session, query: PayoutQuery) -> Iterator[ColumnElement[bool]]:
    if query.statuses:
        yield col(Payout.status).in_(list(query.statuses))
    yield from paging.within(col(Payout.created_at), query.since, query.until)
    if query.cursor is not None:
        last = session.get(Payout, query.cursor) if "\0" not in query.cursor else None
        if last is None:
            raise paging.CursorInvalid
        yield tuple_(col(Payout.created_at), col(Payout.payout)) < (last.created_at, last.payout)


def _find(session: Session, named: str) -> Payout:
    found = None
    if named.isprintable():
        traced = select(Payout).where(Payout.trace_id == named).order_by(col(Payout.created_at).desc())
        found = session.get(Payout, named) or session.exec(traced.limit(1)).first()
    if found is None:
        raise PayoutUnknown(named)
    return found
