"""What Stripe's refusals mean to us. The one place where its types, codes and statuses become our errors.

https://docs.stripe.com/error-handling and https://docs.stripe.com/error-low-level. The question that matters
for money is asked first: may the request have taken effect? If so, and Stripe's last word is not an answer to
the request itself, the outcome is unknown.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, assert_never

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
from azpay.gateway.declines import decline_of
from azpay.gateway.refusals import REFUSALS, Means, Refusal

if TYPE_CHECKING:
    from azpay.gateway.objects import PaymentIntent, SetupIntent, StripeError


class CardDeclined(Declined):
    """The bank, or Stripe's Radar, said no. The payment intent stays open for another method."""

    code = "card_declined"

    def __init__(self, error: StripeError) -> None:
        self.decline_code = error.decline_code or error.code or "generic_decline"
        self.payment_intent: PaymentIntent | None = error.payment_intent
        self.setup_intent: SetupIntent | None = error.setup_intent
        decline = decline_of(error)
        self.for_customer = decline.customer
        self.again = decline.again
        super().__init__(
            f"Declined ({self.decline_code}): {error.message or 'no reason given'}", hint=decline.operator
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


class Overslept(OutcomeUnknown):
    """We slept until the key was too old to be sent, and sent nothing; what others sent is not known."""

    code = "overslept"

    def __init__(self) -> None:
        super().__init__(
            "This process slept until the operation's key was too old to be sent; it sent nothing.",
            hint="Ask again: what became of it is then looked up.",
        )


@dataclass(frozen=True, slots=True)
class Verdict:
    """One try's result: what to say if it was the last, whether to try again, whether it may have acted."""

    error: AzpayError
    again: bool = False
    may_have_acted: bool = False
    limited: bool = False
    """We are too fast, all of us: the next try of anybody's has to wait."""
    definite: bool = False
    """An answer to the request itself, which also settles what became of earlier tries under the same key."""
    astray: bool = False
    """Perhaps it was not Stripe who answered."""


def judge(status: int, error: StripeError) -> Verdict:
    """The meaning of an answer with an error in it."""
    if status == HTTPStatus.PAYMENT_REQUIRED and error.type != "invalid_request_error":
        return Verdict(_declined(error), definite=True)
    if status in {HTTPStatus.BAD_REQUEST, HTTPStatus.PAYMENT_REQUIRED, HTTPStatus.NOT_FOUND}:
        return Verdict(_rejected(status, error), definite=True)
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return Verdict(
            KeyRefused(
                _said(error), hint="Run `azpay login` with a key that may do this; see `azpay whoami`."
            )
        )
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return _not_now(error)
    return Verdict(
        StripeUnavailable(f"Stripe answered {status}: {_said(error)}", hint="Try again in a minute."),
        again=True,
        may_have_acted=True,
    )


def _not_now(error: StripeError) -> Verdict:
    """We are too fast, or somebody else has the same object in hand; nothing was begun."""
    limited = error.code != "lock_timeout"
    why = "Stripe is limiting us" if limited else "Stripe is busy with this very object"
    busy = StripeUnavailable(f"{why}: {_said(error)}", hint="Try again in a minute.")
    return Verdict(busy, again=True, limited=limited)


def unreadable(status: int) -> Verdict:
    """The meaning of an answer that is not Stripe's: a proxy's page, or garbage."""
    error = StripeUnavailable(
        f"Stripe answered {status} with something we cannot read.",
        hint="Check AZPAY_STRIPE_API_BASE and any proxy on the way to it.",
    )
    return Verdict(error, again=True, may_have_acted=True, astray=True)


def unreachable(reason: str, *, sent: bool) -> Verdict:
    """The connection failed; `sent` when the request may have left us before it did."""
    what = "Stripe's answer did not come back" if sent else "Stripe could not be reached"
    error = StripeUnavailable(
        f"{what} ({reason}).",
        hint="Check the network and AZPAY_STRIPE_API_BASE; in the sandbox, see that `azpay sandbox` runs.",
    )
    return Verdict(error, again=True, may_have_acted=sent)


def _declined(error: StripeError) -> CardDeclined:
    if "authentication_required" in {error.code, error.decline_code}:
        return AuthenticationNeeded(error)
    return CardDeclined(error)


MEND = "Put right what Stripe names, then ask again."


def _rejected(status: int, error: StripeError) -> AzpayError:
    if error.type == "idempotency_error":
        return KeyReused(_said(error), hint="Use another --idempotency-key for a different request.")
    plain = REFUSALS["resource_missing"] if status == HTTPStatus.NOT_FOUND else Refusal(Means.REFUSED, MEND)
    refusal = REFUSALS.get(error.code or "", plain)
    match refusal.means:
        case Means.DECLINED:
            return _declined(error)
        case Means.WRONG_STATE:
            return WrongState(_said(error), hint=refusal.hint)
        case Means.NO_SUCH:
            return NoSuchObject(_said(error), hint=refusal.hint)
        case Means.NOT_ALLOWED:
            return KeyRefused(_said(error), hint=refusal.hint)
        case Means.REFUSED:
            return StripeRefused(_said(error), hint=refusal.hint)
        case unknown:
            assert_never(unknown)


def _said(error: StripeError) -> str:
    said = error.message or error.code or "No reason given"
    return said if said.endswith((".", "!", "?")) else f"{said}."
