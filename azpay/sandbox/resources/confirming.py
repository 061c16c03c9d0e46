"""What has to be true before an intent, to pay or to set up, can be tried."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpay.sandbox import wording
from azpay.sandbox.errors import StripeError, bad_request
from azpay.sandbox.resources import mandates, payment_methods
from azpay.sandbox.resources.described_methods import from_data
from azpay.sandbox.resources.method_types import check_method

if TYPE_CHECKING:
    from azpay.sandbox.wire import Json
    from azpay.sandbox.world import World

_NOUNS = {"payment_intent": "PaymentIntent", "setup_intent": "SetupIntent"}


def named_method(world: World, params: Json, customer: str | None) -> Json | None:
    """The method that the parameters name, if it may be used for this customer."""
    if "payment_method_data" in params:
        return from_data(world, params["payment_method_data"])
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


def check_confirmable(world: World, intent: Json, params: Json, method: Json | None) -> None:
    """`method` is the one that comes with this call; otherwise the intent must have one that still works."""
    noun = _NOUNS[intent["object"]]
    if method is None:
        if intent["payment_method"] is None:
            code = f"{intent['object']}_unexpected_state"
            raise bad_request(wording.method_missing(noun), code=code)
        method = payment_methods.usable(world, intent["payment_method"])
        check_method(intent, method, noun)
    _check_way_back(intent, params)
    mandates.check(world, method, params, noun)


def _check_way_back(intent: Json, params: Json) -> None:
    automatic = intent["automatic_payment_methods"]
    redirects = automatic is not None and automatic["allow_redirects"] == "always"
    known = params.get("return_url", intent["_return_url"])
    if redirects and known is None and not params.get("use_stripe_sdk", False):
        raise bad_request(wording.return_url_missing(_NOUNS[intent["object"]]), param="return_url")


def check_secret(intent: Json, params: Json, message: str) -> None:
    if params.get("client_secret", intent["client_secret"]) != intent["client_secret"]:
        code = f"{intent['object']}_invalid_parameter"
        raise bad_request(message, code=code, param="client_secret")
