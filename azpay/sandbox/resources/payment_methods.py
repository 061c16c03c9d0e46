from __future__ import annotations

from typing import TYPE_CHECKING

from azpay.sandbox import wording
from azpay.sandbox.changes import previous_attributes
from azpay.sandbox.errors import INVALID, StripeError, bad_request
from azpay.sandbox.instruments import INSTRUMENTS, behaviour_of
from azpay.sandbox.lists import chosen, list_page, paged
from azpay.sandbox.params import Shape, hash_of, integer, metadata, missing, opaque, shape, text, unsupported
from azpay.sandbox.resources import mandates
from azpay.sandbox.resources.described_methods import (
    ACCOUNT_TYPE,
    ALLOW_REDISPLAY,
    BILLING_DETAILS,
    DATA,
    HOLDER_TYPE,
    TYPE,
    from_data,
    put,
)
from azpay.sandbox.resources.method_details import new_method
from azpay.sandbox.routing import Call, Route

if TYPE_CHECKING:
    from azpay.sandbox.cards import Decline
    from azpay.sandbox.wire import Json
    from azpay.sandbox.world import World

_CREATE: Shape = DATA.with_(customer=unsupported, payment_method=unsupported).requiring("type")
_UPDATE = shape(
    allow_redisplay=ALLOW_REDISPLAY,
    billing_details=hash_of(BILLING_DETAILS),
    card=hash_of(shape(exp_month=integer(1, 12), exp_year=integer(1970, 2100), networks=opaque)),
    metadata=metadata,
    payto=unsupported,
    us_bank_account=hash_of(shape(account_holder_type=HOLDER_TYPE, account_type=ACCOUNT_TYPE)),
)


def usable(world: World, identifier: str, *, param: str = "payment_method") -> Json:
    """The method a parameter names: a stored one, or a new one for every use of a test card."""
    if identifier in INSTRUMENTS:
        return world.payment_methods.add(new_method(world, INSTRUMENTS[identifier]))
    method = world.payment_methods.get(identifier, param=param, status=400)
    if method["_spent"]:
        raise bad_request(wording.METHOD_SPENT)
    return method


def attach(world: World, method: Json, customer: Json) -> None:
    """Save a method for a customer. An issuer that refuses the card refuses this too."""
    behaviour = behaviour_of(method)
    if behaviour.decline is not None and not behaviour.attachable:
        raise refusal(behaviour.decline, payment_method=method)
    if method["customer"] not in (None, customer["id"]):
        raise bad_request(wording.METHOD_TAKEN, param="payment_method")
    if method["customer"] is None:
        method["customer"] = customer["id"]
        world.payment_methods.reindex(method)
        world.emit("payment_method.attached", method)


def detach(world: World, method: Json) -> None:
    """Let a method go, for good: it cannot be used or attached again."""
    customer = method["customer"]
    method.update(customer=None, _spent=True)
    mandates.end(world, method)
    world.emit("payment_method.detached", method, previous={"customer": customer})
    _forget_default(world, customer, method["id"])


def _forget_default(world: World, customer_id: str, method_id: str) -> None:
    customer = world.customers.get(customer_id)
    settings = customer["invoice_settings"]
    if settings["default_payment_method"] == method_id:
        customer["invoice_settings"] = {**settings, "default_payment_method": None}
        previous = {"invoice_settings": {"default_payment_method": method_id}}
        world.emit("customer.updated", customer, previous=previous)


def refusal(decline: Decline, **details: object) -> StripeError:
    """Stripe's 402. What a bank refuses is not called a card error, and has no decline code."""
    said = {"advice_code": decline.advice_code, "decline_code": decline.decline_code, **details}
    kind = "card_error" if decline.decline_code else INVALID
    return StripeError(402, decline.message, kind=kind, code=decline.code, param=decline.param, details=said)


def _create(world: World, call: Call) -> Json:
    return from_data(world, call.params)


def _retrieve(world: World, call: Call) -> Json:
    return world.payment_methods.get(call.ids["payment_method"], param="payment_method")


def _update(world: World, call: Call) -> Json:
    method = _retrieve(world, call)
    before = dict(method)
    put(method, call.params)
    changed = previous_attributes(before, method)
    if changed:
        world.emit("payment_method.updated", method, previous=changed)
    return method


def _attach(world: World, call: Call) -> Json:
    if "customer" not in call.params:
        raise missing("customer")
    customer = world.customers.get(call.params["customer"], param="customer", status=400)
    identifier = call.ids["payment_method"]
    if identifier not in INSTRUMENTS:
        world.payment_methods.get(identifier, param="payment_method")
    method = usable(world, identifier)
    attach(world, method, customer)
    return method


def _detach(world: World, call: Call) -> Json:
    method = _retrieve(world, call)
    if method["customer"] is None:
        raise bad_request(wording.METHOD_NOT_ATTACHED, param="payment_method")
    detach(world, method)
    return method


def _list(world: World, call: Call) -> Json:
    """Without a customer there is nothing to list: methods are private to their customers."""
    equal = {"customer": call.params.get("customer", ""), **chosen(call.params, "type", "allow_redisplay")}
    if "customer" in call.params:
        world.customers.get(call.params["customer"], param="customer", status=400)
    return list_page(world.payment_methods, "/v1/payment_methods", call.params, equal=equal)


_FILTERS = paged(customer=text(), customer_account=unsupported, type=TYPE, allow_redisplay=ALLOW_REDISPLAY)
ROUTES = (
    Route("POST", "/v1/payment_methods", _CREATE, _create),
    Route(
        "GET",
        "/v1/payment_methods",
        _FILTERS,
        _list,
    ),
    Route("GET", "/v1/payment_methods/{payment_method}", shape(), _retrieve),
    Route("POST", "/v1/payment_methods/{payment_method}", _UPDATE, _update),
    Route(
        "POST",
        "/v1/payment_methods/{payment_method}/attach",
        shape(customer=text(), customer_account=unsupported),
        _attach,
    ),
    Route("POST", "/v1/payment_methods/{payment_method}/detach", shape(), _detach),
)
