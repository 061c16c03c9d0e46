"""Whether the days and runs in the book add up to what operations took of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, or_, union_all
from sqlmodel import col, select

from azpay.access.budgets import Spending, Usage
from azpay.money import Money

if TYPE_CHECKING:
    from sqlmodel import Session


def miscounted(session: Session) -> list[str]:
    """What each wrong row of usage says, and what it should."""
    held = col(Spending.returned_at).is_(None)
    taken = union_all(
        select(col(Spending.day).label("usage"), col(Spending.amount).label("amount")).where(held),
        select(col(Spending.run), col(Spending.amount)).where(held, col(Spending.run).is_not(None)),
    ).subquery()
    sums = (
        select(taken.c.usage, func.count().label("count"), func.sum(taken.c.amount).label("amount"))
        .group_by(taken.c.usage)
        .subquery()
    )
    count, amount = func.coalesce(sums.c.count, 0), func.coalesce(sums.c.amount, 0)
    wrong = (
        select(Usage, count, amount)
        .outerjoin(sums, col(Usage.id) == sums.c.usage)
        .where(or_(col(Usage.count) != count, col(Usage.amount) != amount))
    )
    return [
        f"usage {usage.id!r} says {usage.count}, {Money(usage.amount, usage.currency)}; "
        f"its operations add up to {number}, {Money(int(total), usage.currency)}"
        for usage, number, total in session.exec(wrong)
    ]
