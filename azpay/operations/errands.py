"""Carrying out one operation: ask Stripe under its key, and write down the answer with its effect.

Several of us may ask for the same operation at once, or one after another's crash. A yes is always written
down. A no is written down only when it speaks for every attempt: an answer to the request itself does, since
Stripe gives all attempts under one key the same answer; "not now" and "not with this API key" do so only when
nobody else has asked. Whatever else happens, the operation stays open.

https://docs.stripe.com/api/idempotent_requests
"""

from __future__ import annotations

from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol, TypeVar

from sqlalchemy.exc import IntegrityError

from azpay.db.database import DatabaseUnavailable
from azpay.errors import AzpayError, Conflict, Declined, Failed, OutcomeUnknown
from azpay.gateway import CardDeclined, KeyReused
from azpay.operations.journal import KEY_LIFE, fail, mark_sent, mark_unknown, succeed
from azpay.operations.models import OPEN, Operation, State

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlmodel import Session

    from azpay.db import Database

IN_FLIGHT = timedelta(minutes=10)
"""A request that left us longer ago than this has arrived by now, or never will."""

ANSWERS = (Declined, Failed, Conflict)


class Named(Protocol):
    """An object of Stripe's."""

    @property
    def id(self) -> str: ...


Answer = TypeVar("Answer", bound=Named)
Result = TypeVar("Result", covariant=True)


class Errand(Protocol[Answer, Result]):
    """What one kind of operation asks of Stripe, and what its answers change in the book."""

    def ask(self, key: str) -> Answer:
        """Ask Stripe under the operation's key."""

    def look(self) -> Answer | None:
        """Look for the effect at Stripe, when the key is too old to ask with."""

    def hold(self, session: Session) -> None:
        """Lock what an answer changes. Events lock it before its operation, and so must we."""

    def on_yes(self, session: Session, answer: Answer) -> Result:
        """Record the effect of Stripe's yes."""

    def on_no(self, session: Session, error: AzpayError) -> None:
        """Record the effect of a no that speaks for every attempt."""

    def stands(self, session: Session, operation: Operation) -> Result:
        """What is on record, when another process got the answer first; raises when that was a no."""


class KeyTooOld(OutcomeUnknown):
    """The operation is open, and its key too old to be sent again safely."""

    code = "key_too_old"

    def __init__(self) -> None:
        super().__init__(
            "An earlier attempt at this is more than 23 hours old and its outcome is not known.",
            hint="Look at the payment in Stripe's dashboard, or run `azpay reconcile`.",
        )


class NeverHappened(Failed):
    """Stripe has no trace of it, more than 23 hours after it was asked."""

    code = "never_happened"

    def __init__(self) -> None:
        super().__init__(
            "An earlier attempt at this never reached Stripe; nothing was moved.",
            hint="Run the command again to make a new attempt.",
        )


class StillUnknown(OutcomeUnknown):
    """Stripe did not answer this attempt, and what became of another one is not known."""

    code = "still_unknown"

    def __init__(self, error: AzpayError) -> None:
        super().__init__(
            f"Stripe did not answer this attempt ({error.code}), and an earlier one may have taken effect.",
            hint="Do not start over: the same command again asks Stripe under the same key.",
        )


class AnswerNotKept(OutcomeUnknown):
    """Stripe did it, and the book did not take the answer."""

    code = "answer_not_kept"

    def __init__(self, answer: Named) -> None:
        super().__init__(
            f"Stripe did it ({answer.id}), and the database did not take that down.",
            hint="The same command again, once the database is back, records it and moves nothing.",
        )


