"""Stripe's side of when money becomes ours."""

from azpay.settlement import payouts
from azpay.settlement.lines import KIND, expect, of, take_in
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
    "of",
    "payouts_of",
    "take_in",
]
