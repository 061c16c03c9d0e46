"""The options that every command accepts, before its name and after it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer
from typer.core import TyperOption

if TYPE_CHECKING:
    from collections.abc import Callable

    from typer import _click


class Format(StrEnum):
    """The forms of a listing."""

    TABLE = "table"
    JSON = "json"
    NDJSON = "ndjson"
    CSV = "csv"


PANEL = "Options of every command"

Since = Annotated[
    str | None,
    typer.Option(metavar="DATE", help="From this moment on: a date, today, 7d, 24h, last-month."),
]
Until = Annotated[
    str | None,
    typer.Option(metavar="DATE", help="Up to this moment and not including it."),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]

_META = "azpay.cli.globals"


@dataclass(frozen=True, slots=True)
class Globals:
    """What was given on the command line; None where nothing was, so that settings decide."""

    profile: str | None = None
    json: bool = False
    quiet: bool = False
    verbosity: int = 0
    tz: str | None = None


def typed(ctx: _click.Context, name: str) -> bool:
    """Whether this option was given, and did not just have its default."""
    source = ctx.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def globals_of(ctx: _click.Context) -> Globals:
    return Globals(**ctx.meta.get(_META, {}))


def _keep(ctx: _click.Context, param: _click.Parameter, value: str | int | None) -> None:
    if value:
        ctx.meta.setdefault(_META, {})[param.name] = value


def _add_verbosity(ctx: _click.Context, param: _click.Parameter, value: int | None) -> None:
    _keep(ctx, param, (value or 0) + globals_of(ctx).verbosity)


def _keep_zone(ctx: _click.Context, param: _click.Parameter, value: str | None) -> None:
    if value:
        from azpay.cli import dates

        dates.zone(value)
    _keep(ctx, param, value)


def _option(
    *names: str,
    help: str,  # noqa: A002 - as Typer calls it
    metavar: str | None = None,
    count: bool = False,
    keep: Callable[..., None] = _keep,
) -> TyperOption:
    return TyperOption(
        param_decls=list(names),
        help=help,
        metavar="" if count else metavar,
        is_flag=metavar is None and not count,
        count=count,
        expose_value=False,
        callback=keep,
        rich_help_panel=PANEL,
    )


SHARED = (
    _option("--profile", metavar="NAME", help="Which configured account to work on."),
    _option("--json", help="Answer with one JSON document."),
    _option("-q", "--quiet", help="Only the answer, warnings and errors."),
    _option("verbosity", "-v", "--verbose", count=True, keep=_add_verbosity, help="Say more (-vv: all)."),
    _option("--tz", metavar="ZONE", keep=_keep_zone, help="Time zone of dates, such as Europe/Berlin."),
)
