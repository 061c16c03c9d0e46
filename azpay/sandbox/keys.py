"""API keys: secret ones that may do everything, and restricted ones that may do what they are told.

The names of permissions are Stripe's, as its 403 answers spell them: `rak_charge_read`. Some of them are
inferred from the others, because Stripe publishes no list.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from azpay.sandbox.routing import Route
    from azpay.sandbox.wire import Json

_RESOURCES = {
    "account": "accounts_kyc_basic",
    "accounts": "accounts_kyc_basic",
    "balance": "balance",
    "balance_settings": "balance",
    "balance_transactions": "balance",
    "charges": "charge",
    "core": "event",
    "customers": "customer",
    "disputes": "dispute",
    "events": "event",
    "files": "file",
    "mandates": "mandate",
    "payment_intents": "payment_intent",
    "payment_methods": "payment_method",
    "payouts": "payout",
    "radar": "radar",
    "refunds": "charge",
    "reporting": "report_runs_and_report_types",
    "reviews": "review",
    "setup_attempts": "setup_intent",
    "setup_intents": "setup_intent",
    "stripecli": "stripecli_session",
    "test_helpers": "charge",
    "webhook_endpoints": "webhook",
}
"""From the word after `/v1/` to what permissions call it. Refunds go with charges, and their tests too."""

_KEY = re.compile(r"(sk|rk)_test_[A-Za-z0-9_]{4,200}", re.ASCII)
_PERMISSION = re.compile(r"(?:rak_)?([a-z_]+)_(read|write)", re.ASCII)


class KeyRefused(ValueError):
    """A key or a permission that cannot be, and why."""


def permission_for(route: Route) -> str:
    """What a restricted key needs here: `rak_charge_write`."""
    word = route.pattern.split("/")[2]
    action = "read" if route.method == "GET" else "write"
    return f"rak_{_RESOURCES.get(word, word.removesuffix('s'))}_{action}"


def check_permission_name(name: str) -> str:
    """`charge_read` and `rak_charge_read` are the same. Raises KeyRefused for what Stripe does not have."""
    known = sorted(set(_RESOURCES.values()))
    found = _PERMISSION.fullmatch(name)
    if found is None or found[1] not in known:
        raise KeyRefused(
            f"There is no permission {name[:60]!r}. There are {', '.join(known)}, each with _read or _write."
        )
    return f"rak_{found[1]}_{found[2]}"


class Keys:
    """The keys of one account. What is not restricted may do everything."""

    def __init__(self, secret: Iterable[str]) -> None:
        self._permissions: dict[str, list[str] | None] = dict.fromkeys(secret)
        self._expired: list[str] = []

    def __contains__(self, key: str) -> bool:
        return key in self._permissions

    def has_expired(self, key: str) -> bool:
        return key in self._expired

    def add(self, key: str, permissions: Sequence[str] | None) -> None:
        """Without permissions, a key that may do everything. Raises KeyRefused."""
        if not _KEY.fullmatch(key) or key.startswith("sk_") is not (permissions is None):
            raise KeyRefused(
                "A secret key begins with sk_test_, a restricted one with rk_test_ and comes with its "
                "permissions; both go on with at least four letters, digits or underscores."
            )
        allowed = None if permissions is None else [check_permission_name(name) for name in permissions]
        self._permissions[key] = allowed
        if key in self._expired:
            self._expired.remove(key)

    def expire(self, key: str) -> None:
        """From now on this key is refused. Raises KeyRefused for one that is not known."""
        if key not in self._permissions:
            raise KeyRefused("There is no such key.")
        del self._permissions[key]
        self._expired.append(key)

    def lacking(self, key: str, route: Route) -> str | None:
        """The permission that is missing for this endpoint. One to write is one to read, too."""
        allowed = self._permissions[key]
        needed = permission_for(route)
        if allowed is None or needed in allowed or _writing(needed) in allowed:
            return None
        return needed

    def dump(self) -> Json:
        return {"permissions": self._permissions, "expired": self._expired}

    @classmethod
    def load(cls, data: Json) -> Keys:
        keys = cls(())
        keys._permissions = dict(data["permissions"])
        keys._expired = list(data["expired"])
        return keys


def _writing(permission: str) -> str:
    resource, _, _ = permission.rpartition("_")
    return f"{resource}_write"
