"""`azpay` itself: the root of the command table, and what stands before every command."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import typer

from azpay import __version__, errors
from azpay.cli import failures, helptext
from azpay.cli.commands import CommandGroup, listed
from azpay.cli.table import TABLE, Entry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from typer import _click

HELP = """
Move money, hear about money, prove money: one merchant's Stripe account.

Examples:

    azpay demo                           # a day in the life; needs no key
    azpay charge 19.99 usd --method pm_card_visa
    azpay refund PAYMENT 5.00
    azpay history --since 7d --status succeeded
    azpay reconcile --since yesterday --until today
"""

# Digits, also in groups, that stand by themselves: an id such as pi_3Nff… may hold any digits.
_NUMBER = re.compile(r"(?<![A-Za-z0-9_])\d(?:[ -]{0,2}\d){12,}(?![A-Za-z0-9_])")


class CardNumberTyped(errors.Usage):
    """Card numbers never enter azpay, not even a shell's history if we can say so in time."""

    code = "card_number_typed"

    def __init__(self) -> None:
        super().__init__(
            "One of the arguments looks like a card number. It was not read any further.",
            hint="azpay takes Stripe's ids only, such as pm_… . Remove the number from your shell's history.",
        )


class Root(CommandGroup):
    """Everything a command does or fails to do passes through here."""

    table: ClassVar[Sequence[Entry]] = ()

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings | {"commands": listed(self.table)})

    def parse_args(self, ctx: _click.Context, args: list[str]) -> list[str]:
        ctx.meta[failures.ARGUMENTS] = tuple(args)
        with failures.reported(ctx):
            if not ctx.resilient_parsing:
                refuse_card_numbers(args)
            return super().parse_args(ctx, args)

    def invoke(self, ctx: _click.Context) -> object:
        with failures.reported(ctx):
            return super().invoke(ctx)


def refuse_card_numbers(args: Sequence[str]) -> None:
    """Also one that was typed with spaces, and so arrived as several arguments."""
    numbers = [found[0] for text in (*args, " ".join(args)) for found in _NUMBER.finditer(text)]
    if not numbers:
        return
    from azpay.logs import looks_like_card_number

    if any(map(looks_like_card_number, numbers)):
        raise CardNumberTyped


def build(entries: Sequence[Entry]) -> typer.Typer:
    class TableRoot(Root):
        table = entries

    typer_app = typer.Typer(
        cls=TableRoot,
        help=helptext.as_markup(HELP),
        context_settings={"help_option_names": ["-h", "--help"]},
        pretty_exceptions_enable=False,
    )
    typer_app.callback()(_root)
    return typer_app


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"azpay {__version__}")
        raise typer.Exit


def _root(
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None: ...


app = build(TABLE)
