"""Confirming a payment intent: what the card makes of it.

An attempt ends in one of four ways: the money is taken or held, the customer has to authenticate, the card
is declined, or the attempt cannot be made. A decline is an answer too: the intent stays, open for another
card, and the failed charge is kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from azpay.sandbox import cards
from azpay.sandbox.cards import Authentication
from azpay.sandbox.instruments import behaviour_of
from azpay.sandbox.resources import charges, debits, holds
from azpay.sandbox.resources.refusals import decline, fail
from azpay.sandbox.resources.saving import remember
from azpay.sandbox.resources.statuses import move

if TYPE_CHECKING:
    from azpay.sandbox.cards import Behaviour, Decline
    from azpay.sandbox.wire import Json
    from azpay.sandbox.world import World


class Step(Enum):
    CHARGE = "charge"
    AUTHENTICATE = "authenticate"
    LOOKUP_FAILED = "lookup_failed"


@dataclass(frozen=True, slots=True)
class Terms:
    """How the merchant wants this attempt to be made."""

    params: Json
    off_session: bool = False
    error_on_requires_action: bool = False
    use_stripe_sdk: bool = False

    @classmethod
    def of(cls, params: Json) -> Terms:
        return cls(
            params,
            params.get("off_session", "false") != "false",
            params.get("error_on_requires_action", False),
            params.get("use_stripe_sdk", False),
        )


def next_step(behaviour: Behaviour, *, off_session: bool, set_up: bool, requested: bool) -> Step:
    """Whether the card wants 3D Secure now. `requested`: the merchant asked for it."""
    when = behaviour.authentication
    broken = when is Authentication.BROKEN or (when is Authentication.OPTIONAL_BROKEN and requested)
    if broken:
        return Step.LOOKUP_FAILED
    wanted = {
        Authentication.ALWAYS: True,
        Authentication.UNLESS_SET_UP: not (off_session and set_up),
        Authentication.ON_SESSION: not off_session,
        Authentication.OPTIONAL: requested and not off_session,
    }
    return Step.AUTHENTICATE if wanted.get(when, False) else Step.CHARGE


def lookup_failure(behaviour: Behaviour) -> Decline:
    """A card that must be looked up is declined; one that need not be tells what went wrong."""
    required = behaviour.authentication is Authentication.BROKEN
    return cards.GENERIC if required else cards.PROCESSING_ERROR


def attempt(world: World, intent: Json, terms: Terms) -> None:
    """Try to pay. Raises Stripe's 402 when that fails, after writing down that it did."""
    method = world.payment_methods.get(intent["payment_method"])
    intent.update(_off_session=terms.off_session, next_action=None)
    if method["type"] == "card":
        _try_card(world, intent, method, terms)
    else:
        debits.begin(world, intent, method, terms.params)


def _try_card(world: World, intent: Json, method: Json, terms: Terms) -> None:
    behaviour = behaviour_of(method)
    if intent["_authenticated_with"] == method["id"]:
        charge_authenticated(world, intent, method)
        return
    step = next_step(
        behaviour, off_session=terms.off_session, set_up=method["_set_up"], requested=asks_for_3ds(intent)
    )
    if step is Step.LOOKUP_FAILED:
        raise decline(world, intent, method, lookup_failure(behaviour))
    if step is Step.AUTHENTICATE:
        _authenticate(world, intent, method, terms)
    else:
        _charge(world, intent, method, behaviour.decline)


def asks_for_3ds(intent: Json) -> bool:
    options = intent["payment_method_options"].get("card", {})
    return options.get("request_three_d_secure") in ("any", "challenge")


def _authenticate(world: World, intent: Json, method: Json, terms: Terms) -> None:
    if terms.off_session:
        raise decline(world, intent, method, cards.AUTHENTICATION_REQUIRED)
    if terms.error_on_requires_action:
        raise fail(world, intent, method, cards.AUTHENTICATION_NOT_HANDLED)
    action = authentication_action(world, intent, use_stripe_sdk=terms.use_stripe_sdk)
    move(world, intent, "requires_action", next_action=action)
    world.emit("payment_intent.requires_action", intent)


def authentication_action(world: World, intent: Json, *, use_stripe_sdk: bool) -> Json:
    """Where the customer is to go: to the bank's page and back, or wherever Stripe.js takes them."""
    url = f"{world.base_url}/_3ds/{intent['id']}"
    if intent["_return_url"] is not None and not use_stripe_sdk:
        return {
            "type": "redirect_to_url",
            "redirect_to_url": {"return_url": intent["_return_url"], "url": url},
        }
    return {
        "type": "use_stripe_sdk",
        "use_stripe_sdk": {"type": "three_d_secure_redirect", "stripe_js": url, "source": None},
    }


def charge_authenticated(world: World, intent: Json, method: Json) -> None:
    """The customer has proved who they are. The issuer may refuse all the same."""
    _charge(world, intent, method, behaviour_of(method).after_authentication)


def _charge(world: World, intent: Json, method: Json, refusal: Decline | None) -> None:
    if refusal is not None:
        raise decline(world, intent, method, refusal)
    charge = charges.new_charge(world, intent, method)
    intent.update(last_payment_error=None, next_action=None)
    remember(world, intent, method)
    if _is_manual(intent):
        holds.hold(world, intent, charge)
    else:
        _take(world, intent, charge)


def _is_manual(intent: Json) -> bool:
    """The options of the card may say so for cards alone."""
    card: Json = intent["payment_method_options"].get("card", {})
    return "manual" in (intent["capture_method"], card.get("capture_method"))


def _take(world: World, intent: Json, charge: Json) -> None:
    wait = intent["capture_method"] == "automatic_async"
    charges.capture(world, charge, intent["amount"], wait=wait)
    move(world, intent, "succeeded", amount_received=intent["amount"], amount_capturable=0)
    world.emit("charge.succeeded", charge)
    world.emit("payment_intent.succeeded", intent)
