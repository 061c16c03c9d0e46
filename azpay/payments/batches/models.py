"""Many requests from one file, and what became of each."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import BigInteger, CheckConstraint, Index, and_, exists, or_, text
from sqlmodel import Field, col, select

from azpay.db import Row, one_of, sealed, timestamp
from azpay.operations import Operation, State

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement


class BatchKind(StrEnum):
    CHARGE = "charge"
    REFUND = "refund"


class BatchState(StrEnum):
    DRAFT = "draft"
    """Its rows are being written down. Nothing of it moves."""
    READY = "ready"
    REPLACED = "replaced"
    """The same file was made a new batch."""


class RowState(StrEnum):
    PLANNED = "planned"
    STARTED = "started"
    """Somebody asks Stripe, or died while asking."""
    SUCCEEDED = "succeeded"
    DECLINED = "declined"
    FAILED = "failed"
    REFUSED = "refused"
    """A guard of ours suspected a repetition."""
    PENDING = "pending"
    UNKNOWN = "unknown"
    DONE_BEFORE = "done_before"
    """The same row moved in an earlier batch."""
    SUPERSEDED = "superseded"
    """Never begun: a later batch has taken it over."""


UNFINISHED = (RowState.PLANNED, RowState.STARTED, RowState.UNKNOWN)
NOTHING_MOVED = (RowState.DECLINED, RowState.FAILED, RowState.REFUSED, RowState.SUPERSEDED)
BEGUN = (RowState.STARTED, RowState.SUCCEEDED, RowState.PENDING, RowState.UNKNOWN, RowState.DONE_BEFORE)
"""Rows that moved their money, or may have."""


class Batch(Row, table=True):
    """One file, run once. Of two batches with the same rows at most one is ready."""

    __tablename__ = "batches"
    __table_args__ = (
        CheckConstraint("row_count > 0", "row_count_positive"),
        Index(
            "uq_batches_ready_digest",
            "digest",
            unique=True,
            sqlite_where=text("state = 'ready'"),
            postgresql_where=text("state = 'ready'"),
        ),
        Index("ix_batches_state_id", "state", "id"),
    )

    id: str = Field(primary_key=True)
    kind: BatchKind = Field(sa_type=one_of(BatchKind, "kind"))
    state: BatchState = Field(sa_type=one_of(BatchState, "state"))
    digest: str
    """Of all rows in their order, made with a secret of the book's."""
    file: str | None = Field(default=None, sa_type=sealed())
    terms: dict[str, bool] = Field(sa_type=sealed("json"))
    row_count: int
    created_at: datetime = Field(sa_type=timestamp())


class BatchRow(Row, table=True):
    """One request. `idempotency_key` leads to its operation, and so to its payment or refund."""

    __tablename__ = "batch_rows"
    __table_args__ = (
        CheckConstraint("amount > 0", "amount_positive"),
        CheckConstraint("length(currency) = 3 AND currency = lower(currency)", "currency_code"),
        Index("ix_batch_rows_batch_id_state_id", "batch_id", "state", "id"),
    )

    id: str = Field(primary_key=True)
    """The batch's id and the row's number, so that rows sort as in the file."""
    batch_id: str = Field(foreign_key="batches.id")
    number: int
    """As a spreadsheet counts: a CSV's first row of data is 2, an NDJSON's first line 1."""
    digest: str = Field(index=True)
    """Of what the row asks for, made with a secret of the book's."""
    about: str | None = Field(default=None, index=True)
    """A digest of the reference or the payment it is about, so that a changed row is recognised."""
    state: RowState = Field(sa_type=one_of(RowState, "state"))
    currency: str
    amount: int = Field(sa_type=BigInteger)
    cells: dict[str, str] = Field(sa_type=sealed("json"))
    payment_id: str | None = None
    """What is refunded. A charge's customer and method are fixed when it is first asked for."""
    customer: str | None = None
    payment_method: str | None = None
    attempt: int = 1
    idempotency_key: str = Field(index=True)
    """Of this attempt; of the earlier batch's row where that one moved the money."""
    holder: str | None = None
    """Which run has it in its hands."""
    error_code: str | None = None
    error_message: str | None = Field(default=None, sa_type=sealed())
    settled_at: datetime | None = Field(default=None, sa_type=timestamp())


def may_have_moved(row: type[BatchRow]) -> ColumnElement[bool]:
    """Whether a row moved its money, or may have: one that was refused does so when it is approved."""
    going_on = select(Operation.id).where(
        Operation.idempotency_key == row.idempotency_key, Operation.state != State.FAILED
    )
    approved = and_(col(row.state) == RowState.REFUSED, exists(going_on))
    return or_(col(row.state).in_(BEGUN), approved)
