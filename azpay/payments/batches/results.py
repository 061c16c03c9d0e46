"""What became of each row, as the book has it now: events may have settled what a run left open."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import func
from sqlmodel import Session, col, select

from azpay.errors import NotFound
from azpay.operations import Operation, State
from azpay.payments.batches.models import UNFINISHED, Batch, BatchRow, BatchState, RowState
from azpay.payments.batches.outcomes import of_earlier, standing
from azpay.payments.models import Payment, Refund

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from azpay.db import Database

PAGE = 500
OPEN = frozenset({RowState.STARTED, RowState.UNKNOWN, RowState.PENDING})


class BatchUnknown(NotFound):
    """No batch goes by that id."""

    code = "batch_unknown"

    def __init__(self, named: str) -> None:
        super().__init__(f"No batch goes by {named!r}.", hint="List them with `azpay batches list`.")


class Result(NamedTuple):
    """One row. `amount` is minor units of `currency`; `id` is our payment or refund."""

    row: int
    status: RowState
    id: str | None
    amount: int
    currency: str
    code: str | None
    message: str | None


class Sum(NamedTuple):
    """Rows of one outcome in one currency; `amount` is minor units."""

    status: RowState
    currency: str
    rows: int
    amount: int


@dataclass(slots=True)
class Tally:
    """Rows and minor units by outcome and currency."""

    counts: Counter[tuple[RowState, str]] = field(default_factory=Counter)
    amounts: Counter[tuple[RowState, str]] = field(default_factory=Counter)

    def counted(self, results: Iterable[Result]) -> Iterator[Result]:
        """The same results, each counted as it passes."""
        for each in results:
            self.counts[each.status, each.currency] += 1
            self.amounts[each.status, each.currency] += each.amount
            yield each

    def __contains__(self, status: RowState) -> bool:
        return any(state is status for state, _ in self.counts)

    @property
    def sums(self) -> list[Sum]:
        order = list(RowState)
        keys = sorted(self.counts, key=lambda key: (order.index(key[0]), key[1]))
        return [Sum(*key, self.counts[key], self.amounts[key]) for key in keys]


def results(db: Database, batch: str) -> Iterator[Result]:
    """Every row in the order of the file, a page at a time."""
    after = ""
    while rows := _page(db, batch, after):
        after = rows[-1].id
        with db.reading() as session:
            operations = _operations(session, rows)
            subjects = _subjects(session, operations)
        for row in rows:
            operation = operations.get(row.idempotency_key)
            yield _result(row, operation, subjects.get(operation.subject) if operation else None)


def _page(db: Database, batch: str, after: str) -> Sequence[BatchRow]:
    page = select(BatchRow).where(BatchRow.batch_id == batch, BatchRow.id > after)
    with db.reading() as session:
        return session.exec(page.order_by(col(BatchRow.id)).limit(PAGE)).all()


def _operations(session: Session, rows: Sequence[BatchRow]) -> dict[str, Operation]:
    keys = [row.idempotency_key for row in rows]
    found = session.exec(select(Operation).where(col(Operation.idempotency_key).in_(keys)))
    return {operation.idempotency_key: operation for operation in found}


def _subjects(session: Session, operations: Mapping[str, Operation]) -> dict[str, Payment | Refund]:
    ids = [operation.subject for operation in operations.values()]
    payments = session.exec(select(Payment).where(col(Payment.id).in_(ids)))
    refunds = session.exec(select(Refund).where(col(Refund.id).in_(ids)))
    return {each.id: each for each in (*payments, *refunds)}


def _result(row: BatchRow, operation: Operation | None, subject: Payment | Refund | None) -> Result:
    identity = subject.id if subject else None
    status, code, message = row.state, row.error_code, row.error_message
    allowed_since = row.state is RowState.REFUSED and operation is not None
    if row.state in OPEN or allowed_since:
        status, code, message = _settled_since(row, operation, subject)
    elif row.state is RowState.DONE_BEFORE and subject is not None:
        now = standing(subject)
        status = row.state if now in {RowState.SUCCEEDED, RowState.FAILED} else now
    return Result(row.number, status, identity, row.amount, row.currency, code, message)


def _settled_since(
    row: BatchRow, operation: Operation | None, subject: Payment | Refund | None
) -> tuple[RowState, str | None, str | None]:
    if operation is None or subject is None:  # nothing was sent
        return (RowState.PLANNED if row.state is RowState.STARTED else row.state), None, None
    if operation.state is State.FAILED:
        return of_earlier(operation)
    now = standing(subject)
    if now is row.state or now is RowState.UNKNOWN:
        return now, row.error_code or operation.error_code, row.error_message or operation.error_message
    return now, None, None


def unfinished(db: Database, batch: str) -> dict[str, tuple[int, int]]:
    """What is yet to be moved: by currency, how many rows and how many minor units."""
    sums = select(BatchRow.currency, func.count(), func.sum(BatchRow.amount)).where(
        BatchRow.batch_id == batch, col(BatchRow.state).in_(UNFINISHED)
    )
    with db.reading() as session:
        found = session.exec(sums.group_by(BatchRow.currency).order_by(BatchRow.currency))
        return {currency: (int(count), int(total)) for currency, count, total in found}


def one(db: Database, named: str) -> Batch:
    """The batch by its id. Raises BatchUnknown."""
    with db.reading() as session:
        found = session.get(Batch, named) if "\0" not in named else None
    if found is None or found.state is BatchState.DRAFT:
        raise BatchUnknown(named)
    return found


def page(db: Database, *, limit: int) -> list[Batch]:
    """The newest batches, newest first."""
    query = select(Batch).where(Batch.state != BatchState.DRAFT)
    with db.reading() as session:
        return list(session.exec(query.order_by(col(Batch.id).desc()).limit(limit)))
