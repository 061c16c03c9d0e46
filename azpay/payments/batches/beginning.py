"""From a file to a batch: all of it is checked, then written down, or found to stand already."""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from azpay.access import UNGUARDED
from azpay.payments.batches.asking import COLUMNS, Terms
from azpay.payments.batches.checking import Findings, Sizes, look, planned
from azpay.payments.batches.keeping import Order, keep, standing
from azpay.payments.batches.mistakes import (
    FileEdited,
    FileEmpty,
    FileMistaken,
    FileOverLimit,
    FileSuspected,
    Mistakes,
)
from azpay.payments.batches.reading import read
from azpay.payments.batches.results import unfinished

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from azpay.access import Guards
    from azpay.db import Database
    from azpay.payments.batches.models import Batch, BatchKind
    from azpay.payments.batches.reading import Line


@dataclass(frozen=True, slots=True)
class File:
    """A file as it was taken, and what holds for all of its rows."""

    content: IO[bytes]
    kind: BatchKind
    terms: Terms
    name: str | None = None
    new: bool = False
    """Whether it is to be a batch of its own, though rows of it were run before."""

    def lines(self) -> Iterator[Line]:
        self.content.seek(0)
        return read(self.content, COLUMNS[self.kind])


@dataclass(frozen=True, slots=True)
class Prepared:
    """A file that can be run: what it comes to, and the batch that goes on with it, if one stands."""

    file: File
    found: Findings
    batch: Batch | None

    def to_move(self, db: Database) -> dict[str, tuple[int, int]]:
        """By currency: how many rows, and how many minor units."""
        if self.batch is not None:
            return unfinished(db, self.batch.id)
        return {
            currency: (self.found.counts[currency], self.found.totals[currency])
            for currency in sorted(self.found.totals)
        }


def prepare(db: Database, file: File, *, now: datetime, guards: Guards = UNGUARDED) -> Prepared:
    """Check every row of the file. Nothing is written, and Stripe is not asked.

    Raises FileMistaken, FileOverLimit, FileSuspected, FileEdited, FileEmpty, FileTooLong.
    """
    sizes = Sizes(guards.permissions, db.actor, file.kind)
    found = look(db, file.lines(), file.kind, file.terms, sizes=sizes, now=now)
    if found.mistakes.count:
        raise FileMistaken(_all(found))
    if not found.rows:
        raise FileEmpty("The file has no rows.", hint="Begin a CSV with a line that names the columns.")
    batch = standing(db, file.kind, found)
    if batch is not None and (not file.new or unfinished(db, batch.id)):
        return Prepared(file, found, batch)
    _require_agreed(found, file)
    return Prepared(file, found, None)


def _all(found: Findings) -> Mistakes:
    """Also what the book has against rows that are well written."""
    told = Mistakes()
    told.add(sorted([*found.mistakes.kept, *found.objections.kept], key=lambda each: each.row))
    told.count = found.mistakes.count + found.objections.count
    return told


def _require_agreed(found: Findings, file: File) -> None:
    if found.earlier and not file.new:
        raise FileEdited(sorted(found.earlier), found.same, found.changed, found.added)
    if found.objections.grave:
        raise FileMistaken(found.objections)
    if found.too_large.count:
        raise FileOverLimit(found.too_large)
    if found.objections.count:
        raise FileSuspected(found.objections)


def begin(db: Database, prepared: Prepared, *, now: datetime) -> Batch:
    """The batch that stands for the file, written down now if there is none. Raises BookChanged."""
    if prepared.batch is not None:
        return prepared.batch
    file = prepared.file
    order = Order(file.kind, file.terms, file.name, prepared.found, file.new)
    return keep(db, order, planned(db, file.lines(), file.kind, file.terms, now=now), now=now)
