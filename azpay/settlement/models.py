"""Stripe's ledger lines, as far as we have fetched them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint
from sqlmodel import Field

from azpay.db import Row, timestamp


class BalanceTransaction(Row, table=True):
    """One line of Stripe's ledger; immutable there. Minor units of `currency`; negative is money leaving.

    https://docs.stripe.com/api/balance_transactions
    """

    __tablename__ = "balance_transactions"
    __table_args__ = (CheckConstraint("net = amount - fee", "net_is_amount_less_fee"),)

    balance_transaction: str = Field(primary_key=True)
    source: str | None = Field(default=None, index=True)
    """The charge, refund, dispute or payout that moved the money."""
    type: str
    reporting_category: str
    currency: str
    amount: int = Field(sa_type=BigInteger)
    fee: int = Field(sa_type=BigInteger)
    net: int = Field(sa_type=BigInteger)
    available_on: datetime = Field(sa_type=timestamp())
    created_at: datetime = Field(sa_type=timestamp(), index=True)
