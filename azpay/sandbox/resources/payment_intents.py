from __future__ import annotations

from typing import TYPE_CHECKING

from azpay.sandbox import currencies, wording
from azpay.sandbox.errors import StripeError, bad_request, unexpected_state
from azpay.sandbox.lists import chosen, list_page, paged_by_time
from azpay.sandbox.params import (
    EMAIL,
    SHIPPING,
    Shape,
    array_of,
    boolean,
    choice,
    clearable,
    hash_of,
    integer,
    merged_metadata,
    metadata,
    opaque,
    shape,
    text,
    unsupported,
    url,
)
from azpay.sandbox.resources import payment_methods
from azpay.sandbox.resources.attempts import Terms, attempt
from azpay.sandbox.resources.customers import chosen_customer
from azpay.sandbox.routing import Call, Route
from azpay.sandbox.versions import is_endive

if TYPE_CHECKING:
    from azpay.sandbox.wire import Json
    from azpay.sandbox.world import World

OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")

_ALLOWED, _ALLOWED_SINCE = "allowed_payment_method_types", "2026-07-29"
_OTHER_CHOICES = {"automatic_payment_methods", "payment_method_types", "excluded_payment_method_types"}
_CAPTURE_METHOD = choice("automatic", "automatic_async", "manual")
_FUTURE_USAGE = choice("off_session", "on_session")
_TYPES = array_of(text())
_CARD_OPTIONS = shape(
    capture_method=clearable(choice("manual")),
    cvc_token=opaque,
    installments=opaque,
    mandate_options=opaque,
    moto=boolean,
    network=text(),
    request_extended_authorization=choice("if_available", "never"),
    request_incremental_authorization=choice("if_available", "never"),
    request_multicapture=choice("if_available", "never"),
    request_overcapture=choice("if_available", "never"),
    request_three_d_secure=choice("any", "automatic", "challenge"),
    require_cvc_recollection=boolean,
    setup_future_usage=unsupported,
    statement_descriptor_suffix_kana=opaque,
    statement_descriptor_suffix_kanji=opaque,
    three_d_secure=opaque,
)
_OPTIONS = shape(card=hash_of(_CARD_OPTIONS), link=opaque, us_bank_account=opaque, sepa_debit=opaque)
_AUTOMATIC = shape(allow_redirects=choice("always", "never"), enabled=boolean).requiring("enabled")
_COMMON = shape(
    amount_details=opaque,
    capture_method=_CAPTURE_METHOD,
    excluded_payment_method_types=clearable(_TYPES),
    allowed_payment_method_types=_TYPES,
    hooks=opaque,
    payment_details=opaque,
    payment_method=text(),
    payment_method_data=hash_of(payment_methods.DATA.requiring("type")),
    payment_method_options=hash_of(_OPTIONS),
    payment_method_types=_TYPES,
    receipt_email=clearable(EMAIL),
    setup_future_usage=clearable(_FUTURE_USAGE),
    shipping=clearable(hash_of(SHIPPING)),
)
_DESCRIBED = _COMMON.with_(
    amount=integer(),
    application_fee_amount=unsupported,
    currency=text(),
    customer=text(),
    customer_account=unsupported,
    description=clearable(text(1000)),
    metadata=metadata,
    payment_method_configuration=unsupported,
    statement_descriptor=clearable(text(22)),
    statement_descriptor_suffix=clearable(text(22)),
    transfer_data=unsupported,
    transfer_group=text(),
)
_CONFIRMING = shape(
    confirmation_token=unsupported,
    error_on_requires_action=boolean,
    mandate=unsupported,
    mandate_data=opaque,
    off_session=boolean,
    radar_options=opaque,
    return_url=url(),
    use_stripe_sdk=boolean,
)
_CREATE: Shape = (
    _DESCRIBED.with_(**_CONFIRMING.readers)
    .with_(
        automatic_payment_methods=hash_of(_AUTOMATIC),
        confirm=boolean,
        confirmation_method=choice("automatic", "manual"),
        on_behalf_of=unsupported,
    )
    .requiring("amount", "currency")
)
_CONFIRM = _COMMON.with_(**_CONFIRMING.readers).with_(amount_to_confirm=integer(), client_secret=text())
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
    params = call.params
    _check(params, call.version)
    customer = chosen_customer(world, params["customer"]) if "customer" in params else None
    intent = _new(world, params, customer)
    _apply(intent, params)
    _choose_method(world, intent, params)
    confirming = params.get("confirm", False)
    if confirming:
        _check_confirmable(intent, params)
    else:
        _check_unconfirmed(params)
    world.payment_intents.add(intent)
    world.emit("payment_intent.created", intent)
    if confirming:
        _attempt(world, intent, params)
    return intent


def _check_unconfirmed(params: Json) -> None:
    for name in ("off_session", "error_on_requires_action", "return_url", "mandate_data"):
        if name in params:
            raise bad_request(f"You can only set `{name}` when `confirm` is true.", param=name)


