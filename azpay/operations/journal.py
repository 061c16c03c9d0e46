"""The journal: write down the intent, and later what became of it.

Stripe is asked in between, by `errands`. A crash at any point leaves an open operation, and asking for the
same thing again finds it and goes on under the same key.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlmodel import Session, col, select

from azpay import access, audit
from azpay.db import actor_of, new_id
from azpay.db.book_keys import peppered
from azpay.db.trouble import TROUBLE
from azpay.db.upsert import keep_new
from azpay.errors import Conflict, Failed
from azpay.gateway.freshness import KEY_LIFE
from azpay.gateway.traces import watch, watched
from azpay.operations.endings import GivenUp
from azpay.operations.models import OPEN, Kind, Operation, State

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlmodel.sql.expression import SelectOfScalar

    from azpay.errors import AzpayError
    from azpay.gateway.traces import Watch

LEASE = timedelta(minutes=2)
"""How long whoever asks Stripe is left alone with it. Nobody waits that long; who died is not waited for."""

FIRST_TRY = timedelta(minutes=1)
"""After a command ended without an outcome, until the operation is taken up by itself."""

OUR_KEYS = "azpay-"
REPEATABLE = frozenset({Kind.ATTACH, Kind.DETACH, Kind.CUSTOMER, Kind.DEFAULT, Kind.SETUP})


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
        actor=actor_of(session),
        due_at=now + LEASE,
        created_at=now,
    )
    while not keep_new(session, [operation]):
        standing = _standing(session, asked, key)
        if standing is not None and not _outlived(session, standing, now):
            return standing, False
    audit.record(session, f"{kind}.planned", about(identity), now=now, details={"subject": subject})
    return session.get_one(Operation, identity), True


def asking(operation: Operation, parameters: dict[str, Any]) -> None:
    """Write down what Stripe is asked, where that does not stand there: to go on without this command."""
    if operation.parameters is None and operation.state in OPEN:
        operation.parameters = parameters


def asked(operation: Operation) -> dict[str, Any]:
    """What was written down by `asking`."""
    assert operation.parameters is not None  # noqa: S101 - nothing is sent without them
    return operation.parameters


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
    _settle(session, standing, State.FAILED, {"error": "key_too_old"}, now)
    session.flush()
    return True


@contextmanager
def before_asking() -> Iterator[None]:
    """A store that fails inside says so, if it failed before Stripe was asked for anything.

    Of several in one another the outermost speaks, which knows all.
    """
    if watch() is not None:
        yield
        return
    with watched() as kept:
        try:
            yield
        except TROUBLE as error:
            say_unasked(error, kept)
            raise


def say_unasked(error: AzpayError, kept: Watch) -> None:
    """Tell of a store's failure that it moved nothing, where that is so."""
    if isinstance(error, TROUBLE) and not kept.asked:
        error.message = f"{error.message} Stripe was not asked: this moved nothing."


def mark_sent(operation: Operation, now: datetime) -> None:
    """Write down that Stripe is about to be asked."""
    operation.state = State.SENT
    operation.attempts += 1
    operation.sent_at = now


def mark_unknown(operation: Operation, error: AzpayError, now: datetime) -> None:
    """Write down that an attempt ended without an answer; what comes next has to wait a little."""
    operation.state = State.UNKNOWN
    operation.error_code, operation.error_message = error.code, error.message
    operation.lease = operation.leased_until = None
    operation.due_at = now + FIRST_TRY


def _settle(
    session: Session, operation: Operation, state: State, details: audit.Details, now: datetime
) -> None:
    """Nothing more is to be done, and what was kept to go on with is kept no longer."""
    audit.conclude(session, f"{operation.kind}.{state}", about(operation.id), now=now, details=details)
    operation.state, operation.settled_at = state, now
    operation.parameters = operation.lease = operation.leased_until = None
    operation.due_at = operation.flagged_at = None


def succeed(session: Session, operation_id: str, stripe_object: str, *, now: datetime) -> None:
    """Write down Stripe's yes, in the transaction that records its effect. The second time does nothing."""
    operation = session.get_one(Operation, operation_id, with_for_update=True)
    if operation.state is State.SUCCEEDED:
        return
    if operation.state is State.FAILED:
        access.take_again(session, operation.id)
    _settle(session, operation, State.SUCCEEDED, {"stripe_object": stripe_object}, now)
    operation.stripe_object = stripe_object
    operation.error_code = operation.error_message = None


def fail(
    session: Session, operation_id: str, error: AzpayError, *, now: datetime, stripe_object: str | None = None
) -> None:
    """Write down a definite no, in the transaction that records its effect. A yes on record stays.

    What it took of its actor's budgets is given back.
    """
    operation = session.get_one(Operation, operation_id, with_for_update=True)
    if operation.state is State.SUCCEEDED:
        return
    said: audit.Details = {"error": error.code, "stripe_object": stripe_object}
    _settle(session, operation, State.FAILED, said, now)
    if isinstance(error, GivenUp):
        audit.add(session, about(operation.id), reason=error.reason, details={})
    operation.stripe_object = stripe_object
    operation.error_code, operation.error_message = error.code, error.message
    access.give_back(session, operation.id, now=now)


def about(operation_id: str, payment: str | None = None) -> audit.About:
    """How the journal of acts names an operation, and the payment that it belongs to."""
    return audit.About("operation", operation_id, payment)
