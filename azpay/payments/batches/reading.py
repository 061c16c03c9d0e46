"""A file of requests, read as text: CSV as RFC 4180 has it and Excel writes it, or a JSON object a line.

Nothing here knows money or the book. The file is read a line at a time and no line may be long, so that
neither its length nor a cell that never ends costs memory.
"""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import chain
from typing import IO, TYPE_CHECKING, Any

from azpay.logs import looks_like_card_number
from azpay.payments.batches.mistakes import Mistake

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

MOST_LINE = 1 << 18
BOM = b"\xef\xbb\xbf"
UTF_16 = (b"\xff\xfe", b"\xfe\xff")

GUARDED = re.compile(r"'[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
"""How our own sheets begin a cell that a spreadsheet would take for a formula."""
UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b\u202a-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)
"""Controls, and characters that change how the text around them is shown."""


@dataclass(frozen=True, slots=True)
class Columns:
    """What a row may say, and what each must. `open_` begins names that go on as one likes."""

    known: tuple[str, ...]
    needed: tuple[str, ...]
    open_: str | None = None

    def has(self, name: str) -> bool:
        return name in self.known or bool(self.open_ and name.startswith(self.open_) and name != self.open_)


@dataclass(frozen=True, slots=True)
class Line:
    """A row's cells by column, without the empty ones; none of them when the row could not be read."""

    row: int
    cells: dict[str, str]
    mistakes: tuple[Mistake, ...] = ()


class _Unreadable(Exception):
    """From here on nothing can be told apart."""

    def __init__(self, what: str, instead: str) -> None:
        super().__init__(what)
        self.what, self.instead = what, instead


def read(file: IO[bytes], columns: Columns) -> Iterator[Line]:
    """The rows of a file that begins here, each with what is wrong in it."""
    first = file.readline(MOST_LINE)
    text = first.removeprefix(BOM)
    rows = _objects if text.lstrip().startswith(b"{") else _sheet
    yield from rows(
        _texts(chain([text] if text else [], iter(lambda: file.readline(MOST_LINE), b""))), columns
    )


def _texts(lines: Iterable[bytes]) -> Iterator[str]:
    for line in lines:
        if len(line) >= MOST_LINE - len(BOM) and not line.endswith(b"\n"):
            raise _Unreadable(f"is longer than {MOST_LINE:,} bytes.", "Check that its quotes are closed.")
        if line.startswith(UTF_16):
            raise _Unreadable("is UTF-16.", "Save the file as CSV UTF-8.")
        try:
            yield line.decode()
        except UnicodeDecodeError:
            raise _Unreadable("is not UTF-8.", "Save the file as CSV UTF-8.") from None


# sheets


def _sheet(lines: Iterator[str], columns: Columns) -> Iterator[Line]:
    number = 0
    names: list[str] = []
    try:
        for number, cells in enumerate(csv.reader(lines, strict=True), 1):
            if number == 1:
                names = [_named(cell) for cell in cells]
                wrong = _wrong_titles(names, columns)
                if wrong:
                    yield Line(1, {}, wrong)
            elif any(cells):
                yield _row(number, names, cells, columns)
    except _Unreadable as end:
        yield Line(number + 1, {}, (Mistake(number + 1, end.what, None, end.instead),))
    except csv.Error as error:
        yield Line(number + 1, {}, (_broken(number + 1, str(error)),))


def _named(title: str) -> str:
    """A title as the option is called; what follows `metadata.` is the reader's own."""
    plain = title.strip()
    return plain if "." in plain else plain.lower().replace("-", "_")


def _wrong_titles(names: Sequence[str], columns: Columns) -> tuple[Mistake, ...]:
    if len(names) == 1 and ";" in names[0]:
        return (Mistake(1, "its columns are separated by semicolons.", None, "Separate them by commas."),)
    unknown = [_unknown(1, name, columns) for name in names if not columns.has(name)]
    twice = [
        Mistake(1, "stands there twice.", name, "Keep one of the two.")
        for name, count in Counter(names).items()
        if count > 1 and name
    ]
    missing = [
        Mistake(1, "is missing.", name, f"Add the column {name}.")
        for name in columns.needed
        if name not in names
    ]
    return (*unknown, *twice, *missing)


