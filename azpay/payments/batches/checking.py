"""The whole file at one look: what it would move, what is wrong in it, what earlier batches did of it."""

from __future__ import annotations

import hashlib
import heapq
from collections import Counter
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from sqlmodel import col, or_, select

from azpay.access.limits import Kind, OverLimit, require_within
from azpay.db.book_keys import peppered
from azpay.payments.batches.asking import Terms, fingerprint, mistakes_in, request_of
from azpay.payments.batches.mistakes import FileTooLong, Mistake, Mistakes
from azpay.payments.batches.models import (
    Batch,
    BatchKind,
    BatchRow,
    BatchState,
    RowState,
    may_have_moved,
)
from azpay.payments.batches.weighing import AT_ONCE, Asked, Charges, Refunds, Scales, Weighed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from sqlmodel import Session

    from azpay.db import Database
    from azpay.money import Money
    from azpay.payments.batches.reading import Line
    from azpay.settings.permissions import Permissions

MOST_ROWS = 250_000
LARGEST = 5
SCALES: Mapping[BatchKind, type[Charges] | type[Refunds]] = {
    BatchKind.CHARGE: Charges,
    BatchKind.REFUND: Refunds,
}


class Earlier(NamedTuple):
    """A row of an earlier batch with the same content, or only about the same."""

    batch: str
    same: bool
    moved: bool
    key: str
    currency: str
    amount: int


@dataclass(frozen=True, slots=True)
class Planned:
    """One row of the file. Without `money` it moves nothing: something is wrong with it."""

    row: int
    cells: Mapping[str, str]
    money: Money | None = None
    digest: str = ""
    about: str | None = None
    payment: str | None = None
    earlier: Earlier | None = None
    mistakes: tuple[Mistake, ...] = ()
    objections: tuple[Mistake, ...] = ()
    fingerprint: str = ""

    @property
    def done_before(self) -> bool:
        return self.earlier is not None and self.earlier.same and self.earlier.moved


def planned(
    db: Database, lines: Iterable[Line], kind: BatchKind, terms: Terms, *, now: datetime
) -> Iterator[Planned]:
    """Each row, held against the rows before it and against the book, some hundreds at a time."""
    with db.reading() as session:
        scales = SCALES[kind].beside(session, terms, now)
    rest = iter(lines)
    while some := list(islice(rest, AT_ONCE)):
        with db.reading() as session:
            yield from _weighed(session, some, kind, terms, scales)


def _weighed(
    session: Session, lines: Sequence[Line], kind: BatchKind, terms: Terms, scales: Scales
) -> Iterator[Planned]:
    read = [(line, request_of(kind, line, terms)) for line in lines]
    asked = [Asked(line.row, request, line.cells) for line, request in read if request is not None]
    known = _known(session, asked, kind, terms)
    to_weigh = [row for row in asked if not known[row.row].done_before]
    weighed = dict(zip((row.row for row in to_weigh), scales.weigh(session, to_weigh), strict=True))
    for line, request in read:
        if request is None:
            yield Planned(line.row, line.cells, mistakes=mistakes_in(kind, line, terms))
        else:
            yield _joined(known[line.row], weighed.get(line.row))


def _joined(known: Planned, weighed: Weighed | None) -> Planned:
    if weighed is None:
        return known
    return replace(known, money=weighed.money, objections=weighed.objections, payment=weighed.payment)


def _known(session: Session, rows: Sequence[Asked], kind: BatchKind, terms: Terms) -> dict[int, Planned]:
    """The rows with their digests, and what earlier batches have to do with them."""
    connection = session.connection()
    found = {}
    for row in rows:
        print_ = fingerprint(kind, row.cells, terms)
        named = row.cells.get("payment") or row.cells.get("reference")
        about = peppered(connection, f"{kind} {named}") if named else None
        found[row.row] = Planned(
            row.row, row.cells, digest=peppered(connection, print_), about=about, fingerprint=print_
        )
    earlier = _earlier(session, list(found.values()))
    if terms.allow_duplicate:
        earlier = {by: each._replace(moved=False) for by, each in earlier.items()}
    return {row: replace(each, earlier=_nearest(each, earlier)) for row, each in found.items()}


