"""Writing a batch down before it moves anything.

Rows go into a draft, some hundreds a transaction, so that a long file does not keep others from the book. One
last transaction makes the draft ready: whoever comes second with the same file finds it made, and an earlier
batch loses, in that same moment, what it has not begun and this one takes over.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, update
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from azpay import audit
from azpay.db import new_id, take_turn
from azpay.db.book_keys import peppered
from azpay.db.upsert import keep_new
from azpay.payments.batches.mistakes import BookChanged
from azpay.payments.batches.models import (
    Batch,
    BatchKind,
    BatchRow,
    BatchState,
    RowState,
    may_have_moved,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from azpay.db import Database
    from azpay.payments.batches.asking import Terms
    from azpay.payments.batches.checking import Findings, Planned

AT_ONCE = 500
ABANDONED = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be written down: which file, on what terms, and whether as a batch of its own."""

    kind: BatchKind
    terms: Terms
    file: str | None
    found: Findings
    new: bool = False


def standing(db: Database, kind: BatchKind, found: Findings) -> Batch | None:
    """The batch that was made of the same rows."""
    with db.reading() as session:
        return _standing(session, _digest(session, kind, found))


def _standing(session: Session, digest: str) -> Batch | None:
    return session.exec(
        select(Batch).where(Batch.digest == digest, Batch.state == BatchState.READY)
    ).one_or_none()


def _digest(session: Session, kind: BatchKind, found: Findings) -> str:
    return peppered(session.connection(), f"{kind} {found.fingerprint}")


def keep(db: Database, order: Order, rows: Iterable[Planned], *, now: datetime) -> Batch:
    """A batch of these rows, ready to be run; or the one that another process made of them meanwhile.

    Raises BookChanged when the rows no longer come to what was found.
    """
    _clear_abandoned(db, now)
    identity = new_id("bat", now)
    db.write(lambda session: _draft(session, identity, order, now))
    try:
        for some in _chunks(rows):
            db.write(lambda session, some=some: _add(session, identity, some))  # type: ignore[misc]
        return db.write(lambda session: _publish(session, identity, order))
    finally:
        _discard_draft(db, identity)


def _draft(session: Session, identity: str, order: Order, now: datetime) -> None:
    draft = Batch(
        id=identity,
        kind=order.kind,
        state=BatchState.DRAFT,
        digest=_digest(session, order.kind, order.found),
        file=order.file,
        terms=order.terms.of_rows,
        row_count=order.found.rows,
        created_at=now,
    )
    keep_new(session, [draft])


def _chunks(rows: Iterable[Planned]) -> Iterator[list[Planned]]:
    rest = iter(rows)
    while some := list(islice(rest, AT_ONCE)):
        yield some


def _add(session: Session, batch: str, rows: list[Planned]) -> None:
    keep_new(session, [row for each in rows if (row := _row(batch, each)) is not None])


def _row(batch: str, planned: Planned) -> BatchRow | None:
    """None when something speaks against it that did not before: the sums will tell."""
    identity = row_id(batch, planned.row)
    done = planned.earlier if planned.done_before else None
    worth = done or planned.money
    if worth is None:
        return None
    return BatchRow(
        id=identity,
        batch_id=batch,
        number=planned.row,
        digest=planned.digest,
        about=planned.about,
        state=RowState.DONE_BEFORE if done else RowState.PLANNED,
        currency=worth.currency,
        amount=worth.amount,
        cells=dict(planned.cells),
        payment_id=planned.payment,
        idempotency_key=done.key if done else key_of(identity, 1),
    )


def row_id(batch: str, number: int) -> str:
    """It sorts as the rows stand. Without the letter it could read as a card number, and be refused."""
    return f"{batch}-r{number:07d}"


def key_of(row: str, attempt: int) -> str:
    """The key that an attempt at a row is sent under. Failed for good, it gets another."""
    return row if attempt == 1 else f"{row}-{attempt}"


def _publish(session: Session, identity: str, order: Order) -> Batch:
    take_turn(session, "batches")
    batch = session.get_one(Batch, identity)
    before = _standing(session, batch.digest)
    if before is not None and before.id == identity:
        return before  # by a commit whose answer was lost
    if before is not None and not order.new:
        return before
    if _totals(session, identity) != order.found.totals:
        raise BookChanged
    if before is not None:
        before.state = BatchState.REPLACED
        session.flush()
    _take_over(session, batch, order)
    batch.state = BatchState.READY
    told: audit.Details = {"kind": batch.kind, "rows": batch.row_count, **order.found.totals}
    audit.record(session, "batch.begun", audit.About("batch", identity), now=batch.created_at, details=told)
    return batch


def _totals(session: Session, batch: str) -> Counter[str]:
    sums = select(BatchRow.currency, func.sum(BatchRow.amount)).where(
        BatchRow.batch_id == batch, BatchRow.state == RowState.PLANNED
    )
    return Counter(
        {currency: int(total) for currency, total in session.exec(sums.group_by(BatchRow.currency))}
    )


def _take_over(session: Session, batch: Batch, order: Order) -> None:
    """What others have of the same: what is begun is left to them, what is not is taken from them."""
    mine, theirs = aliased(BatchRow), aliased(BatchRow)
    related = (
        select(theirs.id)
        .join(Batch, col(Batch.id) == col(theirs.batch_id))
        .where(Batch.kind == batch.kind, Batch.state != BatchState.DRAFT)
        .join(mine, (col(mine.digest) == col(theirs.digest)) | (col(mine.about) == col(theirs.about)))
        .where(mine.batch_id == batch.id, mine.state == RowState.PLANNED)
    )
    waiting = related.where(theirs.state == RowState.PLANNED)
    taken = update(BatchRow).where(col(BatchRow.id).in_(waiting), col(BatchRow.state) == RowState.PLANNED)
    went = session.execute(
        taken.values(state=RowState.SUPERSEDED).execution_options(synchronize_session=False)
    )
    begun = related.where(may_have_moved(theirs), mine.digest == theirs.digest)
    twice = not order.terms.allow_duplicate and session.exec(begun.limit(1)).first() is not None
    if twice or (went.rowcount and not order.new):  # type: ignore[attr-defined]  # a cursor result
        raise BookChanged


def _clear_abandoned(db: Database, now: datetime) -> None:
    """Drafts of runs that died while they wrote them."""
    old = select(Batch.id).where(Batch.state == BatchState.DRAFT, col(Batch.created_at) < now - ABANDONED)
    with db.reading() as session:
        left = list(session.exec(old))
    for identity in left:
        _discard_draft(db, identity)


def _discard_draft(db: Database, identity: str) -> None:
    while db.write(lambda session: _discard_some(session, identity)):
        pass


def _discard_some(session: Session, identity: str) -> int:
    """So many rows of a draft, and in the end itself; how many rows went."""
    batch = session.get(Batch, identity)
    if batch is None or batch.state is not BatchState.DRAFT:
        return 0
    some = select(BatchRow.id).where(BatchRow.batch_id == identity).limit(AT_ONCE)
    gone = session.execute(delete(BatchRow).where(col(BatchRow.id).in_(some)))
    count = int(gone.rowcount)  # type: ignore[attr-defined]  # a cursor result
    if not count:
        session.delete(batch)
    return count
