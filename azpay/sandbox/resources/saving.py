"""Saving a method by using it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpay.sandbox.resources import payment_methods

if TYPE_CHECKING:
    from azpay.sandbox.wire import Json
    from azpay.sandbox.world import World


def future_usage(intent: Json) -> str | None:
    """What the payment says of later ones. The options of its kind of method go before."""
    options = intent["payment_method_options"].get(intent["_kind"], {})
    said: str | None = options.get("setup_future_usage", intent["setup_future_usage"])
    return None if said == "none" else said


def remember(world: World, intent: Json, method: Json) -> None:
    """Save the method if that was asked for. One that belongs to nobody is spent by being used."""
    usage = future_usage(intent)
    if usage is not None:
        save(world, method, intent["customer"])
        method["_set_up"] = method["_set_up"] or usage == "off_session"
    method["_spent"] = method["customer"] is None


def save(world: World, method: Json, customer: str | None) -> None:
    """A customer may have been deleted while a bank made up its mind."""
    owner = world.customers.find(customer or "")
    if owner is not None and not owner.get("_deleted"):
        payment_methods.attach(world, method, owner)
