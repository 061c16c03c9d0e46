"""What one run is held to, and the one place where it is decided."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from azpay.access import limits, roles
from azpay.access.budgets import budgets_of, spend
from azpay.access.limits import Kind
from azpay.access.roles import Action
from azpay.db import actor_of
from azpay.settings.permissions import Permissions

if TYPE_CHECKING:
    from sqlmodel import Session

    from azpay.money import Money
    from azpay.settings.permissions import Amounts

EVERYTHING = Permissions()
ACTIONS = {Kind.CHARGE: Action.CHARGE, Kind.REFUND: Action.REFUND}


@dataclass(frozen=True, slots=True)
class Guards:
    """Built once per process. All that has one `run` shares one budget, whichever process it is in."""

    permissions: Permissions = EVERYTHING
    approval_above: tuple[Amounts, ...] = ()
    """Each by itself asks for a second person: the setting, and the profile's own table."""
    approval_life: timedelta = timedelta(hours=72)
    run: str = "run"

    def require(self, actor: str, action: Action) -> None:
        """Refuse unless the actor's role allows it. Raises RoleMissing."""
        roles.require(self.permissions, actor, action)

    def require_money(self, actor: str, kind: Kind, money: Money) -> None:
        """Refuse by role, and by size, before anything is written or asked. Raises RoleMissing, OverLimit."""
        self.require(actor, ACTIONS[kind])
        limits.require_within(self.permissions, actor, kind, money)

    def allow(self, session: Session, operation: str, kind: Kind, money: Money, *, now: datetime) -> None:
        """Count an operation against the budgets, in the transaction that writes it down; call it last.

        The same operation must not be counted twice. `access.give_back` undoes it when nothing was moved.
        Raises OverBudget.
        """
        held_to = budgets_of(self.permissions, actor_of(session), kind, run=self.run, now=now)
        spend(session, held_to, operation, kind, money, now=now)

    def needs_approval(self, money: Money) -> bool:
        """Whether a refund of so much waits for a second person."""
        return any(limits.above(threshold, money) for threshold in self.approval_above)


UNGUARDED = Guards()
"""Everybody may do everything. What is done is counted all the same."""
