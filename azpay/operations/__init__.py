"""What we are about to do: one stored intent, with its key, for everything we ask of Stripe."""

from azpay.operations.journal import (
    FailedBefore,
    KeyTaken,
    KeyTooOld,
    NeverHappened,
    ask,
    fail,
    fingerprint,
    of,
    open_now,
    plan,
    succeed,
    underway,
)
from azpay.operations.models import Kind, Operation, State
from azpay.operations.settling import ask_or_fail

__all__ = [
    "FailedBefore",
    "KeyTaken",
    "KeyTooOld",
    "Kind",
    "NeverHappened",
    "Operation",
    "State",
    "ask",
    "ask_or_fail",
    "fail",
    "fingerprint",
    "of",
    "open_now",
    "plan",
    "succeed",
    "underway",
]
