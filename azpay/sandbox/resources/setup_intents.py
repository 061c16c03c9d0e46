from __future__ import annotations

from typing import TYPE_CHECKING

from azpay.sandbox import wording
from azpay.sandbox.bank_accounts import CURRENCIES
from azpay.sandbox.errors import StripeError, bad_request
from azpay.sandbox.lists import chosen, list_page, paged_by_time
from azpay.sandbox.params import (
    array_of,
    boolean,
    choice,
    clearable,
    hash_of,
    merged_metadata,
    metadata,
    opaque,
    shape,
    text,
    unsupported,
    url,
)
from azpay.sandbox.resources import microdeposits, setups
from azpay.sandbox.resources.confirming import check_confirmable, check_secret, named_method
from azpay.sandbox.resources.customers import chosen_customer
from azpay.sandbox.resources.described_methods import DATA
from azpay.sandbox.resources.mandates import MANDATE_DATA
from azpay.sandbox.resources.method_types import (
    ALLOWED,
    EXCLUDED,
    NAMED,
    automatic_methods,
    check_method,
    check_types,
    types_of,
)
from azpay.sandbox.resources.statuses import move
from azpay.sandbox.routing import Call, Route

if TYPE_CHECKING:
    from collections.abc import Iterable

    from azpay.sandbox.wire import Json
    from azpay.sandbox.world import World

OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")

_TYPES = array_of(text())
_CARD_OPTIONS = shape(
    mandate_options=opaque,
    moto=boolean,
    network=text(),
    request_three_d_secure=choice("any", "automatic", "challenge"),
    three_d_secure=opaque,
)
_DEBIT_OPTIONS = shape(
    financial_connections=opaque,
    mandate_options=opaque,
    verification_method=choice("automatic", "instant", "microdeposits"),
)
_OPTIONS = shape(
    card=hash_of(_CARD_OPTIONS),
    link=opaque,
    **{kind: hash_of(_DEBIT_OPTIONS) for kind in CURRENCIES},
)
_METHOD = shape(
    payment_method=text(),
    payment_method_data=hash_of(DATA.requiring("type")),
    payment_method_options=hash_of(_OPTIONS),
)
_UPDATE = _METHOD.with_(
    allowed_payment_method_types=_TYPES,
    attach_to_self=unsupported,
    customer=text(),
    customer_account=unsupported,
    description=clearable(text(1000)),
    excluded_payment_method_types=clearable(_TYPES),
    flow_directions=unsupported,
    metadata=metadata,
    payment_method_configuration=unsupported,
    payment_method_types=_TYPES,
)
_CONFIRMING = shape(
    confirmation_token=unsupported,
    mandate_data=clearable(MANDATE_DATA),
    return_url=url(),
    use_stripe_sdk=boolean,
)
_AUTOMATIC = shape(allow_redirects=choice("always", "never"), enabled=boolean).requiring("enabled")
_CREATE = _UPDATE.with_(
    automatic_payment_methods=hash_of(_AUTOMATIC),
    confirm=boolean,
    on_behalf_of=unsupported,
    single_use=unsupported,
    usage=choice("off_session", "on_session"),
    **_CONFIRMING.readers,
)
_CONFIRM = _METHOD.with_(client_secret=text(), **_CONFIRMING.readers)
_CANCEL = shape(cancellation_reason=choice("abandoned", "duplicate", "requested_by_customer"))
_CARD_SHOWN = {"mandate_options": None, "network": None, "request_three_d_secure": "automatic"}
_NOUN = "SetupIntent"


def _create(world: World, call: Call) -> Json:
    params, confirming = call.params, call.params.get("confirm", False)
    check_types(params, call.version)
    if not confirming:
        _check_unconfirmed(params)
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


def _check_unconfirmed(params: Json) -> None:
    for name in ("mandate_data", "return_url"):
        if name in params:
            raise bad_request(f"You can only set `{name}` when `confirm` is true.", param=name)


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
        intent["payment_method_options"] = {"card": {**known, **chosen(card, *_CARD_SHOWN)}}


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


_FILTERS = paged_by_time(
    attach_to_self=unsupported, customer=text(), customer_account=unsupported, payment_method=text()
)
_ONE = "/v1/setup_intents/{intent}"
ROUTES: Iterable[Route] = (
    Route("POST", "/v1/setup_intents", _CREATE, _create),
    Route("GET", "/v1/setup_intents", _FILTERS, _list),
    Route("GET", _ONE, shape(client_secret=text()), _retrieve),
    Route("POST", _ONE, _UPDATE, _update),
    Route("POST", f"{_ONE}/confirm", _CONFIRM, _confirm),
    Route("POST", f"{_ONE}/cancel", _CANCEL, _cancel),
    Route("POST", f"{_ONE}/verify_microdeposits", microdeposits.VERIFY, _verify_microdeposits),
)
