"""The live-mode guard: a script that moves real money names the account whose money it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpay.errors import Refused

if TYPE_CHECKING:
    from azpay.gateway.stripe import Gateway


class LiveRefused(Refused):
    """Live mode, and nobody has said so."""

    code = "live_refused"

    def __init__(self) -> None:
        super().__init__(
            "This profile is live, and --yes alone does not move real money.",
            hint="Add --live ACCOUNT_ID (see `azpay whoami`), or run it at a terminal and type the amount.",
        )


class LiveAccountMismatch(Refused):
    """The key belongs to another account than the one named."""

    code = "live_account_mismatch"

    def __init__(self, named: str, actual: str) -> None:
        super().__init__(
            f"The key belongs to {actual}, not to {named}. Nothing was moved.",
            hint="Check --profile and --live; `azpay whoami` shows whose key this is.",
        )


def require_account(gateway: Gateway, named: str | None) -> None:
    """Refuse unless the key belongs to the account `named`. Raises LiveRefused, LiveAccountMismatch."""
    if named is None:
        raise LiveRefused
    actual = gateway.account().id
    if actual != named:
        raise LiveAccountMismatch(named, actual)
