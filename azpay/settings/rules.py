"""What settings must be to each other. A rule answers with the end of a sentence, or with None.

A rule is asked only when each setting it names could be read, so one mistake is not reported twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from azpay.settings.parsing import is_loopback

if TYPE_CHECKING:
    from collections.abc import Callable

    from azpay.settings.secret import Secret

SANDBOX = "sandbox"
SANDBOX_BASE = "http://127.0.0.1:12111"
SANDBOX_KEY = "sk_test_azpay_sandbox"
SANDBOX_WEBHOOK_SECRET = "whsec_azpay_sandbox"  # noqa: S105  the sandbox's own, no one's secret

SANDBOX_ENCRYPTION_KEY = "AZPAY-EHM6A83-KC5Q68R-KFF0KQ6-83BCNWK-M83EDWG-76SB3E9-JQ8BHE5-R52ET8C"
"""So that a book of made-up payments needs no keeping of keys."""


@dataclass(frozen=True, slots=True)
class Rule:
    """`names` are the settings `broken` is given, in its order. The first of them takes the blame."""

    names: tuple[str, ...]
    broken: Callable[..., str | None]


def is_live_key(key: Secret) -> bool:
    return key.reveal().startswith(("sk_live_", "rk_live_"))


def _live_key_without_live_profile(key: Secret | None, live: bool, profile: str) -> str | None:
    if key is None or live or not is_live_key(key):
        return None
    return (
        f"is a live key, and profile {profile} is not marked live. Use a test key; or, to move real money, "
        "write live = true under a profile of its own in the configuration file."
    )


def _test_key_in_live_profile(key: Secret | None, live: bool, profile: str) -> str | None:
    if key is None or not live or is_live_key(key):
        return None
    return f"is a test key, and profile {profile} is marked live. Use a live key, or another profile."


def _live_sandbox(live: bool, profile: str) -> str | None:
    return "is true for the sandbox, which moves no money." if live and profile == SANDBOX else None


def _live_without_tls(live: bool, base: str) -> str | None:
    if live and base.startswith("http://"):
        return f"is true, and {base} has no TLS: anything on this machine could be listening there."
    return None


def _sandbox_key_elsewhere(key: Secret | None, base: str) -> str | None:
    if key is None or key.reveal() != SANDBOX_KEY or is_loopback(base):
        return None
    return f"is the sandbox's key, which everyone knows, and {base} is not on this machine."


def _sandbox_secret_elsewhere(secrets: tuple[Secret, ...], base: str) -> str | None:
    if is_loopback(base) or all(secret.reveal() != SANDBOX_WEBHOOK_SECRET for secret in secrets):
        return None
    return (
        f"holds the sandbox's secret, with which anyone could forge events, and {base} is not this machine."
    )


def _sandbox_encryption_elsewhere(keys: tuple[Secret, ...], base: str) -> str | None:
    if is_loopback(base) or all(key.reveal() != SANDBOX_ENCRYPTION_KEY for key in keys):
        return None
    return f"holds the sandbox's key, with which anyone could read the book, and {base} is not this machine."


RULES = (
    Rule(("stripe_api_key", "live", "profile"), _live_key_without_live_profile),
    Rule(("stripe_api_key", "live", "profile"), _test_key_in_live_profile),
    Rule(("live", "profile"), _live_sandbox),
    Rule(("live", "stripe_api_base"), _live_without_tls),
    Rule(("stripe_api_key", "stripe_api_base"), _sandbox_key_elsewhere),
    Rule(("webhook_secrets", "stripe_api_base"), _sandbox_secret_elsewhere),
    Rule(("encryption_key", "stripe_api_base"), _sandbox_encryption_elsewhere),
)
