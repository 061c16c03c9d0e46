"""What listings of every kind have in common: the forms in which they can be written."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Generic, TypeVar

import typer

from azpay.cli.options import Format, globals_of, typed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

T = TypeVar("T")

Form = Annotated[Format, typer.Option("--format", help="How to write it.")]
Limit = Annotated[int, typer.Option(metavar="N", help="Rows on a page.")]
Cursor = Annotated[str | None, typer.Option(metavar="C", help="The page after this one.")]
LINES = (Format.NDJSON, Format.CSV)


@dataclass(frozen=True, slots=True)
class Shape(Generic[T]):
    """One kind of thing in lines: for programs, and as a row of a sheet."""

    data: Callable[[T], dict[str, Any]]
    columns: Sequence[str]
    cells: Callable[[T], Sequence[str | int | None]]


def is_document(ctx: typer.Context, form: Format) -> bool:
    """Whether one document of JSON is wanted. Raises Usage when lines are wanted as well."""
    from azpay.errors import Usage

    if globals_of(ctx).json and form in LINES:
        raise Usage(f"--json and --format {form} cannot both be.", hint="Leave one of them out.")
    return globals_of(ctx).json or form is Format.JSON


def is_whole(ctx: typer.Context, form: Format) -> bool:
    """Lines are the whole listing, unless a page was asked for."""
    return form in LINES and not (typed(ctx, "limit") or typed(ctx, "cursor"))


def write_lines(form: Format, shape: Shape[T], rows: Iterable[T]) -> None:
    """CSV or NDJSON to stdout, as the rows come."""
    from azpay.cli import output, spreadsheet

    if form is Format.NDJSON:
        output.stream(map(shape.data, rows))
        return
    sys.stdout.reconfigure(newline="")  # type: ignore[union-attr]  # the sheet brings its own line ends
    spreadsheet.write(sys.stdout, shape.columns, map(shape.cells, rows))
