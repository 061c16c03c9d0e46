from __future__ import annotations

from typing import TYPE_CHECKING

from azpay.sandbox import wording
from azpay.sandbox.errors import StripeError, bad_request, unexpected_state
from azpay.sandbox.lists import chosen, list_page, paged_by_time
from azpay.sandbox.params import shape, text, unsupported
from azpay.sandbox.resources import debits, microdeposits
from azpay.sandbox.resources.attempts import Terms, attempt
from azpay.sandbox.resources.confirming import check_confirmable, check_secret, named_method
from azpay.sandbox.resources.customers import chosen_customer
from azpay.sandbox.resources.intent_parameters import (
    CONFIRM,
    CREATE,
    UPDATE,
    check_amount,
    check_parameters,
    check_statement,
    check_unconfirmed,
)
from azpay.sandbox.resources.intents import new_intent, put, put_method
from azpay.sandbox.resources.method_types import check_method, check_named
from azpay.sandbox.routing import Call, Route

if TYPE_CHECKING:
    from azpay.sandbox.wire import Json
    from azpay.sandbox.world import World

OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")
UPDATES_AN_HOUR = 1_000

_HOUR = 60 * 60
_ONLY_WHEN_OPEN = (
    "amount",
    "currency",
    "payment_method",
    "payment_method_data",
    "capture_method",
    "customer",
    "payment_method_types",
)


def _create(world: World, call: Call) -> Json:
    params, confirming = call.params, call.params.get("confirm", False)
    check_parameters(params, call.version)
    if not confirming:
        check_unconfirmed(params)
    customer = chosen_customer(world, params["customer"])["id"] if "customer" in params else None
    intent = new_intent(world, params, customer=customer, version=call.version)
    _change(intent, params)
    method = _method(world, intent, params)
    if confirming:
        check_confirmable(world, intent, params, method)
    put_method(intent, method)
    world.payment_intents.add(intent)
    world.emit("payment_intent.created", intent)
    if confirming:
        _attempt(world, intent, params)
    return intent


def _change(intent: Json, params: Json) -> None:
    put(intent, params)
    check_named(intent)
    check_statement(intent, params)


def _method(world: World, intent: Json, params: Json) -> Json | None:
    method = named_method(world, params, intent["customer"])
    if method is not None:
        check_method(intent, method, "PaymentIntent")
    return method


def _attempt(world: World, intent: Json, params: Json) -> None:
    intent["_return_url"] = params.get("return_url", intent["_return_url"])
    attempt(world, intent, Terms.of(params))


def _retrieve(world: World, call: Call) -> Json:
    intent = world.payment_intents.get(call.ids["intent"], param="intent")
    check_secret(intent, call.params, wording.WRONG_SECRET)
    return intent


def _update(world: World, call: Call) -> Json:
    intent, params = _retrieve(world, call), call.params
    check_parameters(params, call.version)
    _count_update(world, intent)
    _check_still_open(intent, params)
    _check_new_amount(intent, params)
    changed = dict(intent)
    if "customer" in params:
        changed["customer"] = chosen_customer(world, params["customer"])["id"]
    _change(changed, params)
    put_method(changed, _method(world, changed, params))
    intent.update(changed)
    world.payment_intents.reindex(intent)
    if intent["status"] in OPEN:
        intent["last_payment_error"] = None
    return intent


def _count_update(world: World, intent: Json) -> None:
    since, made = intent["_updates"]
    if world.time >= since + _HOUR:
        since, made = world.time, 0
    if made >= UPDATES_AN_HOUR:
        raise StripeError(429, wording.TOO_MANY_UPDATES, code="payment_intent_rate_limit_exceeded")
    intent["_updates"] = [since, made + 1]


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
    changed = dict(intent)
    _change(changed, params)
    method = _method(world, changed, params)
    check_confirmable(world, changed, params, method)
    put_method(changed, method)
    intent.update(changed)
    _attempt(world, intent, params)
    return intent


def _check_confirmed_amount(intent: Json, params: Json) -> None:
    if params.get("amount_to_confirm", intent["amount"]) != intent["amount"]:
        raise bad_request(
            "The `amount_to_confirm` does not match the amount of this PaymentIntent.",
            param="amount_to_confirm",
        )


def _verify_microdeposits(world: World, call: Call) -> Json:
    intent = _retrieve(world, call)
    debits.verify(world, intent, call.params)
    return intent


def _list(world: World, call: Call) -> Json:
    equal = chosen(call.params, "customer")
    return list_page(world.payment_intents, "/v1/payment_intents", call.params, equal=equal)


ROUTES = (
    Route("POST", "/v1/payment_intents", CREATE, _create),
    Route("GET", "/v1/payment_intents", paged_by_time(customer=text(), customer_account=unsupported), _list),
    Route("GET", "/v1/payment_intents/{intent}", shape(client_secret=text()), _retrieve),
    Route("POST", "/v1/payment_intents/{intent}", UPDATE, _update),
    Route("POST", "/v1/payment_intents/{intent}/confirm", CONFIRM, _confirm),
    Route(
        "POST",
        "/v1/payment_intents/{intent}/verify_microdeposits",
        microdeposits.VERIFY,
        _verify_microdeposits,
    ),
)
