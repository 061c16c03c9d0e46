"""The write-ahead journal of everything we ask of Stripe."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Index, UniqueConstraint, text
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
    SETUP = "setup"


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
        Index(
            "ix_operations_open_due_at",
            "due_at",
            sqlite_where=text(OPEN_SQL),
            postgresql_where=text(OPEN_SQL),
        ),
        Index("ix_operations_created_at_id", "created_at", "id"),
        Index("ix_operations_state_created_at_id", "state", "created_at", "id"),
        Index("ix_operations_kind_created_at_id", "kind", "created_at", "id"),
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
    """The payment, refund, setup, payment method or customer that it is about: our id, or Stripe's.

    A customer that is yet to be made goes by a digest of the e-mail.
    """
    stripe_object: str | None = None
    """What Stripe answered with, a `pi_…` or `re_…`; also kept when the answer was a decline."""
    actor: str | None = None
    """Who asked for it; None for one from before that was kept."""
    parameters: dict[str, Any] | None = Field(default=None, sa_type=sealed("json"))
    """What Stripe is asked, while it is open: enough to go on without the command that began it.

    None also for one from before they were kept.
    """
    attempts: int = 0
    """How often Stripe was asked; looking is not asking."""
    resolutions: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    """How often it was taken up by itself, without anybody's command."""
    lease: str | None = None
    """Whose turn it is, when a resolver has it. Nobody else asks until `leased_until`."""
    leased_until: datetime | None = Field(default=None, sa_type=timestamp())
    due_at: datetime | None = Field(default=None, sa_type=timestamp())
    """When it is taken up by itself, while it is open."""
    flagged_at: datetime | None = Field(default=None, sa_type=timestamp())
    """Since when it needs a person: all tries that it has by itself are used up."""
    error_code: str | None = None
    error_message: str | None = Field(default=None, sa_type=sealed())
    created_at: datetime = Field(sa_type=timestamp())
    sent_at: datetime | None = Field(default=None, sa_type=timestamp())
    settled_at: datetime | None = Field(default=None, sa_type=timestamp())


class Step(StrEnum):
    """What an attempt was: the request under the operation's key, or a look at what became of it."""

    ASK = "ask"
    LOOK = "look"


class Outcome(StrEnum):
    """What an attempt heard. `failed` is a no that spoke for every attempt."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNKNOWN = "unknown"


class Attempt(Row, table=True):
    """One attempt at an operation. One without an end was cut off, or is under way."""

    __tablename__ = "operation_attempts"
    __table_args__ = (UniqueConstraint("operation_id", "number"),)

    id: str = Field(primary_key=True)
    operation_id: str = Field(foreign_key="operations.id")
    number: int
    step: Step = Field(sa_type=one_of(Step, "step"))
    actor: str
    started_at: datetime = Field(sa_type=timestamp())
    ended_at: datetime | None = Field(default=None, sa_type=timestamp())
    outcome: Outcome | None = Field(default=None, sa_type=one_of(Outcome, "outcome"))
    code: str | None = None
    request: str | None = None
    """Stripe's own id of the last request, a `req_…`: what its support asks for."""
    milliseconds: int | None = None
    """How long Stripe kept us waiting."""
