"""Taking money from a bank account: asked for at once, answered days later.

Until the bank has answered, the intent is processing and its charge is pending. Nothing is on the balance.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpay.sandbox import wording
from azpay.sandbox.bank_accounts import SETTLED_AFTER, BankAccount
from azpay.sandbox.cards import AUTHENTICATION_NOT_HANDLED, Decline
from azpay.sandbox.errors import unexpected_state
from azpay.sandbox.instruments import instrument_of
from azpay.sandbox.resources import charges, mandates, microdeposits
from azpay.sandbox.resources.refusals import decline, fail
from azpay.sandbox.resources.saving import future_usage, remember
from azpay.sandbox.resources.statuses import move

if TYPE_CHECKING:
    from collections.abc import Mapping

    from azpay.sandbox.routing import Work
    from azpay.sandbox.wire import Json
    from azpay.sandbox.world import World

_CANCELABLE = "us_bank_account"
"""The one kind of debit that can be called back while the bank has not answered."""


def begin(world: World, intent: Json, method: Json, params: Json) -> None:
    """Ask the bank, unless small deposits have to show first that the account is the customer's."""
    account = account_of(method)
    if account.behaviour.blocked and account.behaviour.decline is not None:
        raise decline(world, intent, method, account.behaviour.decline)
    if not method["_verified"] and params.get("error_on_requires_action", False):
        raise fail(world, intent, method, AUTHENTICATION_NOT_HANDLED)
    intent["_mandate"] = _mandate(world, intent, method, params)
    if method["_verified"]:
        debit(world, intent, method)
    else:
        _ask_for_deposits(world, intent)


def account_of(method: Json) -> BankAccount:
    account = instrument_of(method)
    if not isinstance(account, BankAccount):
        raise TypeError(f"{method['id']} is not a bank account")
    return account


def _mandate(world: World, intent: Json, method: Json, params: Json) -> str:
    standing = mandates.standing(world, method)
    named: str | None = params.get("mandate", standing and standing["id"])
    if named is not None:
        return named
    once = None if future_usage(intent) else {"amount": intent["amount"], "currency": intent["currency"]}
    return mandates.grant(world, method, params, once=once)


def debit(world: World, intent: Json, method: Json) -> None:
    charge = charges.pending_charge(world, intent, method, intent["_mandate"])
    remember(world, intent, method)
    move(world, intent, "processing", last_payment_error=None, next_action=None)
    world.emit("payment_intent.processing", intent)
    world.emit("charge.pending", charge)
    wait = account_of(method).settles_after
    if wait is not None:
        world.schedule.plan(world.time + wait, "settle_debit", intent["id"])


def _ask_for_deposits(world: World, intent: Json) -> None:
    move(world, intent, "requires_action", next_action=microdeposits.to_verify(world, intent))
    world.emit("payment_intent.requires_action", intent)
    method = world.payment_methods.get(intent["payment_method"])
    if not account_of(method).verified:
        world.schedule.plan(world.time + SETTLED_AFTER, "deposits_returned", intent["id"])


def _deposits_returned(world: World, intent_id: str) -> None:
    intent = world.payment_intents.get(intent_id)
    if microdeposits.awaited(intent):
        fail(world, intent, world.payment_methods.get(intent["payment_method"]), microdeposits.RETURNED)
        end_mandate(world, intent)


def verify(world: World, intent: Json, params: Json) -> None:
    """The customer has read the deposits off a statement: now the bank can be asked."""
    if not microdeposits.awaited(intent):
        raise unexpected_state(wording.cannot_verify(intent["status"]))
    microdeposits.check(intent, params)
    method = world.payment_methods.get(intent["payment_method"])
    method["_verified"] = True
    debit(world, intent, method)


def _settle(world: World, intent_id: str) -> None:
    """The bank answers. Nothing happens if the payment was called back before."""
    intent = world.payment_intents.get(intent_id)
    if intent["status"] != "processing":
        return
    charge = world.charges.get(intent["latest_charge"])
    method = world.payment_methods.get(charge["payment_method"])
    refusal = account_of(method).behaviour.decline
    if refusal is None:
        _succeed(world, intent, charge)
    else:
        _fail(world, intent, method, refusal)
    end_mandate(world, intent)


def _succeed(world: World, intent: Json, charge: Json) -> None:
    move(world, charge, "succeeded", paid=True)
    charges.capture(world, charge, charge["amount"], wait=False)
    move(world, intent, "succeeded", amount_received=charge["amount"])
    world.emit("charge.succeeded", charge)
    world.emit("payment_intent.succeeded", intent)


def _fail(world: World, intent: Json, method: Json, refusal: Decline) -> None:
    charge = world.charges.get(intent["latest_charge"])
    charges.refuse(world, charge, refusal)
    world.emit("charge.failed", charge)
    fail(world, intent, method, refusal, charge=charge["id"])


def end_mandate(world: World, intent: Json) -> None:
    """A permission for one payment ends with it, however it ends."""
    mandate = world.mandates.find(intent["_mandate"] or "")
    if mandate is not None and mandate["type"] == "single_use" and mandate["status"] == "active":
        mandates.use_up(world, mandate["id"])


def can_be_called_back(world: World, intent: Json) -> bool:
    method = world.payment_methods.get(intent["payment_method"])
    return bool(method["type"] == _CANCELABLE)


def call_back(world: World, intent: Json) -> None:
    charge = world.charges.get(intent["latest_charge"])
    charges.refuse(world, charge, Decline("payment_intent_canceled", None, wording.CALLED_BACK))
    world.emit("charge.failed", charge)


WORK: Mapping[str, Work] = {"settle_debit": _settle, "deposits_returned": _deposits_returned}
