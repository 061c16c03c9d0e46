"""The journal, for operators and for whoever tells what became of something."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, NamedTuple

import msgspec
from sqlalchemy import and_, func, or_, text
from sqlmodel import col, select, tuple_

from azpay.db import paging
from azpay.db.among import among
from azpay.operations.attempts import attempts_at
from azpay.operations.endings import WITHOUT_AN_ANSWER
from azpay.operations.models import OPEN, OPEN_SQL, Attempt, Kind, Operation, State
from azpay.operations.resolving import OperationUnknown

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy import ColumnElement
    from sqlmodel import Session

    from azpay.db import Database

Place = tuple[Annotated[datetime, msgspec.Meta(tz=True)], str]
"""Where an operation stands in the order of time: when it was made, and its id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Which operations, newest first: the open ones, unless states are named."""

    states: Sequence[State] = OPEN
    kinds: Sequence[Kind] = ()
    flagged: bool = False
    limit: int = 50
    cursor: str | None = None

    def __post_init__(self) -> None:
        paging.require_length(self.limit, "operations")


class Page(NamedTuple):
    """Some operations, and the cursor of the page after them when there is one."""

    operations: list[Operation]
    next: str | None


def page(db: Database, query: Query) -> Page:
    """One page of operations. Raises CursorInvalid."""
    order = (col(Operation.created_at).desc(), col(Operation.id).desc())
    wanted = select(Operation).where(*_matching(query)).order_by(*order).limit(query.limit + 1)
    with db.reading() as session:
        found = list(session.exec(wanted))
    shown = found[: query.limit]
    more = len(found) > query.limit
    return Page(shown, paging.cursor_at((shown[-1].created_at, shown[-1].id)) if more else None)


def _matching(query: Query) -> list[ColumnElement[bool]]:
    """Read off an index, whichever is asked for; of several states, which are few rows, they are sorted."""
    conditions: list[ColumnElement[bool]] = []
    if query.states:
        conditions.append(col(Operation.state).in_(query.states))
    if query.kinds:
        conditions.append(col(Operation.kind).in_(query.kinds))
    if query.flagged:
        conditions.append(col(Operation.flagged_at).is_not(None))
    if query.cursor is not None:
        here = tuple_(col(Operation.created_at), col(Operation.id))
        conditions.append(here < paging.place_of(query.cursor, Place))
    return conditions


class Record(NamedTuple):
    """An operation, and every attempt at it."""

    operation: Operation
    attempts: list[Attempt]


def one(db: Database, named: str) -> Record:
    """Raises OperationUnknown."""
    with db.reading() as session:
        operation = session.get(Operation, named)
        if operation is None:
            raise OperationUnknown(named)
        return Record(operation, attempts_at(session, operation.id))


def of(session: Session, subject: str) -> list[Operation]:
    """Everything that was asked about one payment, refund, method or customer, oldest first."""
    about = select(Operation).where(Operation.subject == subject)
    return list(session.exec(about.order_by(col(Operation.created_at), col(Operation.id))))


UNANSWERED = or_(
    text(OPEN_SQL),
    and_(col(Operation.state) == State.FAILED, col(Operation.error_code).in_(WITHOUT_AN_ANSWER)),
)


def unanswered_charges(session: Session, payment: str) -> list[Operation]:
    """The charges of this payment of which Stripe has said nothing: open, given up, or not found. Locked."""
    of_this = (Operation.subject == payment, Operation.kind == Kind.CHARGE)
    found = select(Operation).where(*of_this, UNANSWERED).order_by(col(Operation.id))
    return list(session.exec(found.with_for_update()))


def open_among(session: Session, names: Collection[str], charged: Collection[str]) -> dict[str, str]:
    """Those of these that did not succeed, and unanswered charges of these payments, and what each is about.

    Locked in the order of their ids.
    """
    if not names and not charged:
        return {}
    connection = session.connection()
    named = among(connection, col(Operation.id), names)
    about = among(connection, col(Operation.subject), charged)
    either = or_(
        and_(named, col(Operation.state) != State.SUCCEEDED),
        and_(UNANSWERED, about, col(Operation.kind) == Kind.CHARGE),
    )
    these = select(Operation.id, Operation.subject).where(either)
    return dict(session.exec(these.order_by(col(Operation.id)).with_for_update()).all())


def open_by_kind(db: Database) -> dict[Kind, int]:
    """How many operations of each kind have no known outcome; kinds without any are left out."""
    counted = select(Operation.kind, func.count()).where(text(OPEN_SQL))
    with db.reading() as session:
        return {Kind(kind): count for kind, count in session.exec(counted.group_by(col(Operation.kind)))}


def open_now(session: Session) -> list[Operation]:
    """The operations whose outcome is not known, oldest first."""
    query = select(Operation).where(text(OPEN_SQL))
    return list(session.exec(query.order_by(col(Operation.created_at), col(Operation.id))))


def waiting_for_a_person(db: Database) -> int:
    """How many open operations have used up the tries that they have by themselves."""
    flagged = select(func.count()).where(text(OPEN_SQL), col(Operation.flagged_at).is_not(None))
    with db.reading() as session:
        return session.exec(flagged).one()
