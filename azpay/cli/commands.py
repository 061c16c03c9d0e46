"""How a row of the table becomes a command: late.

A group lists stubs made from the table. Only when a word is resolved to a command, to be called or to
complete its options, is the module imported and the function read.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

import typer
from typer._click.exceptions import NoSuchOption
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from azpay.cli import helptext
from azpay.cli.options import SHARED
from azpay.cli.table import Entry, Group, Row
from azpay.errors import Usage

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from typer import _click


class SignedAmount(Usage):
    """An amount with a sign before it reads like an option."""

    code = "signed_amount"

    def __init__(self, begins: str) -> None:
        super().__init__(
            f"{begins}… is neither an option nor an amount.",
            hint="Leave out the sign: the command says which way the money goes.",
        )


class Command(TyperCommand):
    """A command that also takes the shared options."""

    def get_params(self, ctx: _click.Context) -> list[_click.Parameter]:
        return [*super().get_params(ctx), *SHARED]

    def parse_args(self, ctx: _click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except NoSuchOption as error:
            if error.option_name[1:].isdigit():
                raise SignedAmount(error.option_name) from None
            raise

    def collect_usage_pieces(self, ctx: _click.Context) -> list[str]:
        return [piece.strip("{}").upper() for piece in super().collect_usage_pieces(ctx)]


class Stub(TyperCommand):
    """A command's place in a list."""

    def __init__(self, row: Row) -> None:
        super().__init__(row.name, help=row.help, short_help=row.help, rich_help_panel=row.panel)
        self.row = row


class CommandGroup(TyperGroup):
    """Commands by name, imported when called."""

    def get_params(self, ctx: _click.Context) -> list[_click.Parameter]:
        return [*super().get_params(ctx), *SHARED]

    def parse_args(self, ctx: _click.Context, args: list[str]) -> list[str]:
        if not args and not ctx.resilient_parsing:
            typer.echo(ctx.get_help())
            raise typer.Exit(2)
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: _click.Context, args: list[str]
    ) -> tuple[str | None, _click.Command | None, list[str]]:
        name, command, rest = super().resolve_command(ctx, args)
        if isinstance(command, Stub):
            command = load(command.row)
        elif isinstance(command, WordGroup):
            command = command.called_with(rest, completing=ctx.resilient_parsing)
        return name, command, rest


class WordGroup(CommandGroup):
    """A group below the root: `azpay methods …`. It may also do something by itself."""

    def __init__(self, group: Group) -> None:
        name, help_text, rows, panel, _ = self.group = group
        super().__init__(
            name=name, help=help_text, short_help=help_text, rich_help_panel=panel, commands=listed(rows)
        )

    def called_with(self, args: Sequence[str], *, completing: bool) -> _click.Command:
        if self.group.target is None or _first_word(args) in self.commands or (completing and not args):
            return self
        return self.own_command()

    def own_command(self) -> TyperCommand:
        name, help_text, rows, panel, target = self.group
        command = load(Row(name, cast("str", target), help_text, panel))
        command.epilog = helptext.see_also([(f"azpay {name} {row.name}", row.help) for row in rows])
        return command

    def shell_complete(self, ctx: _click.Context, incomplete: str) -> list[Any]:
        if self.group.target and incomplete.startswith("-"):
            return self.own_command().shell_complete(ctx, incomplete)
        return super().shell_complete(ctx, incomplete)


def listed(entries: Iterable[Entry]) -> dict[str, _click.Command]:
    return {entry.name: WordGroup(entry) if isinstance(entry, Group) else Stub(entry) for entry in entries}


@cache
def load(row: Row) -> TyperCommand:
    """The command itself, read once however often one process types it."""
    module, _, name = row.target.partition(":")
    function = getattr(import_module(module), name)
    reader = typer.Typer(add_completion=False)
    reader.command(row.name, cls=Command, help=helptext.as_markup(function.__doc__ or row.help))(function)
    return cast("TyperCommand", get_command(reader))


def _first_word(args: Sequence[str]) -> str | None:
    """The word that may be a command's name: the first, or the one after shared options."""
    flags = {name for option in SHARED if option.is_flag or option.count for name in option.opts}
    valued = {name for option in SHARED for name in option.opts} - flags
    words = iter(args)
    for word in words:
        if word in valued:
            next(words, None)
        elif word not in flags and word.partition("=")[0] not in valued:
            return word
    return None
