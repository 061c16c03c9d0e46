"""The options of `--file`, which `charge` and `refund` share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from azpay.errors import Usage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PANEL = "Many at once, from a file"

File = Annotated[
    str | None,
    typer.Option(
        "--file", metavar="FILE", help="CSV or NDJSON, one a row; - for stdin.", rich_help_panel=PANEL
    ),
]
Plan = Annotated[
    bool, typer.Option("--plan", help="Only look: totals, and what is wrong.", rich_help_panel=PANEL)
]
AtOnce = Annotated[
    int | None,
    typer.Option("--at-once", metavar="N", min=1, max=32, help="Rows in flight; 4.", rich_help_panel=PANEL),
]
Results = Annotated[
    str | None,
    typer.Option(
        "--results", metavar="FILE", help="A line a row: .csv, .ndjson, or - for CSV.", rich_help_panel=PANEL
    ),
]
NewBatch = Annotated[
    bool, typer.Option("--new-batch", help="Run what has not moved yet of this file.", rich_help_panel=PANEL)
]


FOR_ONE = ("wait", "return_url", "statement_suffix")


def go_with_a_file(given: Mapping[str, object], columns: Sequence[str]) -> None:
    """Refuse what a command was given beside --file that its rows, by these columns, say. Raises Usage."""
    in_rows = next((name for name in (*columns, "metadata") if given.get(name)), None)
    if in_rows is not None:
        raise Usage(
            f"With --file, each row says its own {in_rows}.", hint=f"Name a column {in_rows} in the file."
        )
    if given["idempotency_key"] is not None or given["dry_run"]:
        raise Usage(
            "Rows of a file have keys of their own; --plan looks at them without sending anything.",
            hint="Leave out --idempotency-key and --dry-run.",
        )
    for_one = next((name for name in FOR_ONE if given.get(name)), None)
    if for_one is not None:
        raise Usage(f"{_option(for_one)} is for one payment, not for a file.", hint="Leave it out.")


def only_for_files(**given: object) -> None:
    """These say nothing without --file. Raises Usage."""
    named = [name for name, value in given.items() if value]
    if named:
        raise Usage(f"{_option(named[0])} needs --file.", hint="Name a file: --file charges.csv.")


def required(value: str | None, name: str) -> str:
    """An argument that only --file can do without. Raises Usage."""
    if value is None:
        raise Usage(f"Missing argument '{name}'.", hint="Give it, or many at once in a file: --file FILE.")
    return value


def _option(parameter: str) -> str:
    return f"--{parameter.replace('_', '-')}"
