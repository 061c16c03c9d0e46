"""What we are about to do: one stored intent, with its key, for everything we ask of Stripe."""

from azpay.operations.counting import count_by_state
from azpay.operations.errands import (
    AnswerNotKept,
    Errand,
    KeyTooOld,
    NeverHappened,
    StillUnknown,
    carry_out,
)
from azpay.operations.journal import (
    KEY_LIFE,
    FailedBefore,
    KeyTaken,
    fail,
    fingerprint,
    of,
    open_by_kind,
    open_now,
    plan,
    succeed,
    underway,
)
from azpay.operations.models import Kind, Operation, State
from azpay.operations.plain import Plain

__all__ = [
    "KEY_LIFE",
    "AnswerNotKept",
    "Errand",
    "FailedBefore",
    "KeyTaken",
    "KeyTooOld",
    "Kind",
    "NeverHappened",
    "Operation",
    "Plain",
    "State",
    "StillUnknown",
    "carry_out",
    "count_by_state",
    "fail",
    "fingerprint",
    "of",
    "open_by_kind",
    "open_now",
    "plan",
    "succeed",
    "underway",
]
