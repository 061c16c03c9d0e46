"""`azpay serve`: the daemon."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from typing import Annotated

import typer


def serve(
    ctx: typer.Context,
    host: Annotated[str | None, typer.Option(metavar="H", help="The address to listen on.")] = None,
    port: Annotated[
        int | None, typer.Option(metavar="P", min=0, max=65535, help="The port; 0 takes a free one.")
    ] = None,
    no_worker: Annotated[
        bool, typer.Option("--no-worker", help="Only take events in; `azpay worker` applies them.")
    ] = False,
    register: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Have Stripe post to URL, as `azpay events endpoint` does."),
    ] = None,
) -> None:
    """Take in Stripe's webhooks, and apply what they tell.

    Examples:

        azpay serve                                 # 127.0.0.1:8000, behind a proxy with TLS
        azpay serve --profile sandbox --port 8080
        azpay serve --no-worker                     # beside `azpay worker`
        azpay serve --register https://pay.example.com/api/webhooks/stripe

    An event is answered 200 when it is on disk, and applied after that. Stripe repeats whatever was not
    answered so, and a repetition changes nothing.

    /healthz says that the daemon lives, /readyz what it needs to work, /metrics how it goes. SIGHUP reads the
    webhook secrets again. SIGTERM and Ctrl-C stop it within ten seconds, with exit status 143 and 130.
    """
    from azpay import logs
    from azpay.access import WORKER
    from azpay.cli import endpoint, output, wiring
    from azpay.http import daemon
    from azpay.http.supervision import Supervisor

    azpay = wiring.azpay_of(ctx)
    if register is not None:
        output.say(ctx, endpoint.told(endpoint.registered(ctx, azpay, register)))
    settings = wiring.listening_settings_of(ctx)
    azpay = replace(azpay, settings=settings).by(WORKER)
    logs.configure(settings.log_format, settings.log_level, sys.stderr)
    around = daemon.Surroundings(
        Supervisor(os.environ),
        listening=lambda address: _tell(ctx, address),
        settings=lambda: wiring.listening_settings_of(ctx, again=True),
    )
    status = daemon.serve(
        azpay,
        around,
        host=settings.host if host is None else host,
        port=settings.port if port is None else port,
        with_worker=not no_worker,
    )
    raise typer.Exit(status)


def _tell(ctx: typer.Context, address: str) -> None:
    from azpay.cli import output
    from azpay.cli.options import globals_of
    from azpay.http.webhooks import PATH

    output.say(
        ctx, f"Listening on {address}. Stripe should post to https://YOUR-HOST{PATH}, through your proxy."
    )
    if globals_of(ctx).json:
        output.write_document("azpay.serving/1", {"address": address, "webhook_path": PATH})
        sys.stdout.flush()
