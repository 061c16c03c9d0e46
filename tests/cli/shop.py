"""A small command line on azpay's frame, to try the frame with. Also runs as a program."""

from __future__ import annotations

import sys
import time
from dataclasses import asdict
from typing import Annotated

import typer

from azpay import errors
from azpay.cli import output, prompts
from azpay.cli.app import build
from azpay.cli.options import Yes, globals_of
from azpay.cli.progress import progress
from azpay.cli.table import Entry, Group, Row
from azpay.cli.tables import Column, Fields, Table

HOSTILE = "a\x1b[31m[bold]b\u202ec\nd"
PAYMENT = "pay_01J8ZC4V6T7R3N5Q2W9X0Y1K2M"


def refund(
    ctx: typer.Context,
    payment: Annotated[str, typer.Argument(metavar="PAYMENT", help="What to pay back.")],
    note: Annotated[str, typer.Option(help="Why.")] = "",
) -> None:
    """Give money back.

    Examples:

        shop refund pay_1             # all of it
        shop refund pay_1 [--note x]

    Only what was captured
    can be refunded.
    """
    output.say(ctx, f"Refunding {payment}")
    output.emit(
        ctx,
        schema="shop.refund/1",
        data={"payment": payment, "note": note},
        human=Fields([("payment", payment), ("note", note)]),
    )


def history(ctx: typer.Context, count: int = 2) -> None:
    """List payments."""
    columns = [
        Column("payment"),
        Column("status", style={"failed": "red"}),
        Column("amount", right=True),
        Column("customer", drop=2),
        Column("reference", drop=1),
        Column("description", drop=3, fold=True),
    ]
    rows = [
        (PAYMENT, "failed", f"USD {number * 1000}.00", "cus_NffrFeUfNV2Hib", "order-17", HOSTILE)
        for number in range(1, count + 1)
    ]
    output.emit(ctx, schema="shop.payments/1", data=rows, human=Table(columns, rows))


def given(ctx: typer.Context) -> None:
    """Tell which shared options were given."""
    output.emit(ctx, schema="shop.given/1", data=asdict(globals_of(ctx)), human="see --json")


def drawn(ctx: typer.Context) -> None:
    """Draw with Rich."""
    output.emit(
        ctx, schema="shop.drawn/1", data=[], human=lambda console: console.print("[drawn]", style="red")
    )


def wiring(ctx: typer.Context) -> None:
    """Show the wiring that was handed in."""
    output.emit(ctx, schema="shop.wiring/1", data=str(ctx.obj), human=str(ctx.obj))


def fail(kind: str) -> None:
    """Fail as asked."""
    if kind == "Bug":
        raise KeyError("sk_live_secret")
    if kind == "OSError":
        raise PermissionError(13, "Permission denied", "book.db")
    raise getattr(errors, kind)(f"{kind} it is", hint="try the other thing", operation="op_1")


def lose_answer() -> None:
    """Lose Stripe's answer."""
    raise errors.OutcomeUnknown("No answer came back.", operation="op_1")


def ask(*, yes: Yes = False) -> None:
    """Ask before doing."""
    prompts.confirm("Refund USD 5.00?", yes=yes)
    typer.echo("done")


def ask_amount(*, yes: Yes = False) -> None:
    """Ask for the amount."""
    prompts.confirm_amount("USD 5.00", yes=yes)
    typer.echo("done")


def records() -> None:
    """Write more than a pipe holds."""
    output.stream({"number": number} for number in range(100_000))


def read(ctx: typer.Context) -> None:
    """Read charges for a while."""
    with progress(ctx, "Reading charges", total=3) as advance:
        for _ in range(3):
            time.sleep(0.2)
            advance(1)
    typer.echo("read")


def sleep() -> None:
    """Wait to be interrupted."""
    sys.stdout.write("asleep\n")
    sys.stdout.flush()
    time.sleep(60)


def table(module: str) -> tuple[Entry, ...]:
    return (
        Row("refund", f"{module}:refund", "Give money back.", "Money"),
        Row("history", f"{module}:history", "List payments.", "Money"),
        Row("given", f"{module}:given", "Tell what was given."),
        Row("drawn", f"{module}:drawn", "Draw with Rich."),
        Row("wiring", f"{module}:wiring", "Show the wiring."),
        Row("fail", f"{module}:fail", "Fail as asked."),
        Row("lose-answer", f"{module}:lose_answer", "Lose the answer."),
        Row("ask", f"{module}:ask", "Ask before doing."),
        Row("ask-amount", f"{module}:ask_amount", "Ask for the amount."),
        Row("records", f"{module}:records", "Write a lot."),
        Row("read", f"{module}:read", "Read charges."),
        Row("sleep", f"{module}:sleep", "Wait."),
        Row("unwritten", "azpay.no_such_module:nothing", "Not written yet."),
        Group("cards", "Saved cards.", (Row("list", f"{module}:given", "List them."),), "Money"),
        Group(
            "receipt",
            "Receipts.",
            (Row("list", f"{module}:given", "List receipts."),),
            "Money",
            target=f"{module}:refund",
        ),
    )


app = build(table(__name__))

if __name__ == "__main__":
    build(table("shop"))(prog_name="shop")
