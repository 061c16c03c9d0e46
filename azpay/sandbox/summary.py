"""An account at a glance: how much of everything there is, and what it adds up to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpay.sandbox.bookkeeping import balance

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from azpay.sandbox.wire import Json
    from azpay.sandbox.world import World


def summary(world: World) -> Json:
    """`payments` and `refunds` are sums per currency of what succeeded."""
    held = balance(world)
    return {
        "objects": {rows.kind: len(rows) for rows in world.collections.values()},
        "payments": _nonzero(world.payment_intents.sums),
        "refunds": _nonzero(world.refunds.sums),
        "available": _per_currency(held["available"]),
        "pending": _per_currency(held["pending"]),
        "pending_deliveries": len(world.deliveries),
        "undelivered_events": world.events.count("_undelivered", True),
    }


def _nonzero(sums: Mapping[str, int]) -> dict[str, int]:
    return {currency: amount for currency, amount in sorted(sums.items()) if currency and amount}


def _per_currency(shares: Iterable[Json]) -> dict[str, int]:
    return {share["currency"]: share["amount"] for share in shares}
