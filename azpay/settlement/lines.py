"""Stripe's ledger lines: what a movement cost, and when its money becomes ours."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlmodel import Session, col, select

from azpay.db.among import among
from azpay.db.upsert import keep_new
from azpay.inbox import FetchFirst
from azpay.settlement.models import BalanceTransaction

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from azpay.gateway import objects

KIND = "balance_transaction"


def take_in(session: Session, line: objects.BalanceTransaction, _now: datetime) -> None:
    """Record a ledger line. They never change at Stripe, so the first copy is the last."""
    keep_new(session, [_row(line)])


def take_in_all(session: Session, lines: Sequence[objects.BalanceTransaction]) -> None:
    """Record these, in the order of their ids: two workers that have the same wait for each other."""
    alike = {line.id: line for line in lines}
    keep_new(session, [_row(alike[identity]) for identity in sorted(alike)])


def known(session: Session, lines: Collection[str]) -> set[str]:
    """Which of these are on record."""
    query = select(BalanceTransaction.balance_transaction)
    if not lines:
        return set()
    these = among(session.connection(), col(BalanceTransaction.balance_transaction), lines)
    return set(session.exec(query.where(these)))


def _row(line: objects.BalanceTransaction) -> BalanceTransaction:
    return BalanceTransaction(
        balance_transaction=line.id,
        source=line.source,
        type=line.type,
        reporting_category=line.reporting_category,
        currency=line.currency,
        amount=line.amount,
        fee=line.fee,
        net=line.net,
        available_on=datetime.fromtimestamp(line.available_on, UTC),
        created_at=datetime.fromtimestamp(line.created, UTC),
    )


def expect(session: Session, line: str | objects.BalanceTransaction | None, now: datetime) -> None:
    """Make sure that the line is on record. Raises FetchFirst when all we have is its id."""
    if line is None:
        return
    if not isinstance(line, str):
        take_in(session, line, now)
    elif session.get(BalanceTransaction, line) is None:
        raise FetchFirst(KIND, line)


def of(session: Session, sources: Sequence[str]) -> list[BalanceTransaction]:
    """The lines of these charges, refunds and disputes, oldest first."""
    query = select(BalanceTransaction).where(col(BalanceTransaction.source).in_(sources))
    return list(session.exec(query.order_by(col(BalanceTransaction.created_at))))
