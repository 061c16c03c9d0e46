"""`azpay db upgrade` and `azpay db check`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from azpay.cli.tables import Column, Table

if TYPE_CHECKING:
    from azpay.db import Database


def upgrade(ctx: typer.Context) -> None:
    """Bring the book's tables up to date.

    Examples:

        azpay db upgrade
        AZPAY_DATABASE_URL=postgresql://azpay@db/azpay azpay db upgrade

    A SQLite book on this machine is upgraded by itself; a server's book only by this command.
    """
    from azpay import bootstrap
    from azpay.cli import output, wiring
    from azpay.db import schema

    settings, keeper = wiring.unlocked_settings_of(ctx), wiring.keeper_of(wiring.unlocked_settings_of(ctx))
    db = _book(ctx)
    changed = bootstrap.upgrade(db, settings, keeper, tell=lambda line: output.say(ctx, line))
    said = f"{'Upgraded' if changed else 'Already up to date'}: {db.where}, revision {schema.HEAD}."
    output.emit(
        ctx,
        schema="azpay.db_upgrade/1",
        data={"book": db.where, "changed": changed, "revision": schema.HEAD},
        human=said,
    )


def check(ctx: typer.Context) -> None:
    """Look for damage: the file, references, sums, and waiting migrations.

    Examples:

        azpay db check
        azpay db check --json

    Exit status 1 when anything is wrong.
    """
    from azpay import audit
    from azpay.cli import output
    from azpay.db import proving, schema
    from azpay.db.soundness import soundness
    from azpay.payments import checks

    db = _book(ctx)
    schema.require_current(db)
    found = [*soundness(db), proving.values(db), *checks.sums(db), audit.check(db)]
    output.emit(
        ctx,
        schema="azpay.db_check/1",
        data=[{"check": check.name, "ok": not check.problems, "problems": check.problems} for check in found],
        human=Table(
            [Column("Check"), Column("Verdict", style={"ok": "green"}), Column("Problems", fold=True)],
            [[check.name, check.verdict, "; ".join(check.problems)] for check in found],
        ),
    )
    if any(check.problems for check in found):
        raise typer.Exit(1)


def _book(ctx: typer.Context) -> Database:
    from azpay import bootstrap
    from azpay.cli import wiring

    if isinstance(ctx.obj, bootstrap.Azpay):
        return ctx.obj.db
    return wiring.book_as_it_is(ctx, wiring.unlocked_settings_of(ctx))
