from __future__ import annotations

from typing import TYPE_CHECKING

from azpay.sandbox import wording
from azpay.sandbox.errors import StripeError, bad_request, unexpected_state
from azpay.sandbox.lists import chosen, list_page, paged_by_time
from azpay.sandbox.params import merged_metadata, shape, text, unsupported
from azpay.sandbox.resources import payment_methods
from azpay.sandbox.resources.attempts import Terms, attempt
from azpay.sandbox.resources.customers import chosen_customer
from azpay.sandbox.resources.intent_parameters import (
    CONFIRM,
    CREATE,
    UPDATE,
    check_amount,
    check_parameters,
    check_unconfirmed,
)
from azpay.sandbox.routing import Call, Route

if TYPE_CHECKING:
    from azpay.sandbox.wire import Json
    from azpay.sandbox.world import World

OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")

_PLAIN = (
    "capture_method", "description", "receipt_email", "setup_future_usage", "shipping",
    "statement_descriptor_suffix", "transfer_group",
)  # fmt: skip
_ONLY_WHEN_OPEN = (
    "amount",
    "currency",
    "payment_method",
    "payment_method_data",
    "capture_method",
    "customer",
)


def _create(world: World, call: Call) -> Json:
    params, confirming = call.params, call.params.get("confirm", False)
    check_parameters(params, call.version)
    if not confirming:
        check_unconfirmed(params)
    customer = chosen_customer(world, params["customer"])["id"] if "customer" in params else None
    intent = _new(world, params, customer)
    _apply(intent, params)
    method = _named_method(world, params, customer)
    if confirming:
        _check_confirmable(world, intent, params, method)
    _put_method(intent, method)
    world.payment_intents.add(intent)
    world.emit("payment_intent.created", intent)
    if confirming:
        _attempt(world, intent, params)
    return intent


def _new(world: World, params: Json, customer: str | None) -> Json:
    identifier = world.ids.new("pi")
    automatic = _automatic_methods(params)
    return {
        "id": identifier,
        "object": "payment_intent",
        "allowed_payment_method_types": params.get("allowed_payment_method_types"),
        "amount": params["amount"],
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": automatic,
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": "automatic_async",
        "client_secret": f"{identifier}_{world.ids.new('secret')}",
        "confirmation_method": params.get("confirmation_method", "automatic"),
        "created": world.time,
        "currency": params["currency"].lower(),
        "customer": customer,
        "customer_account": None,
        "description": None,
        "excluded_payment_method_types": params.get("excluded_payment_method_types"),
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "managed_payments": {"enabled": False},
        "metadata": {},
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": {"card": _card_options({})},
        "payment_method_types": ["card"],
        "payment_record": None,
        "processing": None,
        "receipt_email": None,
        "review": None,
        "setup_future_usage": None,
        "shipping": None,
        "source": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "requires_payment_method",
        "transfer_data": None,
        "transfer_group": None,
        "_return_url": None,
        "_off_session": False,
        "_authenticated": False,
    }


def _automatic_methods(params: Json) -> Json | None:
    """On by default, unless the call itself says which kinds of payment there are."""
    if {"payment_method_types", "allowed_payment_method_types"} & set(params):
        return None
    given = params.get("automatic_payment_methods", {"enabled": True})
    return {"allow_redirects": "always", **given} if given["enabled"] else None


def _card_options(given: Json) -> Json:
    shown: Json = {
        "installments": None,
        "mandate_options": None,
        "network": None,
        "request_three_d_secure": "automatic",
    }
    if given.get("capture_method"):
        shown["capture_method"] = given["capture_method"]
    return shown | {name: value for name, value in given.items() if name in shown}


def _apply(intent: Json, params: Json) -> None:
    """What may still be refused comes first, so that a refusal changes nothing."""
    if "metadata" in params:
        intent["metadata"] = merged_metadata(intent["metadata"], params["metadata"])
    intent.update({name: params[name] for name in _PLAIN if name in params})
    if "payment_method_options" in params:
        intent["payment_method_options"] = {
            "card": _card_options(params["payment_method_options"].get("card", {}))
        }


def _named_method(world: World, params: Json, customer: str | None) -> Json | None:
    """The method that the parameters name, if it may be used for this customer."""
    if "payment_method_data" in params:
        return payment_methods.from_data(world, params["payment_method_data"])
    if "payment_method" not in params:
        return None
    method = payment_methods.usable(world, params["payment_method"])
    if method["customer"] not in (None, customer):
        raise _belongs_to_another(method, customer)
    return method


