"""`azpay receipt`, and `azpay receipt list`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from azpay.cli.options import Since, Until

if TYPE_CHECKING:
    from datetime import tzinfo

    from azpay.receipts import Receipt

STDOUT = "-"


def receipt(
    ctx: typer.Context,
    named: Annotated[
        str,
        typer.Argument(
            metavar="PAYMENT|REFUND|NUMBER", help="An id, ours or Stripe's, a reference, or R-000001."
        ),
    ],
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", metavar="FILE", help="Where to write; `-` is standard output."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is in the way.")] = False,
) -> None:
    """Write a receipt as PDF.

    Examples:

        azpay receipt order-1001                   # into receipt-R-000001.pdf
        azpay receipt ref_01kb7x2m -o refund.pdf
        azpay receipt R-000001 -o - | lpr

    The first call gives the receipt its number, later calls find it. Only a payment or a refund that
    succeeded has one. It shows how the payment stands now: after a refund, the payment's receipt says so.
    """
    from pathlib import Path

    from azpay import receipts
    from azpay.cli import wiring
    from azpay.cli.output import warn
    from azpay.receipts import files
    from azpay.receipts.documents import document

    to_stdout = output == STDOUT
    if to_stdout:
        _refuse_screen(ctx)
    db, settings, now = wiring.book_of(ctx), wiring.unlocked_settings_of(ctx), wiring.now_of(ctx)
    issued = receipts.issue(db, named, now=now)
    merchant = receipts.Merchant.of(settings)
    if merchant.name is None:
        warn("The receipt does not say who sells: AZPAY_MERCHANT_NAME is not set.")
    pdf = document(db, issued, merchant, wiring.zone_of(ctx))
    if to_stdout:
        sys.stdout.buffer.write(pdf)
        return
    file = Path(output or f"receipt-{issued.number}.pdf")
    files.save(pdf, file, force=force)
    _tell(ctx, issued, str(file))


def listing(
    ctx: typer.Context,
    since: Since = None,
    until: Until = None,
    limit: Annotated[int, typer.Option(metavar="N", help="Rows on a page.")] = 50,
    cursor: Annotated[str | None, typer.Option(metavar="C", help="The page after this one.")] = None,
) -> None:
    """Receipts given out, the latest number first.

    Examples:

        azpay receipt list --since last-month --until this-month
        azpay receipt list --limit 10 --json
    """
    from azpay import receipts
    from azpay.cli import dates, output, wiring

    db, zone = wiring.book_of(ctx), wiring.zone_of(ctx)
    begins, ends = dates.period(since, until, now=wiring.now_of(ctx), zone=zone)
    page = receipts.listing(db, begins, ends, limit=limit, cursor=cursor)
    data = {"receipts": [_data(issued) for issued in page.receipts], "next": page.next}
    output.emit(ctx, schema="azpay.receipts/1", data=data, human=_table(page.receipts, zone))
    if page.next is not None:
        output.say(ctx, f"More: --cursor {page.next}")


def _refuse_screen(ctx: typer.Context) -> None:
    from azpay.cli.options import globals_of
    from azpay.errors import Usage

    if globals_of(ctx).json:
        raise Usage("Standard output cannot hold a PDF and JSON both.", hint="Leave out --json or `-o -`.")
    if sys.stdout.isatty():
        raise Usage("A PDF is not for a terminal.", hint="Send it on, as in `-o - | lpr`, or name a file.")


def _tell(ctx: typer.Context, issued: Receipt, file: str) -> None:
    from azpay.cli.output import emit
    from azpay.cli.tables import Fields
    from azpay.money import Money

    pairs = [
        ("Receipt", issued.number),
        ("Amount", Money(issued.amount, issued.currency).display()),
        ("File", file),
    ]
    emit(ctx, schema="azpay.receipt/1", data={**_data(issued), "file": file}, human=Fields(pairs))


def _data(issued: Receipt) -> dict[str, Any]:
    from azpay.cli.dates import in_utc
    from azpay.money import Money

    return {
        "id": issued.id,
        "number": issued.number,
        "payment": issued.payment_id,
        "refund": issued.refund_id or None,
        "amount": issued.amount,
        "currency": issued.currency,
        "display": str(Money(issued.amount, issued.currency)),
        "issued": in_utc(issued.issued_at),
    }


def _table(issued: list[Receipt], zone: tzinfo) -> Any:
    from azpay.cli.dates import shown
    from azpay.cli.tables import Column, Table
    from azpay.money import Money

    columns = [
        Column("Number"),
        Column("Issued"),
        Column("Amount", right=True),
        Column("For"),
        Column("Payment", drop=1),
        Column("Refund", drop=2),
    ]
    rows = [
        [
            each.number,
            shown(each.issued_at, zone),
            Money(each.amount, each.currency).display(),
            "refund" if each.refund_id else "payment",
            each.payment_id,
            each.refund_id,
        ]
        for each in issued
    ]
    return Table(columns, rows, empty="No receipts.")
