"""`azpay payouts` and `azpay balance`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from azpay.cli.listings import Cursor, Form, Limit
from azpay.cli.options import Format, Since, Until

if TYPE_CHECKING:
    from azpay.cli.dates import Period
    from azpay.settlement import PayoutStatus
    from azpay.settlement.listing import Page

FARTHEST_BACK = 90
"""Days: how far `--refresh` looks without --since."""


def listing(  # noqa: PLR0913 - a command's options
    ctx: typer.Context,
    status: Annotated[
        list[str] | None,
        typer.Option(metavar="S", help="pending, in_transit, paid, failed or canceled; repeatable."),
    ] = None,
    since: Since = None,
    until: Until = None,
    refresh: Annotated[bool, typer.Option("--refresh", help="Ask Stripe first.")] = False,
    limit: Limit = 50,
    cursor: Cursor = None,
    form: Form = Format.TABLE,
) -> None:
    """Payouts to the bank, the newest first.

    Examples:

        azpay payouts list --since last-month --until this-month
        azpay payouts list --status failed --refresh
        azpay payouts list --format csv > payouts.csv

    CSV and NDJSON are all payouts, unless --limit or --cursor asks for a page.
    """
    from azpay.cli import dates, listings, payout_views, wiring
    from azpay.settlement import listing as payouts

    as_document = listings.is_document(ctx, form)
    period = dates.period(since, until, now=wiring.now_of(ctx), zone=wiring.zone_of(ctx))
    query = payouts.PayoutQuery(
        statuses=[_status(word) for word in status or []],
        since=period.since,
        until=period.until,
        limit=limit,
        cursor=cursor,
    )
    if refresh:
        _refresh(ctx, period)
    db = wiring.book_of(ctx)
    if listings.is_whole(ctx, form):
        listings.write_lines(form, payout_views.SHAPE, payouts.everything(db, query))
    else:
        _show_page(ctx, payouts.listing(db, query), form, as_document=as_document)


def show(
    ctx: typer.Context,
    named: Annotated[
        str, typer.Argument(metavar="PAYOUT", help="A po_… id, or the trace id on the bank's statement.")
    ],
    refresh: Annotated[bool, typer.Option("--refresh", help="Ask Stripe first; needs a po_… id.")] = False,
) -> None:
    """One payout: when it arrives, under which trace id, and why it failed if it did.

    Examples:

        azpay payouts show po_123
        azpay payouts show po_123 --refresh     # with the lines it is made of, once Stripe has them
    """
    from azpay.cli import output, payout_views, wiring
    from azpay.cli.stories import event_data, line_data
    from azpay.settlement import listing as payouts

    if refresh:
        azpay = wiring.azpay_of(ctx)
        payouts.refresh_one(azpay.db, azpay.gateway, azpay.handlers, named, now=azpay.now())
    told = payouts.show(wiring.book_of(ctx), named)
    data = {
        **payout_views.payout_data(told.payout),
        "made_of": told.made_of,
        "balance_transactions": [line_data(line) for line in told.lines],
        "events": [event_data(event) for event in told.events],
    }
    human = payout_views.story(told, wiring.zone_of(ctx))
    output.emit(ctx, schema="azpay.payout/1", data=data, human=human)


def balance(
    ctx: typer.Context,
    refresh: Annotated[bool, typer.Option("--refresh", help="Ask Stripe first.")] = False,
) -> None:
    """What the account holds at Stripe, as it was last told.

    Examples:

        azpay balance --refresh
    """
    from azpay.cli import output, wiring
    from azpay.cli.dates import in_utc, shown
    from azpay.cli.tables import Column, Table
    from azpay.money import Money
    from azpay.settlement import listing as payouts

    if refresh:
        azpay = wiring.azpay_of(ctx)
        payouts.refresh_balance(azpay.db, azpay.gateway, now=azpay.now())
    held, zone = payouts.balances(wiring.book_of(ctx)), wiring.zone_of(ctx)
    data = [
        {
            "currency": each.currency,
            "available": each.available,
            "pending": each.pending,
            "as_of": in_utc(each.as_of),
        }
        for each in held
    ]
    columns = [Column("Available", right=True), Column("Pending", right=True), Column("As of")]
    rows = [
        [
            Money(each.available, each.currency).display(),
            Money(each.pending, each.currency).display(),
            shown(each.as_of, zone),
        ]
        for each in held
    ]
    human = Table(columns, rows, empty="Nothing was told of it yet: --refresh asks Stripe.")
    output.emit(ctx, schema="azpay.balance/1", data=data, human=human)


def _status(word: str) -> PayoutStatus:
    from azpay.errors import Usage
    from azpay.settlement import PayoutStatus

    try:
        return PayoutStatus(word)
    except ValueError:
        raise Usage(
            f"{word!r} is no status of a payout.", hint=f"Choose one of: {', '.join(PayoutStatus)}."
        ) from None


def _refresh(ctx: typer.Context, period: Period) -> None:
    from datetime import timedelta

    from azpay.cli import output, wiring
    from azpay.settlement import listing as payouts

    azpay = wiring.azpay_of(ctx)
    now = azpay.now()
    since, until = period.since or now - timedelta(days=FARTHEST_BACK), period.until or now
    if until >= now:
        until = now + timedelta(seconds=1)  # Stripe counts whole seconds
    count = payouts.refresh(azpay.db, azpay.gateway, azpay.handlers, since, until, now=now)
    output.say(ctx, f"Stripe has {count} payouts of that time.")


def _show_page(ctx: typer.Context, page: Page, form: Format, *, as_document: bool) -> None:
    from azpay.cli import listings, output, payout_views, wiring

    if form in listings.LINES:
        listings.write_lines(form, payout_views.SHAPE, page.payouts)
    elif as_document:
        data = {"payouts": [payout_views.payout_data(payout) for payout in page.payouts], "next": page.next}
        output.write_document("azpay.payouts/1", data)
    else:
        table = payout_views.table(page.payouts, wiring.zone_of(ctx))
        output.emit(ctx, schema="azpay.payouts/1", data=None, human=table)
    if page.next is not None and not as_document:
        output.say(ctx, f"More: --cursor {page.next}")
