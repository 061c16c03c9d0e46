"""What is wrong with a file: told row by row, all of it at once, before anything moves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from azpay.errors import AzpayError, Conflict, Refused, Usage

if TYPE_CHECKING:
    from collections.abc import Sequence

KEPT, SHOWN, LONGEST = 1000, 30, 240


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong with a row, in which column, and what to write instead."""

    row: int
    what: str
    column: str | None = None
    instead: str | None = None
    suspected: bool = False
    """Nothing is wrong with it, but it looks like a repetition."""

    def __str__(self) -> str:
        place = f"row {self.row}" + (f", {self.column}" if self.column else "")
        return f"{place}: {self.what}" + (f" {self.instead}" if self.instead else "")


def mistake(row: int, column: str | None, error: AzpayError) -> Mistake:
    """What the error says of a cell, at a readable length."""
    return Mistake(row, error.message[:LONGEST], column, error.hint)


class Mistakes:
    """As many as a person can use, and how many there are."""

    def __init__(self) -> None:
        self.kept: list[Mistake] = []
        self.count = 0
        self.grave = 0

    def add(self, found: Sequence[Mistake]) -> None:
        self.kept += found[: KEPT - len(self.kept)]
        self.count += len(found)
        self.grave += sum(not each.suspected for each in found)

    def told(self) -> str:
        lines = [f"  {each}" for each in self.kept[:SHOWN]]
        more = self.count - len(lines)
        return "\n".join([*lines, f"  and {more:,} more"] if more else lines)


class _AsAWhole(AzpayError):
    """A file that is refused for some of its rows, which are told. Nothing of it was moved."""

    one: ClassVar[str]
    many: ClassVar[str]
    advice: ClassVar[str]

    def __init__(self, mistakes: Mistakes) -> None:
        said = self.one if mistakes.count == 1 else f"{mistakes.count:,} {self.many}"
        super().__init__(f"{said}. Nothing was moved.\n{mistakes.told()}", hint=self.advice)
        self.mistakes = mistakes


class FileMistaken(_AsAWhole, Usage):
    """Something is wrong with the file."""

    code = "file_mistaken"
    one, many = "1 thing is wrong in the file", "things are wrong in the file"
    advice = "Mend the file and run the same command again; --plan only looks."


class FileSuspected(_AsAWhole, Refused):
    """Rows look like repetitions, of each other or of what was done minutes ago."""

    code = "suspected_duplicate"
    one, many = "1 row looks repeated", "rows look repeated"
    advice = "Give each row a reference of its own, or pass --allow-duplicate."


class FileOverLimit(_AsAWhole, Refused):
    """Rows are larger than the actor may move at once."""

    code = "over_limit"
    one, many = "1 row is over a limit", "rows are over a limit"
    advice = "Leave them out, or have someone with a higher limit run the file."


class FileEmpty(Usage):
    """The file has no rows."""

    code = "file_empty"


class FileTooLong(Usage):
    """The file has more rows or bytes than one batch takes."""

    code = "file_too_long"


class FileEdited(Conflict):
    """Some of the file's rows were run already, and others were not."""

    code = "file_edited"

    def __init__(
        self, batches: Sequence[str], same: int, changed: Sequence[int], added: Sequence[int]
    ) -> None:
        said = [f"{same:,} {'row is' if same == 1 else 'rows are'} the same"]
        said += [f"changed: {ranges(changed)}"] if changed else []
        said += [f"added: {ranges(added)}"] if added else []
        super().__init__(
            f"The file is not as it was run in {', '.join(batches)}: {'; '.join(said)}. Nothing was moved.",
            hint="--new-batch runs what was changed, added or not moved before, and leaves the rest.",
        )


class BookChanged(Conflict):
    """Between the look at the file and its start, the book changed under it. Nothing was moved."""

    code = "book_changed"

    def __init__(self) -> None:
        super().__init__(
            "The book changed while the file was checked. Nothing was moved.",
            hint="Run the same command again.",
        )


def ranges(numbers: Sequence[int], most: int = 20) -> str:
    """Row numbers as people write them: 3, 7-9, 12."""
    spans: list[list[int]] = []
    for number in numbers:
        if spans and number == spans[-1][1] + 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    shown = [str(first) if first == last else f"{first}-{last}" for first, last in spans[:most]]
    return f"{'row' if len(numbers) == 1 else 'rows'} {', '.join(shown)}" + ("…" if spans[most:] else "")
