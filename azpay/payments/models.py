"""What we know of payments, refunds, customers and their saved methods."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, Index, LargeBinary
from sqlmodel import Field

from azpay.db import Row, one_of, sealed, timestamp
from azpay.payments.objections import DisputeStatus


class PaymentStatus(StrEnum):
    """Stripe's PaymentIntent statuses in a payer's words.

    https://docs.stripe.com/payments/paymentintents/lifecycle
    """

    UNKNOWN = "unknown"
    """Written down, and no answer from Stripe yet: it may or may not have happened."""
    INCOMPLETE = "incomplete"
    """Waits for a payment method or a confirmation."""
    REQUIRES_ACTION = "requires_action"
    PROCESSING = "processing"
    AUTHORIZED = "authorized"
    FAILED = "failed"
    """The last attempt failed. The payment intent is still open: another attempt may succeed."""
    SUCCEEDED = "succeeded"
    CANCELED = "canceled"


class RefundStatus(StrEnum):
    """https://docs.stripe.com/refunds; `unknown` until Stripe has answered."""

    UNKNOWN = "unknown"
    REQUIRES_ACTION = "requires_action"
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"


class Origin(StrEnum):
    """Who asked for it: this program, or someone else on the same Stripe account."""

    AZPAY = "azpay"
    ELSEWHERE = "elsewhere"


class Payment(Row, table=True):
    """One attempt to be paid: one PaymentIntent at Stripe. Amounts are minor units of `currency`."""

    __tablename__ = "payments"
    __table_args__ = (
        CheckConstraint("amount > 0", "amount_positive"),
        CheckConstraint("amount_captured >= 0 AND amount_captured <= amount", "captured_within_amount"),
        CheckConstraint(
            "amount_refunded >= 0 AND amount_refunded <= amount_captured", "refunded_within_captured"
        ),
        CheckConstraint("length(currency) = 3 AND currency = lower(currency)", "currency_code"),
        Index("ix_payments_created_at_id", "created_at", "id"),
        Index("ix_payments_amount_id", "amount", "id", "created_at"),
        Index("ix_payments_status_created_at_id", "status", "created_at", "id"),
        Index("ix_payments_status_amount_id", "status", "amount", "id"),
        Index("ix_payments_customer_created_at_id", "customer", "created_at", "id"),
        Index("ix_payments_customer_amount_id", "customer", "amount", "id"),
        Index("ix_payments_reference_created_at_id", "reference", "created_at", "id"),
        Index("ix_payments_reference_amount_id", "reference", "amount", "id"),
        Index("ix_payments_currency_created_at_id", "currency", "created_at", "id", "amount"),
        Index("ix_payments_currency_amount_id", "currency", "amount", "id", "created_at"),
    )

    id: str = Field(primary_key=True)
    payment_intent: str | None = Field(default=None, unique=True)
    charge: str | None = Field(default=None, index=True)
    status: PaymentStatus = Field(sa_type=one_of(PaymentStatus, "status"))
    currency: str
    amount: int = Field(sa_type=BigInteger)
    amount_captured: int = Field(default=0, sa_type=BigInteger)
    amount_refunded: int = Field(default=0, sa_type=BigInteger)
    """Refunds that succeeded or still may: what is left to refund is captured minus this."""
    customer: str | None = None
    payment_method: str | None = None
    card_brand: str | None = None
    card_last4: str | None = None
    reference: str | None = None
    description: str | None = Field(default=None, sa_type=sealed())
    receipt_email: str | None = Field(default=None, sa_type=sealed())
    metadata_: dict[str, str] = Field(
        default_factory=dict, sa_type=sealed("json"), sa_column_kwargs={"name": "metadata"}
    )
    failure_code: str | None = None
    failure_message: str | None = Field(default=None, sa_type=sealed())
    next_action_url: str | None = Field(default=None, sa_type=sealed())
    """Where the payer confirms. The address holds Stripe's secret for that."""
    dispute: DisputeStatus | None = Field(default=None, sa_type=one_of(DisputeStatus, "dispute"))
    """Of its disputes, the one that weighs most; None where there never was one."""
    capture_before: datetime | None = Field(default=None, sa_type=timestamp())
    origin: Origin = Field(sa_type=one_of(Origin, "origin"))
    livemode: bool = False
    as_of: datetime = Field(sa_type=timestamp())
    """The moment that the newest report we believed speaks of."""
    created_at: datetime = Field(sa_type=timestamp())
    updated_at: datetime = Field(sa_type=timestamp())


