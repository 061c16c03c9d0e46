"""What ends a hold: capturing it, letting it go, or letting it run out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpay.sandbox import currencies, wording
from azpay.sandbox.errors import bad_request, unexpected_state
from azpay.sandbox.lists import chosen
from azpay.sandbox.params import (
    boolean,
    choice,
    clearable,
    integer,
    merged_metadata,
    metadata,
    opaque,
    shape,
    text,
    unsupported,
)
from azpay.sandbox.resources import charges, debits, reviews
from azpay.sandbox.resources.intent_parameters import check_descriptors, check_statement
from azpay.sandbox.resources.statuses import move
from azpay.sandbox.routing import Call, Route

if TYPE_CHECKING:
    from collections.abc import Mapping

    from azpay.sandbox.routing import Work
    from azpay.sandbox.wire import Json
    from azpay.sandbox.world import World

_CANCELABLE = ("requires_payment_method", "requires_capture", "requires_confirmation", "requires_action")
_CAPTURE = shape(
    amount_details=opaque,
    amount_to_capture=integer(1),
    application_fee_amount=unsupported,
    final_capture=boolean,
    hooks=opaque,
    metadata=metadata,
    payment_details=opaque,
    statement_descriptor=clearable(text(22)),
    statement_descriptor_suffix=clearable(text(22)),
    transfer_data=unsupported,
)
_CANCEL = shape(
    cancellation_reason=choice("abandoned", "duplicate", "fraudulent", "requested_by_customer"),
)


def _capture(world: World, call: Call) -> Json:
    intent = world.payment_intents.get(call.ids["intent"], param="intent")
    if intent["status"] != "requires_capture":
        raise unexpected_state(wording.cannot_capture(intent["status"]))
    amount = _amount_to_capture(intent, call.params)
    check_descriptors(call.params)
    check_statement(intent, call.params)
    _describe(intent, call.params)
    charge = world.charges.get(intent["latest_charge"])
    charges.put_on_statement(charge, intent)
    charges.capture(world, charge, amount, wait=True)
    move(world, intent, "succeeded", amount_received=amount, amount_capturable=0)
    world.emit("charge.captured", charge, previous={"amount_captured": 0, "captured": False})
    world.emit("payment_intent.succeeded", intent)
    return intent


def _describe(intent: Json, params: Json) -> None:
    if "metadata" in params:
        intent["metadata"] = merged_metadata(intent["metadata"], params["metadata"])
    intent.update(chosen(params, "statement_descriptor_suffix"))


def _amount_to_capture(intent: Json, params: Json) -> int:
    """All of it unless said otherwise. What is not captured is released."""
    if not params.get("final_capture", True):
        raise bad_request("Multicapture is not available for this PaymentIntent.", param="final_capture")
    amount: int = params.get("amount_to_capture") or intent["amount_capturable"]
    if amount > intent["amount_capturable"]:
        held = currencies.major(intent["amount_capturable"], intent["currency"])
        raise bad_request(
            f"The requested capture amount is greater than what this charge still holds ({held}).",
            code="amount_too_large",
            param="amount_to_capture",
        )
    currencies.check_precision(amount, intent["currency"], "amount_to_capture")
    return amount


def _cancel(world: World, call: Call) -> Json:
    intent = world.payment_intents.get(call.ids["intent"], param="intent")
    status = intent["status"]
    if status == "processing" and debits.can_be_called_back(world, intent):
        debits.call_back(world, intent)
    elif status not in _CANCELABLE:
        raise unexpected_state(wording.cannot_cancel(status, (*_CANCELABLE, "processing")))
    if status == "requires_capture":
        reviews.close(world, world.charges.get(intent["latest_charge"]), "canceled")
    _close(world, intent, call.params.get("cancellation_reason"))
    return intent


def _close(world: World, intent: Json, reason: str | None) -> None:
    move(
        world,
        intent,
        "canceled",
        canceled_at=world.time,
        cancellation_reason=reason,
        amount_capturable=0,
        next_action=None,
    )
    world.emit("payment_intent.canceled", intent)
    debits.end_mandate(world, intent)


def _expire(world: World, intent_id: str) -> None:
    """The bank's patience is over. Nothing happens if the hold was captured or canceled before.

    No money has moved, so there is neither a refund nor a balance transaction.
    """
    intent = world.payment_intents.get(intent_id)
    if intent["status"] == "requires_capture":
        world.emit("charge.expired", world.charges.get(intent["latest_charge"]))
        _close(world, intent, "expired")


ROUTES = (
    Route("POST", "/v1/payment_intents/{intent}/capture", _CAPTURE, _capture),
    Route("POST", "/v1/payment_intents/{intent}/cancel", _CANCEL, _cancel),
)
WORK: Mapping[str, Work] = {"expire_authorization": _expire}
