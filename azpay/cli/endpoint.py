"""`azpay events endpoint`: where Stripe posts, and of what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Collection

    from azpay.audit import Details
    from azpay.bootstrap import Azpay
    from azpay.cli.tables import Table
    from azpay.gateway.objects import WebhookEndpoint
    from azpay.inbox import Registered

CHANGES = {
    "made": "Stripe posts to {url} from now on. Its secret is kept beside the API key.",
    "updated": "Stripe posts what azpay handles to {url}.",
    "nothing": "Stripe posts to {url} already.",
}


def endpoint(
    ctx: typer.Context,
    url: Annotated[
        str | None,
        typer.Argument(metavar="[URL]", help="The address of `azpay serve`, as Stripe reaches it."),
    ] = None,
) -> None:
    """Have Stripe post to URL exactly the events that azpay handles; without URL, show where it posts.

    Examples:

        azpay events endpoint https://pay.example.com/api/webhooks/stripe
        azpay events endpoint                      # what Stripe has, and what is missing

    An endpoint that is there is brought up to date. The secret of a new one is kept beside the API key, where
    `azpay serve` finds it; SIGHUP tells a daemon that runs.
    """
    from azpay.access import Action
    from azpay.cli import output, wiring

    azpay = wiring.azpay_of(ctx, Action.LISTEN if url is not None else None)
    if url is not None:
        done = registered(ctx, azpay, url)
        data = _data(done.endpoint, azpay.handlers.events) | {"changed": done.changed}
        output.emit(ctx, schema="azpay.endpoint/1", data=data, human=told(done))
        return
    found = azpay.gateway.webhook_endpoints()
    data = {"endpoints": [_data(each, azpay.handlers.events) for each in found]}
    output.emit(ctx, schema="azpay.endpoints/1", data=data, human=_table(found, azpay.handlers.events))


def registered(ctx: typer.Context, azpay: Azpay, url: str) -> Registered:
    """Register, and keep the secret if there is a new one."""
    from azpay import inbox
    from azpay.cli import wiring

    known = bool(wiring.listening_settings_of(ctx).webhook_secrets)
    done = inbox.register(
        azpay.gateway, url, azpay.handlers.events.keys(), secret_known=known, now=azpay.now()
    )
    if done.changed != "nothing":
        _record(azpay, f"endpoint.{done.changed}", done.endpoint.id, {"url": done.endpoint.url})
    if done.endpoint.secret is not None:
        _keep(ctx, azpay, done.endpoint.secret)
        _record(azpay, "endpoint.secret_kept", done.endpoint.id, {"ends_in": done.endpoint.secret[-4:]})
    return done


def _record(azpay: Azpay, action: str, endpoint_id: str, details: Details) -> None:
    from azpay import audit

    about = audit.About("webhook_endpoint", endpoint_id)
    audit.note(azpay.db, action, about, now=azpay.now(), details=details)


def told(done: Registered) -> str:
    return CHANGES[done.changed].format(url=done.endpoint.url)


def _keep(ctx: typer.Context, azpay: Azpay, secret: str) -> None:
    """In front of one from before, which Stripe may still sign with."""
    from azpay.cli import output, wiring

    credentials = wiring.credentials_of(azpay.settings)
    before = credentials.find(azpay.settings.profile, wiring.WEBHOOK_SECRETS)
    secrets = list(dict.fromkeys([secret, *(before.split(",") if before else [])]))
    place = credentials.store(azpay.settings.profile, wiring.WEBHOOK_SECRETS, ",".join(secrets[:2]))
    for notice in credentials.notices:
        output.warn(notice)
    output.say(ctx, f"The secret is kept in {place}.")


def _data(found: WebhookEndpoint, handled: Collection[str]) -> dict[str, Any]:
    return {
        "endpoint": found.id,
        "url": found.url,
        "status": found.status,
        "api_version": found.api_version,
        "events": sorted(found.enabled_events),
        "missing": _missing(found, handled),
    }


def _missing(found: WebhookEndpoint, handled: Collection[str]) -> list[str]:
    return [] if "*" in found.enabled_events else sorted(set(handled) - set(found.enabled_events))


def _table(endpoints: list[WebhookEndpoint], handled: Collection[str]) -> Table:
    from azpay.cli.tables import Column, Table

    columns = [
        Column("Endpoint"),
        Column("Status"),
        Column("Posts to", fold=True),
        Column("Missing", fold=True),
    ]
    rows = [[each.id, each.status, each.url, ", ".join(_missing(each, handled))] for each in endpoints]
    return Table(columns, rows, empty="Stripe posts nowhere yet: azpay events endpoint URL.")
