"""An account at a glance: how much of everything there is, and what it adds up to."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from azpay.sandbox.bookkeeping import balance

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from azpay.sandbox.wire import Json
    from azpay.sandbox.world import World


def summary(world: World) -> Json:
    """`payments` and `refunds` are sums per currency of what succeeded."""
    held = balance(world)
    return {
        "objects": {rows.kind: sum(1 for _ in rows) for rows in world.collections.values()},
        "payments": _sums(world.payment_intents, "amount_received"),
        "refunds": _sums(world.refunds, "amount", _stands),
        "available": _per_currency(held["available"]),
        "pending": _per_currency(held["pending"]),
        "pending_deliveries": len(world.deliveries),
        "undelivered_events": sum(1 for event in world.events if event["pending_webhooks"]),
    }


def _stands(refund: Json) -> bool:
    return refund["status"] in ("succeeded", "pending")


def _sums(rows: Iterable[Json], field: str, keep: Callable[[Json], bool] = bool) -> dict[str, int]:
    sums = Counter[str]()
    for row in filter(keep, rows):
        sums[row["currency"]] += row[field]
    return {currency: amount for currency, amount in sorted(sums.items()) if amount}


def _per_currency(shares: Iterable[Json]) -> dict[str, int]:
    return {share["currency"]: share["amount"] for share in shares}
