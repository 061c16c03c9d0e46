"""Receipts issued. What a receipt said is kept, so that it can be drawn again to the byte."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Index
from sqlmodel import Field

from azpay.db import Row, timestamp


class Receipt(Row, table=True):
    """One receipt for a payment, or for a refund of it. Numbers have no gaps."""

    __tablename__ = "receipts"
    __table_args__ = (
        CheckConstraint("amount > 0", "amount_positive"),
        Index("uq_receipts_payment_id_refund_id", "payment_id", "refund_id", unique=True),
        Index("ix_receipts_issued_at_sequence", "issued_at", "sequence"),
    )

    id: str = Field(primary_key=True)
    sequence: int = Field(unique=True)
    payment_id: str = Field(foreign_key="payments.id")
    refund_id: str = ""
    """Empty for the payment's own receipt: a NULL would let two of them in."""
    currency: str
    amount: int = Field(sa_type=BigInteger)
    issued_at: datetime = Field(sa_type=timestamp())

    @property
    def number(self) -> str:
        """As people quote it: R-000042."""
        return f"R-{self.sequence:06d}"
