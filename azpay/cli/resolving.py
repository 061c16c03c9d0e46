"""`azpay ops resolve`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from azpay.cli.beforehand import before_asking
from azpay.cli.options import Yes

if TYPE_CHECKING:
    from azpay.bootstrap import Azpay
    from azpay.cli.tables import Table
    from azpay.operations import Resolved

NOTHING_HAPPENED, STILL_UNKNOWN = 1, 8


@before_asking()
def resolve(
    ctx: typer.Context,
    ops: Annotated[list[str] | None, typer.Argument(metavar="[OP]...", help="op_… ids.")] = None,
    all_: Annotated[bool, typer.Option("--all", help="Every operation that is open.")] = False,
    give_up: Annotated[
        str | None, typer.Option("--give-up", metavar="OP", help="It was settled by hand; with --reason.")
    ] = None,
    reason: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Why it is given up; kept with it.")
    ] = None,
    yes: Yes = False,
) -> None:
    """Find out now what became of operations without an answer.

    Examples:

        azpay ops resolve op_1m836k765br9nv7pb6
        azpay ops resolve --all
        azpay ops resolve --give-up op_1m836k765br9nv7pb6 --reason "paid in cash" --yes

    Younger than 23 hours, Stripe is asked again under the same key, which cannot do it twice; older, azpay
    looks for it at Stripe. Exit status 0: it took effect; 1: nothing happened; 8: still unknown. --give-up is
    for what is older than 23 hours and what Stripe has no trace of.
    """
    from azpay.access import Action
    from azpay.cli import wiring
    from azpay.cli.charge import require_account

    _require_one_choice(ops, all_=all_, give_up=give_up, reason=reason)
    azpay = wiring.azpay_of(ctx, Action.REPAIR, within=wiring.A_MINUTE)
    require_account(azpay, yes=False, live=None)
    if give_up is not None:
        _give_up(ctx, azpay, give_up, str(reason), yes=yes)
    else:
        _resolve(ctx, azpay, _everything(azpay) if all_ else ops or [])


def _require_one_choice(
    ops: list[str] | None, *, all_: bool, give_up: str | None, reason: str | None
) -> None:
    from azpay.errors import Usage

    if sum((bool(ops), all_, give_up is not None)) != 1:
        raise Usage("Which operations?", hint="Name them, or give --all, or --give-up with one of them.")
    if (give_up is None) != (not (reason or "").strip()):
        raise Usage("--give-up and --reason go together.", hint='Such as --reason "paid in cash".')


def _everything(azpay: Azpay) -> list[str]:
    from azpay import operations

    with azpay.db.reading() as session:
        return [operation.id for operation in operations.open_now(session)]


def _resolve(ctx: typer.Context, azpay: Azpay, named: list[str]) -> None:
    from azpay import operations
    from azpay.cli import output

    for each in named:
        operations.one(azpay.db, each)
    found = [_tried(azpay, each) for each in named]
    data = {"operations": [_data(each) for each in found]}
    output.emit(ctx, schema="azpay.resolved/1", data=data, human=_table(found))
    status = _status(found)
    if status:
        raise typer.Exit(status)


def _tried(azpay: Azpay, named: str) -> Resolved:
    from azpay import operations

    resolver = operations.Resolver(azpay.db, azpay.gateway, azpay.errands, azpay.chance)
    try:
        return resolver.resolve(named, now=azpay.now())
    except operations.Underway as error:
        return operations.Resolved(operations.one(azpay.db, named).operation, error)


def _give_up(ctx: typer.Context, azpay: Azpay, named: str, reason: str, *, yes: bool) -> None:
    from azpay import operations
    from azpay.cli import output, prompts
    from azpay.payments.requests import text

    text("note", reason)
    prompts.confirm(f"Give up {named} for good, if Stripe has no trace of it?", yes=yes)
    resolver = operations.Resolver(azpay.db, azpay.gateway, azpay.errands, azpay.chance)
    found = resolver.give_up(named, reason, now=azpay.now())
    output.emit(ctx, schema="azpay.resolved/1", data={"operations": [_data(found)]}, human=_table([found]))
    if found.operation.state in operations.OPEN:
        raise typer.Exit(STILL_UNKNOWN)
    if found.operation.state is operations.State.SUCCEEDED:
        output.say(ctx, "Stripe has it, so it was recorded and not given up.")


def _status(found: list[Resolved]) -> int:
    """The worst of them: what is unknown before what never happened."""
    from azpay import operations

    states = {operation.state for operation, _ in found}
    if states & set(operations.OPEN):
        return STILL_UNKNOWN
    return NOTHING_HAPPENED if operations.State.FAILED in states else 0


def _data(tried: Resolved) -> dict[str, Any]:
    from azpay.cli.ops import operation_data

    return operation_data(tried.operation) | {"heard": tried.error.code if tried.error else None}


def _table(found: list[Resolved]) -> Table:
    from azpay.cli.ops import STYLES
    from azpay.cli.tables import Column, Table
    from azpay.logs import redact

    columns = [
        Column("Operation"),
        Column("What"),
        Column("State", style=STYLES),
        Column("About", drop=1),
        Column("At Stripe", drop=2),
        Column("Heard", drop=3, fold=True),
    ]
    rows = [
        [
            operation.id,
            str(operation.kind),
            str(operation.state),
            operation.subject,
            operation.stripe_object or "",
            redact(error.message if error else operation.error_message or ""),
        ]
        for operation, error in found
    ]
    return Table(columns, rows, empty="No operations are open.")
