"""The journal: write down the intent, ask Stripe under its key, write down what became of it.

Each of the three is a transaction of its own (or part of the caller's), so a crash between any two leaves an
open operation, and asking for the same thing again finds it and goes on under the same key.
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from sqlmodel import Session, col, select

from azpay.db import new_id
from azpay.db.upsert import keep_new
from azpay.errors import AzpayError, Conflict, Failed, OutcomeUnknown
from azpay.operations.models import OPEN, Kind, Operation, State

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlmodel.sql.expression import SelectOfScalar

    from azpay.db import Database

Answer = TypeVar("Answer")

KEY_LIFE = timedelta(hours=23)
"""Stripe forgets a key after 24 hours, and then would do the same thing again."""


class KeyTaken(Conflict):
    """The idempotency key belongs to a request with other parameters."""

    code = "idempotency_key_taken"

    def __init__(self, operation: Operation) -> None:
        super().__init__(
            f"The idempotency key {operation.idempotency_key!r} was used for another {operation.kind}.",
            hint="Use another key for a different request.",
            operation=operation.id,
        )


class KeyTooOld(OutcomeUnknown):
    """The operation is open, and its key too old to be sent again safely."""

    code = "key_too_old"


class NeverHappened(Failed):
    """Stripe has no trace of it, more than 23 hours after it was asked."""

    code = "never_happened"

    def __init__(self, operation_id: str) -> None:
        super().__init__(
            "An earlier attempt at this never reached Stripe; nothing was moved.",
            hint="Run the command again to make a new attempt.",
            operation=operation_id,
        )


class FailedBefore(Failed):
    """The idempotency key belongs to an attempt that failed. A key is for one attempt only."""

    code = "failed_before"

    def __init__(self, operation: Operation) -> None:
        super().__init__(
            f"The attempt under this key failed: {operation.error_message}",
            hint="Use a new idempotency key for a new attempt.",
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
    identity = new_id("op", now)
    operation = Operation(
        id=identity,
        kind=kind,
        state=State.PLANNED,
        idempotency_key=key or f"azpay-{identity}",
        fingerprint=digest,
        subject=subject,
        created_at=now,
    )
    if keep_new(session, [operation]):
        return session.get_one(Operation, identity), True
    return _standing(session, digest, key), False


def _standing(session: Session, digest: str, key: str | None) -> Operation:
    if key is not None:
        taken = session.exec(select(Operation).where(Operation.idempotency_key == key)).one_or_none()
        if taken is not None and taken.fingerprint != digest:
            raise KeyTaken(taken)
        if taken is not None:
            return taken
    return session.exec(_open_for(digest)).one()


def underway(session: Session, digest: str) -> Operation | None:
    """The open operation that asking for the same thing again would go on with."""
    return session.exec(_open_for(digest)).one_or_none()


def _open_for(digest: str) -> SelectOfScalar[Operation]:
    return select(Operation).where(Operation.fingerprint == digest, col(Operation.state).in_(OPEN))


def ask(db: Database, operation: Operation, call: Callable[[str], Answer], *, now: datetime) -> Answer:
    """Call Stripe with the operation's key, having written down that we are about to.

    When the outcome stays unknown, that is written down too, and the error carries the operation's id.
    """
    if now - operation.created_at > KEY_LIFE:
        raise KeyTooOld(
            "An earlier attempt at this is more than 23 hours old and its outcome is not known.",
            hint="Look at the payment in Stripe's dashboard, or run `azpay reconcile`.",
            operation=operation.id,
        )
    with db.writing() as session:
        _mark_sent(session.get_one(Operation, operation.id), now)
    try:
        return call(operation.idempotency_key)
    except AzpayError as error:
        error.operation = operation.id
        if isinstance(error, OutcomeUnknown):
            with db.writing() as session:
                _mark_unknown(session.get_one(Operation, operation.id), error)
        raise


def _mark_sent(operation: Operation, now: datetime) -> None:
    operation.state = State.SENT
    operation.attempts += 1
    operation.sent_at = now


def _mark_unknown(operation: Operation, error: AzpayError) -> None:
    if operation.state in OPEN:  # another process may have settled it meanwhile
        operation.state = State.UNKNOWN
        operation.error_code, operation.error_message = error.code, error.message


def succeed(session: Session, operation_id: str, stripe_object: str, *, now: datetime) -> None:
    """Write down Stripe's yes, in the transaction that records its effect."""
    operation = session.get_one(Operation, operation_id)
    operation.state = State.SUCCEEDED
    operation.stripe_object = stripe_object
    operation.error_code = operation.error_message = None
    operation.settled_at = now


def fail(
    session: Session, operation_id: str, error: AzpayError, *, now: datetime, stripe_object: str | None = None
) -> None:
    """Write down a definite no, in the transaction that records its effect."""
    operation = session.get_one(Operation, operation_id)
    operation.state = State.FAILED
    operation.stripe_object = stripe_object
    operation.error_code, operation.error_message = error.code, error.message
    operation.settled_at = now


def of(session: Session, subject: str) -> list[Operation]:
    """Everything that was asked about one payment, refund, method or customer, oldest first."""
    about = select(Operation).where(Operation.subject == subject)
    return list(session.exec(about.order_by(col(Operation.created_at), col(Operation.id))))


def open_now(session: Session) -> list[Operation]:
    """The operations whose outcome is not known, oldest first."""
    query = select(Operation).where(col(Operation.state).in_(OPEN))
    return list(session.exec(query.order_by(col(Operation.created_at), col(Operation.id))))
