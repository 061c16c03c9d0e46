"""Stripe's side of when money becomes ours."""

from azpay.settlement.lines import KIND, expect, of, take_in
from azpay.settlement.models import BalanceTransaction

OBJECTS = {KIND: take_in}

__all__ = ["KIND", "OBJECTS", "BalanceTransaction", "expect", "of", "take_in"]