def _check(params: Json, version: str) -> None:
    """What can be said about the parameters by themselves."""
    currency = currencies.check_currency(params.get("currency", "usd"))
    if "amount" in params and "currency" in params:
        _check_amount(params["amount"], currency)
    if "statement_descriptor" in params and params["statement_descriptor"] is not None:
        raise bad_request(wording.NO_STATEMENT_DESCRIPTOR, param="statement_descriptor")
    _check_descriptor(params.get("statement_descriptor_suffix"))
    _check_types(params, version)
    if "payment_method" in params and "payment_method_data" in params:
        raise bad_request(
            "You may only specify one of these parameters: payment_method, payment_method_data.",
            code="parameters_exclusive",
        )


def _check_amount(amount: int, currency: str) -> None:
    if amount < 1:
        raise bad_request(
            "This value must be greater than or equal to 1.", code="parameter_invalid_integer", param="amount"
        )
    currencies.check_amount(amount, currency)


def _check_descriptor(suffix: str | None) -> None:
    if suffix is None:
        return
    if any(character in suffix for character in "<>'\"*\\") or not any(map(str.isalpha, suffix)):
        raise bad_request(wording.BAD_DESCRIPTOR, param="statement_descriptor_suffix")


def _check_types(params: Json, version: str) -> None:
    """Which parameter names the kinds of payment depends on the version."""
    if "payment_method_types" in params and is_endive(version):
        code = "payment_method_types_no_longer_supported"
        raise bad_request(wording.NO_MORE_TYPES, code=code, param="payment_method_types")
    if _ALLOWED in params:
        _check_allowed(params, version)
    for name in (_ALLOWED, "payment_method_types"):
        if name in params and "card" not in params[name]:
            raise bad_request("The sandbox takes cards only.", param=name)
    if "card" in (params.get("excluded_payment_method_types") or ()):
        raise bad_request("The sandbox takes cards only.", param="excluded_payment_method_types")


def _check_allowed(params: Json, version: str) -> None:
    """Newer than other ways to choose, and not to be mixed with them."""
    if version[:10] < _ALLOWED_SINCE:
        message = f"Received unknown parameter: {_ALLOWED}"
        raise bad_request(message, code="parameter_unknown", param=_ALLOWED)
    others = sorted(_OTHER_CHOICES & params.keys())
    if others:
        message = f"You may only specify one of these parameters: {_ALLOWED}, {', '.join(others)}."
        raise bad_request(message, code="parameters_exclusive", param=_ALLOWED)


def _new(world: World, params: Json, customer: Json | None) -> Json:
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
        "customer": customer and customer["id"],
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
    intent.update({name: params[name] for name in _PLAIN if name in params})
    if "metadata" in params:
        intent["metadata"] = merged_metadata(intent["metadata"], params["metadata"])
    if "payment_method_options" in params:
        intent["payment_method_options"] = {
            "card": _card_options(params["payment_method_options"].get("card", {}))
        }


def _choose_method(world: World, intent: Json, params: Json) -> None:
    """Put the method that was named on the intent, if it may be used there."""
    if "payment_method_data" in params:
        method = payment_methods.from_data(world, params["payment_method_data"])
    elif "payment_method" in params:
        method = payment_methods.usable(world, params["payment_method"])
    else:
        return
    if method["customer"] not in (None, intent["customer"]):
        raise _belongs_to_another(intent, method)
    intent.update(payment_method=method["id"], last_payment_error=None, next_action=None)
    intent["status"] = "requires_confirmation"


def _belongs_to_another(intent: Json, method: Json) -> StripeError:
    if intent["customer"] is None:
        return bad_request(wording.customer_needed(method["id"]), param="customer")
    message = wording.method_of_another(method["id"])
    return bad_request(message, code="resource_missing", param="payment_method")


def _check_confirmable(intent: Json, params: Json) -> None:
    if intent["payment_method"] is None:
        raise unexpected_state(wording.METHOD_MISSING)
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
    _check(params, call.version)
    _check_still_open(intent, params)
    _check_new_amount(intent, params)
    if "customer" in params:
        intent["customer"] = chosen_customer(world, params["customer"])["id"]
        world.payment_intents.reindex(intent)
    _choose_method(world, intent, params)
    _apply(intent, params)
    intent.update(chosen(params, "amount", "excluded_payment_method_types", "allowed_payment_method_types"))
    intent["currency"] = params.get("currency", str(intent["currency"])).lower()
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
        _check_amount(changed["amount"], changed["currency"].lower())


def _confirm(world: World, call: Call) -> Json:
    intent, params = _retrieve(world, call), call.params
    if intent["status"] not in OPEN:
        raise unexpected_state(wording.cannot_confirm(intent["status"], OPEN))
    _check(params, call.version)
    _check_confirmed_amount(intent, params)
    _choose_method(world, intent, params)
    _apply(intent, params)
    _check_confirmable(intent, params)
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
    Route("POST", "/v1/payment_intents", _CREATE, _create),
    Route("GET", "/v1/payment_intents", paged_by_time(customer=text(), customer_account=unsupported), _list),
    Route("GET", "/v1/payment_intents/{intent}", shape(client_secret=text()), _retrieve),
    Route("POST", "/v1/payment_intents/{intent}", _DESCRIBED, _update),
    Route("POST", "/v1/payment_intents/{intent}/confirm", _CONFIRM, _confirm),
)
