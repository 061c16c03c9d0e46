"""Carrying out one operation: ask Stripe under its key, and write down the answer with its effect.

Several of us may ask for the same operation at once, or one after another's crash. A yes is always written
down. A no is written down only when it speaks for every attempt: an answer to the request itself does, since
Stripe gives all attempts under one key the same answer; "not now" and "not with this API key" do so only when
nobody else has asked. Whatever else happens, the operation stays open.

https://docs.stripe.com/api/idempotent_requests
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

from sqlalchemy.exc import IntegrityError

from azpay.db import new_id
from azpay.db.trouble import TROUBLE
from azpay.errors import AzpayError, Conflict, Declined, Failed, OutcomeUnknown
from azpay.gateway import CardDeclined, KeyReused
from azpay.gateway.freshness import sendable, stopwatch
from azpay.gateway.traces import traced
from azpay.operations import attempts, leases
from azpay.operations.ages import is_old, may_be_under_way, sendable_until
from azpay.operations.attempts import Turn
from azpay.operations.endings import (
    AnswerNotKept,
    KeyTooOld,
    NeverHappened,
    NotSentYet,
    ParametersMissing,
    StillUnknown,
)
from azpay.operations.journal import fail, mark_sent, mark_unknown, succeed
from azpay.operations.models import OPEN, Operation, Outcome, State, Step

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from sqlmodel import Session

    from azpay.db import Database
    from azpay.gateway.traces import Trace

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
        """Look for the effect at Stripe, when the key is too old to ask with.

        May raise Declined, and OutcomeUnknown where not to find it means nothing.
        """

    def hold(self, session: Session) -> None:
        """Lock what an answer changes. Events lock it before its operation, and so must we."""

    def on_yes(self, session: Session, answer: Answer) -> Result:
        """Record the effect of Stripe's yes."""

    def on_no(self, session: Session, error: AzpayError) -> None:
        """Record the effect of a no that speaks for every attempt."""

    def stands(self, session: Session, operation: Operation) -> Result:
        """What is on record, when another process got the answer first; raises when that was a no."""


def carry_out(
    db: Database,
    operation: Operation,
    errand: Errand[Answer, Result],
    *,
    now: datetime,
    lease: str | None = None,
    absent: AzpayError | None = None,
) -> Result:
    """Ask Stripe for the operation, or look what became of it; what is on record when it is settled already.

    Raises what the gateway raises when that is final, else OutcomeUnknown; every error carries the
    operation's id. A resolver hands in its `lease`, and what it writes down when Stripe has no trace of it.
    """
    awake = stopwatch()
    turn = Turn(new_id("att", now), now, lease, absent)
    with _on_record(operation):
        operation, settled = db.write(lambda session: _begin(session, operation.id, errand, turn))
    if settled is not None:
        return settled
    with traced() as trace, sendable(sendable_until(operation, now, awake)):
        try:
            answer = _answer(operation, errand, turn)
        except AzpayError as error:
            error.operation = operation.id
            return _take_no(db, operation, errand, error, Heard(turn, trace))
    with _kept(operation, answer):
        return db.write(lambda session: _take_yes(session, operation, errand, answer, Heard(turn, trace)))


@contextmanager
def _on_record(operation: Operation) -> Iterator[None]:
    """What is written down is done sooner or later: no error may say that nothing will move."""
    try:
        yield
    except TROUBLE as error:
        raise NotSentYet(operation.id, error.message) from error


class Heard(NamedTuple):
    """An attempt, and what it asked of Stripe."""

    turn: Turn
    trace: Trace


def _begin(
    session: Session, identity: str, errand: Errand[Answer, Result], turn: Turn
) -> tuple[Operation, Result | None]:
    """The operation, and its attempt written down; or with what is on record, when it is settled already."""
    operation = session.get_one(Operation, identity, with_for_update=True)
    if operation.state not in OPEN:
        return operation, errand.stands(session, operation)
    leases.hold(operation, turn)
    step = _step(operation, turn)
    if attempts.begin(session, operation, step, turn) and step is Step.ASK:
        mark_sent(operation, turn.now)
    return operation, None


def _step(operation: Operation, turn: Turn) -> Step:
    """An old key is never sent, and nothing but the parameters that are kept with it."""
    return Step.LOOK if is_old(operation, turn.now) or operation.parameters is None else Step.ASK


def _answer(operation: Operation, errand: Errand[Answer, Result], turn: Turn) -> Answer:
    if _step(operation, turn) is Step.ASK:
        return errand.ask(operation.idempotency_key)
    return _look(operation, errand, turn)


def _look(operation: Operation, errand: Errand[Answer, Result], turn: Turn) -> Answer:
    not_yet = KeyTooOld() if is_old(operation, turn.now) else ParametersMissing()
    try:
        found = errand.look()
    except (Declined, OutcomeUnknown):
        raise
    except AzpayError as error:
        raise not_yet from error
    if found is not None:
        return found
    if may_be_under_way(operation, turn.now):
        raise not_yet
    raise turn.absent or NeverHappened()


def _take_yes(
    session: Session, operation: Operation, errand: Errand[Answer, Result], answer: Answer, heard: Heard
) -> Result:
    result = errand.on_yes(session, answer)
    succeed(session, operation.id, answer.id, now=heard.turn.now)
    attempts.end(session, heard.turn, Outcome.SUCCEEDED, heard.trace)
    return result


def _take_no(
    db: Database, operation: Operation, errand: Errand[Answer, Result], error: AzpayError, heard: Heard
) -> Result:
    try:
        final, settled = db.write(lambda session: _weigh(session, operation.id, errand, error, heard))
        if settled is not None:
            return settled
    except TROUBLE:
        final = isinstance(error, ANSWERS)
    if final:
        raise error
    if isinstance(error, OutcomeUnknown):
        raise _about(operation, error)
    raise _about(operation, StillUnknown(error)) from error


def _weigh(
    session: Session, identity: str, errand: Errand[Answer, Result], error: AzpayError, heard: Heard
) -> tuple[bool, Result | None]:
    """Whether the no is final, now written down; or what is on record when another attempt was answered."""
    errand.hold(session)
    current = session.get_one(Operation, identity, with_for_update=True)
    final = _is_final(error, current)
    attempts.end(session, heard.turn, Outcome.FAILED if final else Outcome.UNKNOWN, heard.trace, error.code)
    if current.state is State.SUCCEEDED or (current.state is State.FAILED and not final):
        return final, errand.stands(session, current)
    if current.state in OPEN:
        _write_down(session, current, errand, error, final=final, now=heard.turn.now)
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
        mark_unknown(operation, error, now)
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
    except (*TROUBLE, IntegrityError) as error:
        raise _about(operation, AnswerNotKept(answer.id)) from error
    except OutcomeUnknown as error:
        _about(operation, error)
        raise


def _about(operation: Operation, error: OutcomeUnknown) -> OutcomeUnknown:
    error.operation = operation.id
    error.hint = f"`azpay ops resolve {operation.id}`. {error.hint or ''}".rstrip()
    return error
