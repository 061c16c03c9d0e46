from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from azpay.sandbox import wording
from azpay.sandbox.cards import CARDS, TOKEN_PREFIX
from azpay.sandbox.changes import previous_attributes
from azpay.sandbox.errors import StripeError, bad_request, no_such
from azpay.sandbox.ids import scramble
from azpay.sandbox.lists import chosen, list_page, paged
from azpay.sandbox.params import (
    ADDRESS,
    EMAIL,
    Shape,
    choice,
    clearable,
    hash_of,
    integer,
    merged_metadata,
    metadata,
    missing,
    opaque,
    shape,
    text,
)
from azpay.sandbox.routing import Call, Route

if TYPE_CHECKING:
    from azpay.sandbox.cards import Card, Decline
    from azpay.sandbox.wire import Json
    from azpay.sandbox.world import World

TYPE = choice(
    "acss_debit", "affirm", "afterpay_clearpay", "alipay", "amazon_pay", "au_becs_debit", "bacs_debit",
    "bancontact", "blik", "boleto", "card", "cashapp", "customer_balance", "eps", "fpx", "giropay", "grabpay",
    "ideal", "klarna", "konbini", "link", "mobilepay", "multibanco", "oxxo", "p24", "paynow", "paypal", "pix",
    "promptpay", "revolut_pay", "sepa_debit", "sofort", "swish", "twint", "us_bank_account", "wechat_pay",
    "zip",
)  # fmt: skip
ALLOW_REDISPLAY = choice("always", "limited", "unspecified")
TOKEN_ALIAS = "tok_"  # noqa: S105 - the prefix of public test tokens

_ADDRESS_FIELDS = ("city", "country", "line1", "line2", "postal_code", "state")
BILLING_DETAILS = shape(
    address=clearable(hash_of(ADDRESS)),
    email=clearable(EMAIL),
    name=clearable(text()),
    phone=clearable(text()),
    tax_id=clearable(text()),
)
_CARD = shape(
    token=text(), number=text(), exp_month=integer(), exp_year=integer(), cvc=text(), networks=opaque
)
DATA = shape(
    allow_redisplay=ALLOW_REDISPLAY,
    billing_details=hash_of(BILLING_DETAILS),
    card=hash_of(_CARD),
    metadata=metadata,
    radar_options=opaque,
    type=TYPE,
)
_CREATE: Shape = DATA.requiring("type")
_UPDATE = shape(
    allow_redisplay=ALLOW_REDISPLAY,
    billing_details=hash_of(BILLING_DETAILS),
    card=hash_of(shape(exp_month=integer(1, 12), exp_year=integer(1970, 2100), networks=opaque)),
    metadata=metadata,
)


def usable(world: World, identifier: str, *, param: str = "payment_method") -> Json:
    """The method a parameter names: a stored one, or a new one for every use of a test card."""
    if identifier in CARDS:
        return world.payment_methods.add(new_card(world, CARDS[identifier]))
    method = world.payment_methods.get(identifier, param=param, status=400)
    if method["_spent"]:
        raise bad_request(wording.METHOD_SPENT)
    return method


def from_data(world: World, data: Json) -> Json:
    """A method described in place: `type=card`, `card[token]=tok_visa`. Never a card number."""
    if data.get("type") != "card":
        raise bad_request("The sandbox takes cards only: pass `type=card`.", param="type")
    method = new_card(world, _described_card(data.get("card", {})))
    _apply(method, {name: value for name, value in data.items() if name != "card"})
    return world.payment_methods.add(method)


def _described_card(card: Json) -> Card:
    if "number" in card:
        raise StripeError(402, wording.CARD_NUMBER)
    if "token" not in card:
        raise missing("card")
    token: str = card["token"]
    known = CARDS.get(token.replace(TOKEN_ALIAS, TOKEN_PREFIX, 1))
    if known is None:
        raise no_such("token", token, param="card[token]", status=400)
    return known


