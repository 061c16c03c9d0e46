"""Keys that Stripe refuses, as whoever types a command sees it: revoked, restricted, or used before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from azpay.gateway.line import TRIES

from .moves import (
    CANCEL,
    CAPTURE,
    CHARGE,
    DONE,
    KEY,
    MOVED,
    NOT_DONE,
    REFUND,
    VERBS,
    Saying,
    a_till,
    gateway_over,
    told,
)
from .running import run

if TYPE_CHECKING:
    from azpay.bootstrap import Azpay
    from azpay.sandbox import Sandbox
    from tests.support.clock import Clock

RESTRICTED = "rk_test_ci01"


@pytest.mark.parametrize("verb", VERBS)
def test_a_key_that_was_revoked_is_said_and_the_new_one_goes_on(
    azpay: Azpay, stripe: Sandbox, clock: Clock, verb: str
) -> None:
    till = a_till(azpay, stripe, clock, verb)
    before = till.moved
    stripe.expire_key(KEY)

    result = till.type()

    message, following = told(result)
    assert result.exit_code == 4
    assert message.startswith("Expired API Key provided: sk_test_")
    assert message.endswith("Nothing was moved.")
    assert KEY not in result.output
    assert following == "Run `azpay login` with a key that may do this; see `azpay whoami`."
    assert (till.standing, till.moved) == (NOT_DONE[verb], before)
    stripe.add_key("sk_test_the_new_one")
    renewed = till.over(gateway_over(Saying(stripe), "sk_test_the_new_one"))
    assert renewed.type().exit_code == 0
    assert (till.standing, till.moved) == (DONE[verb], MOVED[verb])


@pytest.mark.parametrize(
    ("verb", "lacks"),
    [
        (CHARGE, "rak_payment_intent_write"),
        (CAPTURE, "rak_payment_intent_write"),
        (CANCEL, "rak_payment_intent_write"),
        (REFUND, "rak_charge_write"),
    ],
)
def test_a_restricted_key_says_which_permission_it_lacks(
    azpay: Azpay, stripe: Sandbox, clock: Clock, verb: str, lacks: str
) -> None:
    stripe.add_key(RESTRICTED, ["payment_intent_read", "charge_read"])
    till = a_till(azpay, stripe, clock, verb)
    before = till.moved

    result = till.over(gateway_over(Saying(stripe), RESTRICTED)).type()

    message, following = told(result)
    assert result.exit_code == 4
    assert f"'{lacks}'" in message
    assert message.endswith("Nothing was moved.")
    assert "azpay login" in following
    assert (till.standing, till.moved) == (NOT_DONE[verb], before)
    assert till.type().exit_code == 0


@pytest.mark.parametrize("verb", VERBS)
def test_a_key_that_is_revoked_after_a_lost_answer_leaves_the_outcome_unknown(
    azpay: Azpay, stripe: Sandbox, clock: Clock, verb: str
) -> None:
    till = a_till(azpay, stripe, clock, verb)
    stripe.spoil_next("drop-answer", method="POST", times=TRIES)
    till.type()
    stripe.add_key("sk_test_the_old_one")
    stripe.expire_key("sk_test_the_old_one")

    result = till.over(gateway_over(Saying(stripe), "sk_test_the_old_one")).type()

    message, _ = told(result)
    assert result.exit_code == 8
    assert "api_key_refused" in message
    assert "an earlier one may have taken effect" in message
    assert "Nothing was moved" not in result.output
    assert till.type().exit_code == 0
    assert (till.standing, till.moved) == (DONE[verb], MOVED[verb])


def test_a_key_that_another_program_used_at_stripe_is_a_conflict(azpay: Azpay, stripe: Sandbox) -> None:
    other: dict[str, Any] = {"amount": 900, "currency": "usd"}
    azpay.gateway.create_payment_intent(other, key="invoice-7")
    words = ["charge", "5", "usd", "--method", "pm_card_visa", "--idempotency-key"]

    result = run(azpay, *words, "invoice-7")

    message, following = told(result)
    assert result.exit_code == 7
    assert message.startswith("Keys for idempotent requests can only be used with the same parameters")
    assert message.endswith("Nothing was moved.")
    assert following == "Use another --idempotency-key for a different request."
    assert run(azpay, *words, "invoice-8").exit_code == 0
    assert [each["amount_captured"] for each in stripe.charges] == [500]
