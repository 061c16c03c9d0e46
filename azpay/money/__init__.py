"""Amounts as Stripe counts them, and the currencies they are in."""

from azpay.money.amounts import (
    AmountTooLarge,
    AmountTooSmall,
    CurrencyMismatch,
    InvalidAmount,
    Money,
)
from azpay.money.currencies import CURRENCIES, Currency, UnknownCurrency, currency

__all__ = [
    "CURRENCIES",
    "AmountTooLarge",
    "AmountTooSmall",
    "Currency",
    "CurrencyMismatch",
    "InvalidAmount",
    "Money",
    "UnknownCurrency",
    "currency",
]
