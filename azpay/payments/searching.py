"""Finding payments by a text that somebody remembers: in the description, reference, e-mail or metadata."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import String, cast
from sqlmodel import col, or_

from azpay.payments.models import Payment

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement


def mentions(text: str) -> ColumnElement[bool]:
    """The condition that a payment mentions the text, in whatever case."""
    searched = (
        col(Payment.description),
        col(Payment.reference),
        col(Payment.receipt_email),
        cast(col(Payment.metadata_), String),
    )
    return or_(*(column.icontains(text, autoescape=True) for column in searched))
