"""The kinds of dispute: what the bank says, and what it can be answered with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from azpay.sandbox.wire import Json

REASONS = (
    "bank_cannot_process",
    "check_returned",
    "credit_not_processed",
    "customer_initiated",
    "debit_not_authorized",
    "duplicate",
    "fraudulent",
    "general",
    "incorrect_account_details",
    "insufficient_funds",
    "noncompliant",
    "product_not_received",
    "product_unacceptable",
    "subscription_canceled",
    "unrecognized",
)
TEXTS = (
    "access_activity_log",
    "billing_address",
    "cancellation_policy_disclosure",
    "cancellation_rebuttal",
    "customer_email_address",
    "customer_name",
    "customer_purchase_ip",
    "duplicate_charge_explanation",
    "duplicate_charge_id",
    "product_description",
    "refund_policy_disclosure",
    "refund_refusal_explanation",
    "service_date",
    "shipping_address",
    "shipping_carrier",
    "shipping_date",
    "shipping_tracking_number",
    "uncategorized_text",
)
DOCUMENTS = (
    "cancellation_policy",
    "customer_communication",
    "customer_signature",
    "duplicate_charge_documentation",
    "receipt",
    "refund_policy",
    "service_documentation",
    "shipping_documentation",
    "uncategorized_file",
)

_DAYS_TO_ANSWER = {"amex": 20, "diners": 20, "discover": 20, "jcb": 20, "mastercard": 14, "unionpay": 20}
_VISA_DAYS_TO_ANSWER = 8
_CODES = {
    "visa": {"fraudulent": "10.4", "general": "10", "product_not_received": "13.1", "duplicate": "12.6.1"},
    "mastercard": {"fraudulent": "4837", "product_not_received": "4853", "duplicate": "4834"},
    "amex": {"fraudulent": "F29", "product_not_received": "C08", "duplicate": "P08"},
}


@dataclass(frozen=True, slots=True)
class Kind:
    """`prevention`: how it ends before it is one, where the merchant takes part in such a program."""

    reason: str
    case_type: str = "chargeback"
    enhanced: str | None = None
    prevention: str | None = None
    answerable: bool = True
    answered_by_stripe: bool = False

    @property
    def is_inquiry(self) -> bool:
        return self.case_type == "inquiry"


KINDS: Mapping[str, Kind] = {
    **{reason: Kind(reason) for reason in REASONS},
    "debit_not_authorized": Kind("debit_not_authorized", answerable=False),
    "inquiry": Kind("general", "inquiry"),
    "visa_ce3": Kind("fraudulent", enhanced="visa_compelling_evidence_3"),
    "visa_compliance": Kind("noncompliant", "compliance", enhanced="visa_compliance"),
    "mastercard_compliance": Kind("noncompliant", "compliance"),
    "smart_disputes": Kind("fraudulent", answered_by_stripe=True),
    "rapid_dispute_resolution": Kind("fraudulent", prevention="resolution"),
    "ce3_block": Kind("fraudulent", prevention="block"),
    "ethoca_alert": Kind("fraudulent", prevention="resolution"),
}
"""By the name that test cards, test bank accounts and orders give them; every reason is a name, too."""

_ELIGIBILITY: dict[str, Json] = {
    "visa_compelling_evidence_3": {
        "required_actions": [
            "missing_customer_identifiers",
            "missing_disputed_transaction_description",
            "missing_merchandise_or_services",
            "missing_prior_undisputed_transactions",
        ],
        "status": "requires_action",
    },
    "visa_compliance": {"status": "requires_fee_acknowledgement"},
}


def eligibility(kind: Kind) -> Json:
    """Which of Visa's programs the dispute could be answered under, and what is missing for it."""
    return {} if kind.enhanced is None else {kind.enhanced: dict(_ELIGIBILITY[kind.enhanced])}


def days_to_answer(brand: str) -> int:
    return _DAYS_TO_ANSWER.get(brand, _VISA_DAYS_TO_ANSWER)


def network_code(brand: str, reason: str) -> str | None:
    """What the card network calls the reason."""
    return _CODES.get(brand, {}).get(reason)
