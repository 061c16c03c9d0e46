"""How operations stand, for whoever watches: read off an index."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func
from sqlmodel import col, select

from azpay.operations.models import Operation, State

if TYPE_CHECKING:
    from azpay.db import Database


def count_by_state(db: Database) -> dict[State, int]:
    """How many operations there are in each state; states without any are left out."""
    counted = select(Operation.state, func.count()).group_by(col(Operation.state))
    with db.reading() as session:
        return {State(state): count for state, count in session.exec(counted)}
