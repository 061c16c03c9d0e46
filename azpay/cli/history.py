"""`azpay history`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from azpay.cli.options import Format, Since, Until, typed

if TYPE_CHECKING:
    from datetime import tzinfo
    from enum import StrEnum

    from azpay.db import Database
    from azpay.payments import Query

STORY = "azpay.payment_story/1"


Status = Annotated[
    list[str] | None, typer.Option("--status", metavar="S", help="Such as succeeded or failed; repeatable.")
]
Customer = Annotated[
    str | None, typer.Option("--customer", metavar="C", help="A cus_… id or an e-mail address.")
]
Reference = Annotated[
    str | None, typer.Option("--reference", metavar="ORDER", help="Exactly this reference.")
]
Currency = Annotated[str | None, typer.Option("--currency", metavar="C", help="Such as eur.")]
Least = Annotated[str | None, typer.Option("--min", metavar="A", help="With --currency: at least.")]
Most = Annotated[str | None, typer.Option("--max", metavar="A", help="With --currency: at most.")]
Search = Annotated[
    str | None,
    typer.Option("--search", metavar="TEXT", help="Words of description, reference, metadata, or an e-mail."),
]


def history(  # noqa: PLR0913 - a command's options
    ctx: typer.Context,
    payment: Annotated[
        str | None, typer.Argument(metavar="[PAYMENT]", help="One payment's whole story: id or reference.")
    ] = None,
    status: Status = None,
    since: Since = None,
    until: Until = None,
    customer: Customer = None,
    reference: Reference = None,
    currency: Currency = None,
    least: Least = None,
    most: Most = None,
    search: Search = None,
    sort: Annotated[str, typer.Option(metavar="KEY", help="created or amount.")] = "created",
    ascending: Annotated[bool, typer.Option("--asc/--desc", help="Smallest or oldest first.")] = False,
    limit: Annotated[int, typer.Option(metavar="N", help="Rows on a page.")] = 50,
    cursor: Annotated[str | None, typer.Option(metavar="C", help="The page after this one.")] = None,
    offset: Annotated[int, typer.Option(metavar="N", min=0, help="Skip rows; slower than --cursor.")] = 0,
    counted: Annotated[
        bool, typer.Option("--count", help="Say how many there are on all pages together.")
    ] = False,
    form: Annotated[Format, typer.Option("--format", help="How to write it.")] = Format.TABLE,
) -> None:
    """Payments, newest first, or one payment's whole story.

    Examples:

        azpay history --since 7d --status failed
        azpay history order-1001                      # attempts, events, fees, refunds
        azpay history --customer cus_123 --sort amount --limit 10
        azpay history --since last-month --until this-month --format csv > month.csv

    A table or a document is one page; CSV and NDJSON are the whole, unless --limit, --cursor or --offset asks
    for a page.
    """
    from azpay.cli import wiring

    asked: dict[str, Any] = {"status": status or [], "since": since, "until": until, "currency": currency}
    asked |= {"customer": customer, "reference": reference, "least": least, "most": most, "search": search}
    asked |= {"sort": sort, "ascending": ascending, "limit": limit, "cursor": cursor, "offset": offset}
    _refuse_two_answers(ctx, payment, [*asked, "counted"], form)
    db, zone = wiring.book_of(ctx), wiring.zone_of(ctx)
    if payment is None:
        _show_list(ctx, db, asked_for(db, asked, zone), form, counted=counted)
    else:
        _show_story(ctx, db, payment, form, zone)


def _refuse_two_answers(ctx: typer.Context, payment: str | None, filters: list[str], form: Format) -> None:
    from azpay.cli.options import globals_of
    from azpay.errors import Usage

    lines = form in {Format.NDJSON, Format.CSV}
    if payment is not None and (lines or any(typed(ctx, name) for name in filters)):
        raise Usage(
            "A payment's story is not a list: it has no filters, order or pages, and neither CSV nor NDJSON.",
            hint=f"Use `azpay history {payment}`, or leave the payment out.",
        )
    if globals_of(ctx).json and lines:
        raise Usage(f"--json and --format {form} cannot both be.", hint="Leave one of them out.")


def asked_for(db: Database, asked: dict[str, Any], zone: tzinfo) -> Query:
    """The query that these options make."""
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


PAGING = ("limit", "cursor", "offset")


def _show_list(ctx: typer.Context, db: Database, query: Query, form: Format, *, counted: bool) -> None:
    from azpay.cli import wiring

    lines = form in {Format.NDJSON, Format.CSV}
    if lines and not counted and not any(typed(ctx, name) for name in PAGING):
        from azpay.cli import exports

        exports.write_all(db, query, exports.Lines(form))
        return
    _show_page(ctx, db, query, form, wiring.zone_of(ctx), counted=counted)


def _show_page(
    ctx: typer.Context, db: Database, query: Query, form: Format, zone: tzinfo, *, counted: bool
) -> None:
    from azpay import payments
    from azpay.cli import exports, output
    from azpay.cli.options import globals_of
    from azpay.cli.showing import payment_data, payments_table

    page = payments.history(db, query)
    total = {"total": payments.count(db, query)} if counted else {}
    if form in {Format.NDJSON, Format.CSV}:
        exports.write(page.payments, exports.Lines(form))
    elif form is Format.JSON or globals_of(ctx).json:
        data = {"payments": [payment_data(payment) for payment in page.payments], "next": page.next}
        output.write_document("azpay.payments/1", data | total)
    else:
        table = payments_table(page.payments, zone)
        output.emit(ctx, schema="azpay.payments/1", data=None, human=table)
    if counted:
        output.say(ctx, f"{total['total']} in all.")
    if page.next is not None and form is not Format.JSON:
        output.say(ctx, f"More: --cursor {page.next}")


def _show_story(ctx: typer.Context, db: Database, payment: str, form: Format, zone: tzinfo) -> None:
    from azpay import payments
    from azpay.cli import output, stories, wiring

    story = payments.story(db, payment)
    if form is Format.JSON:
        output.write_document(STORY, stories.data(story))
    else:
        human = stories.blocks(story, wiring.now_of(ctx), zone)
        output.emit(ctx, schema=STORY, data=stories.data(story), human=human)
