"""Confirming a payment intent: what the card makes of it.

An attempt ends in one of four ways: the money is taken or held, the customer has to authenticate, the card
is declined, or the attempt cannot be made. A decline is an answer too: the intent stays, open for another
card, and the failed charge is kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit, urlunsplit

from azpay.sandbox import cards, wording
from azpay.sandbox.cards import Authentication, Decline
from azpay.sandbox.errors import INVALID, StripeError, unexpected_state
from azpay.sandbox.resources import charges, payment_methods
from azpay.sandbox.versions import LATEST, visible

if TYPE_CHECKING:
    from azpay.sandbox.cards import Card
    from azpay.sandbox.wire import Json
    from azpay.sandbox.world import World

DAY = 24 * 60 * 60
AUTHORIZED_FOR = 7 * DAY
VISA_AUTHORIZED_FOR_WITHOUT_CUSTOMER = 4 * DAY + 18 * 60 * 60

NOT_HANDLED = Decline(
    "authentication_required",
    "authentication_not_handled",
    "The payment attempt failed because additional action is required before it can be completed, and "
    "`error_on_requires_action` was set.",
)


class Step(Enum):
    CHARGE = "charge"
    AUTHENTICATE = "authenticate"
    LOOKUP_FAILED = "lookup_failed"


@dataclass(frozen=True, slots=True)
class Terms:
    """How the merchant wants this attempt to be made."""

    off_session: bool = False
    error_on_requires_action: bool = False


def next_step(card: Card, *, off_session: bool, set_up: bool, requested: bool) -> Step:
    """Whether the card wants 3D Secure now. `requested`: the merchant asked for it."""
    when = card.behaviour.authentication
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


def attempt(world: World, intent: Json, terms: Terms) -> None:
    """Try to pay. Raises Stripe's 402 when that fails, after writing down that it did."""
    method = world.payment_methods.get(intent["payment_method"])
    card = payment_methods.card_of(method)
    step = next_step(
        card, off_session=terms.off_session, set_up=method["_set_up"], requested=_asks_for_3ds(intent)
    )
    intent.update(_off_session=terms.off_session, _authenticated=False, next_action=None)
    if step is Step.LOOKUP_FAILED:
        raise decline(world, intent, method, cards.PROCESSING_ERROR)
    if step is Step.AUTHENTICATE:
        _authenticate(world, intent, method, terms)
        return
    _charge(world, intent, method, card.behaviour.decline)


def _asks_for_3ds(intent: Json) -> bool:
    return intent["payment_method_options"]["card"]["request_three_d_secure"] in ("any", "challenge")


def _authenticate(world: World, intent: Json, method: Json, terms: Terms) -> None:
    if terms.off_session:
        raise decline(world, intent, method, cards.AUTHENTICATION_REQUIRED)
    if terms.error_on_requires_action:
        raise _fail(world, intent, method, NOT_HANDLED)
    intent.update(status="requires_action", next_action=_next_action(world, intent))
    world.emit("payment_intent.requires_action", intent)


def _next_action(world: World, intent: Json) -> Json:
    url = f"{world.base_url}/_3ds/{intent['id']}"
    if intent["_return_url"] is not None:
        return {
            "type": "redirect_to_url",
            "redirect_to_url": {"return_url": intent["_return_url"], "url": url},
        }
    return {
        "type": "use_stripe_sdk",
        "use_stripe_sdk": {"type": "three_d_secure_redirect", "stripe_js": url, "source": None},
    }


def _charge(world: World, intent: Json, method: Json, refusal: Decline | None) -> None:
    if refusal is not None:
        raise decline(world, intent, method, refusal)
    charge = charges.new_charge(world, intent, method)
    intent.update(last_payment_error=None, next_action=None)
    _remember(world, intent, method)
    if _is_manual(intent):
        _hold(world, intent, charge)
    else:
        _take(world, intent, charge)


def _is_manual(intent: Json) -> bool:
    """The options of the card may say so for cards alone."""
    card: Json = intent["payment_method_options"]["card"]
    return "manual" in (intent["capture_method"], card.get("capture_method"))


