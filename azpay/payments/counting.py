from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func
from sqlmodel import col, select

from azpay.payments.models import Payment, PaymentStatus

if TYPE_CHECKING:
    from azpay.db import Database


def count_by_status(db: Database) -> dict[PaymentStatus, int]:
    """How many payments there are of each status; statuses without any are left out."""
    counted = select(col(Payment.status), func.count()).group_by(col(Payment.status))
    with db.reading() as session:
        return {PaymentStatus(status): count for status, count in session.exec(counted)}
