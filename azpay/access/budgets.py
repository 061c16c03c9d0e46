"""What an actor has moved today, and in this run.

A row for each day, actor, kind and currency is advanced in the transaction that writes an operation down, by
one conditional update: of many operations at a budget's edge, the database lets through as many as fit. What
an operation took is noted with it, so that it is given back, once, when nothing was moved.

A day is a day of UTC, whatever zone people read: nobody gains a day by naming another zone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import BigInteger, CheckConstraint, Index, update
from sqlmodel import Field, col

from azpay.access.limits import Kind, limits_for
from azpay.db import Row, actor_of, one_of, timestamp
from azpay.db.upsert import keep_new
from azpay.errors import Refused
from azpay.money import Money

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement
    from sqlmodel import Session

    from azpay.settings.permissions import Amounts, Permissions


class Usage(Row, table=True):
    """What was moved in one period: a day, or a run. `amount` is minor units of `currency`."""

    __tablename__ = "usage"
    __table_args__ = (
        CheckConstraint("count >= 0", "count_not_negative"),
        CheckConstraint("amount >= 0", "amount_not_negative"),
        CheckConstraint("length(currency) = 3 AND currency = lower(currency)", "currency_code"),
        Index("uq_usage_period_actor_kind_currency", "period", "actor", "kind", "currency", unique=True),
    )

    id: str = Field(primary_key=True)
    period: str
    """`2026-03-02`, or the id of a run."""
    actor: str
    kind: Kind = Field(sa_type=one_of(Kind, "kind"))
    currency: str
    count: int = Field(default=0, sa_type=BigInteger)
    amount: int = Field(default=0, sa_type=BigInteger)


class Spending(Row, table=True):
    """What one operation took of its actor's day, and of its run."""

    __tablename__ = "spendings"
    __table_args__ = (CheckConstraint("amount > 0", "amount_positive"),)

    operation: str = Field(primary_key=True)
    day: str
    """A row of `usage`."""
    run: str | None = None
    """Another, where runs have a budget."""
    amount: int = Field(sa_type=BigInteger)
    taken_at: datetime = Field(sa_type=timestamp())
    returned_at: datetime | None = Field(default=None, sa_type=timestamp())
    """Nothing was moved after all."""


@dataclass(frozen=True, slots=True)
class Budget:
    """How much of one kind may move in one period, of all the actor does."""

    called: str
    period: str
    amounts: Amounts | None
    count: int | None


class OverBudget(Refused):
    """Together with what was moved before, it would be more than the actor may move in a day or a run."""

    code = "over_budget"

    def __init__(self, usage: Usage, budget: Budget, money: Money) -> None:
        used = f"{usage.count} of {usage.kind}s, {Money(usage.amount, usage.currency)}"
        super().__init__(
            f"A {usage.kind} of {money} is over {usage.actor}'s budget for this {budget.called}: "
            f"{used} so far, of {_told(budget, money.currency)}. Nothing was moved.",
            hint="Have someone else do it, or wait for the next day (UTC); see the profile's access table.",
        )


def budgets_of(
    permissions: Permissions, actor: str, kind: Kind, *, run: str, now: datetime
) -> tuple[Budget, Budget | None]:
    """The actor's day and, where runs have a budget, the run.

    The day is counted even without a budget, so that one that is set at noon knows the morning.
    """
    limits = limits_for(permissions, actor, kind)
    day = Budget("day", now.astimezone(UTC).date().isoformat(), limits.day, limits.day_count)
    if limits.run is None and limits.run_count is None:
        return day, None
    return day, Budget("run", run, limits.run, limits.run_count)


def spend(
    session: Session,
    budgets: tuple[Budget, Budget | None],
    operation: str,
    kind: Kind,
    money: Money,
    *,
    now: datetime,
) -> None:
    """Count an operation that is being written down in this transaction. Raises OverBudget.

    Call it last: rows of usage are shared by all that one actor does.
    """
    day, of_run = budgets
    counted = _advance(session, day, kind, money)
    in_run = _advance(session, of_run, kind, money) if of_run else None
    session.add(Spending(operation=operation, day=counted, run=in_run, amount=money.amount, taken_at=now))


def give_back(session: Session, operation: str, *, now: datetime) -> None:
    """Nothing was moved: count the operation no more. The second time does nothing."""
    _reckon(session, operation, col(Spending.returned_at).is_(None), now, -1)


def take_again(session: Session, operation: str) -> None:
    """It was moved after all: count it again, whatever the budget. The second time does nothing."""
    _reckon(session, operation, col(Spending.returned_at).is_not(None), None, +1)


def _reckon(
    session: Session, operation: str, changes: ColumnElement[bool], returned_at: datetime | None, times: int
) -> None:
    """Note it with the operation, and count it `times` in its day and its run."""
    noted = (
        update(Spending)
        .where(col(Spending.operation) == operation, changes)
        .values(returned_at=returned_at)
        .returning(col(Spending.day), col(Spending.run), col(Spending.amount))
        .execution_options(synchronize_session=False)
    )
    for day, run, amount in session.execute(noted).all():
        counted = (
            update(Usage)
            .where(col(Usage.id).in_([usage for usage in (day, run) if usage is not None]))
            .values(count=col(Usage.count) + times, amount=col(Usage.amount) + times * amount)
            .execution_options(synchronize_session=False)
        )
        session.execute(counted)


def _advance(session: Session, budget: Budget, kind: Kind, money: Money) -> str:
    """The id of the row that was advanced."""
    actor = actor_of(session)
    identity = f"{budget.period} {kind} {money.currency} {actor}"
    new = Usage(id=identity, period=budget.period, actor=actor, kind=kind, currency=money.currency)
    keep_new(session, [new])
    conditions = [col(Usage.id) == identity]
    if budget.count is not None:
        conditions.append(col(Usage.count) < budget.count)
    if budget.amounts is not None:
        conditions.append(col(Usage.amount) + money.amount <= budget.amounts.get(money.currency, 0))
    more = (
        update(Usage)
        .where(*conditions)
        .values(count=col(Usage.count) + 1, amount=col(Usage.amount) + money.amount)
        .execution_options(synchronize_session=False)
    )
    if session.execute(more).rowcount != 1:  # type: ignore[attr-defined]  # a cursor result
        raise OverBudget(session.get_one(Usage, identity), budget, money)
    return identity


def _told(budget: Budget, currency: str) -> str:
    count = None if budget.count is None else f"{budget.count} in number"
    amount = None if budget.amounts is None else str(Money(budget.amounts.get(currency, 0), currency))
    return " and ".join(part for part in (count, amount) if part)
