"""What each role may do. A role may do all that the roles below it may."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from azpay.errors import NotAllowed
from azpay.settings.permissions import ROLES

if TYPE_CHECKING:
    from azpay.settings.permissions import Permissions


class Action(StrEnum):
    """What one may be allowed to do."""

    LOOK = "look at everybody's payments"
    CHARGE = "charge"
    CAPTURE = "capture"
    CANCEL = "cancel"
    METHODS = "change saved methods"
    REFUND = "refund"
    APPROVE = "decide on refunds"
    REPAIR = "repair the book"
    KEEP = "look after the book itself"
    LISTEN = "say where Stripe posts"


NEEDS = {
    Action.LOOK: "viewer",
    Action.CHARGE: "operator",
    Action.CAPTURE: "operator",
    Action.CANCEL: "operator",
    Action.METHODS: "operator",
    Action.REFUND: "admin",
    Action.APPROVE: "admin",
    Action.REPAIR: "admin",
    Action.KEEP: "admin",
    Action.LISTEN: "admin",
}
"""The least role for each."""


class RoleMissing(NotAllowed):
    """The actor's role does not reach as far."""

    code = "role_missing"

    def __init__(self, actor: str, role: str, action: Action) -> None:
        super().__init__(
            f"{actor} is {role}, and may not {action}: that takes {NEEDS[action]}.",
            hint="Ask someone who may, or have the profile's access table changed. `azpay whoami` shows your "
            "role.",
        )


def role_of(permissions: Permissions, actor: str) -> str:
    """The role of the actor: its own, else that of everybody."""
    grant = permissions.actors.get(actor)
    return grant.role if grant is not None and grant.role is not None else permissions.default_role


def require(permissions: Permissions, actor: str, action: Action) -> None:
    """Refuse unless the actor's role allows it. Raises RoleMissing."""
    role = role_of(permissions, actor)
    if ROLES.index(role) < ROLES.index(NEEDS[action]):
        raise RoleMissing(actor, role, action)