def carry_out(db: Database, operation: Operation, errand: Errand[Answer, Result], *, now: datetime) -> Result:
    """Ask Stripe for the operation, or look what became of it; what is on record when it is settled already.

    Raises what the gateway raises when that is final, else OutcomeUnknown; every error carries the
    operation's id.
    """
    operation, settled = db.write(lambda session: _begin(session, operation.id, errand, now))
    if settled is not None:
        return settled
    old = _is_old(operation, now)
    try:
        answer = _look(operation, errand, now) if old else errand.ask(operation.idempotency_key)
    except AzpayError as error:
        error.operation = operation.id
        return _take_no(db, operation, errand, error, now=now)
    with _kept(operation, answer):
        return db.write(lambda session: _take_yes(session, operation, errand, answer, now))


def _begin(
    session: Session, identity: str, errand: Errand[Answer, Result], now: datetime
) -> tuple[Operation, Result | None]:
    """The operation, marked as sent; or with what is on record, when it is settled already."""
    operation = session.get_one(Operation, identity, with_for_update=True)
    if operation.state not in OPEN:
        return operation, errand.stands(session, operation)
    if not _is_old(operation, now):
        mark_sent(operation, now)
    return operation, None


def _is_old(operation: Operation, now: datetime) -> bool:
    return now - operation.created_at > KEY_LIFE


def _take_yes(
    session: Session, operation: Operation, errand: Errand[Answer, Result], answer: Answer, now: datetime
) -> Result:
    result = errand.on_yes(session, answer)
    succeed(session, operation.id, answer.id, now=now)
    return result


def _look(operation: Operation, errand: Errand[Answer, Result], now: datetime) -> Answer:
    try:
        found = errand.look()
    except AzpayError as error:
        raise KeyTooOld from error
    if found is not None:
        return found
    if now - (operation.sent_at or operation.created_at) < IN_FLIGHT:
        raise KeyTooOld
    raise NeverHappened


def _take_no(
    db: Database, operation: Operation, errand: Errand[Answer, Result], error: AzpayError, *, now: datetime
) -> Result:
    try:
        final, settled = db.write(lambda session: _weigh(session, operation.id, errand, error, now))
        if settled is not None:
            return settled
    except DatabaseUnavailable:
        final = isinstance(error, ANSWERS)
    if final or isinstance(error, OutcomeUnknown):
        raise error
    raise _about(operation, StillUnknown(error)) from error


def _weigh(
    session: Session, identity: str, errand: Errand[Answer, Result], error: AzpayError, now: datetime
) -> tuple[bool, Result | None]:
    """Whether the no is final, now written down; or what is on record when another attempt was answered."""
    errand.hold(session)
    current = session.get_one(Operation, identity, with_for_update=True)
    final = _is_final(error, current)
    if current.state is State.SUCCEEDED or (current.state is State.FAILED and not final):
        return final, errand.stands(session, current)
    if current.state in OPEN:
        _write_down(session, current, errand, error, final=final, now=now)
    return final, None


def _write_down(
    session: Session,
    operation: Operation,
    errand: Errand[Answer, Result],
    error: AzpayError,
    *,
    final: bool,
    now: datetime,
) -> None:
    if not final:
        mark_unknown(operation, error)
        return
    errand.on_no(session, error)
    intent = error.payment_intent if isinstance(error, CardDeclined) else None
    fail(session, operation.id, error, now=now, stripe_object=intent.id if intent else None)


def _is_final(error: AzpayError, operation: Operation) -> bool:
    """Whether the no speaks for every attempt made so far."""
    if isinstance(error, OutcomeUnknown):
        return False
    answered = isinstance(error, ANSWERS) and not isinstance(error, KeyReused)
    return answered or operation.attempts == 1


@contextmanager
def _kept(operation: Operation, answer: Named) -> Iterator[None]:
    """From here on the money has moved: no error may say that it has not."""
    try:
        yield
    except (DatabaseUnavailable, IntegrityError) as error:
        raise _about(operation, AnswerNotKept(answer)) from error
    except OutcomeUnknown as error:
        error.operation = operation.id
        raise


def _about(operation: Operation, error: OutcomeUnknown) -> OutcomeUnknown:
    error.operation = operation.id
    return error
