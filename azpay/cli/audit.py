"""`azpay audit list` and `azpay audit verify`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from azpay.cli.options import Format, Since, Until

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import tzinfo

    from azpay.audit import Entry, Head, Query, Verdict
    from azpay.cli.tables import Fields, Table
    from azpay.db import Database

BROKEN = 1
LINES = {Format.NDJSON, Format.CSV}
PAGING = ("limit", "cursor")
COLUMNS = (
    "sequence", "at", "actor", "action", "object_kind", "object", "payment", "currency", "amount", "reason",
    "details", "previous", "hash",
)  # fmt: skip


def listing(  # noqa: PLR0913 - a command's options
    ctx: typer.Context,
    since: Since = None,
    until: Until = None,
    actor: Annotated[str | None, typer.Option(metavar="WHO", help="Such as cli:ann or worker.")] = None,
    action: Annotated[
        str | None, typer.Option(metavar="ACT", help="Such as refund.planned, or refund for all of them.")
    ] = None,
    about: Annotated[
        str | None,
        typer.Option("--object", metavar="ID", help="About this payment, operation or the like."),
    ] = None,
    ascending: Annotated[bool, typer.Option("--asc/--desc", help="Oldest first.")] = False,
    limit: Annotated[int, typer.Option(metavar="N", help="Rows on a page.")] = 50,
    cursor: Annotated[str | None, typer.Option(metavar="C", help="The page after this one.")] = None,
    form: Annotated[Format, typer.Option("--format", help="How to write it.")] = Format.TABLE,
) -> None:
    """Who did what, and when: money, keys, backups, exports, repairs; newest first.

    Examples:

        azpay audit list --since 7d
        azpay audit list --object pay_123                    # all that was done about one payment
        azpay audit list --actor cli:ann --action refund
        azpay audit list --format ndjson > audit.ndjson      # for `azpay audit verify --file`

    A table or a document is one page. NDJSON and CSV are the whole, oldest first, unless --limit or --cursor
    asks for a page.
    """
    from azpay.audit import Query
    from azpay.cli import dates, wiring

    _refuse_two_answers(ctx, form)
    whole = form in LINES and not any(_typed(ctx, name) for name in PAGING)
    now, zone = wiring.now_of(ctx), wiring.zone_of(ctx)
    begins, ends = dates.period(since, until, now=now, zone=zone)
    query = Query(
        since=begins,
        until=ends,
        actor=actor,
        action=action,
        about=about,
        ascending=ascending or (whole and not _typed(ctx, "ascending")),
        limit=limit,
        cursor=cursor,
    )
    _show(ctx, wiring.book_of(ctx), query, form, whole=whole)


def verify(
    ctx: typer.Context,
    expect: Annotated[
        str | None,
        typer.Option(metavar="SEQ:HASH", help="A head noted elsewhere, which must be there."),
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--file", metavar="FILE", help="An export instead of the book; - is stdin.")
    ] = None,
) -> None:
    """Prove that no entry of the audit log was changed, removed or inserted.

    Examples:

        azpay audit verify
        azpay audit verify --expect 1042:9f2c…               # nothing was cut off its end, either
        azpay audit verify --file audit.ndjson               # offline: needs no book and no key

    Exit status 0 when the chain is whole, 1 when it is broken. Note the head that it prints where those who
    can write to the book cannot: a chain that lost its last entries looks whole without it.
    """
    from azpay import audit
    from azpay.cli import wiring
    from azpay.cli.progress import progress

    noted = None if expect is None else _head(expect)
    if file is not None:
        verdict = _verified_file(ctx, file, noted)
    else:
        book = wiring.book_of(ctx)
        with progress(ctx, "Entries") as advance:
            verdict = audit.verify(book, expect=noted, advance=advance)
    _answer(ctx, verdict)
    if not verdict.whole:
        raise typer.Exit(BROKEN)


def _verified_file(ctx: typer.Context, file: Path, noted: Head | None) -> Verdict:
    from azpay import audit
    from azpay.cli.progress import progress
    from azpay.errors import Usage

    if str(file) == "-":
        return audit.verify_lines(sys.stdin.buffer, expect=noted)
    if not file.is_file():
        raise Usage(f"There is no file {file}.", hint="`azpay audit list --format ndjson > FILE` writes one.")
    with file.open("rb") as lines, progress(ctx, "Entries") as advance:
        return audit.verify_lines(lines, expect=noted, advance=advance)


def _head(typed: str) -> Head:
    import re

    from azpay.audit import Head
    from azpay.errors import Usage

    found = re.fullmatch(r"([1-9][0-9]{0,17}):([0-9a-f]{64})", typed.strip().lower())
    if found is None:
        raise Usage(
            f"{typed!r} is no head of an audit log.", hint="Give it as `azpay audit verify` prints it."
        )
    return Head(int(found[1]), found[2])


def _refuse_two_answers(ctx: typer.Context, form: Format) -> None:
    from azpay.cli.options import globals_of
    from azpay.errors import Usage

    if globals_of(ctx).json and form in LINES:
        raise Usage(f"--json and --format {form} cannot both be.", hint="Leave one of them out.")


def _typed(ctx: typer.Context, name: str) -> bool:
    source = ctx.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _show(ctx: typer.Context, book: Database, query: Query, form: Format, *, whole: bool) -> None:
    from azpay import audit

    if whole:
        _write(audit.entries(book, query), form)
        return
    page = audit.page(book, query)
    if form in LINES:
        _write(page.entries, form)
    else:
        _show_page(ctx, page.entries, page.next, form)
    _tell_more(ctx, page.next, form)


def _show_page(ctx: typer.Context, found: Iterable[Entry], following: str | None, form: Format) -> None:
    from azpay.cli import output, wiring

    data = {"entries": [_data(entry) for entry in found], "next": following}
    if form is Format.JSON:
        output.write_document("azpay.audit/1", data)
    else:
        output.emit(ctx, schema="azpay.audit/1", data=data, human=_table(found, wiring.zone_of(ctx)))


def _tell_more(ctx: typer.Context, following: str | None, form: Format) -> None:
    from azpay.cli import output

    if following is not None and form is not Format.JSON:
        output.say(ctx, f"More: --cursor {following}")


def _write(found: Iterable[Entry], form: Format) -> None:
    from azpay.cli import output, spreadsheet

    if form is Format.NDJSON:
        output.stream(map(_data, found))
        return
    sys.stdout.reconfigure(newline="")  # type: ignore[union-attr]  # the sheet brings its own line ends
    spreadsheet.write(sys.stdout, COLUMNS, map(_cells, found))


def _data(entry: Entry) -> dict[str, Any]:
    from azpay.cli.dates import in_utc

    return {
        "sequence": entry.sequence,
        "at": in_utc(entry.at),
        "actor": entry.actor,
        "action": entry.action,
        "object": {"kind": entry.object_kind, "id": entry.object_id},
        "payment": entry.payment,
        "reason": entry.reason,
        "details": dict(entry.details),
        "salt": entry.salt,
        "previous": entry.previous,
        "hash": entry.hash,
    }


def _cells(entry: Entry) -> list[str | int | None]:
    import json

    from azpay.cli.dates import in_utc

    money = _money(entry)
    return [
        entry.sequence,
        in_utc(entry.at),
        entry.actor,
        entry.action,
        entry.object_kind,
        entry.object_id,
        entry.payment,
        money and money.currency.upper(),
        money and money.major(),
        entry.reason,
        json.dumps(dict(entry.details), sort_keys=True),
        entry.previous,
        entry.hash,
    ]


def _money(entry: Entry) -> Any:
    """The amount that it was about, where it was about one."""
    from azpay.money import Money

    amount, currency = entry.details.get("amount"), entry.details.get("currency")
    return Money(amount, currency) if isinstance(amount, int) and isinstance(currency, str) else None


def _table(found: Iterable[Entry], zone: tzinfo) -> Table:
    from azpay.cli.dates import shown
    from azpay.cli.tables import Column, Table

    columns = [
        Column("#", right=True),
        Column("When"),
        Column("Who"),
        Column("What"),
        Column("Amount", right=True),
        Column("About", drop=1),
        Column("Payment", drop=2),
        Column("Reason", drop=3, fold=True),
    ]
    rows = [
        [
            str(entry.sequence),
            shown(entry.at, zone),
            entry.actor,
            entry.action,
            money.display() if (money := _money(entry)) else "",
            entry.object_id,
            entry.payment or "",
            entry.reason or "",
        ]
        for entry in found
    ]
    return Table(columns, rows, empty="Nothing was done yet.")


def _answer(ctx: typer.Context, verdict: Verdict) -> None:
    from azpay.cli import output

    head = verdict.head
    data = {
        "whole": verdict.whole,
        "entries": verdict.entries,
        "first": verdict.first,
        "head": None if head is None else {"sequence": head.sequence, "hash": head.hash},
        "problems": [{"sequence": each.sequence, "problem": each.what} for each in verdict.problems],
        "unnamed": verdict.unnamed,
    }
    output.emit(ctx, schema="azpay.audit_verified/1", data=data, human=_told(verdict))


def _told(verdict: Verdict) -> tuple[str | Fields | Table, ...]:
    from azpay.cli.tables import Column, Fields, Table

    said = [("Entries", str(verdict.entries)), ("Head", str(verdict.head or "none"))]
    if (verdict.first or 1) > 1:
        said.insert(1, ("Begins at", f"{verdict.first}; what it follows is not in here"))
    fields = Fields(said, title="whole" if verdict.whole else "BROKEN")
    if verdict.whole:
        return (fields,)
    rows = [[str(each.sequence), each.what] for each in verdict.problems]
    more = [f"And {verdict.unnamed} more."] if verdict.unnamed else []
    return fields, "", Table([Column("#", right=True), Column("Problem", fold=True)], rows), *more
