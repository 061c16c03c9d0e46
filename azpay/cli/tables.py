"""Rows and fields, laid out for whoever reads them.

Piped, a table is aligned text with every column and every character. On a terminal, columns in which no row
has anything leave; if it is too narrow for the rest, those with the highest `drop` go first, free text
folds, and if even the indispensable ones do not fit, each row becomes a record. An id or an amount is never
cut.

Cells come from outside (Stripe, people, files): they are shown with control characters made visible and
nothing in them is read as markup.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from azpay.cli.terminal import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rich.console import Console, RenderableType
    from rich.text import Text

GAP = 2
FOLDED = 24


@dataclass(frozen=True, slots=True)
class Column:
    """`drop`: 0 stays, the highest leaves first. `style`: one for all cells, or one for each value."""

    title: str
    right: bool = False
    drop: int = 0
    fold: bool = False
    style: str | Mapping[str, str] = ""

    def style_of(self, cell: str) -> str:
        return self.style if isinstance(self.style, str) else self.style.get(cell, "")


@dataclass(frozen=True, slots=True)
class Table:
    columns: Sequence[Column]
    rows: Sequence[Sequence[str]]
    empty: str = "Nothing to show."


@dataclass(frozen=True, slots=True)
class Fields:
    """One thing, a labelled value a line."""

    pairs: Sequence[tuple[str, str]]
    title: str = ""


Block = str | Table | Fields


def plain(block: Block) -> str:
    match block:
        case str():
            return _text(block)
        case Fields():
            return _plain_fields(block)
        case Table():
            return _plain_table(block)


def render(block: Block, console: Console) -> Sequence[str]:
    """Show it on a terminal; return the titles of columns that found no room."""
    if isinstance(block, str):
        console.print(_text(block), markup=False, highlight=False, soft_wrap=True)
        return ()
    if isinstance(block, Fields):
        _print_fields(block, console)
        return ()
    return _print_table(block, console)


def width(text: str) -> int:
    """In columns of a terminal, where a Chinese character takes two."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def _text(text: str) -> str:
    return "\n".join(visible(line) for line in text.split("\n"))


def _cells(table: Table) -> list[list[str]]:
    return [[visible(cell) for cell in row] for row in table.rows]


def _widths(columns: Sequence[Column], rows: Iterable[Sequence[str]]) -> list[int]:
    widths = [width(column.title) for column in columns]
    for row in rows:
        widths = [max(known, width(cell)) for known, cell in zip(widths, row, strict=True)]
    return widths


def _plain_table(table: Table) -> str:
    if not table.rows:
        return _text(table.empty)
    lines = [[column.title for column in table.columns], *_cells(table)]
    widths = _widths(table.columns, lines)
    return "\n".join(_plain_line(line, table.columns, widths) for line in lines)


def _plain_line(cells: Sequence[str], columns: Sequence[Column], widths: Sequence[int]) -> str:
    padded = (_pad(*each) for each in zip(cells, columns, widths, strict=True))
    return (" " * GAP).join(padded).rstrip()


def _pad(cell: str, column: Column, to: int) -> str:
    space = " " * (to - width(cell))
    return space + cell if column.right else cell + space


def _plain_fields(fields: Fields) -> str:
    label_width = max((width(label) for label, _ in fields.pairs), default=0) + GAP
    lines = [f"{label:<{label_width}}{visible(value)}".rstrip() for label, value in fields.pairs]
    return "\n".join([_text(fields.title), *lines] if fields.title else lines)


def _print_fields(fields: Fields, console: Console) -> None:
    from rich.table import Table as Grid

    if fields.title:
        console.print(_rich(fields.title, "bold"))
    grid = Grid.grid(padding=(0, GAP))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for label, value in fields.pairs:
        grid.add_row(_rich(label, "dim"), _rich(visible(value)))
    console.print(grid)


def _print_table(table: Table, console: Console) -> Sequence[str]:
    if not table.rows:
        console.print(_rich(_text(table.empty), "dim"))
        return ()
    columns, rows = _with_something_in_them(table)
    shown = fitting(columns, _widths(columns, rows), console.width)
    if shown is None:
        _print_records(columns, rows, console)
        return ()
    console.print(_grid(columns, rows, shown))
    return [column.title for index, column in enumerate(columns) if index not in shown]


def _with_something_in_them(table: Table) -> tuple[list[Column], list[list[str]]]:
    """The columns worth their room: those that may leave do when no row has anything to say in them."""
    rows = _cells(table)
    kept = [
        index
        for index, column in enumerate(table.columns)
        if not column.drop or any(row[index] for row in rows)
    ]
    return [table.columns[index] for index in kept], [[row[index] for index in kept] for row in rows]


def fitting(columns: Sequence[Column], widths: Sequence[int], room: int) -> list[int] | None:
    """The columns that fit side by side, or None if not even those that must stay do."""
    shown = list(range(len(columns)))
    while _needed(columns, widths, shown) > room:
        droppable = [index for index in shown if columns[index].drop]
        if not droppable:
            return None
        shown.remove(max(droppable, key=lambda index: (columns[index].drop, index)))
    return shown


def _needed(columns: Sequence[Column], widths: Sequence[int], shown: Sequence[int]) -> int:
    least = (min(widths[index], FOLDED) if columns[index].fold else widths[index] for index in shown)
    return sum(least) + GAP * (len(shown) - 1)


def _grid(columns: Sequence[Column], rows: Iterable[Sequence[str]], shown: Sequence[int]) -> RenderableType:
    from rich.table import Table as Grid

    grid = Grid(box=None, padding=(0, GAP, 0, 0), pad_edge=False, header_style="bold underline")
    for index in shown:
        grid.add_column(_rich(columns[index].title), **_column_settings(columns[index]))
    for row in rows:
        grid.add_row(*(_rich(row[index], columns[index].style_of(row[index])) for index in shown))
    return grid


def _column_settings(column: Column) -> dict[str, Any]:
    return {
        "justify": "right" if column.right else "left",
        "no_wrap": not column.fold,
        "overflow": "fold",
        "min_width": None,
    }


def _print_records(columns: Sequence[Column], rows: Iterable[Sequence[str]], console: Console) -> None:
    for number, row in enumerate(rows):
        if number:
            console.print()
        _print_fields(
            Fields([(column.title, cell) for column, cell in zip(columns, row, strict=True)]), console
        )


def _rich(text: str, style: str = "") -> Text:
    from rich.text import Text

    return Text(text, style=style)
