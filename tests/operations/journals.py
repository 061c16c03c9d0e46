"""The journal as tests look at it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlmodel import col, select

from azpay.operations import Kind, Operation, asking, plan
from azpay.payments import Payment, Refund

if TYPE_CHECKING:
    from datetime import datetime

    from azpay.db import Database


def the_operations(db: Database) -> list[Operation]:
    with db.reading() as session:
        return list(session.exec(select(Operation).order_by(Operation.id)))


def the_payments(db: Database) -> list[Payment]:
    """Newest first."""
    newest = (col(Payment.created_at).desc(), col(Payment.id).desc())
    with db.reading() as session:
        return list(session.exec(select(Payment).order_by(*newest)))


def the_refunds(db: Database) -> list[Refund]:
    with db.reading() as session:
        return list(session.exec(select(Refund)))


def planned(
    db: Database, *, now: datetime, digest: str = "d", key: str | None = None, kind: Kind = Kind.CHARGE
) -> Operation:
    """The operation that stands for a request after it was planned, new or not."""
    with db.writing() as session:
        operation, _ = plan(session, kind, "subject", digest=digest, key=key, now=now)
        asking(operation, {})
        return operation
