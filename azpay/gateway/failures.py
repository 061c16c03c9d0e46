"""What Stripe's refusals mean to us. The one place where its types, codes and statuses become our errors.

https://docs.stripe.com/error-handling and https://docs.stripe.com/error-low-level. The question that matters
for money is asked first: may the request have taken effect? If so, and Stripe's last word is not an answer to
the request itself, the outcome is unknown.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from azpay.errors import (
    AzpayError,
    Conflict,
    Declined,
    Failed,
    NotAllowed,
    NotFound,
    OutcomeUnknown,
    Unavailable,
)

if TYPE_CHECKING:
    from azpay.gateway.objects import PaymentIntent, StripeError

HIDDEN = frozenset({"fraudulent", "lost_card", "stolen_card", "merchant_blacklist", "pickup_card"})
"""Decline codes that a customer must not be told: https://docs.stripe.com/declines/codes"""


class CardDeclined(Declined):
    """The bank, or Stripe's Radar, said no. The payment intent stays open for another method."""

    code = "card_declined"

    def __init__(self, error: StripeError) -> None:
        self.decline_code = error.decline_code or error.code or "generic_decline"
        self.payment_intent: PaymentIntent | None = error.payment_intent
        self.for_customer = (
            "Your card was declined. Please contact your bank or use another card."
            if self.decline_code in HIDDEN
            else error.message or "Your card was declined."
        )
        super().__init__(
            f"Declined ({self.decline_code}): {error.message or 'no reason given'}", hint=_advice(error)
        )


class AuthenticationNeeded(CardDeclined):
    """The bank wants the customer present (3-D Secure)."""

    code = "authentication_required"


class StripeRefused(Failed):
    """Stripe would not do it, and nothing was moved."""

    code = "stripe_refused"


class NoSuchObject(NotFound):
    """Stripe has no such object under this key."""

    code = "no_such_object"


class WrongState(Conflict):
    """The object is no longer in a state that allows this."""

    code = "wrong_state"


class KeyReused(Conflict):
    """Stripe has seen this idempotency key with other parameters."""

    code = "idempotency_key_reused"


class KeyRefused(NotAllowed):
    """Stripe does not accept the API key, or the key lacks a permission."""

    code = "api_key_refused"


class StripeUnavailable(Unavailable):
    """Stripe could not be reached, or would not take the request now. Nothing was moved."""

    code = "stripe_unavailable"


class AnswerLost(OutcomeUnknown):
    """The request left us, and Stripe's answer did not come back or did not say."""

    code = "answer_lost"


@dataclass(frozen=True, slots=True)
class Verdict:
    """One try's result: what to say if it was the last, whether to try again, whether it may have acted."""

    error: AzpayError
    again: bool = False
    may_have_acted: bool = False
    definite: bool = False
    """An answer to the request itself, which also settles what became of earlier tries under the same key."""


WRONG_STATES = frozenset(
    {
        "payment_intent_unexpected_state",
        "charge_already_refunded",
        "charge_already_captured",
        "charge_disputed",
        "charge_not_refundable",
        "charge_expired_for_capture",
    }
)


def judge(status: int, error: StripeError) -> Verdict:
    """The meaning of an answer with an error in it."""
    if status == HTTPStatus.PAYMENT_REQUIRED:
        return Verdict(_declined(error), definite=True)
    if status in {HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND}:
        return Verdict(_rejected(status, error), definite=True)
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return Verdict(
            KeyRefused(
                _said(error), hint="Run `azpay login` with a key that may do this; see `azpay whoami`."
            )
        )
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return Verdict(
            StripeUnavailable(f"Stripe is limiting us: {_said(error)}", hint="Try again in a minute."),
            again=True,
        )
    return Verdict(
        StripeUnavailable(f"Stripe answered {status}: {_said(error)}", hint="Try again in a minute."),
        again=True,
        may_have_acted=True,
    )


def unreadable(status: int) -> Verdict:
    """The meaning of an answer that is not Stripe's: a proxy's page, or garbage."""
    error = StripeUnavailable(
        f"Stripe answered {status} with something we cannot read.",
        hint="Check AZPAY_STRIPE_API_BASE and any proxy on the way to it, then try again.",
    )
    return Verdict(error, again=True, may_have_acted=True)


def unreachable(reason: str, *, sent: bool) -> Verdict:
    """The connection failed; `sent` when the request may have left us before it did."""
    error = StripeUnavailable(
        f"Stripe could not be reached ({reason}).",
        hint="Check the network and AZPAY_STRIPE_API_BASE; in the sandbox, see that `azpay sandbox` runs.",
    )
    return Verdict(error, again=True, may_have_acted=sent)


def _declined(error: StripeError) -> CardDeclined:
    if "authentication_required" in {error.code, error.decline_code}:
        return AuthenticationNeeded(error)
    return CardDeclined(error)


def _rejected(status: int, error: StripeError) -> AzpayError:
    if error.type == "idempotency_error":
        return KeyReused(_said(error), hint="Use another --idempotency-key for a different request.")
    if error.code in WRONG_STATES:
        return WrongState(_said(error))
    if status == HTTPStatus.NOT_FOUND or error.code == "resource_missing":
        return NoSuchObject(_said(error), hint="Check the id, and that it belongs to this account and mode.")
    return StripeRefused(_said(error))


def _advice(error: StripeError) -> str | None:
    match error.advice_code:
        case "do_not_try_again":
            return "Do not try this card again; ask the customer for another one."
        case "try_again_later":
            return "The same card may work later, once; or ask the customer for another one."
        case "confirm_card_data":
            return "Ask the customer to check the card's data, or for another card."
        case _:
            return None


def _said(error: StripeError) -> str:
    return error.message or error.code or "no reason given"
