"""Four eyes: what one person asks for and another decides.

An approval is decided by one conditional update, in the transaction of what follows from it: of two people
who decide at once, one does. It says exactly what was asked; what is possible by then is looked at anew by
whoever carries it out.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, CheckConstraint, Index, text, update
from sqlmodel import Field, col, select

from azpay import audit
from azpay.access.limits import Kind
from azpay.db import Row, actor_of, new_id, one_of, sealed, timestamp
from azpay.db.book_keys import peppered
from azpay.db.upsert import keep_new
from azpay.errors import Conflict, NotFound, Refused
from azpay.money import Money

if TYPE_CHECKING:
    from datetime import timedelta

    from sqlalchemy import ColumnElement
    from sqlmodel import Session

WAITING_SQL = "state = 'waiting'"
FOUR_EYES_SQL = "state <> 'approved' OR (decided_by IS NOT NULL AND decided_by <> asked_by)"


class Decision(StrEnum):
    """`waiting → approved | rejected`. One that nobody decided in time is `expired`."""

    WAITING = "waiting"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"


class Approval(Row, table=True):
    """One thing that waits for a second person, and what became of it. Amounts are minor units."""

    __tablename__ = "approvals"
    __table_args__ = (
        CheckConstraint("amount > 0", "amount_positive"),
        CheckConstraint("length(currency) = 3 AND currency = lower(currency)", "currency_code"),
        CheckConstraint(FOUR_EYES_SQL, "four_eyes"),
        Index(
            "uq_approvals_waiting_fingerprint",
            "fingerprint",
            unique=True,
            sqlite_where=text(WAITING_SQL),
            postgresql_where=text(WAITING_SQL),
        ),
        Index("ix_approvals_state_asked_at_id", "state", "asked_at", "id"),
        Index("ix_approvals_subject", "subject"),
    )

    id: str = Field(primary_key=True)
    kind: Kind = Field(sa_type=one_of(Kind, "kind"))
    state: Decision = Field(sa_type=one_of(Decision, "state"))
    fingerprint: str
    """A digest of what is asked: the same thing waits once."""
    subject: str
    """The payment that a refund is of."""
    currency: str
    amount: int = Field(sa_type=BigInteger)
    request: dict[str, Any] = Field(sa_type=sealed("json"))
    """Whatever else was asked, for whoever carries it out."""
    asked_by: str
    asked_at: datetime = Field(sa_type=timestamp())
    expires_at: datetime = Field(sa_type=timestamp())
    decided_by: str | None = None
    decided_at: datetime | None = Field(default=None, sa_type=timestamp())
    reason: str | None = Field(default=None, sa_type=sealed())
    """Why it was rejected."""
    outcome: str | None = None
    """What the approval led to: the id of the refund."""

    @property
    def money(self) -> Money:
        return Money(self.amount, self.currency)

    def standing(self, now: datetime) -> Decision:
        """Its state at this moment: nobody need be there for an approval to expire."""
        late = self.state is Decision.WAITING and self.expires_at <= now
        return Decision.EXPIRED if late else self.state


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for, before it is written down; `digest` is the same for the same thing."""

    kind: Kind
    subject: str
    money: Money
    digest: str
    request: dict[str, Any]


class ApprovalNeeded(Refused):
    """It is written down, and waits for somebody else. Nothing was sent to Stripe."""

    code = "approval_needed"

    def __init__(self, approval: Approval) -> None:
        super().__init__(
            f"A {approval.kind} of {approval.money} waits for somebody else's approval: {approval.id}. "
            "Nothing was sent to Stripe.",
            hint=f"Another admin runs `azpay {approval.kind} approve {approval.id}`.",
        )
        self.approval = approval


class ApprovalUnknown(NotFound):
    code = "approval_unknown"

    def __init__(self, named: str) -> None:
        super().__init__(f"No approval goes by {named!r}.", hint="List them with `azpay refund pending`.")


class OwnApproval(Refused):
    """Who asks does not decide."""

    code = "own_approval"

    def __init__(self, approval: Approval) -> None:
        super().__init__(
            f"{approval.id} was asked for by {approval.asked_by}: somebody else decides. Nothing was moved.",
            hint="Have another admin decide; `azpay whoami` shows who you are.",
        )


