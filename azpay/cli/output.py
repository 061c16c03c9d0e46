"""The answer to stdout, everything else to stderr.

An answer has two forms made from the same facts: `data` for programs, `human` for people. With `--json` it is
one document, `{"schema": …, "data": …}`. Otherwise it is shown with Rich if somebody looks, and as plain
aligned text if it goes into a pipe or a file; plain text costs no import of Rich.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import typer

from azpay.cli import tables
from azpay.cli.options import globals_of
from azpay.cli.terminal import UNSAFE, is_coloured, is_rich, styled, visible

if TYPE_CHECKING:
    from rich.console import Console
    from typer import _click

Human = tables.Block | Sequence[tables.Block] | Callable[["Console"], None]


def emit(ctx: _click.Context, *, schema: str, data: object, human: Human) -> None:
    """Answer: text, a `Table`, `Fields`, several of these, or a function that draws on a Rich console."""
    if globals_of(ctx).json:
        write_document(schema, data)
    elif callable(human):
        human(console())
    else:
        _show(ctx, [human] if isinstance(human, tables.Block) else human)


def write_document(schema: str, data: object) -> None:
    sys.stdout.write(_json({"schema": schema, "data": data}) + "\n")


def stream(records: Iterable[object]) -> None:
    """Newline-delimited JSON, a record a line, as they come."""
    import msgspec

    encode = msgspec.json.Encoder().encode
    line = (lambda record: _harmless(encode(record).decode())) if _is_unicode() else _json
    for record in records:
        sys.stdout.write(line(record) + "\n")


def say(ctx: _click.Context, text: str) -> None:
    """Tell how it goes, unless `--quiet`."""
    if not globals_of(ctx).quiet:
        _tell(text)


def warn(text: str) -> None:
    _tell(text, label="Warning: ")


def banner(text: str) -> None:
    """What nobody may overlook, such as live mode."""
    typer.echo(styled(f" {visible(text)} ", sys.stderr, "red", reverse=True), err=True, color=True)


def console() -> Console:
    """A Rich console on stdout: as wide as it takes if nobody looks."""
    from rich.console import Console

    coloured, looked_at = is_coloured(sys.stdout), is_rich(sys.stdout)
    return Console(
        file=sys.stdout,
        force_terminal=looked_at,
        no_color=not coloured,
        color_system="auto" if coloured else None,
        width=None if looked_at else 10_000,
        highlight=False,
        markup=False,
        emoji=False,
    )


def _show(ctx: _click.Context, blocks: Sequence[tables.Block]) -> None:
    if not is_rich(sys.stdout):
        sys.stdout.writelines(tables.plain(block) + "\n" for block in blocks)
        return
    screen = console()
    hidden = [title for block in blocks for title in tables.render(block, screen)]
    if hidden:
        say(ctx, f"No room for: {', '.join(hidden)}. A wider terminal or --json shows all.")


def _tell(text: str, label: str = "") -> None:
    lines = "\n".join(visible(line) for line in text.split("\n"))
    typer.echo(styled(label, sys.stderr, "yellow") + lines, err=True, color=True)


def _json(value: object) -> str:
    """The same data, with what a terminal would obey written as `\\uXXXX`."""
    return _harmless(json.dumps(value, ensure_ascii=not _is_unicode(), allow_nan=False))


def _harmless(text: str) -> str:
    """What can be printed as it stands, most of all text, is not looked through."""
    return text if text.isprintable() else UNSAFE.sub(lambda found: json.dumps(found[0])[1:-1], text)


def _is_unicode() -> bool:
    return (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
