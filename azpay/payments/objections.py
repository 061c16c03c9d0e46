"""What stands against a payment: disputes early fraud warnings, and reviews by Stripe's Radar."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, Index
from sqlmodel import Field

from azpay.db import Row, one_of, sealed, timestamp


class DisputeStatus(StrEnum):
    """https://docs.stripe.com/disputes; an inquiry is a `warning_…`, which moves no money."""

    WARNING_NEEDS_RESPONSE = "warning_needs_response"
    WARNING_UNDER_REVIEW = "warning_under_review"
    WARNING_CLOSED = "warning_closed"
    NEEDS_RESPONSE = "needs_response"
    UNDER_REVIEW = "under_review"
    WON = "won"
    LOST = "lost"
    PREVENTED = "prevented"
    APPEAL_NEEDS_RESPONSE = "appeal_needs_response"
    APPEAL_UNDER_REVIEW = "appeal_under_review"
    UNHEARD_OF = "unheard_of"
    """One that Stripe has and this azpay has no word for: open, until Stripe says something else."""


class Dispute(Row, table=True):
    """A bank takes its customer's side. `amount` is minor units of `currency`, without Stripe's fee.

    https://docs.stripe.com/api/disputes/object
    """

    __tablename__ = "disputes"
    __table_args__ = (
        CheckConstraint("amount > 0", "amount_positive"),
        CheckConstraint("submissions >= 0", "submissions_counted"),
        CheckConstraint("length(currency) = 3 AND currency = lower(currency)", "currency_code"),
        Index("ix_disputes_created_at_dispute", "created_at", "dispute"),
        Index("ix_disputes_status_created_at_dispute", "status", "created_at", "dispute"),
        Index("ix_disputes_due_at", "due_at"),
    )

    dispute: str = Field(primary_key=True)
    payment_id: str | None = Field(default=None, foreign_key="payments.id", index=True)
    """None for a charge that was made without a payment intent."""
    charge: str
    status: DisputeStatus = Field(sa_type=one_of(DisputeStatus, "status"))
    reason: str
    network_reason_code: str | None = None
    currency: str
    amount: int = Field(sa_type=BigInteger)
    due_at: datetime | None = Field(default=None, sa_type=timestamp())
    """Until when Stripe takes evidence."""
    past_due: bool = False
    has_evidence: bool = False
    submissions: int = 0
    refundable: bool = False
    """Whether Stripe still lets the charge be refunded."""
    livemode: bool = False
    as_of: datetime = Field(sa_type=timestamp())
    """The moment that the newest report we believed speaks of."""
    created_at: datetime = Field(sa_type=timestamp())
    updated_at: datetime = Field(sa_type=timestamp())


class EarlyFraudWarning(Row, table=True):
    """The card's issuer suspects fraud, and nobody has disputed anything yet.

    https://docs.stripe.com/disputes/measuring#early-fraud-warnings
    """

    __tablename__ = "early_fraud_warnings"
    __table_args__ = (Index("ix_early_fraud_warnings_created_at_warning", "created_at", "warning"),)

    warning: str = Field(primary_key=True)
    payment_id: str | None = Field(default=None, foreign_key="payments.id", index=True)
    charge: str
    fraud_type: str
    actionable: bool
    """Whether a refund may still keep a dispute away."""
    livemode: bool = False
    created_at: datetime = Field(sa_type=timestamp())
    updated_at: datetime = Field(sa_type=timestamp())


class Review(Row, table=True):
    """A payment that a person is to look at in Stripe's dashboard, because Radar or a colleague said so."""

    __tablename__ = "reviews"
    __table_args__ = (Index("ix_reviews_created_at_review", "created_at", "review"),)

    review: str = Field(primary_key=True)
    payment_id: str | None = Field(default=None, foreign_key="payments.id", index=True)
    charge: str | None = None
    open: bool
    reason: str
    closed_reason: str | None = None
    ip_address: str | None = Field(default=None, sa_type=sealed())
    billing_zip: str | None = Field(default=None, sa_type=sealed())
    livemode: bool = False
    created_at: datetime = Field(sa_type=timestamp())
    updated_at: datetime = Field(sa_type=timestamp())
