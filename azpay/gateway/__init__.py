"""Stripe, behind one door. Importing this costs nothing: the SDK loads with `azpay.gateway.stripe`."""

from azpay.gateway.failures import (
    AnswerLost,
    AuthenticationNeeded,
    CardDeclined,
    KeyRefused,
    KeyReused,
    NoSuchObject,
    StripeRefused,
    StripeUnavailable,
    WrongState,
)

__all__ = [
    "AnswerLost",
    "AuthenticationNeeded",
    "CardDeclined",
    "KeyRefused",
    "KeyReused",
    "NoSuchObject",
    "StripeRefused",
    "StripeUnavailable",
    "WrongState",
]
