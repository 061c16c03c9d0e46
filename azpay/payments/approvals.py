"""Four eyes on refunds: what waits for a second person, and what becomes of it.

The decision, and the refund that follows from it, are written down in one transaction, so that a refund is
carried out once and by somebody else than the one who asked. What is left of the payment is looked at anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpay import access, operations
from azpay.access import Action, Decision, approvals
from azpay.db import actor_of, new_id
from azpay.errors import Conflict
from azpay.money import Money
from azpay.operations.models import OPEN
from azpay.payments import refunds
from azpay.payments.models import Payment, Refund
from azpay.payments.requests import RefundRequest

if TYPE_CHECKING:
    from datetime import datetime

    from sqlmodel import Session

    from azpay.access import Approval, Guards
    from azpay.db import Database
    from azpay.gateway.stripe import Gateway
    from azpay.operations import Operation


class AmountChanged(Conflict):
    """The refund would be of another amount than was asked for."""

    code = "amount_changed"

    def __init__(self, approval: Approval, giving: Money) -> None:
        super().__init__(
            f"{approval.id} is for {approval.money}, and {giving} is what is left of {approval.subject} now. "
            "Nothing was moved.",
            hint=f"Reject it with `azpay refund reject {approval.id}`, and have it asked for anew.",
        )


@operations.before_asking()
def approve_refund(
    db: Database, gateway: Gateway, named: str, *, now: datetime, guards: Guards = access.UNGUARDED
) -> Refund:
    """Approve a refund that waits, and carry it out; its limits and budgets are those of who approves.

    The same person again goes on with it while its outcome is not known. Raises ApprovalUnknown, OwnApproval,
    AlreadyDecided, ApprovalExpired, AmountChanged, and what `refund` raises.
    """
    guards.require(db.actor, Action.APPROVE)
    identity = new_id("ref", now)
    payment, ours, operation = db.write(lambda session: _approved(session, identity, named, guards, now))
    errand = refunds.Refunding(gateway, payment, ours, operation, now)
    return operations.carry_out(db, operation, errand, now=now)


def reject_refund(
    db: Database, named: str, *, reason: str | None, now: datetime, guards: Guards = access.UNGUARDED
) -> Approval:
    """Reject a refund that waits, or take back one's own.

    Raises ApprovalUnknown, AlreadyDecided, ApprovalExpired.
    """
    guards.require(db.actor, Action.APPROVE)
    return db.write(lambda session: _rejected(session, named, reason, now))


def refunds_waiting(db: Database, *, now: datetime) -> list[Approval]:
    """The refunds that wait for a second person, oldest first."""
    with db.reading() as session:
        return approvals.waiting(session, now=now)


def look_at_approval(db: Database, named: str) -> Approval:
    """What is asked for. Raises ApprovalUnknown."""
    with db.reading() as session:
        return approvals.find(session, named)


def _approved(
    session: Session, identity: str, named: str, guards: Guards, now: datetime
) -> tuple[Payment, Refund, Operation]:
    approval = approvals.find(session, named)
    going_on = _going_on(session, approval)
    if going_on is not None:
        return going_on
    approvals.approve(session, approval, now=now)
    request = RefundRequest(**approval.request)
    payment, ours, operation = refunds.intended(session, identity, request, guards, approved=True, now=now)
    if ours.amount != approval.amount:
        raise AmountChanged(approval, Money(ours.amount, ours.currency))
    approval.outcome = ours.id
    return payment, ours, operation


def _going_on(session: Session, approval: Approval) -> tuple[Payment, Refund, Operation] | None:
    """What the same person approved before, if what became of it is not known."""
    if approval.state is not Decision.APPROVED or approval.decided_by != actor_of(session):
        return None
    ours = session.get_one(Refund, approval.outcome)
    operation = operations.of(session, ours.id)[0]
    if operation.state not in OPEN:
        return None
    return session.get_one(Payment, ours.payment_id), ours, operation


def _rejected(session: Session, named: str, reason: str | None, now: datetime) -> Approval:
    approval = approvals.find(session, named)
    approvals.reject(session, approval, reason=reason, now=now)
    return approval
