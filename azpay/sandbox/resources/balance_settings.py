"""When the balance is paid out. Stripe has this as an API, and so it needs no order of the sandbox's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpay.sandbox.ledger import DAYS_PENDING
from azpay.sandbox.params import choice, hash_of, shape, unsupported
from azpay.sandbox.resources import payouting
from azpay.sandbox.routing import Call, Route

if TYPE_CHECKING:
    from azpay.sandbox.wire import Json
    from azpay.sandbox.world import World

_SCHEDULE = shape(
    interval=choice("daily", "manual", "monthly", "weekly"),
    monthly_payout_days=unsupported,
    weekly_payout_days=unsupported,
)
_PAYOUTS = shape(
    automatic_transfer_rules_by_currency=unsupported,
    minimum_balance_by_currency=unsupported,
    schedule=hash_of(_SCHEDULE),
    statement_descriptor=unsupported,
)
_PAYMENTS = shape(
    debit_negative_balances=unsupported,
    payouts=hash_of(_PAYOUTS),
    settlement_timing=unsupported,
)


def _retrieve(world: World, call: Call) -> Json:  # noqa: ARG001 - every handler is called alike
    interval = world.policy.payouts
    schedule: Json = {"interval": interval}
    if interval == "weekly":
        schedule["weekly_payout_days"] = ["monday"]
    if interval == "monthly":
        schedule["monthly_payout_days"] = [1]
    return {
        "object": "balance_settings",
        "payments": {
            "debit_negative_balances": False,
            "payouts": {
                "schedule": schedule,
                "statement_descriptor": None,
                "status": "enabled",
            },
            "settlement_timing": {"delay_days": DAYS_PENDING, "start_of_day": None},
        },
    }


def _update(world: World, call: Call) -> Json:
    schedule = call.params.get("payments", {}).get("payouts", {}).get("schedule", {})
    if "interval" in schedule:
        world.policy = world.policy.changed({"payouts": schedule["interval"]})
        payouting.replan(world)
        world.emit("balance_settings.updated", _retrieve(world, call))
    return _retrieve(world, call)


ROUTES = (
    Route("GET", "/v1/balance_settings", shape(), _retrieve),
    Route("POST", "/v1/balance_settings", shape(payments=hash_of(_PAYMENTS)), _update),
)
