"""Who may do what."""

from __future__ import annotations

import pytest

from azpay.access import Action, RoleMissing, require, role_of
from azpay.errors import NotAllowed
from azpay.settings.permissions import ROLES, Grant, Permissions

MAY = {
    "customer": set(),
    "viewer": {Action.LOOK},
    "operator": {Action.LOOK, Action.CHARGE, Action.CAPTURE, Action.CANCEL, Action.METHODS},
    "admin": set(Action),
}


def allowed(permissions: Permissions, actor: str, action: Action) -> bool:
    try:
        require(permissions, actor, action)
    except RoleMissing:
        return False
    return True


@pytest.mark.parametrize("role", ROLES)
def test_each_role_may_do_what_it_may_and_nothing_else(role: str) -> None:
    permissions = Permissions(default_role=role)

    may = {action for action in Action if allowed(permissions, "cli:ann", action)}

    assert may == MAY[role]


def test_without_a_table_everybody_is_an_admin() -> None:
    assert role_of(Permissions(), "cli:ann") == "admin"


def test_an_actors_own_role_goes_before_that_of_everybody() -> None:
    permissions = Permissions(
        default_role="viewer", actors={"cli:ann": Grant(role="admin"), "cli:bob": Grant()}
    )

    roles = [role_of(permissions, actor) for actor in ("cli:ann", "cli:bob", "cli:carl", "cli:Ann")]

    assert roles == ["admin", "viewer", "viewer", "viewer"]


def test_a_missing_role_says_who_is_what_and_which_it_takes() -> None:
    with pytest.raises(RoleMissing) as missing:
        require(Permissions(default_role="viewer"), "cli:ann", Action.REFUND)

    assert isinstance(missing.value, NotAllowed)
    assert missing.value.message == "cli:ann is viewer, and may not refund: that takes admin."
    assert "azpay whoami" in str(missing.value.hint)
