"""Two small deposits that show whose bank account it is: the customer reads them off a statement."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpay.sandbox import wording
from azpay.sandbox.cards import Decline
from azpay.sandbox.errors import StripeError, bad_request
from azpay.sandbox.ids import scramble
from azpay.sandbox.params import array_of, integer, missing, shape, text

if TYPE_CHECKING:
    from azpay.sandbox.wire import Json
    from azpay.sandbox.world import World

AMOUNTS, DESCRIPTOR_CODE = [32, 45], "SM11AA"
"""What every test account gets."""

ATTEMPTS = 10
ARRIVES_AFTER = 2 * 24 * 60 * 60
RETURNED = Decline("payment_method_microdeposit_failed", None, wording.MICRODEPOSITS_FAILED)
VERIFY = shape(amounts=array_of(integer()), client_secret=text(), descriptor_code=text(6))

_KIND = "verify_with_microdeposits"
_CODE = "payment_method_microdeposit_verification"


def to_verify(world: World, intent: Json) -> Json:
    """The intent's next action."""
    told = {
        "arrival_date": world.time + ARRIVES_AFTER,
        "hosted_verification_url": "https://payments.stripe.com/microdeposit/" + scramble(intent["id"], 24),
        "microdeposit_type": "amounts",
    }
    return {"type": _KIND, _KIND: told}


def awaited(intent: Json) -> bool:
    return intent["status"] == "requires_action" and bool(intent["next_action"]["type"] == _KIND)


def check(intent: Json, params: Json) -> None:
    """Raises Stripe's error unless the customer has read them right. There are ten attempts."""
    if intent["_deposit_attempts"] >= ATTEMPTS:
        raise bad_request(wording.TOO_MANY_VERIFICATIONS, code=f"{_CODE}_attempts_exceeded")
    if not params.keys() & {"amounts", "descriptor_code"}:
        raise missing("amounts")
    if sorted(params.get("amounts", AMOUNTS)) != AMOUNTS:
        raise _wrong(intent, "amounts")
    if params.get("descriptor_code", DESCRIPTOR_CODE) != DESCRIPTOR_CODE:
        raise _wrong(intent, "descriptor_code")


def _wrong(intent: Json, what: str) -> StripeError:
    intent["_deposit_attempts"] += 1
    left = ATTEMPTS - intent["_deposit_attempts"]
    return bad_request(wording.deposits_do_not_match(what, left), code=f"{_CODE}_{what}_mismatch", param=what)
