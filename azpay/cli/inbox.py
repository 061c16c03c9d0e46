"""`azpay events retry`, `replay` and `purge`: what operators do with events that were kept."""

from __future__ import annotations

from typing import Annotated

import typer

from azpay.cli.options import Since, Until, Yes

Named = Annotated[list[str] | None, typer.Argument(metavar="[EVENT]...", help="evt_… ids.")]


def retry(ctx: typer.Context, events: Named = None) -> None:
    """Give failing events all their tries again, from now on: those named, or all that failed or are dead.

    Examples:

        azpay events retry
        azpay events retry evt_123

    The worker takes them up at once; `azpay worker --once` does where no worker runs.
    """
    from azpay import inbox
    from azpay.cli import wiring

    book = wiring.book_of(ctx)
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
    from azpay.cli import dates, prompts, wiring

    book, now = wiring.book_of(ctx), wiring.now_of(ctx)
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
    from azpay.cli import dates, prompts, wiring

    book, now = wiring.book_of(ctx), wiring.now_of(ctx)
    before = dates.moment(older_than, now=now, zone=wiring.zone_of(ctx))
    if before > now - inbox.YOUNGEST:
        raise inbox.TooYoung
    prompts.confirm(f"Remove the applied events that arrived before {dates.in_utc(before)}?", yes=yes)
    _tell(ctx, inbox.purge(book, received_before=before, now=now), "removed")


def _tell(ctx: typer.Context, count: int, what: str) -> None:
    from azpay.cli import output

    events = "1 event" if count == 1 else f"{count} events"
    output.emit(ctx, schema="azpay.events_changed/1", data={"events": count}, human=f"{events} {what}.")
