"""`azpay login`, `logout`, `whoami` and `config show`: whose key, and what is set."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from azpay.cli.tables import Column, Fields, Table

if TYPE_CHECKING:
    from azpay.audit import Details
    from azpay.gateway.objects import Account
    from azpay.settings import Settings


def login(ctx: typer.Context) -> None:
    """Keep a Stripe key for this profile, in the system's keyring.

    Examples:

        azpay login                                # asks for the key, unseen
        pass show stripe/test | azpay login        # or reads it from stdin
        azpay login --profile shop

    The key is tried at Stripe first. It is never taken from the command line, where others could read it.
    Prefer a restricted key (rk_…). Without a keyring it is kept in a file that only you can read.
    """
    from azpay import bootstrap
    from azpay.cli import output, wiring
    from azpay.settings import keyed

    settings = wiring.unlocked_settings_of(ctx)
    settings = keyed(settings, _typed_key(), origin="login")
    account = bootstrap.connect(settings).account()
    assert settings.stripe_api_key is not None  # noqa: S101 - just given
    credentials = wiring.credentials_of(settings)
    place = credentials.store(settings.profile, wiring.STRIPE_KEY, settings.stripe_api_key.reveal())
    for notice in credentials.notices:
        output.warn(notice)
    output.say(ctx, f"Kept in {place}.")
    _record(ctx, "login", {"account": account.id, "kept_in": place})
    _show_account(ctx, settings, account, origin=place)


def _record(ctx: typer.Context, action: str, details: Details) -> None:
    from azpay.audit import About
    from azpay.cli import acts, wiring

    profile = wiring.unlocked_settings_of(ctx).profile
    acts.note_where_there_is_a_book(ctx, f"access.{action}", About("profile", profile), details)


def _typed_key() -> str:
    from getpass import getpass

    from azpay.errors import Usage

    key = getpass("Stripe API key (not shown): ") if sys.stdin.isatty() else sys.stdin.readline()
    if not key.strip():
        raise Usage("No key was given.", hint="Type it when asked, or pipe it in.")
    return key.strip()


def logout(ctx: typer.Context) -> None:
    """Forget this profile's Stripe key.

    Examples:

        azpay logout --profile shop
    """
    from azpay.cli import output, wiring

    settings = wiring.unlocked_settings_of(ctx)
    credentials = wiring.credentials_of(settings)
    places = credentials.remove(settings.profile, wiring.STRIPE_KEY)
    for notice in credentials.notices:
        output.warn(notice)
    _record(ctx, "logout", {"removed_from": list(places)})
    said = f"Removed from {', '.join(places)}." if places else "There was no key to forget."
    output.emit(
        ctx,
        schema="azpay.logout/1",
        data={"profile": settings.profile, "removed_from": list(places)},
        human=said,
    )


def whoami(ctx: typer.Context) -> None:
    """Whose Stripe account the key belongs to, and who you are to azpay.

    Examples:

        azpay whoami
        azpay whoami --profile live --json
    """
    from azpay import bootstrap
    from azpay.cli import wiring

    if isinstance(ctx.obj, bootstrap.Azpay):
        settings, gateway = ctx.obj.settings, ctx.obj.gateway
    else:
        settings = wiring.settings_of(ctx)
        gateway = bootstrap.connect(settings)
    _show_account(ctx, settings, gateway.account(), origin=settings.origins["stripe_api_key"])


def _show_account(ctx: typer.Context, settings: Settings, account: Account, *, origin: str) -> None:
    from azpay import access
    from azpay.cli import output, wiring

    mode = "live" if settings.live else "test"
    guards, actor = wiring.guards_of(ctx)
    role = access.role_of(guards.permissions, actor)
    pairs = [
        ("Profile", settings.profile),
        ("Account", account.id),
        ("Mode", mode),
        ("Country", account.country or ""),
        ("Currency", (account.default_currency or "").upper()),
        ("Key", f"{settings.stripe_api_key}, from {origin}"),
        ("Stripe", settings.stripe_api_base),
        ("You", f"{actor}, {role}"),
    ]
    data = {
        "profile": settings.profile,
        "account": account.id,
        "mode": mode,
        "country": account.country,
        "default_currency": account.default_currency,
        "key_origin": origin,
        "api_base": settings.stripe_api_base,
        "actor": actor,
        "role": role,
    }
    output.emit(ctx, schema="azpay.account/1", data=data, human=Fields([pair for pair in pairs if pair[1]]))


def config_show(
    ctx: typer.Context,
    origin: Annotated[bool, typer.Option("--origin", help="Also where each value came from.")] = False,
) -> None:
    """What is set, with secrets hidden.

    Examples:

        azpay config show --origin
        azpay config show --profile sandbox --json
    """
    from azpay.cli import output, wiring

    described = wiring.unlocked_settings_of(ctx).describe()
    columns = [
        Column("Setting"),
        Column("Value", fold=True),
        *([Column("From", fold=True)] if origin else []),
    ]
    rows = [list(row) if origin else list(row[:2]) for row in described]
    data = {name: {"value": value, "origin": source} for name, value, source in described}
    output.emit(ctx, schema="azpay.config/1", data=data, human=Table(columns, rows))
