"""What a command works with: `ctx.obj` when a test or the demo hands it in, else built from the settings.

A command asks for as little as it needs: `book_of` loads no Stripe SDK, `settings_of` not even the tables.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from azpay.cli.options import globals_of
from azpay.cli.output import banner, say, warn

if TYPE_CHECKING:
    from datetime import datetime, tzinfo

    from azpay.access import Action, Guards
    from azpay.bootstrap import Azpay, Keeper
    from azpay.credentials import Credentials, RootKey
    from azpay.db import Database, Ring
    from azpay.settings import Settings


A_MINUTE = 60
"""What somebody at a terminal waits for Stripe, all requests of a command together."""


def azpay_of(ctx: typer.Context, action: Action | None = None, *, within: int | None = None) -> Azpay:
    """Everything, for commands that ask Stripe; `within` so many seconds, when somebody waits for it.

    Raises RoleMissing when who acts may not, or may not look.
    """
    from azpay import bootstrap

    require(ctx, action)
    if isinstance(ctx.obj, bootstrap.Azpay):
        return ctx.obj
    settings = settings_of(ctx)
    azpay = bootstrap.wire(
        settings, tell=lambda line: say(ctx, line), keeper=keeper_of(settings), within=within
    )
    ctx.call_on_close(azpay.db.close)
    return azpay


def book_of(ctx: typer.Context, action: Action | None = None) -> Database:
    """The book alone, for commands that ask nobody. Raises RoleMissing as `azpay_of` does."""
    from azpay import bootstrap

    require(ctx, action)
    if isinstance(ctx.obj, bootstrap.Azpay):
        return ctx.obj.db
    settings = unlocked_settings_of(ctx)
    db = bootstrap.open_book(settings, tell=lambda line: say(ctx, line), keeper=keeper_of(settings))
    ctx.call_on_close(db.close)
    return db.by(bootstrap.actor_at_terminal(settings))


def require(ctx: typer.Context, action: Action | None) -> None:
    """Refuse unless who acts may do it; without an action, unless they may look at everything."""
    from azpay.access import Action

    guards, actor = guards_of(ctx)
    guards.require(actor, action or Action.LOOK)


def guards_of(ctx: typer.Context) -> tuple[Guards, str]:
    """What this command is held to, and who acts."""
    from azpay import bootstrap

    if isinstance(ctx.obj, bootstrap.Azpay):
        return ctx.obj.guards, ctx.obj.db.actor
    settings = unlocked_settings_of(ctx)
    return bootstrap.guards_of(settings), bootstrap.actor_at_terminal(settings)


def book_as_it_is(ctx: typer.Context, settings: Settings) -> Database:
    """The book without a look at its tables, for commands that do the looking."""
    from azpay import bootstrap

    db = bootstrap.book_as_it_is(settings, keeper_of(settings))
    ctx.call_on_close(db.close)
    return db.by(bootstrap.actor_at_terminal(settings))


def book_itself(ctx: typer.Context) -> Database:
    """The book as it is: the wired one, or the one that the settings name."""
    from azpay import bootstrap

    if isinstance(ctx.obj, bootstrap.Azpay):
        return ctx.obj.db
    return book_as_it_is(ctx, unlocked_settings_of(ctx))


def ring_of(ctx: typer.Context) -> Ring:
    """The keys of the profile's books, for one that the settings do not name."""
    from azpay import bootstrap
    from azpay.db import Ring

    if isinstance(ctx.obj, bootstrap.Azpay):
        return ctx.obj.db.ring.anew()
    settings = unlocked_settings_of(ctx)
    return Ring(bootstrap.keys_of(settings, keeper_of(settings)).find)


def keeper_of(settings: Settings) -> Keeper:
    """Where the book's key is kept, and how a new one is shown."""
    from azpay.bootstrap import Keeper

    return Keeper(credentials_of(settings), show_key)


def show_key(root: RootKey, where: str) -> None:
    """Show the recovery key of a key just made, to a person; a log gets a line about it and not the key."""
    if sys.stderr.isatty():
        typer.echo(KEY_MADE.format(where=where, key=root.written), err=True)
    else:
        warn(f"The book's key {root.id} was made and is kept in {where}. {KEEP_COPY}")


KEEP_COPY = "Write its recovery key down (`azpay db key --reveal`): a lost key is a lost book."
KEY_MADE = """
The book is encrypted. Its key was made just now and is kept in {where}.
This is its recovery key. Write it down and keep it elsewhere: without the key nobody can read the book.

    {key}

It is not shown again by itself; `azpay db key --reveal` shows it to you.
"""


def settings_of(ctx: typer.Context) -> Settings:
    """The settings, with the Stripe key from the keyring where none is set."""
    from azpay.settings import keyed

    settings = unlocked_settings_of(ctx)
    if settings.live:
        banner(f"LIVE MODE: profile {settings.profile}. Real money moves.")
    if settings.stripe_api_key is not None:
        return settings
    credentials = credentials_of(settings)
    key = credentials.find(settings.profile, STRIPE_KEY)
    if key is None:
        return settings
    return keyed(settings, key, origin=credentials.where(settings.profile, STRIPE_KEY) or "credentials")


STRIPE_KEY = "stripe-api-key"
WEBHOOK_SECRETS = "webhook-secrets"


def listening_settings_of(ctx: typer.Context, *, again: bool = False) -> Settings:
    """The settings, with the secrets of the endpoints that were registered from here; `again` reads anew."""
    from azpay.settings import with_webhook_secrets

    if again:
        ctx.meta.pop(SETTINGS, None)
    settings = settings_of(ctx)
    if ctx.obj is not None:
        return settings
    credentials = credentials_of(settings)
    found = credentials.find(settings.profile, WEBHOOK_SECRETS)
    if found is None:
        return settings
    origin = credentials.where(settings.profile, WEBHOOK_SECRETS) or "credentials"
    return with_webhook_secrets(settings, found, origin=origin)


def credentials_of(settings: Settings) -> Credentials:
    """Where this user's keys are kept: keyring, private file, or what systemd mounts."""
    from azpay.credentials import Credentials

    mounted = os.environ.get("CREDENTIALS_DIRECTORY")
    return Credentials(settings.config_file.parent, mounted=Path(mounted) if mounted else None)


def unlocked_settings_of(ctx: typer.Context) -> Settings:
    """The settings as they are written, without a look into the keyring. Read once a command."""
    from azpay import settings

    if ctx.obj is not None:
        handed_in: Azpay = ctx.obj
        return handed_in.settings
    if SETTINGS not in ctx.meta:
        given = globals_of(ctx)
        flags = {"profile": given.profile, "timezone": given.tz}
        loaded = settings.load(flags=flags, env=os.environ, cwd=Path.cwd())
        for line in loaded.warnings:
            warn(line)
        ctx.meta[SETTINGS] = loaded
    found: Settings = ctx.meta[SETTINGS]
    return found


SETTINGS = "azpay.cli.settings"


def zone_of(ctx: typer.Context) -> tzinfo:
    """The zone that times are shown and read in: --tz, else the setting."""
    from azpay.cli import dates

    given = globals_of(ctx).tz
    return unlocked_settings_of(ctx).zone if given is None else dates.zone(given)


def now_of(ctx: typer.Context) -> datetime:
    """This moment, by the clock that was wired."""
    from azpay.bootstrap import Azpay, wall_clock

    return ctx.obj.now() if isinstance(ctx.obj, Azpay) else wall_clock()
