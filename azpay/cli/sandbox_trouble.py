"""What a sandbox is told to make of requests and money: chaos, rate limits, further keys, payouts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from azpay.errors import Usage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from azpay.sandbox import Sandbox
    from azpay.sandbox.chaos import Profile


class ChaosWrong(Usage):
    """A chaos profile that is not known, or a file that cannot be followed."""

    code = "chaos_wrong"


class RateLimitsWrong(Usage):
    """Rate limits that are not known."""

    code = "rate_limits_wrong"


class SandboxKeyWrong(Usage):
    """A key that Stripe's test mode would not have, or a permission that does not exist."""

    code = "sandbox_key_wrong"


class PayoutsWrong(Usage):
    """A schedule of payouts that Stripe does not have."""

    code = "payouts_wrong"


def follow_chaos(engine: Sandbox, chaos: str | None, *, seed: int) -> None:
    """A profile by name, or from a TOML file. Without one there is none, whatever the state remembers."""
    engine.follow(_profile(chaos or "calm", seed))


def _profile(chaos: str, seed: int) -> Profile:
    from azpay.sandbox.chaos import PROFILES, ChaosUnreadable, known_profile, read_profile

    file = Path(chaos)
    try:
        if chaos in PROFILES or not (file.suffix or file.exists()):
            return known_profile(chaos, seed=seed)
        return read_profile(file, seed=seed)
    except ChaosUnreadable as error:
        hint = "Use mild, storm, or a TOML file; docs/reference/sandbox-faults.md shows one."
        raise ChaosWrong(str(error), hint=hint) from error


def limit(engine: Sandbox, rate_limits: str) -> None:
    try:
        engine.limit_requests(rate_limits)
    except ValueError as error:
        raise RateLimitsWrong(str(error)) from error


def add_keys(engine: Sandbox, keys: Sequence[str]) -> None:
    """`sk_test_…`, or `rk_test_…:charge_read,customer_write`."""
    for each in keys:
        key, restricted, permissions = each.partition(":")
        try:
            engine.add_key(key, permissions.split(",") if restricted else None)
        except ValueError as error:
            raise SandboxKeyWrong(str(error)) from error


def pay_out(engine: Sandbox, schedule: str) -> None:
    try:
        engine.agree(engine.policy.changed({"payouts": schedule}))
    except ValueError as error:
        hint = "Use daily, weekly, monthly or manual."
        raise PayoutsWrong(f"There is no schedule {schedule[:40]!r} for payouts.", hint=hint) from error
