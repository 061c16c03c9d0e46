"""Stripe's test cards: what `pm_card_…` stands for, and how each of them behaves.

No card numbers here: a token, the digits that Stripe shows, and a behaviour are all that a sandbox needs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING

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
    decline_code: str
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

# token, brand, last four digits, country, funding, second network of a co-branded card
_TABLE = """
visa visa 4242 US credit -
visa_debit visa 5556 US debit -
mastercard mastercard 4444 US credit -
mastercard_debit mastercard 8210 US debit -
mastercard_prepaid mastercard 5100 US prepaid -
amex amex 0005 US credit -
discover discover 1117 US credit -
diners diners 0004 US credit -
jcb jcb 0505 JP credit -
unionpay unionpay 0005 CN credit -
visa_cartesBancaires visa 1001 FR credit cartes_bancaires
mastercard_cartesBancaires mastercard 1001 FR credit cartes_bancaires
visa_debit_eftposAuCoBranded visa 0001 AU debit eftpos_au
mastercard_debit_eftposAuCoBranded mastercard 0080 AU debit eftpos_au
us visa 4242 US credit -
ar visa 0021 AR credit -
br visa 0002 BR credit -
ca visa 0000 CA credit -
cl visa 0001 CL credit -
co visa 0003 CO credit -
cr visa 0005 CR credit -
ec visa 0000 EC credit -
mx visa 8001 MX credit -
pa visa 0000 PA credit -
py visa 0066 PY credit -
pe visa 0068 PE credit -
uy visa 0003 UY credit -
ae visa 0001 AE credit -
at visa 0008 AT credit -
be visa 0004 BE credit -
bg visa 0000 BG credit -
by visa 0005 BY credit -
hr visa 0009 HR credit -
cy visa 0008 CY credit -
cz visa 0002 CZ credit -
dk visa 0001 DK credit -
ee visa 0009 EE credit -
fi visa 0001 FI credit -
fr visa 0003 FR credit -
de visa 0016 DE credit -
gi visa 0005 GI credit -
gr visa 0030 GR credit -
hu visa 0005 HU credit -
ie visa 0005 IE credit -
it visa 0008 IT credit -
lv visa 0005 LV credit -
li visa 0004 LI credit -
lt visa 0000 LT credit -
lu visa 0006 LU credit -
mt visa 0007 MT credit -
nl visa 0002 NL credit -
no visa 0007 NO credit -
pl visa 0005 PL credit -
pt visa 0007 PT credit -
ro visa 0001 RO credit -
si visa 0006 SI credit -
sk visa 0001 SK credit -
es visa 0007 ES credit -
se visa 0008 SE credit -
ch visa 0009 CH credit -
gb visa 0000 GB credit -
au visa 0006 AU credit -
cn visa 0002 CN credit -
hk visa 0004 HK credit -
jp visa 0003 JP credit -
my visa 0002 MY credit -
nz visa 0008 NZ credit -
sg visa 0003 SG credit -
tw visa 0008 TW credit -
in visa 0008 IN credit -
gb_debit visa 0005 GB debit -
gb_mastercard mastercard 4449 GB credit -
ae_mastercard mastercard 0022 AE credit -
th_credit visa 0003 TH credit -
th_debit visa 0008 TH debit -
visa_chargeDeclined visa 0002 US credit -
visa_chargeDeclinedInsufficientFunds visa 9995 US credit -
visa_chargeDeclinedLostCard visa 9987 US credit -
visa_chargeDeclinedStolenCard visa 9979 US credit -
chargeDeclinedExpiredCard visa 0069 US credit -
chargeDeclinedIncorrectCvc visa 0127 US credit -
chargeDeclinedProcessingError visa 0119 US credit -
visa_chargeDeclinedVelocityLimitExceeded visa 6975 US credit -
chargeCustomerFail visa 0341 US credit -
chargeDeclined visa 0002 US credit -
chargeDeclinedInsufficientFunds visa 9995 US credit -
chargeDeclinedFraudulent visa 0002 US credit -
radarBlock visa 0019 US credit -
riskLevelHighest visa 4954 US credit -
riskLevelElevated visa 9235 US credit -
highFraudDisputeScore visa 0407 US credit -
highEfwScore visa 0159 US credit -
radarDynamicRiskThreshold visa 1017 US credit -
freeTrialAbuseBlock visa 3804 US credit -
adaptive3dsChallenge visa 0003 US credit -
cvcCheckFail visa 0101 US credit -
avsZipFail visa 0036 US credit -
cvcCheckFailElevatedRisk visa 7872 US credit -
avsZipFailElevatedRisk visa 6072 US credit -
avsLine1Fail visa 0028 US credit -
avsFail visa 0010 US credit -
avsUnchecked visa 0044 US credit -
createDispute visa 0259 US credit -
createDisputeProductNotReceived visa 2685 US credit -
createDisputeInquiry visa 1976 US credit -
createIssuerFraudRecord visa 5423 US credit -
createMultipleDisputes visa 0079 US credit -
createCe3EligibleDispute visa 0038 US credit -
createComplianceDispute visa 0779 US credit -
createMastercardComplianceDispute mastercard 0002 US credit -
createAutoRepresentmentEligibleDispute visa 0043 US credit -
createRapidDisputeResolutionDispute visa 4816 US credit -
createCe3BlockDispute visa 5649 US credit -
createEthocaAlert mastercard 0018 US credit -
pendingRefund visa 7726 US credit -
refundFail visa 5126 US credit -
bypassPending visa 0077 US credit -
bypassPendingInternational visa 0278 IE credit -
authenticationRequiredOnSetup visa 3155 FR credit -
authenticationRequired visa 3184 DE credit -
authenticationRequiredSetupForOffSession visa 0446 IT credit -
authenticationRequiredChargeDeclinedInsufficientFunds visa 3178 GB credit -
threeDSecure2Required visa 3220 IE credit -
threeDSecureRequiredChargeDeclined visa 1629 US credit -
threeDSecureRequiredProcessingError visa 1280 US credit -
threeDSecureOptional visa 3055 US credit -
threeDSecureOptionalProcessingError visa 3097 US credit -
amex_threeDSecureNotSupported amex 0005 US credit -
debit_visaFsaProductCode visa 0072 US debit -
debit_visaHsaProductCode visa 0072 US debit -
mastercard_debit_mastercardFsaProductCode mastercard 8897 US debit -
"""


def _card(line: str) -> Card:
    name, brand, last4, country, funding, cobrand = line.split()
    second = None if cobrand == "-" else cobrand
    behaviour = _BEHAVIOURS.get(name, _PLAIN)
    return Card(TOKEN_PREFIX + name, brand, last4, country, funding, second, behaviour)


CARDS: Mapping[str, Card] = {card.token: card for card in map(_card, _TABLE.strip().splitlines())}
