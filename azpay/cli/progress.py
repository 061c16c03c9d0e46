"""How far long work has come: a bar on stderr while somebody looks, nothing otherwise."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from azpay.cli.options import globals_of
from azpay.cli.terminal import is_coloured, visible

if TYPE_CHECKING:
    from typer import _click

Advance = Callable[[int], None]


@contextmanager
def progress(
    ctx: _click.Context, what: str, *, total: int | None = None, remaining: bool = False
) -> Iterator[Advance]:
    """Call what it yields with how many more are done. Without a total it counts.

    `remaining` also says how long the rest may take.
    """
    if globals_of(ctx).quiet or not sys.stderr.isatty():
        yield lambda _done: None
        return
    with _bar(what, total, remaining=remaining) as advance:
        yield advance


@contextmanager
def _bar(what: str, total: int | None, *, remaining: bool) -> Iterator[Advance]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True, no_color=not is_coloured(sys.stderr), highlight=False)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        *([TextColumn("left", markup=False), TimeRemainingColumn()] if remaining else []),
    )
    with Progress(*columns, console=console, transient=True) as bars:
        task = bars.add_task(visible(what), total=total)
        yield lambda done: bars.update(task, advance=done)
