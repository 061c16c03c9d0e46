"""`azpay doctor`: one line and one verdict a check."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from azpay.cli.tables import Column, Table
from azpay.errors import AzpayError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from azpay.db import Database
    from azpay.gateway.stripe import Gateway
    from azpay.operations import Operation
    from azpay.settings import Settings

OK, WARN, FAIL = "ok", "look", "wrong"
OTHERS = 0o077
NTP = "Set this machine's clock by NTP."


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one check came to, and what to do about it."""

    check: str
    verdict: str
    said: str
    next: str = ""


def doctor(ctx: typer.Context) -> None:
    """Check the settings, the key, Stripe, the book and what waits; one line each.

    Examples:

        azpay doctor
        azpay doctor --profile sandbox --json

    Exit status 1 when anything is wrong.
    """
    from azpay.bootstrap import Azpay
    from azpay.cli import output, wiring

    settings = ctx.obj.settings if isinstance(ctx.obj, Azpay) else wiring.settings_of(ctx)
    verdicts = list(_verdicts(ctx, settings))
    output.emit(
        ctx,
        schema="azpay.doctor/1",
        data=[
            {"check": each.check, "verdict": each.verdict, "said": each.said, "next": each.next or None}
            for each in verdicts
        ],
        human=Table(
            [
                Column("Check"),
                Column("Verdict", style={OK: "green", WARN: "yellow", FAIL: "bold red"}),
                Column("Found", fold=True),
                Column("Next", fold=True),
            ],
            [[each.check, each.verdict, each.said, each.next] for each in verdicts],
        ),
    )
    if any(each.verdict == FAIL for each in verdicts):
        raise typer.Exit(1)


def _verdicts(ctx: typer.Context, settings: Settings) -> Iterator[Verdict]:
    from azpay.bootstrap import Azpay, connect
    from azpay.cli.wiring import book_as_it_is, now_of

    yield Verdict("settings", OK, f"profile {settings.profile}, {'LIVE' if settings.live else 'test'} mode")
    yield _webhook_secret(settings)
    wired = ctx.obj if isinstance(ctx.obj, Azpay) else None
    yield from _tried("stripe", lambda: _stripe(wired.gateway if wired else connect(settings), settings))
    yield from _tried(
        "book",
        lambda: _book(wired.db if wired else book_as_it_is(ctx, settings), settings, now_of(ctx)),
    )


def _tried(check: str, look: Callable[[], Iterator[Verdict]]) -> Iterator[Verdict]:
    try:
        yield from look()
    except AzpayError as error:
        yield Verdict(check, FAIL, error.message, error.hint or "")


def _webhook_secret(settings: Settings) -> Verdict:
    if settings.webhook_secrets:
        return Verdict("webhook secrets", OK, f"{len(settings.webhook_secrets)} set")
    return Verdict(
        "webhook secrets", WARN, "none: `azpay serve` will not start", "Set AZPAY_WEBHOOK_SECRETS."
    )


def _stripe(gateway: Gateway, settings: Settings) -> Iterator[Verdict]:
    from azpay.bootstrap import wall_clock
    from azpay.http import readiness

    account = gateway.account()
    yield Verdict("stripe", OK, f"{account.id} at {settings.stripe_api_base}")
    named = settings.stripe_account
    if named is not None and named != account.id:
        yield Verdict("account", FAIL, f"the key is not {named}'s", "Check the profile, then `azpay login`.")
    theirs = gateway.server_time()
    if theirs is None:
        return
    clock = readiness.of_the_clock(abs(wall_clock() - theirs))
    yield Verdict("clock", OK, clock.detail) if clock.ok else Verdict("clock", FAIL, clock.detail, NTP)


def _book(db: Database, settings: Settings, now: datetime) -> Iterator[Verdict]:
    from azpay.db import schema
    from azpay.payments import checks

    found = schema.state(db)
    yield Verdict("book", OK, db.where)
    if found is schema.State.EMPTY and db.embedded:
        yield Verdict("tables", OK, "not made yet; the first command makes them")
        return
    schema.require_current(db)
    yield Verdict("tables", OK, f"revision {schema.HEAD}")
    yield from _private(db)
    for check in [*schema.integrity(db), *checks.sums(db)]:
        yield _checked(check)
    yield from _waiting(db, settings, now)


def _checked(check: object) -> Verdict:
    from azpay.db.schema import Check

    assert isinstance(check, Check)  # noqa: S101
    if check.problems:
        return Verdict(
            check.name, FAIL, "; ".join(check.problems[:3]), "Run `azpay db check` and `azpay reconcile`."
        )
    return Verdict(check.name, OK, "nothing wrong")


def _private(db: Database) -> Iterator[Verdict]:
    if not db.embedded or db.engine.url.database is None:
        return
    file = Path(db.engine.url.database)
    if file.stat().st_mode & OTHERS:
        yield Verdict("privacy", FAIL, f"others can read {file}", f"chmod 600 {file}")
    else:
        yield Verdict("privacy", OK, "only you can read the book")


def _swept(db: Database, now: datetime) -> Verdict:
    """What Stripe forgets after thirty days must have been looked at before."""
    from azpay import inbox

    age = inbox.sweep_age(db, now=now)
    if age is None:
        return Verdict(
            "sweep", WARN, "Stripe's events were never looked through", "Run `azpay events sweep`."
        )
    said = f"Stripe's events were looked through {age.days} d {age.seconds // 3600} h ago"
    if age > inbox.ALARM:
        return Verdict("sweep", FAIL, f"{said}; it forgets them after 30 d", "Run `azpay events sweep` now.")
    return Verdict("sweep", OK, said)


def _inbox(db: Database, settings: Settings, now: datetime) -> Verdict:
    from azpay.http import readiness

    inbox = readiness.of_the_inbox(db, settings, now=now)
    if inbox.facts["dead"]:
        given_up = f"{inbox.facts['dead']} events given up"
        return Verdict("inbox", FAIL, given_up, "See `azpay events list --status dead`.")
    if not inbox.ok:
        return Verdict("inbox", FAIL, inbox.detail, "Is `azpay serve` or `azpay worker` running?")
    return Verdict("inbox", OK, f"{inbox.facts['waiting']} events waiting")


def _waiting(db: Database, settings: Settings, now: datetime) -> Iterator[Verdict]:
    from azpay import operations

    yield _inbox(db, settings, now)
    yield _swept(db, now)
    with db.reading() as session:
        open_ = operations.open_now(session)
    yield _open_operations(open_)


def _open_operations(found: Sequence[Operation]) -> Verdict:
    """Those that a worker still tries are pointed out; those that need a person are wrong."""
    names = ", ".join(operation.subject for operation in found[:3])
    flagged = [operation.id for operation in found if operation.flagged_at is not None]
    if flagged:
        said = f"{len(flagged)} of {len(found)} without an answer need a person: {', '.join(flagged[:3])}"
        return Verdict("open operations", FAIL, said, "Run `azpay ops resolve --all`, or look at each.")
    if found:
        said = f"{len(found)} without an answer: {names}"
        return Verdict("open operations", WARN, said, "A worker settles them, or `azpay ops resolve --all`.")
    return Verdict("open operations", OK, "none without an answer")
