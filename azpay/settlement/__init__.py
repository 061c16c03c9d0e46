"""Stripe's side of when money becomes ours."""

from azpay.settlement import payouts
from azpay.settlement.lines import KIND, expect, known, of, take_in, take_in_all
from azpay.settlement.listing import payouts_of
from azpay.settlement.models import Balance, BalanceTransaction, Payout, PayoutStatus

EVENTS = payouts.EVENTS
OBJECTS = {KIND: take_in, **payouts.OBJECTS}

__all__ = [
    "EVENTS",
    "KIND",
    "OBJECTS",
    "Balance",
    "BalanceTransaction",
    "Payout",
    "PayoutStatus",
    "expect",
    "known",
    "of",
    "payouts_of",
    "take_in",
    "take_in_all",
]
