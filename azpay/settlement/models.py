"""Stripe's ledger lines, payouts and balance, as far as we were told of them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, Index
from sqlmodel import Field

from azpay.db import Row, one_of, sealed, timestamp


class PayoutStatus(StrEnum):
    """https://docs.stripe.com/payouts; one that was paid can still fail, days later."""

    PENDING = "pending"
    IN_TRANSIT = "in_transit"
    PAID = "paid"
    FAILED = "failed"
    CANCELED = "canceled"


class BalanceTransaction(Row, table=True):
    """One line of Stripe's ledger; immutable there. Minor units of `currency`; negative is money leaving.

    https://docs.stripe.com/api/balance_transactions
    """

    __tablename__ = "balance_transactions"
    __table_args__ = (CheckConstraint("net = amount - fee", "net_is_amount_less_fee"),)

    balance_transaction: str = Field(primary_key=True)
    source: str | None = Field(default=None, index=True)
    """The charge, refund, dispute or payout that moved the money."""
    payout: str | None = Field(default=None, index=True)
    """The payout that brought it to the bank, once Stripe has said so."""
    type: str
    reporting_category: str
    currency: str
    amount: int = Field(sa_type=BigInteger)
    fee: int = Field(sa_type=BigInteger)
    net: int = Field(sa_type=BigInteger)
    available_on: datetime = Field(sa_type=timestamp())
    created_at: datetime = Field(sa_type=timestamp(), index=True)


class Payout(Row, table=True):
    """Money on its way to the bank. Minor units of `currency`; negative where the bank is debited.

    https://docs.stripe.com/api/payouts/object
    """

    __tablename__ = "payouts"
    __table_args__ = (
        CheckConstraint("amount <> 0", "amount_not_nothing"),
        CheckConstraint("length(currency) = 3 AND currency = lower(currency)", "currency_code"),
        Index("ix_payouts_created_at_payout", "created_at", "payout"),
        Index("ix_payouts_status_created_at_payout", "status", "created_at", "payout"),
    )

    payout: str = Field(primary_key=True)
    status: PayoutStatus = Field(sa_type=one_of(PayoutStatus, "status"))
    currency: str
    amount: int = Field(sa_type=BigInteger)
    arrives_at: datetime = Field(sa_type=timestamp())
    """The day it is expected in the bank, at midnight UTC."""
    automatic: bool
    method: str
    type: str
    destination: str | None = None
    description: str | None = Field(default=None, sa_type=sealed())
    statement_descriptor: str | None = Field(default=None, sa_type=sealed())
    reconciliation_status: str
    trace_status: str | None = None
    trace_id: str | None = Field(default=None, index=True)
    """What the bank calls it: to find the line on its statement."""
    balance_transaction: str | None = None
    failure_code: str | None = None
    failure_message: str | None = None
    failure_balance_transaction: str | None = None
    original_payout: str | None = None
    reversed_by: str | None = None
    itemized_at: datetime | None = Field(default=None, sa_type=timestamp())
    """When we took in what it is made of; null while we have not."""
    livemode: bool = False
    as_of: datetime = Field(sa_type=timestamp())
    created_at: datetime = Field(sa_type=timestamp())
    updated_at: datetime = Field(sa_type=timestamp())


class Balance(Row, table=True):
    """What the account holds at Stripe in one currency, as it was last told. Minor units; may be negative."""

    __tablename__ = "balances"
    __table_args__ = (
        CheckConstraint("length(currency) = 3 AND currency = lower(currency)", "currency_code"),
    )

    currency: str = Field(primary_key=True)
    available: int = Field(sa_type=BigInteger)
    pending: int = Field(sa_type=BigInteger)
    as_of: datetime = Field(sa_type=timestamp())
    updated_at: datetime = Field(sa_type=timestamp())
