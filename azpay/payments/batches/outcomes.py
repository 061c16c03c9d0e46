"""What an answer, or the lack of one, makes of a row."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from azpay.access import ApprovalNeeded, OverLimit
from azpay.db.database import DatabaseUnavailable
from azpay.errors import AzpayError, Conflict, Declined, Failed, OutcomeUnknown, Usage
from azpay.gateway import KeyRefused, StripeUnavailable
from azpay.operations import FailedBefore, KeyTaken, NeverHappened
from azpay.payments.batches.models import RowState
from azpay.payments.charges import SuspectedDuplicate
from azpay.payments.charging import DECLINES
from azpay.payments.models import Payment, PaymentStatus, Refund, RefundStatus

if TYPE_CHECKING:
    from azpay.operations import Operation

PASSING = frozenset(kind.code for kind in (StripeUnavailable, KeyRefused, DatabaseUnavailable, NeverHappened))
"""Why an attempt ended for good, and yet another one may be made."""

STANDS: dict[PaymentStatus, RowState] = {
    PaymentStatus.UNKNOWN: RowState.UNKNOWN,
    PaymentStatus.INCOMPLETE: RowState.PENDING,
    PaymentStatus.REQUIRES_ACTION: RowState.PENDING,
    PaymentStatus.PROCESSING: RowState.PENDING,
    PaymentStatus.AUTHORIZED: RowState.SUCCEEDED,
    PaymentStatus.FAILED: RowState.FAILED,
    PaymentStatus.SUCCEEDED: RowState.SUCCEEDED,
    PaymentStatus.CANCELED: RowState.FAILED,
}
RETURNS: dict[RefundStatus, RowState] = {
    RefundStatus.UNKNOWN: RowState.UNKNOWN,
    RefundStatus.REQUIRES_ACTION: RowState.PENDING,
    RefundStatus.PENDING: RowState.PENDING,
    RefundStatus.SUCCEEDED: RowState.SUCCEEDED,
    RefundStatus.FAILED: RowState.FAILED,
    RefundStatus.CANCELED: RowState.FAILED,
}

REASONS: tuple[tuple[tuple[type[AzpayError], ...], RowState], ...] = (
    ((OutcomeUnknown, KeyTaken), RowState.UNKNOWN),
    ((Declined,), RowState.DECLINED),
    ((SuspectedDuplicate, OverLimit, ApprovalNeeded), RowState.REFUSED),
    ((NeverHappened,), RowState.PLANNED),
    ((Failed, Conflict, Usage), RowState.FAILED),
)
"""The first that fits decides. What fits none is no row's own trouble: the row is as if it had not begun."""


class Outcome(NamedTuple):
    state: RowState
    code: str | None = None
    message: str | None = None


def standing(subject: Payment | Refund) -> RowState:
    """What the book says of a payment or refund, as a row's state."""
    return STANDS[subject.status] if isinstance(subject, Payment) else RETURNS[subject.status]


def of_answer(subject: Payment | Refund) -> Outcome:
    reason = subject.failure_code if isinstance(subject, Payment) else subject.failure_reason
    return Outcome(standing(subject), reason)


def of_error(error: AzpayError) -> Outcome:
    """What an error that ended a row's attempt makes of it."""
    state = next((state for kinds, state in REASONS if isinstance(error, kinds)), RowState.PLANNED)
    return Outcome(state, error.code, error.message)


def of_earlier(operation: Operation) -> Outcome:
    """What an operation that failed in an earlier run makes of its row."""
    code = operation.error_code or FailedBefore.code
    if code in PASSING:
        return Outcome(RowState.PLANNED, code, operation.error_message)
    return Outcome(RowState.DECLINED if code in DECLINES else RowState.FAILED, code, operation.error_message)


def concerns_all(error: AzpayError) -> bool:
    """Whether the next row would meet with the same."""
    return not any(isinstance(error, kinds) for kinds, _ in REASONS)
