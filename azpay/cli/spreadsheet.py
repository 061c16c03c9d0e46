"""CSV that opens in Excel, and stays data there.

A byte order mark says UTF-8, lines end in CR LF. A cell that a spreadsheet would run as a formula begins with
an apostrophe instead: a customer may well be called `=HYPERLINK(…)`. Plain negative numbers stay numbers.
"""

from __future__ import annotations

import csv
import re
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

BOM = "\ufeff"

_FORMULAS = frozenset("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
_NEGATIVE_NUMBER = re.compile(r"-[0-9]+(\.[0-9]+)?")


def write(file: IO[str], titles: Sequence[str], rows: Iterable[Sequence[str | int | None]]) -> None:
    """Write a whole sheet. A file of one's own is opened with `newline=""` and `encoding="utf-8"`."""
    file.write(BOM)
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow(titles)
    writer.writerows([guarded(cell) for cell in row] for row in rows)


def guarded(cell: str | int | None) -> str:
    text = "" if cell is None else str(cell)
    if text[:1] in _FORMULAS and not _NEGATIVE_NUMBER.fullmatch(text):
        return f"'{text}"
    return text
