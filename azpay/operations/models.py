"""The write-ahead journal of everything we ask of Stripe."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Index, text
from sqlmodel import Field

from azpay.db import Row, one_of, sealed, timestamp


class Kind(StrEnum):
    CHARGE = "charge"
    CAPTURE = "capture"
    CANCEL = "cancel"
    REFUND = "refund"
    ATTACH = "attach"
    DETACH = "detach"
    CUSTOMER = "customer"
    DEFAULT = "default"


class State(StrEnum):
    """`planned → sent → succeeded | failed | unknown`; an unknown one is sent again, or looked up."""

    PLANNED = "planned"
    SENT = "sent"
    UNKNOWN = "unknown"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


OPEN = (State.PLANNED, State.SENT, State.UNKNOWN)
OPEN_SQL = "state IN ('planned', 'sent', 'unknown')"


class Operation(Row, table=True):
    """One intent. Committed before Stripe is asked; its key serves it, and nothing else, for ever."""

    __tablename__ = "operations"
    __table_args__ = (
        Index(
            "uq_operations_open_fingerprint",
            "fingerprint",
            unique=True,
            sqlite_where=text(OPEN_SQL),
            postgresql_where=text(OPEN_SQL),
        ),
        Index("ix_operations_state_created_at", "state", "created_at"),
        Index("ix_operations_subject", "subject"),
    )

    id: str = Field(primary_key=True)
    kind: Kind = Field(sa_type=one_of(Kind, "kind"))
    state: State = Field(sa_type=one_of(State, "state"))
    idempotency_key: str = Field(unique=True)
    fingerprint: str
    """A digest of what was asked, made with a secret of the book's, so that nobody else can guess at it.

    Two open operations cannot have the same one.
    """
    subject: str
    """The payment, refund, payment method or customer that it is about: our id, or Stripe's.

    A customer that is yet to be made goes by a digest of the e-mail.
    """
    stripe_object: str | None = None
    """What Stripe answered with, a `pi_…` or `re_…`; also kept when the answer was a decline."""
    attempts: int = 0
    error_code: str | None = None
    error_message: str | None = Field(default=None, sa_type=sealed())
    created_at: datetime = Field(sa_type=timestamp())
    sent_at: datetime | None = Field(default=None, sa_type=timestamp())
    settled_at: datetime | None = Field(default=None, sa_type=timestamp())
