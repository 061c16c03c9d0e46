"""Disputes, early fraud warnings and reviews for programs: as JSON and as rows of a sheet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from azpay.cli.listings import Shape
from azpay.cli.showing import instant
from azpay.money import Money
from azpay.payments.dispute_transitions import OPEN

if TYPE_CHECKING:
    from azpay.payments.disputes import Case
    from azpay.payments.objections import EarlyFraudWarning, Review


def case_data(case: Case) -> dict[str, Any]:
    """A dispute for programs."""
    dispute = case.dispute
    return {
        "id": dispute.dispute,
        "status": dispute.status,
        "open": dispute.status in OPEN,
        "reason": dispute.reason,
        "network_reason_code": dispute.network_reason_code,
        "amount": dispute.amount,
        "currency": dispute.currency,
        "display": str(Money(dispute.amount, dispute.currency)),
        "taken": case.taken,
        "fee": case.fee,
        "taken_currency": case.lines[0].currency if case.lines else None,
        "due": instant(dispute.due_at),
        "past_due": dispute.past_due,
        "has_evidence": dispute.has_evidence,
        "submissions": dispute.submissions,
        "refundable": dispute.refundable,
        "payment": dispute.payment_id,
        "charge": dispute.charge,
        "livemode": dispute.livemode,
        "created": instant(dispute.created_at),
        "updated": instant(dispute.updated_at),
    }


def warning_data(warning: EarlyFraudWarning) -> dict[str, Any]:
    """An early fraud warning for programs."""
    return {
        "id": warning.warning,
        "fraud_type": warning.fraud_type,
        "actionable": warning.actionable,
        "payment": warning.payment_id,
        "charge": warning.charge,
        "created": instant(warning.created_at),
    }


def review_data(review: Review) -> dict[str, Any]:
    """A review for programs."""
    return {
        "id": review.review,
        "open": review.open,
        "reason": review.reason,
        "closed_reason": review.closed_reason,
        "created": instant(review.created_at),
    }


SHAPE: Shape[Case] = Shape(
    data=case_data,
    columns=(
        "id", "created", "status", "reason", "currency", "amount", "taken_currency", "taken", "fee", "due",
        "submissions", "payment", "charge",
    ),
    cells=lambda case: _cells(case),
)  # fmt: skip


def _cells(case: Case) -> list[str | int | None]:
    dispute, currency = case.dispute, case.lines[0].currency if case.lines else None
    return [
        dispute.dispute,
        instant(dispute.created_at),
        dispute.status,
        dispute.reason,
        dispute.currency.upper(),
        Money(dispute.amount, dispute.currency).major(),
        currency.upper() if currency else None,
        Money(case.taken, currency).major() if currency else None,
        Money(case.fee, currency).major() if currency else None,
        instant(dispute.due_at),
        dispute.submissions,
        dispute.payment_id,
        dispute.charge,
    ]
