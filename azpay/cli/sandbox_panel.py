"""What `azpay sandbox` says when it listens: where, with which key and secret, and what to try."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer

from azpay.cli import output
from azpay.cli.options import globals_of
from azpay.cli.tables import Fields
from azpay.cli.terminal import is_rich

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

TITLE = "A Stripe of your own"
USUAL = "http://127.0.0.1:12111"


def tell(ctx: typer.Context, base: str, *, secret: str, webhooks: Sequence[str]) -> None:
    from azpay.sandbox import DEFAULT_ACCOUNT, DEFAULT_KEY

    data = {"api_base": base, "api_key": DEFAULT_KEY, "account": DEFAULT_ACCOUNT, "webhook_secret": secret}
    if globals_of(ctx).json:
        output.write_document("azpay.sandbox/1", data)
        sys.stdout.flush()
        return
    facts = [
        ("API base", base),
        ("API key", DEFAULT_KEY),
        ("Account", DEFAULT_ACCOUNT),
        ("Webhooks to", ", ".join(webhooks) or "nowhere yet; --webhook URL, or `stripe listen`"),
        ("Webhook secret", secret),
        ("In a browser", f"{base}/"),
    ]
    tries = _tries(base, DEFAULT_KEY)
    if is_rich(sys.stdout):
        _draw(output.console(), facts, tries)
    else:
        block = Fields([*facts, *(("Try", each) for each in tries)], title=TITLE)
        output.emit(ctx, schema="azpay.sandbox/1", data=data, human=block)
    sys.stdout.flush()


def _tries(base: str, key: str) -> list[str]:
    """Commands to copy; each works as it stands."""
    where = "" if base == USUAL else f"AZPAY_STRIPE_API_BASE={base} "
    return [
        f"curl -u {key}: {base}/v1/payment_intents -d amount=1999 -d currency=usd",
        f"stripe trigger payment_intent.succeeded --api-key {key} --api-base {base}",
        f"{where}azpay charge 19.99 usd --method pm_card_visa --profile sandbox",
    ]


def _draw(screen: Console, facts: Sequence[tuple[str, str]], tries: Sequence[str]) -> None:
    """The commands stand outside the frame, so that copying them copies nothing else."""
    from rich.panel import Panel
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for title, value in facts:
        grid.add_row(title, Text(value))
    screen.print(Panel(grid, title=TITLE, title_align="left", border_style="cyan", expand=False))
    screen.print(Text("Try", style="bold"))
    for each in tries:
        screen.print(Text(f"  {each}"), soft_wrap=True)
    screen.print()
