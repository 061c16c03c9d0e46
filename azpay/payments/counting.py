from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func
from sqlmodel import col, select

from azpay.payments.models import Payment, PaymentStatus

if TYPE_CHECKING:
    from datetime import datetime

    from azpay.db import Database


def count_by_status(db: Database, *, since: datetime | None = None) -> dict[PaymentStatus, int]:
    """How many payments there are of each status; statuses without any are left out.

    Read off an index: with `since`, the part of it that tells of the payments made from then on.
    """
    counted = select(col(Payment.status), func.count()).group_by(col(Payment.status))
    if since is not None:
        known = col(Payment.status).in_(list(PaymentStatus))  # so that each is looked up by itself
        counted = counted.where(known, col(Payment.created_at) >= since)
    with db.reading() as session:
        return {PaymentStatus(status): count for status, count in session.exec(counted)}
