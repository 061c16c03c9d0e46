"""Trying to set a method up for later payments, and what is kept of each try."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpay.sandbox.bank_accounts import SETTLED_AFTER
from azpay.sandbox.instruments import behaviour_of
from azpay.sandbox.lists import list_page, paged_by_time
from azpay.sandbox.params import text
from azpay.sandbox.resources import charge_details, debits, mandates, microdeposits, payment_methods
from azpay.sandbox.resources.attempts import (
    Step,
    asks_for_3ds,
    authentication_action,
    lookup_failure,
    next_step,
)
from azpay.sandbox.resources.refusals import authentication_failure
from azpay.sandbox.resources.saving import save
from azpay.sandbox.resources.statuses import move
from azpay.sandbox.routing import Call, Route
from azpay.sandbox.versions import LATEST, visible

if TYPE_CHECKING:
    from collections.abc import Mapping

    from azpay.sandbox.cards import Decline
    from azpay.sandbox.errors import StripeError
    from azpay.sandbox.routing import Work
    from azpay.sandbox.wire import Json
    from azpay.sandbox.world import World

_OF_THE_CARD = ("brand", "country", "exp_month", "exp_year", "fingerprint", "funding", "last4", "wallet")


def attempt_setup(world: World, intent: Json, params: Json) -> None:
    """Raises Stripe's 402 when the method cannot be set up, after writing down that it cannot."""
    method = world.payment_methods.get(intent["payment_method"])
    if method["type"] != "card":
        _try_account(world, intent, method, params)
        return
    behaviour = behaviour_of(method)
    _begin(world, intent, method)
    step = next_step(behaviour, off_session=False, set_up=False, requested=asks_for_3ds(intent))
    if step is Step.LOOKUP_FAILED:
        raise _decline(world, intent, method, lookup_failure(behaviour))
    if step is Step.AUTHENTICATE:
        _authenticate(world, intent, use_stripe_sdk=params.get("use_stripe_sdk", False))
    elif behaviour.decline is not None and not behaviour.attachable:
        raise _decline(world, intent, method, behaviour.decline)
    else:
        _succeed(world, intent, method)


def _begin(world: World, intent: Json, method: Json) -> None:
    """Every try is kept, as a SetupAttempt."""
    attempt: Json = {
        "id": world.ids.new("setatt"),
        "object": "setup_attempt",
        "application": None,
        "attach_to_self": False,
        "created": world.time,
        "customer": intent["customer"],
        "customer_account": None,
        "flow_directions": None,
        "livemode": False,
        "on_behalf_of": None,
        "payment_method": method["id"],
        "payment_method_details": _details(method),
        "setup_error": None,
        "setup_intent": intent["id"],
        "status": "processing",
        "usage": intent["usage"],
    }
    world.setup_attempts.add(attempt)
    intent["latest_attempt"] = attempt["id"]


def _details(method: Json) -> Json:
    kind = method["type"]
    if kind != "card":
        return {"type": kind, kind: {}}
    card = method["card"]
    told = {name: card[name] for name in _OF_THE_CARD}
    return {
        "type": kind,
        kind: {**told, "checks": card["checks"], "network": card["brand"], "three_d_secure": None},
    }


def _authenticate(world: World, intent: Json, *, use_stripe_sdk: bool) -> None:
    action = authentication_action(world, intent, use_stripe_sdk=use_stripe_sdk)
    _end_attempt(world, intent, "requires_action")
    move(world, intent, "requires_action", next_action=action)
    world.emit("setup_intent.requires_action", intent)


def authenticated(world: World, intent: Json, method: Json, *, approve: bool) -> None:
    """The customer has decided on the bank's page."""
    if not approve:
        code = "setup_intent_authentication_failure"
        _refuse(world, intent, authentication_failure(method, code=code, noun="SetupIntent"))
        return
    details = world.setup_attempts.get(intent["latest_attempt"])["payment_method_details"]
    details["card"]["three_d_secure"] = charge_details.authentication(intent["id"])
    _succeed(world, intent, method)


def _try_account(world: World, intent: Json, method: Json, params: Json) -> None:
    account = debits.account_of(method)
    _begin(world, intent, method)
    if account.behaviour.blocked and account.behaviour.decline is not None:
        raise _decline(world, intent, method, account.behaviour.decline)
    if mandates.standing(world, method) is None:
        mandates.grant(world, method, params)
    intent["mandate"] = method["_mandate"]
    if method["_verified"]:
        _succeed(world, intent, method)
        return
    _end_attempt(world, intent, "requires_action")
    move(world, intent, "requires_action", next_action=microdeposits.to_verify(world, intent))
    world.emit("setup_intent.requires_action", intent)
    if not account.verified:
        world.schedule.plan(world.time + SETTLED_AFTER, "setup_deposits_returned", intent["id"])


def verified(world: World, intent: Json) -> None:
    """The customer has read the small deposits off a statement."""
    method = world.payment_methods.get(intent["payment_method"])
    method["_verified"] = True
    _succeed(world, intent, method)


def _deposits_returned(world: World, intent_id: str) -> None:
    intent = world.setup_intents.get(intent_id)
    if microdeposits.awaited(intent):
        _decline(world, intent, world.payment_methods.get(intent["payment_method"]), microdeposits.RETURNED)


def _succeed(world: World, intent: Json, method: Json) -> None:
    _end_attempt(world, intent, "succeeded")
    method["_set_up"] = method["_set_up"] or intent["usage"] == "off_session"
    move(world, intent, "succeeded", next_action=None, last_setup_error=None)
    world.emit("setup_intent.succeeded", intent)
    save(world, method, intent["customer"])


def _decline(world: World, intent: Json, method: Json, refusal: Decline) -> StripeError:
    """Write it down. The caller raises the error, or, by the clock, drops it."""
    error = payment_methods.refusal(refusal, payment_method=visible(method, LATEST))
    _refuse(world, intent, error.error())
    error.details["setup_intent"] = intent
    return error


def _refuse(world: World, intent: Json, error: Json) -> None:
    attempt = _end_attempt(world, intent, "failed")
    attempt["setup_error"] = error
    move(
        world,
        intent,
        "requires_payment_method",
        payment_method=None,
        next_action=None,
        last_setup_error=error,
    )
    world.setup_intents.reindex(intent)
    world.emit("setup_intent.setup_failed", intent)


def _end_attempt(world: World, intent: Json, status: str) -> Json:
    attempt = world.setup_attempts.get(intent["latest_attempt"])
    attempt["status"] = status
    return attempt


def _list(world: World, call: Call) -> Json:
    intent = world.setup_intents.get(call.params["setup_intent"], param="setup_intent", status=400)
    equal = {"setup_intent": intent["id"]}
    return list_page(world.setup_attempts, "/v1/setup_attempts", call.params, equal=equal)


ROUTES = (
    Route("GET", "/v1/setup_attempts", paged_by_time(setup_intent=text()).requiring("setup_intent"), _list),
)
WORK: Mapping[str, Work] = {"setup_deposits_returned": _deposits_returned}
