"""The journal: write down the intent, and later what became of it.

Stripe is asked in between, by `errands`. A crash at any point leaves an open operation, and asking for the
same thing again finds it and goes on under the same key.
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import func
from sqlmodel import Session, col, select

from azpay.db import new_id
from azpay.db.book_keys import peppered
from azpay.db.upsert import keep_new
from azpay.errors import Conflict, Failed
from azpay.operations.models import OPEN, Kind, Operation, State

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlmodel.sql.expression import SelectOfScalar

    from azpay.db import Database
    from azpay.errors import AzpayError

KEY_LIFE = timedelta(hours=23)
"""Stripe forgets a key after 24 hours, and then would do the same thing again."""

OUR_KEYS = "azpay-"
REPEATABLE = frozenset({Kind.ATTACH, Kind.DETACH, Kind.CUSTOMER, Kind.DEFAULT})


class KeyTaken(Conflict):
    """The idempotency key belongs to a request with other parameters."""

    code = "idempotency_key_taken"

    def __init__(self, operation: Operation) -> None:
        super().__init__(
            f"The idempotency key {operation.idempotency_key!r} was used for another {operation.kind}.",
            hint="Use another key for a different request.",
            operation=operation.id,
        )


class FailedBefore(Failed):
    """The attempt that this request belongs to failed. A key is for one attempt only."""

    code = "failed_before"

    def __init__(self, operation: Operation) -> None:
        ours = operation.idempotency_key.startswith(OUR_KEYS)
        super().__init__(
            f"The attempt under this key failed: {operation.error_message}",
            hint=f"{'Ask again' if ours else 'Use a new idempotency key'} for a new attempt.",
            operation=operation.id,
        )


def fingerprint(kind: Kind, **asked: Any) -> str:
    """A digest of what was asked, the same for the same request whatever the order of its parts."""
    plain = json.dumps({"kind": kind, **asked}, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(plain.encode()).hexdigest()


def plan(
    session: Session, kind: Kind, subject: str, *, digest: str, now: datetime, key: str | None = None
) -> tuple[Operation, bool]:
    """A new operation and True, or the one that already stands for the same request and False.

    Runs in the caller's transaction. The database decides: at most one open operation for a digest, and one
    operation ever for a key. Raises KeyTaken when the key belongs to another request.
    """
    identity, asked = new_id("op", now), peppered(session.connection(), digest)
    operation = Operation(
        id=identity,
        kind=kind,
        state=State.PLANNED,
        idempotency_key=key or f"{OUR_KEYS}{identity}",
        fingerprint=asked,
        subject=subject,
        created_at=now,
    )
    while not keep_new(session, [operation]):
        standing = _standing(session, asked, key)
        if standing is not None and not _outlived(session, standing, now):
            return standing, False
    return session.get_one(Operation, identity), True


def _standing(session: Session, asked: str, key: str | None) -> Operation | None:
    """What the new operation collided with; None when it was settled in between."""
    taken = select(Operation).where(Operation.idempotency_key == key)
    standing = session.exec(taken).one_or_none() if key is not None else None
    if standing is not None and standing.fingerprint != asked:
        raise KeyTaken(standing)
    return standing or session.exec(_open_for(asked).with_for_update()).one_or_none()


def underway(session: Session, digest: str) -> Operation | None:
    """The open operation that asking for the same thing again would go on with."""
    return session.exec(_open_for(peppered(session.connection(), digest))).one_or_none()


def _open_for(asked: str) -> SelectOfScalar[Operation]:
    return select(Operation).where(Operation.fingerprint == asked, col(Operation.state).in_(OPEN))


def _outlived(session: Session, standing: Operation, now: datetime) -> bool:
    """Give up an old attempt at something that moves no money: asking for it anew does no harm."""
    if standing.kind not in REPEATABLE or standing.state not in OPEN or now - standing.created_at <= KEY_LIFE:
        return False
    standing.state, standing.settled_at = State.FAILED, now
    session.flush()
    return True


def mark_sent(operation: Operation, now: datetime) -> None:
    """Write down that Stripe is about to be asked."""
    operation.state = State.SENT
    operation.attempts += 1
    operation.sent_at = now


def mark_unknown(operation: Operation, error: AzpayError) -> None:
    """Write down that an attempt ended without an answer."""
    operation.state = State.UNKNOWN
    operation.error_code, operation.error_message = error.code, error.message


def succeed(session: Session, operation_id: str, stripe_object: str, *, now: datetime) -> None:
    """Write down Stripe's yes, in the transaction that records its effect."""
    operation = session.get_one(Operation, operation_id, with_for_update=True)
    operation.state = State.SUCCEEDED
    operation.stripe_object = stripe_object
    operation.error_code = operation.error_message = None
    operation.settled_at = now


def fail(
    session: Session, operation_id: str, error: AzpayError, *, now: datetime, stripe_object: str | None = None
) -> None:
    """Write down a definite no, in the transaction that records its effect. A yes on record stays."""
    operation = session.get_one(Operation, operation_id, with_for_update=True)
    if operation.state is State.SUCCEEDED:
        return
    operation.state = State.FAILED
    operation.stripe_object = stripe_object
    operation.error_code, operation.error_message = error.code, error.message
    operation.settled_at = now


def of(session: Session, subject: str) -> list[Operation]:
    """Everything that was asked about one payment, refund, method or customer, oldest first."""
    about = select(Operation).where(Operation.subject == subject)
    return list(session.exec(about.order_by(col(Operation.created_at), col(Operation.id))))


def open_among(session: Session, names: Collection[str]) -> dict[str, str]:
    """The open ones of these operations, locked in the order of their ids, with what each is about."""
    if not names:
        return {}
    these = select(Operation.id, Operation.subject).where(
        col(Operation.id).in_(names), col(Operation.state).in_(OPEN)
    )
    return dict(session.exec(these.order_by(col(Operation.id)).with_for_update()).all())


def open_by_kind(db: Database) -> dict[Kind, int]:
    """How many operations of each kind have no known outcome; kinds without any are left out."""
    counted = select(Operation.kind, func.count()).where(col(Operation.state).in_(OPEN))
    with db.reading() as session:
        return {Kind(kind): count for kind, count in session.exec(counted.group_by(col(Operation.kind)))}


def open_now(session: Session) -> list[Operation]:
    """The operations whose outcome is not known, oldest first."""
    query = select(Operation).where(col(Operation.state).in_(OPEN))
    return list(session.exec(query.order_by(col(Operation.created_at), col(Operation.id))))
