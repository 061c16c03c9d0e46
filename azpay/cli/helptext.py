"""A docstring becomes help: examples first, as written; prose filled to the terminal's width.

    def refund(...) -> None:
        \"\"\"Give money back.

        Examples:

            azpay refund pay_1          # all that is left
            azpay refund pay_1 5.00     # a part of it

        Only what was captured can be refunded.
        \"\"\"

Indented lines keep their breaks. Two spaces and `#` begin a remark.
"""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_TAG = re.compile(r"(\\*)(\[[a-z#/@])")


def as_markup(docstring: str) -> str:
    """Rich markup as Typer's help expects it: the summary, a blank line, paragraphs."""
    text = inspect.cleandoc(docstring).partition("\f")[0]
    text = _escaped(text).replace("Examples:\n\n", "Examples:\n")
    return "\n\n".join(_paragraph(part.splitlines()) for part in text.split("\n\n"))


def see_also(entries: Sequence[tuple[str, str]]) -> str:
    """For an epilog: commands that belong to this one, each with its line of help."""
    width = max(len(usage) for usage, _ in entries)
    lines = [f"[bold cyan]  {usage:<{width}}[/]  {said}" for usage, said in entries]
    return "\n".join(["[bold]See also[/]", *lines])


def _paragraph(lines: list[str]) -> str:
    if lines[0] == "Examples:":
        return "\n".join(["[not dim bold]Examples[/]", *map(_example, lines[1:])])
    if all(line.startswith("    ") for line in lines):
        return "\n".join(map(_example, lines))
    return f"[not dim]{' '.join(lines)}[/]"


def _example(line: str) -> str:
    command, mark, remark = line.removeprefix("  ").partition("  # ")
    return f"[not dim cyan]{command}[/][dim]{mark}{remark}[/]"


def _escaped(text: str) -> str:
    return _TAG.sub(r"\1\1\\\2", text)
