"""Reconciliation runs, and what they found."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger
from sqlmodel import Field

from azpay.db import Row, one_of, timestamp


class RunState(StrEnum):
    RUNNING = "running"
    COMPLETE = "complete"
    INCOMPLETE = "incomplete"
    """It stopped before both sides were read: a clean result means nothing."""


class ObjectType(StrEnum):
    """What is compared, by Stripe's names."""

    PAYMENT_INTENT = "payment_intent"
    REFUND = "refund"


class DriftKind(StrEnum):
    MISSING_HERE = "missing_here"
    MISSING_THERE = "missing_there"
    STATUS = "status"
    AMOUNT = "amount"
    UNRESOLVED = "unresolved"
    """We asked Stripe and never recorded an answer."""


class Run(Row, table=True):
    """One comparison of the half-open period [since, until)."""

    __tablename__ = "reconciliation_runs"

    id: str = Field(primary_key=True)
    state: RunState = Field(sa_type=one_of(RunState, "state"))
    since: datetime = Field(sa_type=timestamp())
    until: datetime = Field(sa_type=timestamp())
    ours: int = 0
    theirs: int = 0
    started_at: datetime = Field(sa_type=timestamp(), index=True)
    finished_at: datetime | None = Field(default=None, sa_type=timestamp())


class Drift(Row, table=True):
    """One difference. `amount` is what is in question, in minor units of `currency`."""

    __tablename__ = "drifts"

    id: str = Field(primary_key=True)
    run_id: str = Field(foreign_key="reconciliation_runs.id", index=True)
    kind: DriftKind = Field(sa_type=one_of(DriftKind, "kind"))
    object_type: str
    ours: str | None = None
    theirs: str | None = None
    currency: str
    amount: int = Field(sa_type=BigInteger)
    said_here: str | None = None
    said_there: str | None = None
