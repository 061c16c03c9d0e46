"""Whether the chain is whole: in the book, or in an export, which needs no book.

One walk from the first entry to the last, with one entry in memory. What was changed is named where it was
changed, and not once more at the entry that follows.

In the book the hash stands a second time, sealed under the book's key: an entry that somebody without the key
rewrote is found there, even with all hashes made anew. In an export only the entry after it shows that. A
chain that was cut off at its end looks whole, unless its head was noted elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import LargeBinary, cast, select, tuple_

from azpay.audit.chain import GENESIS, Entry, Head, digest
from azpay.audit.models import AuditEntry
from azpay.audit.reading import readable
from azpay.db.ciphers import ValueTampered
from azpay.db.ring import KeyMissing
from azpay.db.schema import Check
from azpay.db.sealing import Sealed, opened, sealed_columns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from sqlalchemy import Table
    from sqlalchemy.engine import RowMapping

    from azpay.db import Database

BATCH = 1000
MOST = 100
"""So many are named; the others are counted."""

CHANGED = "was changed: it is not what its hash was made of"
REHASHED = "was changed: its hash is not the one that was made for it"
REWRITTEN = "was rewritten or inserted: its hash is not the one that azpay sealed"
UNREADABLE = "was changed or moved: its sealed part does not open here"
AGAIN = "comes twice, or out of order: it was inserted or moved"
ASTRAY = "does not follow {}: one of the two was rewritten or inserted"
MISSING = "{} missing: removed, or given another number"
NOTED = "is not the entry that was noted: its hash is {}"
CUT = "is missing, and was noted: the end was cut off"
NO_ENTRY = "line {} is no entry of an export"


def _quietly(_done: int) -> None:
    """Nobody watches."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, and at which entry."""

    sequence: int
    what: str

    def __str__(self) -> str:
        return f"{self.sequence} {self.what}"


@dataclass(slots=True)
class Verdict:
    """What a walk came to."""

    entries: int = 0
    first: int | None = None
    head: Head | None = None
    problems: list[Problem] = field(default_factory=list)
    unnamed: int = 0
    """How many more problems there are."""

    @property
    def whole(self) -> bool:
        return not self.problems

    def blame(self, sequence: int, what: str) -> None:
        if len(self.problems) < MOST:
            self.problems.append(Problem(sequence, what))
        else:
            self.unnamed += 1


class _Line(msgspec.Struct, rename={"object_": "object"}):
    """An entry as `azpay audit list --format ndjson` writes it."""

    sequence: int
    at: datetime
    actor: str
    action: str
    object_: dict[str, str]
    payment: str | None
    reason: str | None
    details: dict[str, Any]
    salt: str
    previous: str
    hash: str


def verify(db: Database, *, expect: Head | None = None, advance: Callable[[int], None] = _quietly) -> Verdict:
    """Walk the book's chain. `expect` is a head that was noted earlier, elsewhere."""
    walk = _Walk(expect)
    for row in _rows(db):
        try:
            entry, sealed = _opened(db, row)
        except (ValueTampered, KeyMissing, ValueError, KeyError):
            walk.pass_by(row["sequence"], row["hash"])
        else:
            walk.step(entry, sealed)
        advance(1)
    return walk.end()


def verify_lines(
    lines: Iterable[str | bytes], *, expect: Head | None = None, advance: Callable[[int], None] = _quietly
) -> Verdict:
    """Walk an export, oldest entry first. It may begin later than the chain does; the verdict says where."""
    walk = _Walk(expect, anywhere=True)
    for number, line in enumerate(lines, 1):
        entry = _from_line(line)
        if entry is None:
            walk.verdict.blame(walk.expected, NO_ENTRY.format(number))
        else:
            walk.step(entry, None)
        advance(1)
    return walk.end()


def check(db: Database) -> Check:
    """For `azpay db check`."""
    verdict = verify(db)
    more = [f"{verdict.unnamed} more"] if verdict.unnamed else []
    return Check("audit chain", [*(f"entry {problem}" for problem in verdict.problems), *more])


