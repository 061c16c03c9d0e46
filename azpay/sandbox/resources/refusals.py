"""An attempt that failed: what is written down, and what is said.

A refusal is an answer too: the intent stays, open for another method, and the failed charge is kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpay.sandbox import wording
from azpay.sandbox.errors import INVALID, StripeError
from azpay.sandbox.resources import charges, payment_methods
from azpay.sandbox.resources.statuses import move
from azpay.sandbox.versions import LATEST, visible

if TYPE_CHECKING:
    from azpay.sandbox.cards import Decline
    from azpay.sandbox.wire import Json
    from azpay.sandbox.world import World


def decline(world: World, intent: Json, method: Json, refusal: Decline) -> StripeError:
    """Write the failed charge down. The caller raises the error, or, by the clock, drops it."""
    charge = charges.new_charge(world, intent, method, decline=refusal)
    world.emit("charge.failed", charge)
    return fail(world, intent, method, refusal, charge=charge["id"])


def fail(
    world: World, intent: Json, method: Json, refusal: Decline, *, charge: str | None = None
) -> StripeError:
    """The same without a new charge."""
    error = payment_methods.refusal(refusal, charge=charge, payment_method=visible(method, LATEST))
    reopen(world, intent, error.error())
    error.details["payment_intent"] = intent
    return error


def reopen(world: World, intent: Json, error: Json) -> None:
    move(
        world,
        intent,
        "requires_payment_method",
        payment_method=None,
        next_action=None,
        last_payment_error=error,
        _authenticated_with=None,
    )
    world.emit("payment_intent.payment_failed", intent)


def authentication_failure(method: Json, *, code: str, noun: str) -> Json:
    """The customer, or the customer's bank, said no."""
    details = {"payment_method": visible(method, LATEST)}
    message = wording.authentication_failed(noun)
    return StripeError(402, message, kind=INVALID, code=code, details=details).error()