def _belongs_to_another(method: Json, customer: str | None) -> StripeError:
    if customer is None:
        return bad_request(wording.customer_needed(method["id"]), param="customer")
    message = wording.method_of_another(method["id"])
    return bad_request(message, code="resource_missing", param="payment_method")


def _put_method(intent: Json, method: Json | None) -> None:
    if method is not None:
        intent.update(payment_method=method["id"], last_payment_error=None, next_action=None)
        intent["status"] = "requires_confirmation"


def _check_confirmable(world: World, intent: Json, params: Json, method: Json | None) -> None:
    """`method` is the one that comes with this call; otherwise the intent must have one that still works."""
    if method is None:
        if intent["payment_method"] is None:
            raise unexpected_state(wording.METHOD_MISSING)
        payment_methods.usable(world, intent["payment_method"])
    automatic = intent["automatic_payment_methods"]
    redirects = automatic is not None and automatic["allow_redirects"] == "always"
    if redirects and "return_url" not in params and intent["_return_url"] is None:
        raise bad_request(wording.RETURN_URL_MISSING, param="return_url")


def _attempt(world: World, intent: Json, params: Json) -> None:
    intent["_return_url"] = params.get("return_url", intent["_return_url"])
    terms = Terms(params.get("off_session", False), params.get("error_on_requires_action", False))
    attempt(world, intent, terms)


def _retrieve(world: World, call: Call) -> Json:
    intent = world.payment_intents.get(call.ids["intent"], param="intent")
    _check_secret(intent, call.params)
    return intent


def _check_secret(intent: Json, params: Json) -> None:
    if params.get("client_secret", intent["client_secret"]) != intent["client_secret"]:
        raise bad_request(
            wording.WRONG_SECRET,
            code="payment_intent_invalid_parameter",
            param="client_secret",
        )


def _update(world: World, call: Call) -> Json:
    intent, params = _retrieve(world, call), call.params
    check_parameters(params, call.version)
    _check_still_open(intent, params)
    _check_new_amount(intent, params)
    named = "customer" in params
    customer = chosen_customer(world, params["customer"])["id"] if named else intent["customer"]
    method = _named_method(world, params, customer)
    _apply(intent, params)
    _put_method(intent, method)
    intent.update(chosen(params, "amount", "excluded_payment_method_types", "allowed_payment_method_types"))
    intent.update(customer=customer, currency=params.get("currency", str(intent["currency"])).lower())
    world.payment_intents.reindex(intent)
    if intent["status"] in OPEN:
        intent["last_payment_error"] = None
    return intent


def _check_still_open(intent: Json, params: Json) -> None:
    fixed = next((name for name in _ONLY_WHEN_OPEN if name in params), None)
    if fixed is not None and intent["status"] not in OPEN:
        raise unexpected_state(wording.cannot_update(fixed, intent["status"], OPEN))


def _check_new_amount(intent: Json, params: Json) -> None:
    if {"amount", "currency"} & set(params):
        changed = {**chosen(intent, "amount", "currency"), **chosen(params, "amount", "currency")}
        check_amount(changed["amount"], changed["currency"].lower())


def _confirm(world: World, call: Call) -> Json:
    intent, params = _retrieve(world, call), call.params
    if intent["status"] not in OPEN:
        raise unexpected_state(wording.cannot_confirm(intent["status"], OPEN))
    check_parameters(params, call.version)
    _check_confirmed_amount(intent, params)
    method = _named_method(world, params, intent["customer"])
    _check_confirmable(world, intent, params, method)
    _apply(intent, params)
    _put_method(intent, method)
    _attempt(world, intent, params)
    return intent


def _check_confirmed_amount(intent: Json, params: Json) -> None:
    if params.get("amount_to_confirm", intent["amount"]) != intent["amount"]:
        raise bad_request(
            "The `amount_to_confirm` does not match the amount of this PaymentIntent.",
            param="amount_to_confirm",
        )


def _list(world: World, call: Call) -> Json:
    equal = chosen(call.params, "customer")
    return list_page(world.payment_intents, "/v1/payment_intents", call.params, equal=equal)


ROUTES = (
    Route("POST", "/v1/payment_intents", CREATE, _create),
    Route("GET", "/v1/payment_intents", paged_by_time(customer=text(), customer_account=unsupported), _list),
    Route("GET", "/v1/payment_intents/{intent}", shape(client_secret=text()), _retrieve),
    Route("POST", "/v1/payment_intents/{intent}", UPDATE, _update),
    Route("POST", "/v1/payment_intents/{intent}/confirm", CONFIRM, _confirm),
)
