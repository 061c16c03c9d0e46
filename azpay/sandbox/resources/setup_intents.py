from __future__ import annotations

from typing import TYPE_CHECKING

from azpay.sandbox import wording
from azpay.sandbox.errors import StripeError, bad_request
from azpay.sandbox.lists import chosen, list_page
from azpay.sandbox.params import merged_metadata, shape, text
from azpay.sandbox.resources import microdeposits, setups
from azpay.sandbox.resources.confirming import check_confirmable, check_secret, named_method
from azpay.sandbox.resources.customers import chosen_customer
from azpay.sandbox.resources.method_types import (
    ALLOWED,
    EXCLUDED,
    NAMED,
    automatic_methods,
    check_method,
    check_types,
    types_of,
)
from azpay.sandbox.resources.setup_parameters import (
    CANCEL,
    CONFIRM,
    CREATE,
    FILTERS,
    UPDATE,
    check_unconfirmed,
)
from azpay.sandbox.resources.statuses import move
from azpay.sandbox.routing import Call, Route

if TYPE_CHECKING:
    from azpay.sandbox.wire import Json
    from azpay.sandbox.world import World

OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")

_CARD_SHOWN = {"mandate_options": None, "network": None, "request_three_d_secure": "automatic"}
_NOUN = "SetupIntent"


def _create(world: World, call: Call) -> Json:
    params, confirming = call.params, call.params.get("confirm", False)
    check_types(params, call.version)
    if not confirming:
        check_unconfirmed(params)
    customer = chosen_customer(world, params["customer"])["id"] if "customer" in params else None
    intent = _new(world, params, customer, call.version)
    _put(intent, params)
    method = _method(world, intent, params)
    if confirming:
        check_confirmable(world, intent, params, method)
    _put_method(intent, method)
    world.setup_intents.add(intent)
    world.emit("setup_intent.created", intent)
    if confirming:
        _attempt(world, intent, params)
    return intent


def _new(world: World, params: Json, customer: str | None, version: str) -> Json:
    identifier = world.ids.new("seti")
    return {
        "id": identifier,
        "object": "setup_intent",
        "allowed_payment_method_types": None,
        "application": None,
        "automatic_payment_methods": automatic_methods(params, version),
        "cancellation_reason": None,
        "client_secret": f"{identifier}_{world.ids.new('secret')}",
        "created": world.time,
        "customer": customer,
        "customer_account": None,
        "description": None,
        "excluded_payment_method_types": None,
        "flow_directions": None,
        "last_setup_error": None,
        "latest_attempt": None,
        "livemode": False,
        "mandate": None,
        "metadata": {},
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": {},
        "payment_method_types": [],
        "single_use_mandate": None,
        "status": "requires_payment_method",
        "usage": params.get("usage", "off_session"),
        "_named_types": params.get(NAMED),
        "_return_url": None,
        "_deposit_attempts": 0,
    }


def _put(intent: Json, params: Json) -> None:
    if "metadata" in params:
        intent["metadata"] = merged_metadata(intent["metadata"], params["metadata"])
    intent.update(chosen(params, "description", ALLOWED, EXCLUDED))
    if NAMED in params:
        intent["_named_types"] = params[NAMED]
    intent["payment_method_types"] = types_of(intent)
    if not intent["payment_method_types"]:
        raise bad_request(wording.NO_TYPES.replace("PaymentIntent", _NOUN))
    card = params.get("payment_method_options", {}).get("card", {})
    known = intent["payment_method_options"].get("card", _CARD_SHOWN)
    if "card" in intent["payment_method_types"]:
        intent["payment_method_options"] = {
            "card": {**known, **chosen(card, "network", "request_three_d_secure")}
        }


def _method(world: World, intent: Json, params: Json) -> Json | None:
    method = named_method(world, params, intent["customer"])
    if method is not None:
        check_method(intent, method, _NOUN)
    return method


def _put_method(intent: Json, method: Json | None) -> None:
    if method is not None:
        intent.update(payment_method=method["id"], last_setup_error=None, next_action=None)
        intent.update(status="requires_confirmation", _deposit_attempts=0)


def _attempt(world: World, intent: Json, params: Json) -> None:
    intent["_return_url"] = params.get("return_url", intent["_return_url"])
    setups.attempt_setup(world, intent, params)


def _retrieve(world: World, call: Call) -> Json:
    intent = world.setup_intents.get(call.ids["intent"], param="intent")
    check_secret(intent, call.params, wording.WRONG_SETUP_SECRET)
    return intent


def _update(world: World, call: Call) -> Json:
    intent, params = _retrieve(world, call), call.params
    check_types(params, call.version)
    _check_open(intent, wording.cannot_update("details", intent["status"], OPEN, _NOUN))
    changed = dict(intent)
    if "customer" in params:
        changed["customer"] = chosen_customer(world, params["customer"])["id"]
    _put(changed, params)
    _put_method(changed, _method(world, changed, params))
    intent.update(changed)
    world.setup_intents.reindex(intent)
    return intent


def _confirm(world: World, call: Call) -> Json:
    intent, params = _retrieve(world, call), call.params
    _check_open(intent, wording.cannot_confirm(intent["status"], OPEN, _NOUN))
    changed = dict(intent)
    _put(changed, params)
    method = _method(world, changed, params)
    check_confirmable(world, changed, params, method)
    _put_method(changed, method)
    intent.update(changed)
    world.setup_intents.reindex(intent)
    _attempt(world, intent, params)
    return intent


def _cancel(world: World, call: Call) -> Json:
    intent = _retrieve(world, call)
    _check_open(intent, wording.cannot_cancel(intent["status"], OPEN, _NOUN))
    reason = call.params.get("cancellation_reason")
    move(world, intent, "canceled", cancellation_reason=reason, next_action=None)
    world.emit("setup_intent.canceled", intent)
    return intent


def _check_open(intent: Json, message: str) -> None:
    if intent["status"] not in OPEN:
        raise _unexpected(message)


def _unexpected(message: str) -> StripeError:
    return bad_request(message, code="setup_intent_unexpected_state")


def _verify_microdeposits(world: World, call: Call) -> Json:
    intent = _retrieve(world, call)
    if not microdeposits.awaited(intent):
        raise _unexpected(wording.cannot_verify(intent["status"]))
    microdeposits.check(intent, call.params)
    setups.verified(world, intent)
    return intent


def _list(world: World, call: Call) -> Json:
    equal = chosen(call.params, "customer", "payment_method")
    return list_page(world.setup_intents, "/v1/setup_intents", call.params, equal=equal)


_ONE = "/v1/setup_intents/{intent}"
ROUTES = (
    Route("POST", "/v1/setup_intents", CREATE, _create),
    Route("GET", "/v1/setup_intents", FILTERS, _list),
    Route("GET", _ONE, shape(client_secret=text()), _retrieve),
    Route("POST", _ONE, UPDATE, _update),
    Route("POST", f"{_ONE}/confirm", CONFIRM, _confirm),
    Route("POST", f"{_ONE}/cancel", CANCEL, _cancel),
    Route("POST", f"{_ONE}/verify_microdeposits", microdeposits.VERIFY, _verify_microdeposits),
)