def _unknown(row: int, name: str, columns: Columns) -> Mistake:
    if not name:
        return Mistake(row, "a column has no title.", None, "Give it one, or take it out.")
    if looks_like_card_number(name):
        return _card(row, None)
    near = get_close_matches(name[:80], columns.known, 1)
    instead = f"Did you mean {near[0]}?" if near else f"Known are {', '.join(columns.known)}{_more(columns)}."
    return Mistake(row, "is no column of this command.", name[:80], instead)


def _more(columns: Columns) -> str:
    return f" and {columns.open_}K" if columns.open_ else ""


def _row(number: int, names: Sequence[str], cells: Sequence[str], columns: Columns) -> Line:
    if len(cells) != len(names):
        what = f"has {len(cells)} cells, and there are {len(names)} columns."
        return Line(number, {}, (Mistake(number, what, None, "Quote a cell that holds a comma."),))
    plain = [
        (name, cell[1:] if GUARDED.match(cell) else cell) for name, cell in zip(names, cells, strict=True)
    ]
    wrong = {name: found for name, cell in plain if (found := _unfit(number, name, cell))}
    if not set(columns.needed) <= set(names):
        return Line(number, {}, tuple(wrong.values()))
    good = {name: cell for name, cell in plain if cell and name not in wrong and columns.has(name)}
    return Line(number, good, tuple(wrong.values()))


def _unfit(row: int, name: str, cell: str) -> Mistake | None:
    if looks_like_card_number(cell):
        return _card(row, name)
    found = UNSEEN.search(cell)
    if found is None:
        return None
    return Mistake(row, f"holds U+{ord(found[0]):04X}, which is not shown.", name[:80], "Take it out.")


def _card(row: int, column: str | None) -> Mistake:
    what = "looks like a card number, which azpay never takes."
    return Mistake(row, what, column and column[:80], "Give Stripe's pm_… id.")


def _broken(row: int, said: str) -> Mistake:
    if "field larger" in said:
        return Mistake(row, "has a cell that does not end.", None, "Check that its quotes are closed.")
    if "new-line" in said:
        return Mistake(row, "ends in a lone CR.", None, "Save the file with LF or CR LF.")
    what = "has a quote that does not close, or text behind one."
    return Mistake(row, what, None, "Write a quote inside a quoted cell twice.")


# objects


def _objects(lines: Iterator[str], columns: Columns) -> Iterator[Line]:
    number = 0
    try:
        for number, line in enumerate(lines, 1):
            if line.strip():
                yield _object(number, line, columns)
    except _Unreadable as end:
        yield Line(number + 1, {}, (Mistake(number + 1, end.what, None, end.instead),))


def _object(number: int, line: str, columns: Columns) -> Line:
    try:
        found = json.loads(line, object_pairs_hook=_Pairs)
    except (ValueError, RecursionError):
        return Line(number, {}, (Mistake(number, "is not JSON.", None, "Write one object a line."),))
    if not isinstance(found, _Pairs):
        return Line(number, {}, (Mistake(number, "is no object.", None, "Write one object a line."),))
    pairs = list(_flat(found))
    wrong = tuple(_wrong_pairs(number, pairs, columns))
    return Line(number, {} if wrong else {name: value for name, value in pairs if value}, wrong)


class _Pairs(list[tuple[str, Any]]):
    """An object with every key that was written, also those written twice."""


def _flat(pairs: _Pairs) -> Iterator[tuple[str, Any]]:
    for name, value in pairs:
        if isinstance(value, _Pairs):
            yield from ((f"{name}.{key}", below) for key, below in value)
        elif value is not None:
            yield _named(name), value


def _wrong_pairs(row: int, pairs: Sequence[tuple[str, Any]], columns: Columns) -> Iterator[Mistake]:
    names = Counter(name for name, _ in pairs)
    yield from (_unknown(row, name, columns) for name in names if not columns.has(name))
    for name, count in names.items():
        if count > 1:
            yield Mistake(row, "stands there twice.", name[:80], "Keep one of the two.")
    for name in columns.needed:
        if name not in names:
            yield Mistake(row, "is missing.", name)
    for name, value in pairs:
        if not isinstance(value, str):
            yield Mistake(row, "is not a text.", name[:80], 'Write it in quotes, as in "12.50".')
        elif found := _unfit(row, name, value):
            yield found