class Refund(Row, table=True):
    """Money on its way back. `amount` is minor units of `currency`, always positive."""

    __tablename__ = "refunds"
    __table_args__ = (
        CheckConstraint("amount > 0", "amount_positive"),
        CheckConstraint("length(currency) = 3 AND currency = lower(currency)", "currency_code"),
        Index("ix_refunds_created_at_id", "created_at", "id"),
    )

    id: str = Field(primary_key=True)
    refund: str | None = Field(default=None, unique=True)
    payment_id: str = Field(foreign_key="payments.id", index=True)
    status: RefundStatus = Field(sa_type=one_of(RefundStatus, "status"))
    currency: str
    amount: int = Field(sa_type=BigInteger)
    reason: str | None = None
    note: str | None = Field(default=None, sa_type=sealed())
    failure_reason: str | None = None
    origin: Origin = Field(sa_type=one_of(Origin, "origin"))
    created_at: datetime = Field(sa_type=timestamp())
    updated_at: datetime = Field(sa_type=timestamp())


class Customer(Row, table=True):
    """A payer, by Stripe's id. The e-mail is Stripe's; two customers may share one."""

    __tablename__ = "customers"

    customer: str = Field(primary_key=True)
    email: str | None = Field(default=None, sa_type=sealed(index="email_index"))
    email_index: bytes | None = Field(default=None, sa_type=LargeBinary, index=True)
    """Its blind token: to find the e-mail without reading it."""
    name: str | None = Field(default=None, sa_type=sealed())
    default_method: str | None = None
    deleted: bool = False
    created_at: datetime = Field(sa_type=timestamp())
    updated_at: datetime = Field(sa_type=timestamp())


class PaymentMethod(Row, table=True):
    """A reference to a saved method, never its number: id, brand, last four digits, expiry, fingerprint."""

    __tablename__ = "payment_methods"
    __table_args__ = (CheckConstraint("last4 IS NULL OR length(last4) = 4", "last4_is_four"),)

    payment_method: str = Field(primary_key=True)
    customer: str | None = Field(default=None, index=True)
    type: str
    brand: str | None = None
    last4: str | None = None
    exp_month: int | None = None
    exp_year: int | None = None
    fingerprint: str | None = None
    created_at: datetime = Field(sa_type=timestamp())
    removed_at: datetime | None = Field(default=None, sa_type=timestamp())


class SetupIntent(Row, table=True):
    """One attempt to save a method that its owner may have to confirm. It moves no money.

    Its statuses are those of a payment.
    https://docs.stripe.com/api/setup_intents/object
    """

    __tablename__ = "setup_intents"
    __table_args__ = (Index("ix_setup_intents_customer_created_at", "customer", "created_at"),)

    id: str = Field(primary_key=True)
    setup_intent: str | None = Field(default=None, unique=True)
    status: PaymentStatus = Field(sa_type=one_of(PaymentStatus, "status"))
    customer: str | None = None
    payment_method: str | None = None
    usage: str
    next_action_url: str | None = Field(default=None, sa_type=sealed())
    failure_code: str | None = None
    failure_message: str | None = Field(default=None, sa_type=sealed())
    origin: Origin = Field(sa_type=one_of(Origin, "origin"))
    livemode: bool = False
    as_of: datetime = Field(sa_type=timestamp())
    created_at: datetime = Field(sa_type=timestamp())
    updated_at: datetime = Field(sa_type=timestamp())