class AlreadyDecided(Conflict):
    """It waits no more."""

    code = "already_decided"

    def __init__(self, approval: Approval) -> None:
        by = f" by {approval.decided_by}" if approval.decided_by else ""
        led = f", as {approval.outcome}" if approval.outcome else ""
        super().__init__(
            f"{approval.id} was {approval.state}{by}{led}.", hint=f"See `azpay history {approval.subject}`."
        )


class ApprovalExpired(Conflict):
    """Nobody decided in time."""

    code = "approval_expired"

    def __init__(self, approval: Approval) -> None:
        super().__init__(
            f"{approval.id} expired: nobody decided in time. Nothing was moved.",
            hint=f"Ask again with `azpay {approval.kind} {approval.subject}`.",
        )


def ask(session: Session, asked: Asked, *, life: timedelta, now: datetime) -> Approval:
    """The approval that waits for this: a new one, or the one that waits already."""
    fingerprint = peppered(session.connection(), asked.digest)
    _expire(session, fingerprint, now)
    approval = Approval(
        id=new_id("apr", now),
        kind=asked.kind,
        state=Decision.WAITING,
        fingerprint=fingerprint,
        subject=asked.subject,
        currency=asked.money.currency,
        amount=asked.money.amount,
        request=asked.request,
        asked_by=actor_of(session),
        asked_at=now,
        expires_at=now + life,
    )
    if keep_new(session, [approval]):
        _tell(session, approval, "approval_asked", now)
    waiting = select(Approval).where(Approval.fingerprint == fingerprint, Approval.state == Decision.WAITING)
    return session.exec(waiting).one()


def approve(session: Session, approval: Approval, *, now: datetime) -> None:
    """Approve it, in the transaction that writes down what it leads to, and then sets its `outcome`.

    Raises OwnApproval, AlreadyDecided, ApprovalExpired.
    """
    _decide(session, approval, Decision.APPROVED, now, col(Approval.asked_by) != actor_of(session))
    _tell(session, approval, "approved", now)


def reject(session: Session, approval: Approval, *, reason: str | None, now: datetime) -> None:
    """Reject it. Who asked may take it back in this way. Raises AlreadyDecided, ApprovalExpired."""
    _decide(session, approval, Decision.REJECTED, now)
    approval.reason = reason
    _tell(session, approval, "rejected", now)


def find(session: Session, named: str) -> Approval:
    """The approval by `apr_…`. Raises ApprovalUnknown."""
    approval = session.get(Approval, named) if named.isascii() and named.isprintable() else None
    if approval is None:
        raise ApprovalUnknown(named)
    return approval


def waiting(session: Session, *, now: datetime) -> list[Approval]:
    """What waits for a decision, oldest first."""
    query = select(Approval).where(Approval.state == Decision.WAITING, col(Approval.expires_at) > now)
    return list(session.exec(query.order_by(col(Approval.asked_at), col(Approval.id))))


def _tell(session: Session, approval: Approval, act: str, now: datetime) -> None:
    """In the journal of acts."""
    about = audit.About("approval", approval.id, approval.subject)
    told = {**audit.amount_of(approval.money), "asked_by": approval.asked_by}
    audit.record(session, f"{approval.kind}.{act}", about, now=now, reason=approval.reason, details=told)


def _decide(
    session: Session, approval: Approval, decision: Decision, now: datetime, *also: ColumnElement[bool]
) -> None:
    decided = (
        update(Approval)
        .where(
            col(Approval.id) == approval.id,
            col(Approval.state) == Decision.WAITING,
            col(Approval.expires_at) > now,
            *also,
        )
        .values(state=decision, decided_by=actor_of(session), decided_at=now)
        .execution_options(synchronize_session=False)
    )
    done = session.execute(decided).rowcount == 1  # type: ignore[attr-defined]  # a cursor result
    session.refresh(approval)
    if not done:
        raise _why_not(approval, now)


def _why_not(approval: Approval, now: datetime) -> Refused | Conflict:
    state = approval.standing(now)
    if state is Decision.WAITING:
        return OwnApproval(approval)
    return ApprovalExpired(approval) if state is Decision.EXPIRED else AlreadyDecided(approval)


def _expire(session: Session, fingerprint: str, now: datetime) -> None:
    """Make room for asking again."""
    late = (
        update(Approval)
        .where(
            col(Approval.fingerprint) == fingerprint,
            col(Approval.state) == Decision.WAITING,
            col(Approval.expires_at) <= now,
        )
        .values(state=Decision.EXPIRED)
        .execution_options(synchronize_session=False)
    )
    session.execute(late)