def new_card(world: World, card: Card) -> Json:
    today = datetime.fromtimestamp(world.time, UTC)
    details = {
        "brand": card.brand,
        "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": None},
        "country": card.country,
        "display_brand": card.cobrand or card.brand,
        "exp_month": today.month,
        "exp_year": today.year + 1,
        "fingerprint": scramble(f"{world.account.id}:{card.brand}:{card.country}:{card.last4}", 16),
        "funding": card.funding,
        "generated_from": None,
        "last4": card.last4,
        "networks": {"available": card.networks, "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": card.behaviour.three_d_secure},
        "wallet": None,
    }
    return {
        "id": world.ids.new("pm"),
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": empty_billing_details(),
        "card": details,
        "created": world.time,
        "customer": None,
        "customer_account": None,
        "livemode": False,
        "metadata": {},
        "type": "card",
        "_token": card.token,
        "_spent": False,
        "_set_up": False,
    }


def empty_billing_details() -> Json:
    return {
        "address": dict.fromkeys(_ADDRESS_FIELDS),
        "email": None,
        "name": None,
        "phone": None,
        "tax_id": None,
    }


def card_of(method: Json) -> Card:
    return CARDS[method["_token"]]


def attach(world: World, method: Json, customer: Json) -> None:
    """Save a method for a customer. An issuer that refuses the card refuses this too."""
    card = card_of(method)
    if card.behaviour.decline is not None and not card.behaviour.attachable:
        raise card_error(card.behaviour.decline, payment_method=method)
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
    world.emit("payment_method.detached", method, previous={"customer": customer})
    _forget_default(world, customer, method["id"])


def _forget_default(world: World, customer_id: str, method_id: str) -> None:
    customer = world.customers.get(customer_id)
    settings = customer["invoice_settings"]
    if settings["default_payment_method"] == method_id:
        customer["invoice_settings"] = {**settings, "default_payment_method": None}
        previous = {"invoice_settings": {"default_payment_method": method_id}}
        world.emit("customer.updated", customer, previous=previous)


def card_error(decline: Decline, **details: object) -> StripeError:
    said = {"advice_code": decline.advice_code, "decline_code": decline.decline_code, **details}
    return StripeError(
        402, decline.message, kind="card_error", code=decline.code, param=decline.param, details=said
    )


def _create(world: World, call: Call) -> Json:
    return from_data(world, call.params)


def _retrieve(world: World, call: Call) -> Json:
    return world.payment_methods.get(call.ids["payment_method"], param="payment_method")


def _update(world: World, call: Call) -> Json:
    method = _retrieve(world, call)
    before = dict(method)
    _apply(method, call.params)
    changed = previous_attributes(before, method)
    if changed:
        world.emit("payment_method.updated", method, previous=changed)
    return method


def _apply(method: Json, params: Json) -> None:
    if "metadata" in params:
        method["metadata"] = merged_metadata(method["metadata"], params["metadata"])
    if "allow_redisplay" in params:
        method["allow_redisplay"] = params["allow_redisplay"]
    if "billing_details" in params:
        method["billing_details"] = _merged_billing(method["billing_details"], params["billing_details"])
    card = {name: value for name, value in params.get("card", {}).items() if name != "networks"}
    if card:
        method["card"] = {**method["card"], **card}


def _merged_billing(known: Json, change: Json) -> Json:
    address = change.get("address", known["address"])
    empty = dict.fromkeys(_ADDRESS_FIELDS)
    return {**known, **change, "address": {**empty, **(address or {})}}


def _attach(world: World, call: Call) -> Json:
    if "customer" not in call.params:
        raise missing("customer")
    customer = world.customers.get(call.params["customer"], param="customer", status=400)
    identifier = call.ids["payment_method"]
    if identifier not in CARDS:
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


ROUTES = (
    Route("POST", "/v1/payment_methods", _CREATE, _create),
    Route(
        "GET",
        "/v1/payment_methods",
        paged(customer=text(), type=TYPE, allow_redisplay=ALLOW_REDISPLAY),
        _list,
    ),
    Route("GET", "/v1/payment_methods/{payment_method}", shape(), _retrieve),
    Route("POST", "/v1/payment_methods/{payment_method}", _UPDATE, _update),
    Route("POST", "/v1/payment_methods/{payment_method}/attach", shape(customer=text()), _attach),
    Route("POST", "/v1/payment_methods/{payment_method}/detach", shape(), _detach),
)
