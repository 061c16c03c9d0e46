"""Early fraud warnings: the issuer suspects fraud, and nobody has disputed anything yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpay.sandbox.lists import chosen, list_page, paged_by_time
from azpay.sandbox.params import shape, text
from azpay.sandbox.routing import Call, Route

if TYPE_CHECKING:
    from azpay.sandbox.wire import Json
    from azpay.sandbox.world import World

FRAUD_TYPES = (
    "card_never_received",
    "fraudulent_card_application",
    "made_with_counterfeit_card",
    "made_with_lost_card",
    "made_with_stolen_card",
    "misc",
    "unauthorized_use_of_card",
)
_URL = "/v1/radar/early_fraud_warnings"


def warn(world: World, charge: Json, fraud_type: str = "misc") -> Json:
    warning = {
        "id": world.ids.new("issfr"),
        "object": "radar.early_fraud_warning",
        "actionable": not (charge["disputed"] or charge["refunded"]),
        "charge": charge["id"],
        "created": world.time,
        "fraud_type": fraud_type,
        "livemode": False,
        "payment_intent": charge["payment_intent"],
    }
    world.early_fraud_warnings.add(warning)
    world.emit("radar.early_fraud_warning.created", warning)
    return warning


def stand_down(world: World, charge: Json) -> None:
    """The charge was disputed or paid back: there is nothing left to do about it."""
    for warning in world.early_fraud_warnings.where("charge", charge["id"]):
        if warning["actionable"]:
            warning["actionable"] = False
            world.emit("radar.early_fraud_warning.updated", warning, previous={"actionable": True})


def _retrieve(world: World, call: Call) -> Json:
    return world.early_fraud_warnings.get(call.ids["warning"], param="early_fraud_warning")


def _list(world: World, call: Call) -> Json:
    equal = chosen(call.params, "charge", "payment_intent")
    return list_page(world.early_fraud_warnings, _URL, call.params, equal=equal)


ROUTES = (
    Route("GET", _URL, paged_by_time(charge=text(), payment_intent=text()), _list),
    Route("GET", _URL + "/{warning}", shape(), _retrieve),
)
