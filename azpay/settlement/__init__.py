"""Stripe's side of when money becomes ours."""

from azpay.settlement.lines import KIND, expect, known, of, take_in, take_in_all
from azpay.settlement.models import BalanceTransaction

OBJECTS = {KIND: take_in}

__all__ = ["KIND", "OBJECTS", "BalanceTransaction", "expect", "known", "of", "take_in", "take_in_all"]
