from __future__ import annotations

from typing import TYPE_CHECKING

from azpay.sandbox import wording
from azpay.sandbox.changes import previous_attributes
from azpay.sandbox.errors import bad_request, no_such, unknown
from azpay.sandbox.ids import scramble
from azpay.sandbox.lists import chosen, list_page, paged, paged_by_time
from azpay.sandbox.params import (
    ADDRESS,
    EMAIL,
    SHIPPING,
    array_of,
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
)
from azpay.sandbox.resources import payment_methods
from azpay.sandbox.resources.described_methods import ALLOW_REDISPLAY, TYPE
from azpay.sandbox.routing import Call, Route
from azpay.sandbox.versions import is_endive

if TYPE_CHECKING:
    from azpay.sandbox.wire import Json
    from azpay.sandbox.world import World

_INVOICE_SETTINGS = shape(
    custom_fields=opaque,
    default_payment_method=clearable(text()),
    footer=clearable(text()),
    rendering_options=opaque,
)
_FIELDS = shape(
    address=clearable(hash_of(ADDRESS)),
    balance=integer(),
    business_name=clearable(text(150)),
    cash_balance=unsupported,
    description=clearable(text()),
    email=clearable(EMAIL),
    individual_name=clearable(text(150)),
    invoice_prefix=text(12),
    invoice_settings=hash_of(_INVOICE_SETTINGS),
    metadata=metadata,
    name=clearable(text(256)),
    next_invoice_sequence=integer(1),
    phone=clearable(text(20)),
    preferred_locales=array_of(text()),
    shipping=clearable(hash_of(SHIPPING)),
    source=unsupported,
    tax=opaque,
    tax_exempt=clearable(choice("exempt", "none", "reverse")),
)
_OF_SOURCES = (
    "bank_account", "card", "default_alipay_account", "default_bank_account", "default_card",
    "default_source",
)  # fmt: skip
_UPDATE = _FIELDS.with_(**dict.fromkeys(_OF_SOURCES, unsupported))
_CREATE = _FIELDS.with_(payment_method=text(), tax_id_data=opaque, test_clock=unsupported, validate=opaque)
_PLAIN = (
    "address", "balance", "business_name", "description", "email", "individual_name", "invoice_prefix",
    "name", "next_invoice_sequence", "phone", "preferred_locales", "shipping",
)  # fmt: skip


def chosen_customer(world: World, identifier: str) -> Json:
    """The customer a parameter names. A deleted one does not exist any more."""
    return world.customers.get(identifier, param="customer", status=400)


def _create(world: World, call: Call) -> Json:
    _check_validate(call)
    identifier = world.ids.new("cus")
    customer = _new(world, identifier)
    _check_default(world, customer, call.params)
    _apply(customer, call.params)
    method = call.params.get("payment_method")
    if method is not None:
        payment_methods.attach(world, payment_methods.usable(world, method), customer)
    world.customers.add(customer)
    world.emit("customer.created", customer)
    return customer


def _check_validate(call: Call) -> None:
    """Newer than most versions."""
    if "validate" in call.params and not is_endive(call.version):
        raise unknown("validate")


def _new(world: World, identifier: str) -> Json:
    return {
        "id": identifier,
        "object": "customer",
        "address": None,
        "balance": 0,
        "created": world.time,
        "currency": None,
        "customer_account": None,
        "default_source": None,
        "delinquent": False,
        "description": None,
        "discount": None,
        "email": None,
        "invoice_prefix": scramble(identifier, 8).upper(),
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": {},
        "name": None,
        "next_invoice_sequence": 1,
        "phone": None,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
    }


def _apply(customer: Json, params: Json) -> None:
    customer.update({name: params[name] for name in _PLAIN if name in params})
    if "metadata" in params:
        customer["metadata"] = merged_metadata(customer["metadata"], params["metadata"])
    if "tax_exempt" in params:
        customer["tax_exempt"] = params["tax_exempt"] or "none"
    if "invoice_settings" in params:
        settings = params["invoice_settings"]
        customer["invoice_settings"] = {**customer["invoice_settings"], **settings}


def _check_default(world: World, customer: Json, params: Json) -> None:
    """A default must be attached to this customer."""
    chosen_default = params.get("invoice_settings", {}).get("default_payment_method")
    if chosen_default is None or chosen_default == params.get("payment_method"):
        return
    method = world.payment_methods.find(chosen_default)
    if method is None or method["customer"] != customer["id"]:
        raise bad_request(
            wording.method_of_another(chosen_default),
            code="resource_missing",
            param="invoice_settings[default_payment_method]",
        )


def _retrieve(world: World, call: Call) -> Json:
    customer = world.customers.find(call.ids["customer"])
    if customer is None:
        raise no_such("customer", call.ids["customer"], param="id")
    return customer


def _update(world: World, call: Call) -> Json:
    customer = world.customers.get(call.ids["customer"])
    _check_default(world, customer, call.params)
    before = dict(customer)
    _apply(customer, call.params)
    world.customers.reindex(customer)
    changed = previous_attributes(before, customer)
    if changed:
        world.emit("customer.updated", customer, previous=changed)
    return customer


def _delete(world: World, call: Call) -> Json:
    """Gone for good: what remains is that it was there. Its payment methods are detached."""
    customer = world.customers.get(call.ids["customer"])
    for method in world.payment_methods.where("customer", customer["id"]):
        payment_methods.detach(world, method)
    world.emit("customer.deleted", customer)
    customer["_deleted"] = True
    return customer


def _list(world: World, call: Call) -> Json:
    return list_page(world.customers, "/v1/customers", call.params, equal=chosen(call.params, "email"))


def _payment_methods(world: World, call: Call) -> Json:
    customer = world.customers.get(call.ids["customer"], param="customer")
    url = f"/v1/customers/{customer['id']}/payment_methods"
    equal = {"customer": customer["id"], **chosen(call.params, "type", "allow_redisplay")}
    return list_page(world.payment_methods, url, call.params, equal=equal)


def _payment_method(world: World, call: Call) -> Json:
    customer = world.customers.get(call.ids["customer"], param="customer")
    method = world.payment_methods.get(call.ids["payment_method"], param="payment_method")
    if method["customer"] != customer["id"]:
        raise no_such("PaymentMethod", method["id"], param="payment_method")
    return method


_METHOD_FILTERS = paged(type=TYPE, allow_redisplay=ALLOW_REDISPLAY)
ROUTES = (
    Route("POST", "/v1/customers", _CREATE, _create),
    Route("GET", "/v1/customers", paged_by_time(email=EMAIL, test_clock=unsupported), _list),
    Route("GET", "/v1/customers/{customer}", shape(), _retrieve),
    Route("POST", "/v1/customers/{customer}", _UPDATE, _update),
    Route("DELETE", "/v1/customers/{customer}", shape(), _delete),
    Route("GET", "/v1/customers/{customer}/payment_methods", _METHOD_FILTERS, _payment_methods),
    Route("GET", "/v1/customers/{customer}/payment_methods/{payment_method}", shape(), _payment_method),
)
