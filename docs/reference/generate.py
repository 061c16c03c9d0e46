"""The pages of the reference that are written from the code: `python docs/reference/generate.py`."""

from __future__ import annotations

import inspect
from importlib import import_module
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from azpay.cli.commands import load
from azpay.cli.options import SHARED
from azpay.cli.table import TABLE, Entry, Group, Row
from azpay.gateway.declines import DECLINES, HIDDEN, Decline
from azpay.settings.example import reference

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

FOLDER = Path(__file__).parent
BEGIN, END = "<!-- generated: begin -->", "<!-- generated: end -->"


def pages() -> dict[Path, str]:
    """What each page should hold: its own prose, and between the marks what the code says."""
    written = {"commands.md": commands(), "configuration.md": reference(), "declines.md": declines()}
    return {FOLDER / name: _renewed(FOLDER / name, body) for name, body in written.items()}


def commands() -> str:
    """Every command: its help, arguments and options, in the order of `azpay --help`."""
    parts = [_shared()]
    for panel, entries in groupby(TABLE, lambda entry: entry.panel):
        parts.append(f"## {panel}")
        parts += [_command(name, row) for entry in entries for name, row in rows(entry)]
    return "\n\n".join(parts) + "\n"


def rows(entry: Entry) -> Iterator[tuple[str, Row]]:
    """The commands of an entry, each with the words that call it."""
    if isinstance(entry, Row):
        yield entry.name, entry
        return
    if entry.target is not None:
        yield entry.name, _own(entry, entry.target)
    yield from ((f"{entry.name} {row.name}", row) for row in entry.rows)


def _own(group: Group, target: str) -> Row:
    return Row(group.name, target, group.help, group.panel)


def _shared() -> str:
    return "\n".join(["## Options of every command", "", *_table(map(_option, SHARED))])


def _command(name: str, row: Row) -> str:
    shared = {option.name for option in SHARED} | {"help"}
    params: list[Any] = [param for param in load(row).params if param.name not in shared]
    arguments = [_argument(param) for param in params if param.param_type_name == "argument"]
    options = [_option(param) for param in params if param.param_type_name == "option"]
    parts = [f"### azpay {name}", *_prose(row)]
    if arguments or options:
        parts.append("\n".join(_table([*arguments, *options])))
    return "\n\n".join(parts)


def _prose(row: Row) -> Iterator[str]:
    """The docstring's paragraphs; examples as a block of code."""
    module, _, name = row.target.partition(":")
    text = inspect.cleandoc(getattr(import_module(module), name).__doc__ or row.help)
    for paragraph in text.split("\n\n"):
        if paragraph.startswith("    "):
            yield f"```sh\n{inspect.cleandoc(paragraph)}\n```"
        elif paragraph != "Examples:":
            yield paragraph


def declines() -> str:
    """What each decline comes to, alike ones together."""
    alike: dict[Decline, list[str]] = {}
    for code, row in DECLINES.items():
        alike.setdefault(row, []).append(f"`{code}`" + (" (hidden)" if code in HIDDEN else ""))
    lines = ["| decline codes | to the customer | to us | a next attempt needs |", "|---|---|---|---|"]
    for row, codes in alike.items():
        lines.append(f"| {', '.join(codes)} | {row.customer} | {row.operator} | {row.again} |")
    return "\n".join(lines) + "\n"


def _argument(param: Any) -> tuple[str, str]:
    name = param.metavar or param.name.upper()
    return f"`{name}`", param.help or ""


def _option(param: Any) -> tuple[str, str]:
    names = ", ".join([*sorted(param.opts, key=len), *param.secondary_opts])
    value = param.metavar or "|".join(getattr(param.type, "choices", ()))
    return f"`{f'{names} {value}'.strip()}`", f"{param.help or ''}{_default(param)}"


def _default(param: Any) -> str:
    """Flags and absent values say nothing of their default."""
    if param.is_flag or param.count or param.default in {None, ""} or param.required:
        return " Required." if param.required else ""
    return f" Default: {getattr(param.default, 'value', param.default)}."


def _table(cells: Iterable[tuple[str, str]]) -> list[str]:
    escaped = (tuple(cell.replace("|", "\\|") for cell in row) for row in cells)
    return ["| | |", "|---|---|", *(f"| {name} | {said} |" for name, said in escaped)]


def _renewed(page: Path, body: str) -> str:
    text = page.read_text("utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{body}\n{END}{after}"


def main() -> None:
    for page, text in pages().items():
        page.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