def _nearest(row: Planned, earlier: Mapping[str, Earlier]) -> Earlier | None:
    same = earlier.get(row.digest)
    akin = earlier.get(row.about or "")
    return same or (akin._replace(same=False) if akin else None)


def _earlier(session: Session, rows: Sequence[Planned]) -> dict[str, Earlier]:
    """By digest and by what it is about; a row that moved counts for more than one that waits."""
    digests, abouts = [row.digest for row in rows], [row.about for row in rows if row.about]
    alive = or_(col(BatchRow.state) == RowState.PLANNED, may_have_moved(BatchRow))
    query = (
        select(BatchRow)
        .join(Batch, col(Batch.id) == col(BatchRow.batch_id))
        .where(Batch.state != BatchState.DRAFT, alive)
        .where(or_(col(BatchRow.digest).in_(digests), col(BatchRow.about).in_(abouts)))
        .order_by(col(BatchRow.id))
    )
    found: dict[str, Earlier] = {}
    for row in session.exec(query):
        moved = row.state is not RowState.PLANNED
        for by in (row.digest, row.about):
            if by is not None and (moved or by not in found):
                found[by] = Earlier(row.batch_id, True, moved, row.idempotency_key, row.currency, row.amount)
    return found


@dataclass(slots=True)
class Findings:
    """What a file comes to."""

    rows: int = 0
    mistakes: Mistakes = field(default_factory=Mistakes)
    """Of the file itself."""
    objections: Mistakes = field(default_factory=Mistakes)
    """Of the book against it."""
    too_large: Mistakes = field(default_factory=Mistakes)
    """Rows that the actor may not move at once."""
    counts: Counter[str] = field(default_factory=Counter)
    totals: Counter[str] = field(default_factory=Counter)
    """Rows and minor units to be moved, by currency."""
    done_before: int = 0
    same: int = 0
    changed: list[int] = field(default_factory=list)
    added: list[int] = field(default_factory=list)
    earlier: set[str] = field(default_factory=set)
    largest: list[tuple[int, int, str]] = field(default_factory=list)
    """The largest amounts in minor units, each with its row and currency."""
    _digest: hashlib._Hash = field(default_factory=hashlib.sha256)

    @property
    def fingerprint(self) -> str:
        return self._digest.hexdigest()

    def add(self, row: Planned) -> None:
        self.rows += 1
        if self.rows > MOST_ROWS:
            raise FileTooLong(f"The file has more than {MOST_ROWS:,} rows.", hint="Split it.")
        self.mistakes.add(row.mistakes)
        self.objections.add(row.objections)
        self._digest.update(row.fingerprint.encode())
        self._compare(row)
        if row.money is not None:
            self._count(row.row, row.money)

    def _count(self, row: int, money: Money) -> None:
        self.counts[money.currency] += 1
        self.totals[money.currency] += money.amount
        push = heapq.heappush if len(self.largest) < LARGEST else heapq.heappushpop
        push(self.largest, (money.amount, -row, money.currency))

    def _compare(self, row: Planned) -> None:
        if row.earlier is None:
            self.added.append(row.row)
            return
        self.earlier.add(row.earlier.batch)
        self.done_before += row.done_before
        if row.earlier.same:
            self.same += 1
        else:
            self.changed.append(row.row)


class Sizes(NamedTuple):
    """How much whoever runs the file may move at once."""

    permissions: Permissions
    actor: str
    kind: BatchKind

    def against(self, row: Planned) -> Iterator[Mistake]:
        try:
            if row.money is not None:
                require_within(self.permissions, self.actor, Kind(self.kind), row.money)
        except OverLimit as error:
            yield Mistake(row.row, error.why, "amount")


def look(
    db: Database, lines: Iterable[Line], kind: BatchKind, terms: Terms, *, sizes: Sizes, now: datetime
) -> Findings:
    """What the file comes to; nothing is written. Raises FileTooLong."""
    found = Findings()
    for row in planned(db, lines, kind, terms, now=now):
        found.add(row)
        found.too_large.add([*sizes.against(row)])
    return found
