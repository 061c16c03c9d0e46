"""How much may move: a pure answer to a question about one amount.

Where a limit names currencies, one that it does not name may not move at all: a limit in euros is none if
the same card can be charged in yen.
"""

from __future__ import annotations

from dataclasses import fields
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from azpay.errors import Refused
from azpay.money import Money
from azpay.settings.permissions import Grant, Limits

if TYPE_CHECKING:
    from azpay.settings.permissions import Amounts, Permissions


class Kind(StrEnum):
    """What is limited. Values are those of the operations that move it."""

    CHARGE = "charge"
    REFUND = "refund"


class OverLimit(Refused):
    """One charge or refund is larger than the actor may make."""

    code = "over_limit"

    def __init__(self, actor: str, kind: Kind, money: Money, limit: Money | None) -> None:
        allowed = f"up to {limit}" if limit is not None else f"nothing in {money.currency.upper()}"
        self.why = f"A {kind} of {money} is over the limit: {actor} may {kind} {allowed} at once."
        super().__init__(
            f"{self.why} Nothing was moved.",
            hint="Have someone with a higher limit do it; limits stand in the profile's access table.",
        )


def limits_for(permissions: Permissions, actor: str, kind: Kind) -> Limits:
    """What holds for the actor: each limit of its own, else that of everybody."""
    grant = permissions.actors.get(actor, Grant())
    if kind is Kind.CHARGE:
        own, all_ = grant.charges, permissions.charges
    else:
        own, all_ = grant.refunds, permissions.refunds
    chosen: dict[str, Any] = {
        each.name: _first(getattr(own, each.name), getattr(all_, each.name)) for each in fields(Limits)
    }
    return Limits(**chosen)


def _first(own: object, of_all: object) -> object:
    return of_all if own is None else own


def require_within(permissions: Permissions, actor: str, kind: Kind, money: Money) -> None:
    """Refuse one charge or refund that is larger than the actor may make. Raises OverLimit."""
    largest = limits_for(permissions, actor, kind).largest
    if largest is None:
        return
    limit = largest.get(money.currency)
    if limit is None or money.amount > limit:
        raise OverLimit(actor, kind, money, None if limit is None else Money(limit, money.currency))


def above(threshold: Amounts, money: Money) -> bool:
    """Whether more than the threshold of its currency; one that is not named has a threshold of nothing."""
    return money.amount > threshold.get(money.currency, 0)
