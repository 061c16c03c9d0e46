"""Asking for something whose failure leaves nothing behind but the operation's own record."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from azpay.errors import AzpayError, OutcomeUnknown
from azpay.operations.journal import ask, fail

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from azpay.db import Database
    from azpay.operations.models import Operation

Answer = TypeVar("Answer")


def ask_or_fail(
    db: Database, operation: Operation, call: Callable[[str], Answer], *, now: datetime
) -> Answer:
    """`ask`, with a definite no written down before it is raised. The yes is the caller's to record."""
    try:
        return ask(db, operation, call, now=now)
    except OutcomeUnknown:
        raise
    except AzpayError as error:
        with db.writing() as session:
            fail(session, operation.id, error, now=now)
        raise
