"""`azpay export`."""

from __future__ import annotations

from typing import Annotated

import typer

from azpay.cli.history import Currency, Customer, Least, Most, Reference, Search, Status, asked_for
from azpay.cli.options import Since, Until

Lines = Annotated[str, typer.Option("--format", metavar="FORM", help="csv or ndjson.")]


def payments(  # noqa: PLR0913 - a command's options
    ctx: typer.Context,
    status: Status = None,
    since: Since = None,
    until: Until = None,
    customer: Customer = None,
    reference: Reference = None,
    currency: Currency = None,
    least: Least = None,
    most: Most = None,
    search: Search = None,
    form: Lines = "csv",
) -> None:
    """Every payment, oldest first, to stdout.

    Examples:

        azpay export payments > payments.csv
        azpay export payments --since last-month --until this-month > month.csv
        azpay export payments --status succeeded --format ndjson | jq .amount

    Payments are written as they are read, however many there are. CSV opens in Excel: amounts are plain
    decimals with their currency beside them, times are UTC.
    """
    from azpay import audit
    from azpay.cli import exports, wiring
    from azpay.cli.options import globals_of
    from azpay.errors import Usage

    try:
        wanted = exports.Lines(form)
    except ValueError:
        raise Usage(f"{form!r} is no form to export in.", hint="Choose csv or ndjson.") from None
    if globals_of(ctx).json:
        raise Usage("An export is lines, not one document.", hint="Use --format ndjson instead of --json.")
    db, zone = wiring.book_of(ctx), wiring.zone_of(ctx)
    asked = {"status": status or [], "since": since, "until": until, "currency": currency}
    asked |= {"customer": customer, "reference": reference, "least": least, "most": most, "search": search}
    told = {name: given for name, given in asked.items() if given} | {"form": form}
    about, now = audit.About("export", "payments"), wiring.now_of(ctx)
    audit.note(db, "payments.exported", about, now=now, details=told)
    exports.write_all(db, asked_for(db, asked | {"sort": "created", "ascending": True}, zone), wanted)
