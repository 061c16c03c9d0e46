"""The options of `--file`, which `charge` and `refund` share."""

from __future__ import annotations

from typing import Annotated

import typer

from azpay.errors import Usage

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


def only_for_one(**given: object) -> None:
    """With --file, each row says these. Raises Usage."""
    named = [name for name, value in given.items() if value]
    if named:
        raise Usage(
            f"With --file, each row says its own {named[0]}.", hint=f"Name a column {named[0]} in the file."
        )


def keyed_by_row(*, idempotency_key: str | None, dry_run: bool) -> None:
    """Neither goes with --file. Raises Usage."""
    if idempotency_key is not None or dry_run:
        raise Usage(
            "Rows of a file have keys of their own; --plan looks at them without sending anything.",
            hint="Leave out --idempotency-key and --dry-run.",
        )


def only_for_files(**given: object) -> None:
    """These say nothing without --file. Raises Usage."""
    named = [name for name, value in given.items() if value]
    if named:
        raise Usage(f"--{named[0].replace('_', '-')} needs --file.", hint="Name a file: --file charges.csv.")


def required(value: str | None, name: str) -> str:
    """An argument that only --file can do without. Raises Usage."""
    if value is None:
        raise Usage(f"Missing argument '{name}'.", hint="Give it, or many at once in a file: --file FILE.")
    return value
