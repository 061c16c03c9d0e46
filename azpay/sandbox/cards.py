"""Stripe's test cards: what `pm_card_…` stands for, and how each of them behaves.

No card numbers here: a token, the digits that Stripe shows, and a behaviour are all that a sandbox needs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING

from azpay.sandbox.card_table import CARD_TABLE

if TYPE_CHECKING:
    from collections.abc import Mapping

TOKEN_PREFIX = "pm_card_"  # noqa: S105 - the name of a public test card


class Authentication(Enum):
    """When a card asks for 3D Secure."""

    NEVER = "never"
    ALWAYS = "always"
    UNLESS_SET_UP = "unless_set_up"
    """Always with the customer present; without, only until it was set up for future use."""
    ON_SESSION = "on_session"
    OPTIONAL = "optional"
    """Only when the payment asks for it."""
    BROKEN = "broken"
    """Required, but looking the card up fails."""
    OPTIONAL_BROKEN = "optional_broken"


class RefundOutcome(Enum):
    AT_ONCE = "at_once"
    PENDING_FIRST = "pending_first"
    FAILS_LATER = "fails_later"


@dataclass(frozen=True, slots=True)
class Decline:
    """What the issuer says, as Stripe's error and the failed charge repeat it."""

    code: str
    decline_code: str | None
    message: str
    advice_code: str | None = None
    param: str | None = None


_DECLINED = "Your card was declined."
GENERIC = Decline("card_declined", "generic_decline", _DECLINED, "try_again_later")
INSUFFICIENT_FUNDS = Decline(
    "card_declined", "insufficient_funds", "Your card has insufficient funds.", "try_again_later"
)
LOST = Decline("card_declined", "lost_card", _DECLINED, "do_not_try_again")
STOLEN = Decline("card_declined", "stolen_card", _DECLINED, "do_not_try_again")
FRAUDULENT = Decline("card_declined", "fraudulent", _DECLINED)
EXPIRED = Decline(
    "expired_card", "expired_card", "Your card has expired.", "confirm_card_data", param="exp_month"
)
INCORRECT_CVC = Decline(
    "incorrect_cvc",
    "incorrect_cvc",
    "Your card's security code is incorrect.",
    "confirm_card_data",
    param="cvc",
)
PROCESSING_ERROR = Decline(
    "processing_error",
    "processing_error",
    "An error occurred while processing your card. Try again in a little bit.",
    "try_again_later",
)
VELOCITY = Decline(
    "card_declined",
    "card_velocity_exceeded",
    "Your card was declined for making repeated attempts too frequently or exceeding its amount limit.",
)
AUTHENTICATION_REQUIRED = Decline(
    "authentication_required",
    "authentication_required",
    "Your card was declined. This transaction requires authentication.",
)

