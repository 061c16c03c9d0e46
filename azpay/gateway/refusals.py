"""Stripe's error codes that say more than their HTTP status: the kind of error, and what to do next.

https://docs.stripe.com/error-codes. A code that is not in the table means what its HTTP status means.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class Means(Enum):
    """What a refused request comes to."""

    REFUSED = "Stripe would not do it"
    WRONG_STATE = "the object is no longer, or not yet, in a state that allows it"
    NO_SUCH = "there is no such object under this key"
    NOT_ALLOWED = "the key or the account may not do this"
    DECLINED = "the bank or Stripe declined the money"


class Refusal(NamedTuple):
    means: Means
    hint: str | None = None


def _alike(codes: str, means: Means, hint: str | None = None) -> Iterator[tuple[str, Refusal]]:
    return ((code, Refusal(means, hint)) for code in codes.split())


REFUSALS: Mapping[str, Refusal] = {
    **dict(
        _alike(
            "payment_intent_unexpected_state setup_intent_unexpected_state intent_invalid_state "
            "payment_method_unexpected_state status_transition_invalid refund_disputed_payment",
            Means.WRONG_STATE,
            "Look at it with `azpay history`: something else may have changed it.",
        )
    ),
    **dict(
        _alike(
            "charge_already_refunded charge_already_captured",
            Means.WRONG_STATE,
            "It is done already, perhaps at Stripe itself: `azpay reconcile` brings the book up to date.",
        )
    ),
    "charge_disputed": Refusal(
        Means.WRONG_STATE, "The customer's bank decides now: answer the dispute in Stripe's dashboard."
    ),
    "charge_not_refundable": Refusal(
        Means.WRONG_STATE, "Only captured money can be refunded; `azpay cancel` releases an authorization."
    ),
    **dict(
        _alike(
            "charge_expired_for_capture capture_charge_authorization_expired capture_unauthorized_payment",
            Means.WRONG_STATE,
            "The authorization is gone: charge again.",
        )
    ),
    "payment_intent_action_required": Refusal(
        Means.WRONG_STATE, "The customer must confirm the payment at their bank first."
    ),
    "resource_missing": Refusal(Means.NO_SUCH, "Check the id, and that it belongs to this account and mode."),
    **dict(
        _alike(
            "amount_too_small amount_too_large invalid_charge_amount",
            Means.REFUSED,
            "Check the amount: Stripe has a least and a greatest one for each currency.",
        )
    ),
    "balance_insufficient": Refusal(
        Means.REFUSED, "The Stripe balance does not cover it: add funds, or wait for charges to settle."
    ),
    **dict(
        _alike(
            "payment_method_unactivated payment_method_unsupported_type payment_method_not_available "
            "payment_method_currency_mismatch payment_intent_incompatible_payment_method",
            Means.REFUSED,
            "This method cannot pay this: use another one, or switch it on in Stripe's dashboard.",
        )
    ),
    **dict(
        _alike(
            "expired_payment_method payment_intent_mandate_invalid token_already_used",
            Means.REFUSED,
            "Ask the customer for the method again: `azpay methods add`.",
        )
    ),
    "customer_max_payment_methods": Refusal(
        Means.REFUSED, "The customer has too many methods: remove some with `azpay methods remove`."
    ),
    **dict(
        _alike(
            "testmode_charges_only livemode_mismatch",
            Means.NOT_ALLOWED,
            "The key is of the other mode, or the account may not take live payments yet.",
        )
    ),
    **dict(
        _alike(
            "secret_key_required api_key_expired platform_api_key_expired",
            Means.NOT_ALLOWED,
            "Run `azpay login` with a secret or restricted key that is valid.",
        )
    ),
    **dict(
        _alike(
            "payouts_not_allowed account_invalid",
            Means.NOT_ALLOWED,
            "Stripe's dashboard says what the account lacks.",
        )
    ),
    **dict(
        _alike(
            "card_declined expired_card incorrect_cvc incorrect_number incorrect_zip incorrect_address "
            "insufficient_funds processing_error authentication_required card_decline_rate_limit_exceeded "
            "invalid_cvc invalid_expiry_month invalid_expiry_year invalid_number "
            "payment_intent_authentication_failure setup_intent_authentication_failure "
            "payment_intent_payment_attempt_failed payment_intent_payment_attempt_expired "
            "payment_method_customer_decline payment_method_provider_decline payment_method_provider_timeout "
            "setup_attempt_failed request_blocked refer_to_customer",
            Means.DECLINED,
        )
    ),
}
