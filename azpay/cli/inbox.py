"""`azpay events retry`, `replay`, `purge` and `secrets`: what operators do with events that were kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from azpay.cli.options import Since, Until, Yes

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import tzinfo

    from azpay.cli.tables import Table
    from azpay.inbox import Match

Named = Annotated[list[str] | None, typer.Argument(metavar="[EVENT]...", help="evt_… ids.")]


def retry(ctx: typer.Context, events: Named = None) -> None:
    """Give failing events all their tries again, from now on: those named, or all that failed or are dead.

    Examples:

        azpay events retry
        azpay events retry evt_123

    The worker takes them up at once; `azpay worker --once` does where no worker runs.
    """
    from azpay import inbox
    from azpay.access import Action
    from azpay.cli import wiring

    book = wiring.book_of(ctx, Action.REPAIR)
    for event in events or ():
        inbox.one(book, event)
    _tell(ctx, inbox.retry(book, events or (), now=wiring.now_of(ctx)), "will be tried again")


def replay(
    ctx: typer.Context,
    events: Named = None,
    type_: Annotated[
        list[str] | None, typer.Option("--type", metavar="T", help="Such as charge.refunded; repeatable.")
    ] = None,
    since: Since = None,
    until: Until = None,
    yes: Yes = False,
) -> None:
    """Apply events anew, also those that were applied: those named, or a choice by type and time of arrival.

    Examples:

        azpay events replay evt_123
        azpay events replay --type charge.refunded --since 7d --yes

    Harmless, and of use after a bug of azpay's is mended: old news change nothing that newer news have told.
    """
    from azpay import inbox
    from azpay.access import Action
    from azpay.cli import dates, prompts, wiring

    book, now = wiring.book_of(ctx, Action.REPAIR), wiring.now_of(ctx)
    period = dates.period(since, until, now=now, zone=wiring.zone_of(ctx))
    for event in events or ():
        inbox.one(book, event)
    chosen = inbox.Chosen(events or (), type_ or (), period.since, period.until)
    if not any(chosen):
        raise inbox.NoneChosen
    if not events:
        prompts.confirm("Apply all of these events anew?", yes=yes)
    _tell(ctx, inbox.replay(book, chosen, now=now), "will be applied anew")


def purge(
    ctx: typer.Context,
    older_than: Annotated[
        str, typer.Option(metavar="AGE", help="By arrival, such as 90d; 30d is the least.")
    ] = "90d",
    yes: Yes = False,
) -> None:
    """Remove old events that were applied, for good. Failing ones, and all payments, stay.

    Examples:

        azpay events purge --older-than 180d
        azpay events purge --yes                   # older than 90 days, in a cron job
    """
    from azpay import inbox
    from azpay.access import Action
    from azpay.cli import dates, prompts, wiring

    book, now = wiring.book_of(ctx, Action.REPAIR), wiring.now_of(ctx)
    before = dates.moment(older_than, now=now, zone=wiring.zone_of(ctx))
    if before > now - inbox.YOUNGEST:
        raise inbox.TooYoung
    prompts.confirm(f"Remove the applied events that arrived before {dates.in_utc(before)}?", yes=yes)
    _tell(ctx, inbox.purge(book, received_before=before, now=now), "removed")


def secrets(
    ctx: typer.Context,
    since: Annotated[str, typer.Option(metavar="D", help="Look at events that arrived since then.")] = "7d",
) -> None:
    """Which of the webhook secrets still match, so that an old one can be dropped after a rotation.

    Examples:

        azpay events secrets
        azpay events secrets --since 24h

    While Stripe signs with two secrets, the one listed first counts: list the new one first.
    """
    from azpay import inbox
    from azpay.cli import dates, output, wiring

    zone, now = wiring.zone_of(ctx), wiring.now_of(ctx)
    listed = [secret.reveal()[-4:] for secret in wiring.unlocked_settings_of(ctx).webhook_secrets]
    found = inbox.matches(wiring.book_of(ctx), since=dates.moment(since, now=now, zone=zone))
    rows = [_secret(end, found.get(end), listed=end in listed) for end in dict.fromkeys([*listed, *found])]
    output.emit(
        ctx, schema="azpay.webhook_secrets/1", data={"secrets": rows}, human=_secrets(rows, found, zone)
    )


def _secret(end: str, match: Match | None, *, listed: bool) -> dict[str, Any]:
    from azpay.cli import dates

    last = dates.in_utc(match.last) if match else None
    return {"ends_in": end, "listed": listed, "events": match.count if match else 0, "last": last}


def _secrets(rows: list[dict[str, Any]], found: Mapping[str, Match], zone: tzinfo) -> Table:
    from azpay.cli import dates
    from azpay.cli.tables import Column, Table

    columns = [Column("Secret"), Column("Events", right=True), Column("Last"), Column("")]
    lines = [
        [
            f"whsec_…{row['ends_in']}",
            str(row["events"]),
            dates.shown(found[row["ends_in"]].last, zone) if row["events"] else "",
            _verdict(row),
        ]
        for row in rows
    ]
    return Table(columns, lines, empty="No webhook secrets.")


def _verdict(row: dict[str, Any]) -> str:
    if not row["listed"]:
        return "no longer listed"
    return "in use" if row["events"] else "matched nothing: can be dropped, if it is the old one"


def sweep(ctx: typer.Context) -> None:
    """Ask Stripe for the events that no webhook has brought, since the last time, and keep them.

    Examples:

        azpay events sweep
        azpay events sweep --json

    `azpay serve` and `azpay worker` do this by themselves, every AZPAY_SWEEP_MINUTES. Stripe lists events for
    thirty days.
    """
    from azpay import worker
    from azpay.cli import dates, output, wiring

    swept = worker.sweep(wiring.azpay_of(ctx))
    data = {
        "since": dates.in_utc(swept.since),
        "seen": swept.seen,
        "new": swept.new,
        "webhooks_arrive": not swept.deaf,
    }
    since = dates.shown(swept.since, wiring.zone_of(ctx))
    said = f"{swept.seen} events at Stripe since {since}, {swept.new} new."
    output.emit(ctx, schema="azpay.swept/1", data=data, human=said)
    if swept.deaf:
        output.warn("No webhook has arrived in that time. See `azpay events endpoint`, and `azpay serve`.")


def _tell(ctx: typer.Context, count: int, what: str) -> None:
    from azpay.cli import output

    events = "1 event" if count == 1 else f"{count} events"
    output.emit(ctx, schema="azpay.events_changed/1", data={"events": count}, human=f"{events} {what}.")