AUTHENTICATION_NOT_HANDLED = Decline(
    "authentication_required",
    "authentication_not_handled",
    "The payment attempt failed because additional action is required before it can be completed, and "
    "`error_on_requires_action` was set.",
)


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What sets a test card apart from one that simply works."""

    decline: Decline | None = None
    after_authentication: Decline | None = None
    attachable: bool = True
    blocked: bool = False
    risk_level: str = "normal"
    checks: Mapping[str, str] = field(default_factory=dict)
    authentication: Authentication = Authentication.NEVER
    three_d_secure: bool = True
    refund: RefundOutcome = RefundOutcome.AT_ONCE
    available_at_once: bool = False
    dispute: str | None = None


@dataclass(frozen=True, slots=True)
class Card:
    token: str
    brand: str
    last4: str
    country: str
    funding: str
    cobrand: str | None
    behaviour: Behaviour

    @property
    def networks(self) -> list[str]:
        return [self.brand, self.cobrand] if self.cobrand else [self.brand]


def _refuses(decline: Decline) -> Behaviour:
    """The issuer refuses it, and so it cannot be attached to a customer either."""
    return Behaviour(decline=decline, attachable=False)


def _checked(risk_level: str = "normal", **checks: str) -> Behaviour:
    return Behaviour(risk_level=risk_level, checks=MappingProxyType(checks))


def _authenticates(when: Authentication, then: Decline | None = None) -> Behaviour:
    return Behaviour(authentication=when, after_authentication=then)


_PLAIN = Behaviour()
_BEHAVIOURS: Mapping[str, Behaviour] = {
    "visa_chargeDeclined": _refuses(GENERIC),
    "visa_chargeDeclinedInsufficientFunds": _refuses(INSUFFICIENT_FUNDS),
    "visa_chargeDeclinedLostCard": _refuses(LOST),
    "visa_chargeDeclinedStolenCard": _refuses(STOLEN),
    "visa_chargeDeclinedVelocityLimitExceeded": _refuses(VELOCITY),
    "chargeDeclined": _refuses(GENERIC),
    "chargeDeclinedInsufficientFunds": _refuses(INSUFFICIENT_FUNDS),
    "chargeDeclinedExpiredCard": _refuses(EXPIRED),
    "chargeDeclinedIncorrectCvc": _refuses(INCORRECT_CVC),
    "chargeDeclinedProcessingError": _refuses(PROCESSING_ERROR),
    "chargeDeclinedFraudulent": _refuses(FRAUDULENT),
    "chargeCustomerFail": Behaviour(decline=GENERIC),
    "radarBlock": Behaviour(decline=FRAUDULENT, blocked=True, risk_level="highest"),
    "riskLevelHighest": Behaviour(risk_level="highest"),
    "riskLevelElevated": Behaviour(risk_level="elevated"),
    "cvcCheckFail": _checked(cvc_check="fail"),
    "avsZipFail": _checked(address_postal_code_check="fail"),
    "cvcCheckFailElevatedRisk": _checked("elevated", cvc_check="fail"),
    "avsZipFailElevatedRisk": _checked("elevated", address_postal_code_check="fail"),
    "avsLine1Fail": _checked(address_line1_check="fail"),
    "avsFail": _checked(address_line1_check="fail", address_postal_code_check="fail"),
    "avsUnchecked": _checked(address_line1_check="unavailable", address_postal_code_check="unavailable"),
    "createDispute": Behaviour(dispute="fraudulent"),
    "createDisputeProductNotReceived": Behaviour(dispute="product_not_received"),
    "createDisputeInquiry": Behaviour(dispute="inquiry"),
    "createIssuerFraudRecord": Behaviour(dispute="early_fraud_warning"),
    "createMultipleDisputes": Behaviour(dispute="multiple"),
    "createCe3EligibleDispute": Behaviour(dispute="visa_ce3"),
    "createComplianceDispute": Behaviour(dispute="visa_compliance"),
    "createMastercardComplianceDispute": Behaviour(dispute="mastercard_compliance"),
    "createAutoRepresentmentEligibleDispute": Behaviour(dispute="smart_disputes"),
    "createRapidDisputeResolutionDispute": Behaviour(dispute="rapid_dispute_resolution"),
    "createCe3BlockDispute": Behaviour(dispute="ce3_block"),
    "createEthocaAlert": Behaviour(dispute="ethoca_alert"),
    "pendingRefund": Behaviour(refund=RefundOutcome.PENDING_FIRST),
    "refundFail": Behaviour(refund=RefundOutcome.FAILS_LATER),
    "bypassPending": Behaviour(available_at_once=True),
    "bypassPendingInternational": Behaviour(available_at_once=True),
    "authenticationRequiredOnSetup": _authenticates(Authentication.UNLESS_SET_UP),
    "authenticationRequired": _authenticates(Authentication.ALWAYS),
    "authenticationRequiredSetupForOffSession": _authenticates(Authentication.ON_SESSION),
    "authenticationRequiredChargeDeclinedInsufficientFunds": _authenticates(
        Authentication.ALWAYS, INSUFFICIENT_FUNDS
    ),
    "threeDSecure2Required": _authenticates(Authentication.ALWAYS),
    "threeDSecureRequiredChargeDeclined": _authenticates(Authentication.ALWAYS, GENERIC),
    "threeDSecureRequiredProcessingError": _authenticates(Authentication.BROKEN),
    "threeDSecureOptional": _authenticates(Authentication.OPTIONAL),
    "threeDSecureOptionalProcessingError": _authenticates(Authentication.OPTIONAL_BROKEN),
    "amex_threeDSecureNotSupported": Behaviour(three_d_secure=False),
}


def _card(line: str) -> Card:
    name, brand, last4, country, funding, cobrand = line.split()
    second = None if cobrand == "-" else cobrand
    behaviour = _BEHAVIOURS.get(name, _PLAIN)
    return Card(TOKEN_PREFIX + name, brand, last4, country, funding, second, behaviour)


CARDS: Mapping[str, Card] = {card.token: card for card in map(_card, CARD_TABLE.strip().splitlines())}
