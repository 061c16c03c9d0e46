"""`azpay sandbox`: an embedded Stripe on this machine."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from azpay.errors import Unavailable, Usage

if TYPE_CHECKING:
    from datetime import datetime

    from azpay.sandbox import Sandbox
    from azpay.sandbox.loglines import LogLine


class PortInUse(Unavailable):
    """Something else listens on the port."""

    code = "port_in_use"

    def __init__(self, host: str, port: int, error: OSError) -> None:
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
        super().__init__(
            f"{host}:{port} cannot be listened on: {reason}.",
            hint="Use --port 0 for a free port, or end what listens there.",
        )


class StateUnreadable(Usage):
    """The state file was not written by the sandbox."""

    code = "state_unreadable"


class StateUnwritable(Usage):
    """The state cannot be kept where it should be."""

    code = "state_unwritable"

    def __init__(self, state: Path | None, reason: str) -> None:
        super().__init__(f"The state cannot be kept in {state}: {reason}.", hint="Name a file elsewhere.")


def sandbox(
    ctx: typer.Context,
    port: Annotated[int, typer.Option(metavar="PORT", min=0, max=65535, help="0 takes a free one.")] = 12111,
    host: Annotated[str, typer.Option(metavar="HOST", help="Where to listen.")] = "127.0.0.1",
    seed: Annotated[int, typer.Option(metavar="N", help="Another number, other ids.")] = 0,
    state: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Keep everything over a restart.")
    ] = None,
    webhook: Annotated[
        list[str] | None, typer.Option(metavar="URL", help="Where events are posted; repeatable.")
    ] = None,
) -> None:
    """An embedded Stripe: payments, refunds, fees, webhooks, and Stripe's errors, without a network.

    Examples:

        azpay sandbox
        azpay sandbox --webhook http://127.0.0.1:8000/api/webhooks/stripe
        azpay sandbox --state sandbox.json --port 12112

    Any Stripe SDK works with it: point its API base here. `--profile sandbox` does that for azpay.
    """
    import asyncio

    from azpay.sandbox.server import serve

    engine, bound_to = _engine(state, seed), list[int]()
    for url in webhook or []:
        engine.subscribe(url, secret=_secret())

    def ready(bound: int) -> None:
        bound_to.append(bound)
        _tell(ctx, host, bound, webhook or [])

    try:
        asyncio.run(serve(engine, host=host, port=port, state=state, on_ready=ready, log=_log))
    except OSError as error:
        if bound_to:
            raise StateUnwritable(state, error.strerror or str(error)) from error
        raise PortInUse(host, port, error) from error


def _secret() -> str:
    from azpay.settings.rules import SANDBOX_WEBHOOK_SECRET

    return SANDBOX_WEBHOOK_SECRET


def _engine(state: Path | None, seed: int) -> Sandbox:
    from azpay.sandbox import Sandbox

    if state is not None and not os.access(state.absolute().parent, os.W_OK):
        raise StateUnwritable(state, "nothing can be written in that folder")
    if state is None or not state.exists():
        return Sandbox(now=_now, seed=seed)
    try:
        return Sandbox.restore(state.read_bytes(), now=_now)
    except (ValueError, OSError) as error:
        raise StateUnreadable(
            f"{state} does not hold a sandbox's state.", hint="Name another file, or remove this one."
        ) from error


def _now() -> datetime:
    from azpay.bootstrap import wall_clock

    return wall_clock()


def _tell(ctx: typer.Context, host: str, port: int, webhooks: list[str]) -> None:
    from azpay.cli import output
    from azpay.cli.options import globals_of
    from azpay.cli.tables import Fields
    from azpay.sandbox import DEFAULT_ACCOUNT, DEFAULT_KEY

    base = f"http://{host}:{port}"
    data = {"api_base": base, "api_key": DEFAULT_KEY, "account": DEFAULT_ACCOUNT, "webhook_secret": _secret()}
    if globals_of(ctx).json:
        output.write_document("azpay.sandbox/1", data)
        sys.stdout.flush()
        return
    pairs = [
        ("API base", base),
        ("API key", DEFAULT_KEY),
        ("Account", DEFAULT_ACCOUNT),
        ("Webhooks to", ", ".join(webhooks) or "nowhere yet; --webhook URL"),
        ("Webhook secret", _secret()),
        (
            "Try",
            f"AZPAY_STRIPE_API_BASE={base} azpay charge 19.99 usd --method pm_card_visa --profile sandbox",
        ),
    ]
    output.emit(ctx, schema="azpay.sandbox/1", data=data, human=Fields(pairs, title="A Stripe of your own"))
    sys.stdout.flush()


def _log(line: LogLine) -> None:
    """One line for each request and each webhook, to stderr."""
    fields = "  ".join(f"{name}={value}" for name, value in line.fields.items() if value is not None)
    typer.echo(f"{line.what}  {fields}", err=True)
