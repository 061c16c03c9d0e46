"""Stripe, behind one door. Importing this costs nothing: the SDK loads with `azpay.gateway.stripe`."""

from azpay.gateway.declines import Again, Decline, decline_of
from azpay.gateway.failures import (
    AnswerLost,
    AuthenticationNeeded,
    CardDeclined,
    KeyRefused,
    KeyReused,
    NoSuchObject,
    Overslept,
    StripeRefused,
    StripeUnavailable,
    WrongState,
)

__all__ = [
    "Again",
    "AnswerLost",
    "AuthenticationNeeded",
    "CardDeclined",
    "Decline",
    "KeyRefused",
    "KeyReused",
    "NoSuchObject",
    "Overslept",
    "StripeRefused",
    "StripeUnavailable",
    "WrongState",
    "decline_of",
]