class _Walk:
    """How far we are: the number that must come, and the hash that it must follow, where that is known."""

    def __init__(self, expect: Head | None, *, anywhere: bool = False) -> None:
        self.verdict = Verdict()
        self.expected = 1
        self._expect = expect
        self._seen = False
        self._follows = None if anywhere else GENESIS
        self._anywhere = anywhere

    def step(self, entry: Entry, sealed: str | None) -> None:
        made = digest(entry)
        wrong = _wrong(entry.hash, made, sealed)
        self._arrive(entry.sequence, entry.hash)
        if wrong is not None:
            self.verdict.blame(entry.sequence, wrong)
        elif self._follows not in {None, entry.previous}:
            self.verdict.blame(entry.sequence, ASTRAY.format(entry.sequence - 1))
        self._follows = entry.hash if wrong is None else None

    def pass_by(self, sequence: int, claimed: str) -> None:
        """One that cannot be read."""
        self._arrive(sequence, claimed)
        self.verdict.blame(sequence, UNREADABLE)
        self._follows = None

    def end(self) -> Verdict:
        if self._expect is not None and not self._seen:
            self.verdict.blame(self._expect.sequence, CUT)
        return self.verdict

    def _arrive(self, sequence: int, claimed: str) -> None:
        verdict = self.verdict
        if self._anywhere and verdict.first is None:
            self.expected = sequence
            self._follows = GENESIS if sequence == 1 else None
        if sequence != self.expected:
            verdict.blame(min(sequence, self.expected), self._gap(sequence))
            self._follows = None
        verdict.entries += 1
        verdict.first = sequence if verdict.first is None else verdict.first
        verdict.head = Head(sequence, claimed)
        self.expected = max(self.expected, sequence + 1)
        self._compare(sequence, claimed)

    def _gap(self, sequence: int) -> str:
        if sequence < self.expected:
            return AGAIN
        last = sequence - 1
        return MISSING.format("is" if last == self.expected else f"to {last} are")

    def _compare(self, sequence: int, claimed: str) -> None:
        if self._expect is None or sequence != self._expect.sequence:
            return
        self._seen = True
        if claimed != self._expect.hash:
            self.verdict.blame(sequence, NOTED.format(claimed))


def _wrong(claimed: str, made: str, sealed: str | None) -> str | None:
    if claimed == made:
        return REWRITTEN if sealed not in {None, made} else None
    return REHASHED if sealed == made else CHANGED


def _rows(db: Database) -> Iterator[RowMapping]:
    table = _table()
    place = tuple_(table.c.sequence, table.c.id)
    facts = cast(table.c.facts, LargeBinary).label("facts")
    others = [column for column in table.c if column.name != facts.name]
    query = select(*others, facts).order_by(table.c.sequence, table.c.id).limit(BATCH)
    page = query
    while True:
        with db.reading() as session:
            rows = session.connection().execute(page).mappings().all()
        if not rows:
            return
        yield from rows
        page = query.where(place > (rows[-1]["sequence"], rows[-1]["id"]))


def _table() -> Table:
    return AuditEntry.metadata.tables[str(AuditEntry.__tablename__)]


def _opened(db: Database, row: RowMapping) -> tuple[Entry, str]:
    """Raises ValueTampered, KeyMissing; ValueError or KeyError where something else stands there."""
    (column,) = sealed_columns(_table())
    return readable({**row, "facts": opened(db.ring, column, row["id"], Sealed(row["facts"]))})


def _from_line(line: str | bytes) -> Entry | None:
    try:
        said = msgspec.json.decode(line, type=_Line)
        return Entry(
            sequence=said.sequence,
            at=said.at,
            actor=said.actor,
            action=said.action,
            object_kind=said.object_["kind"],
            object_id=said.object_["id"],
            payment=said.payment,
            reason=said.reason,
            details=said.details,
            salt=said.salt,
            previous=said.previous,
            hash=said.hash,
        )
    except (msgspec.MsgspecError, KeyError, UnicodeDecodeError):
        return None
