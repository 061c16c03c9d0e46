"""How old an operation is, and what that means for its key."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from azpay.gateway.freshness import KEY_LIFE, Until

if TYPE_CHECKING:
    from azpay.operations.models import Operation

IN_FLIGHT = timedelta(minutes=10)
"""A request that left us longer ago than this has arrived by now, or never will."""

AHEAD = timedelta(minutes=10)
"""An operation that begins later than this from now was written down by a clock that was wrong."""


def is_old(operation: Operation, now: datetime) -> bool:
    """Whether Stripe may have forgotten the operation's key: also when a clock that was set back hides it."""
    return not -AHEAD <= now - operation.created_at <= KEY_LIFE


def sendable_until(operation: Operation, now: datetime, awake: float) -> Until:
    """Until when its key may be sent, with what the stopwatch said when its age was known."""
    left = operation.created_at + KEY_LIFE - now
    return Until(operation.created_at + KEY_LIFE, awake + left.total_seconds())


def may_be_under_way(operation: Operation, now: datetime) -> bool:
    """Also by somebody who slept, and sent it at the last moment."""
    last = operation.sent_at or operation.created_at
    if is_old(operation, now):
        last = max(last, operation.created_at + KEY_LIFE)
    return now - last < IN_FLIGHT
