"""The customer's side of 3D Secure, for payments and for setups alike."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit, urlunsplit

from azpay.sandbox import wording
from azpay.sandbox.errors import StripeError, bad_request
from azpay.sandbox.resources import setups
from azpay.sandbox.resources.attempts import charge_authenticated
from azpay.sandbox.resources.refusals import authentication_failure, reopen
from azpay.sandbox.resources.statuses import move

if TYPE_CHECKING:
    from azpay.sandbox.wire import Json
    from azpay.sandbox.world import World

_ACTIONS = ("redirect_to_url", "use_stripe_sdk")
_WELL = ("succeeded", "requires_capture", "requires_confirmation", "processing")


def awaiting(world: World, intent_id: str) -> Json:
    """The intent that a customer is asked about. Raises `StripeError` when none is."""
    if intent_id.startswith("seti_"):
        intent, noun = world.setup_intents.get(intent_id, param="intent"), "SetupIntent"
    else:
        intent, noun = world.payment_intents.get(intent_id, param="intent"), "PaymentIntent"
    waits = intent["status"] == "requires_action" and intent["next_action"]["type"] in _ACTIONS
    if not waits:
        message = wording.no_authentication(noun, intent_id)
        raise bad_request(message, code=f"{intent['object']}_unexpected_state")
    return intent


def decide(world: World, intent: Json, *, approve: bool) -> str | None:
    """The customer has decided on the bank's page. Returns where they go from there."""
    method = world.payment_methods.get(intent["payment_method"])
    if intent["object"] == "setup_intent":
        setups.authenticated(world, intent, method, approve=approve)
    elif approve:
        _approve(world, intent, method)
    else:
        code = "payment_intent_authentication_failure"
        reopen(world, intent, authentication_failure(method, code=code, noun="PaymentIntent"))
    return _way_back(intent)


def _approve(world: World, intent: Json, method: Json) -> None:
    """Where the merchant confirms by hand, the money is not taken before they confirm again."""
    intent["_authenticated_with"] = method["id"]
    if intent["confirmation_method"] == "manual":
        move(world, intent, "requires_confirmation", next_action=None)
        return
    with suppress(StripeError):  # a decline is written down already; nobody waits for its error
        charge_authenticated(world, intent, method)


def _way_back(intent: Json) -> str | None:
    if intent["_return_url"] is None:
        return None
    kind = intent["object"]
    told = {
        kind: intent["id"],
        f"{kind}_client_secret": intent["client_secret"],
        "redirect_status": "succeeded" if intent["status"] in _WELL else "failed",
    }
    address = urlsplit(intent["_return_url"])
    query = "&".join(filter(None, (address.query, urlencode(told))))
    return urlunsplit(address._replace(query=query))
