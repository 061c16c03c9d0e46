"""Why a payment was declined: what the customer may be told, what we should know, and whether to try again.

One row for each of Stripe's decline codes. What a row says to the customer is ours and not Stripe's, whose
message may name a reason that the customer must not be told: https://docs.stripe.com/declines/codes
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from azpay.gateway.objects import StripeError


class Again(StrEnum):
    """What a further attempt needs."""

    LATER = "later"
    """Time: the same method may work in a while. Try sparingly, banks count the attempts."""

    CORRECTED = "corrected"
    """The method's data put right."""

    PRESENT = "present"
    """The customer, to authenticate."""

    OTHER = "other"
    """Another method: this one will be declined again."""


class Decline(NamedTuple):
    """`customer` may be shown to whoever pays, `operator` only to whoever is paid."""

    customer: str
    operator: str
    again: Again


_DECLINED = "Your card was declined. Please contact your bank or use another card."
_CONTACT = "Your bank declined the payment. Please contact your bank or use another payment method."
_NOT_SUPPORTED = "Your card does not support this kind of payment. Please use another card."
_CHECK = "Some of your card's details are not correct. Please check them and try again."
_AUTHENTICATE = "Your bank asks you to confirm this payment."
_LATER = "The payment could not be processed. Please try again in a while."
_ACCOUNT = "The bank account could not be debited. Please use another account or payment method."

_KEEP_QUIET = "Do not tell the customer the reason, and do not try this card again."


def _alike(codes: str, decline: Decline) -> Iterator[tuple[str, Decline]]:
    return ((code, decline) for code in codes.split())


HIDDEN: Mapping[str, Decline] = {
    "fraudulent": Decline(_DECLINED, f"Stripe suspects fraud. {_KEEP_QUIET}", Again.OTHER),
    "lost_card": Decline(_DECLINED, f"The card is reported lost. {_KEEP_QUIET}", Again.OTHER),
    "stolen_card": Decline(_DECLINED, f"The card is reported stolen. {_KEEP_QUIET}", Again.OTHER),
    "pickup_card": Decline(
        _DECLINED, f"The bank wants the card back: it may be lost or stolen. {_KEEP_QUIET}", Again.OTHER
    ),
    "merchant_blacklist": Decline(
        _DECLINED, f"The card is on this account's block list at Stripe. {_KEEP_QUIET}", Again.OTHER
    ),
    "highest_risk_level": Decline(_DECLINED, f"Radar blocked the payment. {_KEEP_QUIET}", Again.OTHER),
}
"""Reasons that a customer must not be told."""

GENERIC = Decline(
    _DECLINED, "The bank gave no reason: the customer can ask them, or use another card.", Again.OTHER
)

DECLINES: Mapping[str, Decline] = {
    **HIDDEN,
    **dict(
        _alike(
            "generic_decline do_not_honor call_issuer no_action_taken security_violation restricted_card "
            "not_permitted transaction_not_allowed service_not_allowed refer_to_customer card_declined",
            GENERIC,
        )
    ),
    **dict(
        _alike(
            "do_not_try_again revocation_of_all_authorizations revocation_of_authorization "
            "stop_payment_order",
            Decline(
                _CONTACT,
                "The cardholder or their bank stopped payments to you: do not try again.",
                Again.OTHER,
            ),
        )
    ),
    **dict(
        _alike(
            "authentication_required authentication_not_handled mobile_device_authentication_required",
            Decline(
                _AUTHENTICATE,
                "The customer must confirm the payment at their bank: "
                "charge with --on-session --return-url URL, and send them its link.",
                Again.PRESENT,
            ),
        )
    ),
    **dict(
        _alike(
            "payment_intent_authentication_failure setup_intent_authentication_failure",
            Decline(
                "The payment was not confirmed. Please try again or use another card.",
                "The customer did not pass, or left, their bank's check.",
                Again.PRESENT,
            ),
        )
    ),
    **dict(
        _alike(
            "issuer_not_available processing_error reenter_transaction try_again_later approve_with_id "
            "payment_method_provider_timeout",
            Decline(
                _LATER, "The bank could not be reached or did not process it: try again later.", Again.LATER
            ),
        )
    ),
    **dict(
        _alike(
            "insufficient_funds withdrawal_count_limit_exceeded card_velocity_exceeded weekly_limit_exceeded",
            Decline(
                "There are not enough funds, or the card's limit is reached. Please use another card.",
                "Out of funds, or over the limit of the card: it may work another day.",
                Again.LATER,
            ),
        )
    ),
    **dict(
        _alike(
            "incorrect_address incorrect_cvc incorrect_number incorrect_zip invalid_cvc invalid_expiry_month "
            "invalid_expiry_year invalid_number new_account_information_available",
            Decline(
                _CHECK, "Ask the customer to check the card's data, or for another card.", Again.CORRECTED
            ),
        )
    ),
    "expired_card": Decline(
        "Your card has expired. Please use another card.", "The card has expired.", Again.CORRECTED
    ),
    **dict(
        _alike(
            "incorrect_pin invalid_pin offline_pin_required online_or_offline_pin_required pin_try_exceeded",
            Decline(
                _NOT_SUPPORTED, "The bank wants a PIN, which only a card reader can ask for.", Again.OTHER
            ),
        )
    ),
    **dict(
        _alike(
            "card_not_supported invalid_account testmode_decline new_account",
            Decline(_NOT_SUPPORTED, "This card cannot be used for such a payment.", Again.OTHER),
        )
    ),
    "currency_not_supported": Decline(
        "Your card does not support this currency. Please use another card.",
        "The card does not take this currency.",
        Again.OTHER,
    ),
    "invalid_amount": Decline(
        _CONTACT, "The amount is not allowed, or above what the card may pay at once.", Again.OTHER
    ),
    "duplicate_transaction": Decline(
        "A payment of the same amount was made with this card a moment ago.",
        "The bank saw the same amount on the same card just now: look at `azpay history` first.",
        Again.LATER,
    ),
    **dict(
        _alike(
            "account_closed no_account bank_account_unusable bank_account_restricted debit_not_authorized "
            "payment_method_customer_decline payment_method_provider_decline invalid_currency "
            "could_not_process bank_ownership_changed incorrect_account_holder_name",
            Decline(_ACCOUNT, "The bank would not debit the account: ask for another method.", Again.OTHER),
        )
    ),
}

_ADVICE: Mapping[str, tuple[Again, str]] = {
    "do_not_try_again": (Again.OTHER, "Do not try this card again; ask the customer for another one."),
    "try_again_later": (
        Again.LATER,
        "The same card may work later, once; or ask the customer for another one.",
    ),
    "confirm_card_data": (
        Again.CORRECTED,
        "Ask the customer to check the card's data, or for another card.",
    ),
}
"""What Stripe advises for this one attempt; it knows more than the table."""


def decline_of(error: StripeError) -> Decline:
    """The row for an error of Stripe's, with Stripe's own advice for this attempt where there is any."""
    known = DECLINES.get(error.decline_code or "") or DECLINES.get(error.code or "") or GENERIC
    advised = _ADVICE.get(error.advice_code or "")
    if error.decline_code in HIDDEN or advised is None:
        return known
    again, advice = advised
    return known._replace(again=again, operator=advice)
