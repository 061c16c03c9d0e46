"""Money that is authorized and not yet taken, and how long a bank holds it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpay.sandbox.resources.statuses import move

if TYPE_CHECKING:
    from azpay.sandbox.wire import Json
    from azpay.sandbox.world import World

HOUR = 60 * 60
DAY = 24 * HOUR
AUTHORIZED_FOR = 7 * DAY
WITHOUT_CUSTOMER = {"visa": 4 * DAY + 18 * HOUR}
"""Where the customer was not present, by network."""

EXTENDED = {"visa": 29 * DAY + 18 * HOUR, "mastercard": 30 * DAY, "amex": 30 * DAY, "discover": 30 * DAY}


def window(network: str, *, off_session: bool, extended: bool) -> int:
    """Seconds until the hold ends by itself."""
    if extended and network in EXTENDED:
        return EXTENDED[network]
    return WITHOUT_CUSTOMER.get(network, AUTHORIZED_FOR) if off_session else AUTHORIZED_FOR


def hold(world: World, intent: Json, charge: Json) -> None:
    """Authorize only. The hold ends by itself after some days."""
    card = charge["payment_method_details"]["card"]
    extended = _extended(intent) and card["network"] in EXTENDED
    deadline = world.time + window(card["network"], off_session=intent["_off_session"], extended=extended)
    card["capture_before"] = deadline
    card["extended_authorization"] = {"status": "enabled" if extended else "disabled"}
    move(world, intent, "requires_capture", amount_capturable=intent["amount"])
    world.schedule.plan(deadline, "expire_authorization", intent["id"])
    world.emit("charge.succeeded", charge)
    world.emit("payment_intent.amount_capturable_updated", intent)


def _extended(intent: Json) -> bool:
    options: Json = intent["payment_method_options"].get("card", {})
    return bool(options.get("request_extended_authorization") == "if_available")
