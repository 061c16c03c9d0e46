"""The journal of acts, as it is kept."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Index
from sqlmodel import Field

from azpay.db import Row, sealed, timestamp


class AuditEntry(Row, table=True):
    """One act. Never changed and never removed: triggers refuse it, and the hashes would show it."""

    __tablename__ = "audit_entries"
    __table_args__ = (
        CheckConstraint("sequence > 0", "sequence"),
        Index("ix_audit_entries_at_sequence", "at", "sequence"),
        Index("ix_audit_entries_actor_at_sequence", "actor", "at", "sequence"),
        Index("ix_audit_entries_action_at_sequence", "action", "at", "sequence"),
        Index("ix_audit_entries_object_id_at_sequence", "object_id", "at", "sequence"),
        Index("ix_audit_entries_payment_id_at_sequence", "payment_id", "at", "sequence"),
    )

    id: str = Field(primary_key=True)
    """Made from the sequence; what is sealed in the row is bound to it."""
    sequence: int = Field(sa_type=BigInteger, unique=True)
    """1, 2, 3 and so on, without gaps."""
    at: datetime = Field(sa_type=timestamp())
    actor: str
    action: str
    """What was done, such as `charge.planned`."""
    object_kind: str
    object_id: str
    payment_id: str | None = None
    """The payment that it belongs to, where there is one."""
    facts: bytes = Field(sa_type=sealed("bytes"))
    """The hash once more, where only the holder of the book's key can write it, then reason and details."""
    previous_hash: str
    hash: str


def identity(sequence: int) -> str:
    """An entry's key: sorts as the sequence does, up to 16 digits."""
    return f"aud_{sequence:016}"
