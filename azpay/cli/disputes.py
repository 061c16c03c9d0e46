"""`azpay disputes`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from azpay.cli.listings import Cursor, Form, Limit
from azpay.cli.options import Format, Since, Until

if TYPE_CHECKING:
    from azpay.cli.dates import Period
    from azpay.cli.tables import Block
    from azpay.payments.disputes import Page
    from azpay.payments.objections import DisputeStatus

ALL = "open"
FARTHEST_BACK = 400
"""Days: how far `--refresh` looks without --since. No dispute is open for longer."""


def listing(  # noqa: PLR0913 - a command's options
    ctx: typer.Context,
    status: Annotated[
        list[str] | None, typer.Option(metavar="S", help="open, or Stripe's: needs_response, lost, …")
    ] = None,
    since: Since = None,
    until: Until = None,
    due_within: Annotated[
        str | None, typer.Option(metavar="SPAN", help="Those to answer within 7d, say; most urgent first.")
    ] = None,
    refresh: Annotated[bool, typer.Option("--refresh", help="Ask Stripe first.")] = False,
    limit: Limit = 50,
    cursor: Cursor = None,
    form: Form = Format.TABLE,
) -> None:
    """Disputes, the newest first, and early fraud warnings beside them.

    Examples:

        azpay disputes list --status open
        azpay disputes list --due-within 7d           # most urgent first
        azpay disputes list --since last-month --format csv > disputes.csv

    Taken is what a dispute has cost the balance so far, Stripe's fee included. CSV and NDJSON are all
    disputes, unless --limit or --cursor asks for a page.
    """
    from azpay.cli import dates, dispute_data, listings, wiring
    from azpay.payments import disputes

    as_document, now = listings.is_document(ctx, form), wiring.now_of(ctx)
    period = dates.period(since, until, now=now, zone=wiring.zone_of(ctx))
    query = disputes.DisputeQuery(
        statuses=_statuses(status or []),
        since=period.since,
        until=period.until,
        due_before=now + dates.span(due_within) if due_within is not None else None,
        limit=limit,
        cursor=cursor,
    )
    if refresh:
        _refresh(ctx, period)
    db = wiring.book_of(ctx)
    if listings.is_whole(ctx, form):
        listings.write_lines(form, dispute_data.SHAPE, disputes.everything(db, query))
    else:
        _show_page(ctx, disputes.listing(db, query), form, as_document=as_document)


def show(
    ctx: typer.Context,
    named: Annotated[
        str, typer.Argument(metavar="DISPUTE", help="A du_… id, or a payment by any of its names.")
    ],
    refresh: Annotated[bool, typer.Option("--refresh", help="Ask Stripe first.")] = False,
) -> None:
    """One dispute: what is at stake, until when to answer, and what happened to it.

    Examples:

        azpay disputes show du_123
        azpay disputes show order-1001 --refresh

    Of a payment with several disputes, the newest is shown; `azpay history` shows all of them.
    """
    from azpay.cli import dispute_data, dispute_views, output, wiring
    from azpay.cli.stories import event_data, line_data
    from azpay.payments import disputes

    if refresh:
        _refresh_one(ctx, named)
    told = disputes.show(wiring.book_of(ctx), named)
    data = {
        **dispute_data.case_data(told.case),
        "balance_transactions": [line_data(line) for line in told.case.lines],
        "early_fraud_warnings": [dispute_data.warning_data(warning) for warning in told.warnings],
        "events": [event_data(event) for event in told.events],
    }
    human = dispute_views.story(told, wiring.now_of(ctx), wiring.zone_of(ctx))
    output.emit(ctx, schema="azpay.dispute/1", data=data, human=human)


def _statuses(words: list[str]) -> set[DisputeStatus]:
    from azpay.payments.dispute_transitions import OPEN

    return {status for word in words for status in (OPEN if word == ALL else [_status(word)])}


def _status(word: str) -> DisputeStatus:
    from azpay.errors import Usage
    from azpay.payments.objections import DisputeStatus

    try:
        return DisputeStatus(word)
    except ValueError:
        choices = ", ".join((ALL, *DisputeStatus))
        raise Usage(f"{word!r} is no status of a dispute.", hint=f"Choose one of: {choices}.") from None


def _refresh(ctx: typer.Context, period: Period) -> None:
    from datetime import timedelta

    from azpay.cli import output, wiring
    from azpay.payments import disputes

    azpay = wiring.azpay_of(ctx)
    now = azpay.now()
    since, until = period.since or now - timedelta(days=FARTHEST_BACK), period.until or now
    if until >= now:
        until = now + timedelta(seconds=1)  # Stripe counts whole seconds
    count = disputes.refresh(azpay.db, azpay.gateway, azpay.handlers, since, until, now=now)
    output.say(ctx, f"Stripe has {count} disputes and warnings of that time.")


def _refresh_one(ctx: typer.Context, named: str) -> None:
    from azpay.cli import wiring
    from azpay.payments import disputes

    azpay = wiring.azpay_of(ctx)
    wanted = named
    if not named.startswith(disputes.IDS):
        wanted = disputes.show(azpay.db, named).case.dispute.dispute
    disputes.refresh_one(azpay.db, azpay.gateway, azpay.handlers, wanted, now=azpay.now())


def _show_page(ctx: typer.Context, page: Page, form: Format, *, as_document: bool) -> None:
    from azpay.cli import dispute_data, dispute_views, listings, output, wiring

    if form in listings.LINES:
        listings.write_lines(form, dispute_data.SHAPE, page.cases)
    elif as_document:
        cases = [dispute_data.case_data(case) for case in page.cases]
        warnings = [dispute_data.warning_data(warning) for warning in page.warnings]
        data = {"disputes": cases, "early_fraud_warnings": warnings, "next": page.next}
        output.write_document("azpay.disputes/1", data)
    else:
        zone = wiring.zone_of(ctx)
        parts: list[Block] = [dispute_views.table(page.cases, wiring.now_of(ctx), zone)]
        if page.warnings:
            parts += ["\nEarly fraud warnings", dispute_views.warnings_table(page.warnings, zone)]
        output.emit(ctx, schema="azpay.disputes/1", data=None, human=parts)
    if page.next is not None and not as_document:
        output.say(ctx, f"More: --cursor {page.next}")