def _take(world: World, intent: Json, charge: Json) -> None:
    wait = intent["capture_method"] == "automatic_async"
    charges.capture(world, charge, intent["amount"], wait=wait)
    intent.update(status="succeeded", amount_received=intent["amount"], amount_capturable=0)
    world.emit("charge.succeeded", charge)
    world.emit("payment_intent.succeeded", intent)


def _hold(world: World, intent: Json, charge: Json) -> None:
    """Authorize only. The hold ends by itself after some days."""
    card = charge["payment_method_details"]["card"]
    alone = intent["_off_session"] and card["brand"] == "visa"
    deadline = world.time + (VISA_AUTHORIZED_FOR_WITHOUT_CUSTOMER if alone else AUTHORIZED_FOR)
    card["capture_before"] = deadline
    intent.update(status="requires_capture", amount_capturable=intent["amount"])
    world.schedule.plan(deadline, "expire_authorization", intent["id"])
    world.emit("charge.succeeded", charge)
    world.emit("payment_intent.amount_capturable_updated", intent)


def _remember(world: World, intent: Json, method: Json) -> None:
    """Save the method if that was asked for. One that belongs to nobody is spent by being used."""
    owner = world.customers.find(intent["customer"] or "")
    if intent["setup_future_usage"] is not None and owner is not None and not owner.get("_deleted"):
        payment_methods.attach(world, method, owner)
        method["_set_up"] = method["_set_up"] or intent["setup_future_usage"] == "off_session"
    method["_spent"] = method["customer"] is None


def decline(world: World, intent: Json, method: Json, refusal: Decline) -> StripeError:
    """Write the failed charge down. The caller raises the error, or, by the clock, drops it."""
    charge = charges.new_charge(world, intent, method, decline=refusal)
    world.emit("charge.failed", charge)
    return _fail(world, intent, method, refusal, charge=charge["id"])


def _fail(
    world: World, intent: Json, method: Json, refusal: Decline, *, charge: str | None = None
) -> StripeError:
    shown = visible(method, LATEST)
    error = payment_methods.card_error(refusal, charge=charge, payment_method=shown)
    _reopen(world, intent, error.error())
    error.details["payment_intent"] = intent
    return error


def _reopen(world: World, intent: Json, error: Json) -> None:
    intent.update(
        status="requires_payment_method",
        payment_method=None,
        next_action=None,
        last_payment_error=error,
    )
    world.emit("payment_intent.payment_failed", intent)


def awaiting(world: World, intent_id: str) -> Json:
    """The intent that a customer is to authenticate."""
    intent = world.payment_intents.get(intent_id, param="intent")
    if intent["status"] != "requires_action":
        raise unexpected_state(f"This PaymentIntent ({intent['id']}) does not wait for authentication.")
    return intent


def authenticated(world: World, intent: Json, *, approve: bool) -> str | None:
    """The customer has decided on the bank's page. Returns where they go from there."""
    method = world.payment_methods.get(intent["payment_method"])
    refusal = payment_methods.card_of(method).behaviour.after_authentication
    if not approve:
        _reopen(world, intent, _authentication_failure(method))
    elif refusal is not None:
        decline(world, intent, method, refusal)
    else:
        intent["_authenticated"] = True
        _charge(world, intent, method, None)
    return _way_back(intent)


def _way_back(intent: Json) -> str | None:
    if intent["_return_url"] is None:
        return None
    paid = intent["status"] in ("succeeded", "requires_capture")
    told = {
        "payment_intent": intent["id"],
        "payment_intent_client_secret": intent["client_secret"],
        "redirect_status": "succeeded" if paid else "failed",
    }
    address = urlsplit(intent["_return_url"])
    query = "&".join(filter(None, (address.query, urlencode(told))))
    return urlunsplit(address._replace(query=query))


def _authentication_failure(method: Json) -> Json:
    details = {"payment_method": visible(method, LATEST)}
    code = "payment_intent_authentication_failure"
    return StripeError(402, wording.AUTHENTICATION_FAILED, kind=INVALID, code=code, details=details).error()
