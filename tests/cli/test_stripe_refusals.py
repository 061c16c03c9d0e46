"""Stripe's noes as whoever types a command sees them: declines and refused requests.

A no moves nothing, and the same command, once what it names is put right, moves the money once.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from azpay import payments
from azpay.payments import Query

from .moves import (
    CANCEL,
    CAPTURE,
    CHARGE,
    DONE,
    MOVED,
    NOT_DONE,
    REFUND,
    VERBS,
    Saying,
    a_till,
    gateway_over,
    told,
)
from .running import error, run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from azpay.bootstrap import Azpay
    from azpay.sandbox import Sandbox
    from tests.support.clock import Clock
    from tests.support.stripe_transport import Answer

LATER = "The same card may work later, once; or ask the customer for another one."
FUNDS = "Out of funds, or over the limit of the card: it may work another day."
CHECK = "Ask the customer to check the card's data, or for another card."
QUIET = "Do not tell the customer the reason, and do not try this card again."

DECLINES = {
    "pm_card_visa_chargeDeclined": ("generic_decline", LATER),
    "pm_card_visa_chargeDeclinedInsufficientFunds": ("insufficient_funds", LATER),
    "pm_card_visa_chargeDeclinedVelocityLimitExceeded": ("card_velocity_exceeded", FUNDS),
    "pm_card_chargeDeclinedProcessingError": ("processing_error", LATER),
    "pm_card_chargeDeclinedExpiredCard": ("expired_card", CHECK),
    "pm_card_chargeDeclinedIncorrectCvc": ("incorrect_cvc", CHECK),
    "pm_card_visa_chargeDeclinedLostCard": ("lost_card", QUIET),
    "pm_card_visa_chargeDeclinedStolenCard": ("stolen_card", QUIET),
    "pm_card_chargeDeclinedFraudulent": ("fraudulent", QUIET),
    "pm_card_radarBlock": ("fraudulent", QUIET),
}
"""What Stripe calls it, and what to do: soft ones, hard ones, and those that nobody may be told."""


@pytest.mark.parametrize("method", DECLINES)
def test_a_decline_says_why_what_to_do_and_leaves_the_next_card_a_chance(
    azpay: Azpay, stripe: Sandbox, method: str
) -> None:
    words = ["charge", "5", "usd", "--reference", "new", "--method"]

    result = run(azpay, *words, method)

    code, advice = DECLINES[method]
    message, following = told(result)
    assert result.exit_code == 3
    assert message.startswith(f"Declined ({code}): ")
    assert advice in following
    assert run(azpay, *words, method).exit_code == 3
    assert run(azpay, *words, "pm_card_visa").exit_code == 0
    assert [each["amount_captured"] for each in stripe.charges if each["paid"]] == [500]
    assert [payment.status for payment in payments.history(azpay.db, Query()).payments] == ["succeeded"]


def stripes(status: int, **said: object) -> Answer:
    return json.dumps({"error": {"message": "Stripe's words", **said}}), status, {}


@pytest.mark.parametrize(
    ("code", "advice", "following"),
    [
        ("do_not_honor", None, "The bank gave no reason: the customer can ask them, or use another card."),
        ("do_not_honor", "do_not_try_again", "Do not try this card again; ask the customer for another one."),
        ("highest_risk_level", None, f"Radar blocked the payment. {QUIET}"),
        (
            "merchant_blacklist",
            "try_again_later",
            "The card is on this account's block list at Stripe. " + QUIET,
        ),
        ("one_of_tomorrow", None, "The bank gave no reason: the customer can ask them, or use another card."),
    ],
)
def test_stripes_advice_counts_except_about_what_is_hidden(
    azpay: Azpay, stripe: Sandbox, clock: Clock, code: str, advice: str | None, following: str
) -> None:
    transport = Saying(stripe)
    transport.answer = stripes(
        402, type="card_error", code="card_declined", decline_code=code, advice_code=advice
    )
    till = a_till(azpay, stripe, clock, CHARGE).over(gateway_over(transport))

    result = till.type()

    assert result.exit_code == 3
    assert told(result) == (f"Declined ({code}): Stripe's words", following)
    assert till.standing == NOT_DONE[CHARGE]


def test_a_bank_that_wants_the_customer_declines_and_says_how_to_ask_them(
    azpay: Azpay, stripe: Sandbox
) -> None:
    words = ["charge", "5", "usd", "--method", "pm_card_authenticationRequired", "--reference", "new"]

    away = run(azpay, *words, "--off-session", "--json")
    there = run(azpay, *words, "--on-session", "--return-url", "https://shop.example/back")

    assert away.exit_code == 3
    assert error(away)["code"] == "authentication_required"
    assert "--return-url" in error(away)["hint"]
    assert there.exit_code == 8
    assert "the customer must confirm it with the bank" in there.stderr
    assert len(stripe.payment_intents) >= 1


REFUSALS: dict[str, tuple[Sequence[str], Answer, int, str]] = {
    "a request it does not understand": (
        VERBS,
        stripes(400, type="invalid_request_error", code="parameter_invalid_integer"),
        1,
        "Put right what Stripe names, then ask again.",
    ),
    "an object it does not have": (
        VERBS,
        stripes(404, type="invalid_request_error", code="resource_missing"),
        1,
        "Check the id, and that it belongs to this account and mode.",
    ),
    "a balance that is too low": (
        [REFUND],
        stripes(400, code="balance_insufficient"),
        1,
        "The Stripe balance does not cover it: add funds, or wait for charges to settle.",
    ),
    "a charge that the bank has taken back": (
        [REFUND],
        stripes(400, code="charge_disputed"),
        7,
        "The customer's bank decides now: answer the dispute in Stripe's dashboard.",
    ),
    "a charge that was refunded elsewhere": (
        [REFUND],
        stripes(400, code="charge_already_refunded"),
        7,
        "It is done already, perhaps at Stripe itself: `azpay reconcile` brings the book up to date.",
    ),
    "an authorization that ran out": (
        [CAPTURE],
        stripes(400, code="charge_expired_for_capture"),
        7,
        "The authorization is gone: charge again.",
    ),
    "a payment in another state": (
        [CAPTURE, CANCEL],
        stripes(400, code="payment_intent_unexpected_state"),
        7,
        "Look at it with `azpay history`: something else may have changed it.",
    ),
    "a key that was never valid": (
        VERBS,
        stripes(401, type="invalid_request_error"),
        4,
        "Run `azpay login` with a key that may do this; see `azpay whoami`.",
    ),
    "an account that may not do it": (
        VERBS,
        stripes(403, type="invalid_request_error"),
        4,
        "Run `azpay login` with a key that may do this; see `azpay whoami`.",
    ),
    "a key of the other mode": (
        [CHARGE],
        stripes(400, code="livemode_mismatch"),
        4,
        "The key is of the other mode, or the account may not take live payments yet.",
    ),
}


@pytest.mark.parametrize(
    ("refusal", "verb"), [(why, verb) for why, (verbs, *_) in REFUSALS.items() for verb in verbs]
)
def test_a_refused_request_says_that_nothing_was_moved_and_what_is_next(
    azpay: Azpay, stripe: Sandbox, clock: Clock, refusal: str, verb: str
) -> None:
    _, answer, status, following = REFUSALS[refusal]
    transport = Saying(stripe)
    till = a_till(azpay, stripe, clock, verb).over(gateway_over(transport))
    transport.answer, before = answer, till.moved

    result = till.type()

    assert result.exit_code == status
    assert told(result) == ("Stripe's words. Nothing was moved.", following)
    assert (till.standing, till.moved) == (NOT_DONE[verb], before)
    transport.answer = None
    assert till.type().exit_code == 0
    assert (till.standing, till.moved) == (DONE[verb], MOVED[verb])
