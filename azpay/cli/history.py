"""`azpay history`."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from azpay.cli.options import Since, Until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import tzinfo

    from azpay.db import Database
    from azpay.payments import Page, Query

STORY = "azpay.payment_story/1"


class Format(StrEnum):
    TABLE = "table"
    JSON = "json"
    NDJSON = "ndjson"
    CSV = "csv"


def history(  # noqa: PLR0913 - a command's options
    ctx: typer.Context,
    payment: Annotated[
        str | None, typer.Argument(metavar="[PAYMENT]", help="One payment's whole story: id or reference.")
    ] = None,
    status: Annotated[
        list[str] | None, typer.Option(metavar="S", help="Such as succeeded or failed; repeatable.")
    ] = None,
    since: Since = None,
    until: Until = None,
    customer: Annotated[
        str | None, typer.Option(metavar="C", help="A cus_… id or an e-mail address.")
    ] = None,
    reference: Annotated[str | None, typer.Option(metavar="ORDER", help="Exactly this reference.")] = None,
    currency: Annotated[str | None, typer.Option(metavar="C", help="Such as eur.")] = None,
    least: Annotated[
        str | None, typer.Option("--min", metavar="A", help="With --currency: at least.")
    ] = None,
    most: Annotated[str | None, typer.Option("--max", metavar="A", help="With --currency: at most.")] = None,
    search: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="Words of description, reference, metadata, or an e-mail."),
    ] = None,
    sort: Annotated[str, typer.Option(metavar="KEY", help="created or amount.")] = "created",
    ascending: Annotated[bool, typer.Option("--asc/--desc", help="Smallest or oldest first.")] = False,
    limit: Annotated[int, typer.Option(metavar="N", help="Rows on a page.")] = 50,
    cursor: Annotated[str | None, typer.Option(metavar="C", help="The page after this one.")] = None,
    offset: Annotated[int, typer.Option(metavar="N", min=0, help="Skip rows; slower than --cursor.")] = 0,
    form: Annotated[Format, typer.Option("--format", help="How to write it.")] = Format.TABLE,
) -> None:
    """Payments, newest first, or one payment's whole story.

    Examples:

        azpay history --since 7d --status failed
        azpay history order-1001                      # attempts, events, fees, refunds
        azpay history --customer cus_123 --sort amount --limit 10
        azpay history --since last-month --until this-month --format csv > month.csv
    """
    from azpay.cli import wiring

    asked: dict[str, Any] = {"status": status or [], "since": since, "until": until, "currency": currency}
    asked |= {"customer": customer, "reference": reference, "least": least, "most": most, "search": search}
    asked |= {"sort": sort, "ascending": ascending, "limit": limit, "cursor": cursor, "offset": offset}
    _refuse_two_answers(ctx, payment, [*asked], form)
    db, zone = wiring.book_of(ctx), wiring.zone_of(ctx)
    if payment is None:
        _show_page(ctx, db, _query(db, asked, zone), form, zone)
    else:
        _show_story(ctx, db, payment, form, zone)


def _refuse_two_answers(ctx: typer.Context, payment: str | None, filters: list[str], form: Format) -> None:
    from azpay.cli.options import globals_of
    from azpay.errors import Usage

    def typed(name: str) -> bool:
        source = ctx.get_parameter_source(name)
        return source is not None and source.name == "COMMANDLINE"

    lines = form in {Format.NDJSON, Format.CSV}
    if payment is not None and (lines or any(map(typed, filters))):
        raise Usage(
            "A payment's story is not a list: it has no filters, order or pages, and neither CSV nor NDJSON.",
            hint=f"Use `azpay history {payment}`, or leave the payment out.",
        )
    if globals_of(ctx).json and lines:
        raise Usage(f"--json and --format {form} cannot both be.", hint="Leave one of them out.")


def _query(db: Database, asked: dict[str, Any], zone: tzinfo) -> Query:
    from datetime import UTC, datetime

    from azpay.cli import dates
    from azpay.money import Money, currency
    from azpay.payments import Query

    now = datetime.now(UTC)
    code = currency(asked.pop("currency")).code if asked["currency"] else asked.pop("currency")
    for bound in ("least", "most"):
        if asked[bound] is not None:
            asked[bound] = Money.parse(asked[bound], _needed(code)).amount
    asked["since"], asked["until"] = dates.period(asked["since"], asked["until"], now=now, zone=zone)
    asked["customer"] = _customer(db, asked["customer"])
    asked["statuses"] = [_status(word) for word in asked.pop("status")]
    asked["sort"] = _sort(asked["sort"])
    return Query(currency=code, **asked)


def _customer(db: Database, who: str | None) -> str | None:
    from azpay.errors import NotFound
    from azpay.payments import customers

    found = who and customers.on_record(db, who)
    if who and not found:
        raise NotFound(
            f"No customer on record has the e-mail {who}.", hint="Use a cus_… id, or --search for a text."
        )
    return found


def _needed(code: str | None) -> str:
    from azpay.errors import Usage

    if code is None:
        raise Usage("--min and --max need a currency.", hint="Add --currency eur, say.")
    return code


def _status(word: str) -> Any:
    from azpay.cli.showing import SHOWN_AS
    from azpay.errors import Usage
    from azpay.payments import PaymentStatus

    status = SHOWN_AS.get(word)
    if status is not None:
        raise Usage(f"A payment shown as {word!r} has the status {status}.", hint=f"Use --status {status}.")
    return _one_of(PaymentStatus, word, "status")


def _sort(word: str) -> Any:
    from azpay.payments import Sort

    return _one_of(Sort, word, "sort key")


def _one_of(choices: type[StrEnum], word: str, what: str) -> StrEnum:
    from azpay.errors import Usage

    try:
        return choices(word)
    except ValueError:
        raise Usage(f"{word!r} is no {what}.", hint=f"Choose one of: {', '.join(choices)}.") from None


def _show_page(ctx: typer.Context, db: Database, query: Query, form: Format, zone: tzinfo) -> None:
    from azpay import payments
    from azpay.cli import output
    from azpay.cli.options import globals_of
    from azpay.cli.showing import payment_data, payments_table

    page = payments.history(db, query)
    if form is Format.NDJSON:
        output.stream(payment_data(payment) for payment in page.payments)
    elif form is Format.CSV:
        _write_csv(page)
    elif form is Format.JSON or globals_of(ctx).json:
        data = {"payments": [payment_data(payment) for payment in page.payments], "next": page.next}
        output.write_document("azpay.payments/1", data)
    else:
        table = payments_table(page.payments, zone)
        output.emit(ctx, schema="azpay.payments/1", data=None, human=table)
    if page.next is not None and form is not Format.JSON:
        output.say(ctx, f"More: --cursor {page.next}")


COLUMNS = (
    "id", "created", "status", "currency", "amount", "captured", "refunded", "customer", "reference",
    "description", "card_brand", "card_last4", "failure_code", "payment_intent", "charge",
)  # fmt: skip


def _write_csv(page: Page) -> None:
    from azpay.cli import spreadsheet

    sys.stdout.reconfigure(newline="")  # type: ignore[union-attr]  # the sheet brings its own line ends
    spreadsheet.write(sys.stdout, COLUMNS, _cells(page))


def _cells(page: Page) -> Iterator[list[str]]:
    from azpay.cli.showing import instant
    from azpay.money import Money

    for payment in page.payments:
        amounts = (payment.amount, payment.amount_captured, payment.amount_refunded)
        yield [
            payment.id,
            instant(payment.created_at) or "",
            payment.status,
            payment.currency.upper(),
            *(Money(amount, payment.currency).major() for amount in amounts),
            *(
                value or ""
                for value in (
                    payment.customer,
                    payment.reference,
                    payment.description,
                    payment.card_brand,
                    payment.card_last4,
                    payment.failure_code,
                    payment.payment_intent,
                    payment.charge,
                )
            ),
        ]


def _show_story(ctx: typer.Context, db: Database, payment: str, form: Format, zone: tzinfo) -> None:
    from azpay import payments
    from azpay.cli import output, stories

    story = payments.story(db, payment)
    if form is Format.JSON:
        output.write_document(STORY, stories.data(story))
    else:
        output.emit(ctx, schema=STORY, data=stories.data(story), human=stories.blocks(story, zone))
