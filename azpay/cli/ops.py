"""`azpay ops list` and `show`: what we asked of Stripe, and what is not known yet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from azpay.cli.options import Format

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime, tzinfo
    from enum import StrEnum

    from azpay.cli.tables import Block, Fields, Table
    from azpay.db import Database
    from azpay.operations import Attempt, Operation, Query

MOST, AT_ONCE = 1000, 500
STYLES = {"succeeded": "green", "failed": "red", "unknown": "bold red", "sent": "yellow", "planned": "yellow"}
COLUMNS = (
    "id", "kind", "state", "about", "actor", "attempts", "error", "stripe_object", "created", "sent", "due",
    "needs_person_since", "settled",
)  # fmt: skip


def listing(  # noqa: PLR0913 - one for each filter
    ctx: typer.Context,
    all_: Annotated[bool, typer.Option("--all", help="Settled ones too.")] = False,
    state: Annotated[
        list[str] | None,
        typer.Option(metavar="S", help="planned, sent, unknown, succeeded or failed; repeatable."),
    ] = None,
    kind: Annotated[
        list[str] | None, typer.Option(metavar="K", help="Such as charge or refund; repeatable.")
    ] = None,
    needs_person: Annotated[
        bool, typer.Option("--needs-person", help="Only what azpay does not try any more by itself.")
    ] = False,
    limit: Annotated[int, typer.Option(metavar="N", min=1, max=MOST, help="At most so many.")] = 50,
    cursor: Annotated[str | None, typer.Option(metavar="C", help="The page after this one.")] = None,
    form: Annotated[Format, typer.Option("--format", help="How to write it.")] = Format.TABLE,
) -> None:
    """Operations whose outcome is not known yet, newest first.

    Examples:

        azpay ops list
        azpay ops list --needs-person
        azpay ops list --all --kind refund --json
        azpay ops list --state failed --format csv > failed.csv

    CSV and NDJSON are the whole, unless --limit or --cursor asks for a page.
    """
    from azpay import operations
    from azpay.cli import wiring
    from azpay.operations import Kind, State

    _refuse_two_forms(ctx, form)
    states = [_one_of(State, word, "state of an operation") for word in state or ()]
    query = operations.Query(
        states=states or ([] if all_ else operations.OPEN),
        kinds=[_one_of(Kind, word, "kind of operation") for word in kind or ()],
        flagged=needs_person,
        limit=limit,
        cursor=cursor,
    )
    _show_list(ctx, wiring.book_of(ctx), query, form)


def show(
    ctx: typer.Context, operation: Annotated[str, typer.Argument(metavar="OP", help="An op_… id.")]
) -> None:
    """One operation: what it is about, every attempt at it, and what happens next.

    Examples:

        azpay ops show op_1m836k765br9nv7pb6
        azpay ops show op_1m836k765br9nv7pb6 --json
    """
    from azpay import operations
    from azpay.cli import output, wiring

    db, zone, now = wiring.book_of(ctx), wiring.zone_of(ctx), wiring.now_of(ctx)
    found = operations.one(db, operation)
    about, comes = _about(db, found.operation), _next(found.operation, now, zone)
    blocks: list[Block] = [_fields(found.operation, about, comes, zone)]
    if found.attempts:
        blocks += ["\nAttempts", _attempts(found.attempts, zone)]
    data = operation_data(found.operation) | {
        "idempotency_key": found.operation.idempotency_key,
        "said": about or None,
        "next": comes,
        "tries": [_attempt_data(attempt) for attempt in found.attempts],
    }
    output.emit(ctx, schema="azpay.operation/1", data=data, human=blocks)


def _refuse_two_forms(ctx: typer.Context, form: Format) -> None:
    from azpay.cli.options import globals_of
    from azpay.errors import Usage

    if globals_of(ctx).json and form in {Format.NDJSON, Format.CSV}:
        raise Usage(f"--json and --format {form} cannot both be.", hint="Leave one of them out.")


def _one_of(choices: type[StrEnum], word: str, what: str) -> Any:
    from azpay.errors import Usage

    try:
        return choices(word)
    except ValueError:
        raise Usage(f"{word!r} is no {what}.", hint=f"Choose one of: {', '.join(choices)}.") from None


def _show_list(ctx: typer.Context, db: Database, query: Query, form: Format) -> None:
    from azpay import operations
    from azpay.cli import output, wiring

    if form in {Format.NDJSON, Format.CSV}:
        _write_lines(ctx, db, query, form)
        return
    page = operations.page(db, query)
    data = {"operations": [operation_data(each) for each in page.operations], "next": page.next}
    if form is Format.JSON:
        output.write_document("azpay.operations/1", data)
        return
    output.emit(
        ctx, schema="azpay.operations/1", data=data, human=table(page.operations, wiring.zone_of(ctx))
    )
    if page.next is not None:
        output.say(ctx, f"More: --cursor {page.next}")


def _write_lines(ctx: typer.Context, db: Database, query: Query, form: Format) -> None:
    import sys

    from azpay.cli import output, spreadsheet

    found = (operation_data(each) for each in _read(ctx, db, query))
    if form is Format.NDJSON:
        output.stream(found)
        return
    sys.stdout.reconfigure(newline="")  # type: ignore[union-attr]  # the sheet brings its own line ends
    spreadsheet.write(sys.stdout, COLUMNS, ([each[column] for column in COLUMNS] for each in found))


def _read(ctx: typer.Context, db: Database, query: Query) -> Iterator[Operation]:
    """The page that was asked for, or all of them."""
    from dataclasses import replace

    from azpay import operations

    asked = [ctx.get_parameter_source(name) for name in ("limit", "cursor")]
    one_page = any(source is not None and source.name == "COMMANDLINE" for source in asked)
    page = operations.page(db, query if one_page else replace(query, limit=AT_ONCE))
    yield from page.operations
    while page.next is not None and not one_page:
        page = operations.page(db, replace(query, limit=AT_ONCE, cursor=page.next))
        yield from page.operations


def operation_data(operation: Operation) -> dict[str, Any]:
    """An operation for programs."""
    from azpay.cli.showing import instant

    return {
        "id": operation.id,
        "kind": operation.kind,
        "state": operation.state,
        "about": operation.subject,
        "actor": operation.actor,
        "attempts": operation.attempts,
        "error": operation.error_code,
        "message": _safe(operation.error_message),
        "stripe_object": operation.stripe_object,
        "created": instant(operation.created_at),
        "sent": instant(operation.sent_at),
        "due": instant(operation.due_at),
        "needs_person_since": instant(operation.flagged_at),
        "settled": instant(operation.settled_at),
    }


def _attempt_data(attempt: Attempt) -> dict[str, Any]:
    from azpay.cli.showing import instant

    return {
        "number": attempt.number,
        "step": attempt.step,
        "actor": attempt.actor,
        "outcome": attempt.outcome,
        "code": attempt.code,
        "request": attempt.request,
        "milliseconds": attempt.milliseconds,
        "started": instant(attempt.started_at),
        "ended": instant(attempt.ended_at),
    }


def table(found: list[Operation], zone: tzinfo) -> Table:
    """Operations, a line each."""
    from azpay.cli.dates import shown
    from azpay.cli.tables import Column, Table

    columns = [
        Column("When"),
        Column("Operation"),
        Column("What"),
        Column("State", style=STYLES),
        Column("About", drop=1),
        Column("Asked by", drop=4),
        Column("Next", drop=2),
        Column("Error", drop=3, fold=True),
    ]
    rows = [
        [
            shown(each.created_at, zone),
            each.id,
            str(each.kind),
            str(each.state),
            each.subject,
            each.actor or "",
            "needs a person" if each.flagged_at else shown(each.due_at, zone) if each.due_at else "",
            each.error_code or "",
        ]
        for each in found
    ]
    return Table(columns, rows, empty="No operations.")


def _attempts(attempts: list[Attempt], zone: tzinfo) -> Table:
    from azpay.cli.dates import shown
    from azpay.cli.tables import Column, Table

    columns = [
        Column("When"),
        Column("Step"),
        Column("By"),
        Column("Outcome", style=STYLES),
        Column("Code", drop=1),
        Column("Took", right=True, drop=3),
        Column("Request", drop=2),
    ]
    rows = [
        [
            shown(each.started_at, zone),
            "asked" if each.step == "ask" else "looked",
            each.actor,
            str(each.outcome or "no end on record"),
            each.code or "",
            f"{each.milliseconds} ms" if each.milliseconds is not None else "",
            each.request or "",
        ]
        for each in attempts
    ]
    return Table(columns, rows)


def _fields(operation: Operation, about: str, comes: str, zone: tzinfo) -> Fields:
    from azpay.cli.dates import shown
    from azpay.cli.tables import Fields

    pairs = (
        ("Operation", operation.id),
        ("About", f"{operation.subject}  {about}".rstrip()),
        ("Asked by", operation.actor),
        ("Asked", shown(operation.created_at, zone)),
        ("Settled", shown(operation.settled_at, zone) if operation.settled_at else None),
        ("At Stripe", operation.stripe_object),
        ("Key", operation.idempotency_key),
        ("Error", _safe(operation.error_message)),
        ("Next", comes),
    )
    title = f"{operation.state}  {operation.kind}"
    return Fields([(label, value) for label, value in pairs if value], title=title)


def _about(db: Database, operation: Operation) -> str:
    """The money that it is about, or the method that its owner is to confirm."""
    from azpay.money import Money
    from azpay.payments import Payment, Refund
    from azpay.payments.models import SetupIntent

    tables: dict[str, Any] = {"pay": Payment, "ref": Refund, "set": SetupIntent}
    table = tables.get(operation.subject.partition("_")[0])
    with db.reading() as session:
        found: Any = table and session.get(table, operation.subject)
    if not found:
        return ""
    about = found.payment_method if table is SetupIntent else Money(found.amount, found.currency)
    return f"{about}, {found.status}"


def _next(operation: Operation, now: datetime, zone: tzinfo) -> str:
    """What happens next, and when."""
    from azpay import operations
    from azpay.cli.dates import shown

    if operation.state not in operations.OPEN:
        return "nothing: it is settled"
    if operation.leased_until is not None and operation.leased_until > now:
        return f"nothing until {shown(operation.leased_until, zone)}: somebody asks Stripe about it now"
    if operation.flagged_at is not None or operation.due_at is None:
        return f"nothing by itself: it needs a person. `azpay ops resolve {operation.id}`"
    looks = operation.parameters is None or operations.is_old(operation, max(now, operation.due_at))
    what = "looks at Stripe for what became of it" if looks else "asks Stripe again under the same key"
    number = f"try {operation.resolutions + 1} of {operations.TRIES}"
    return f"a worker {what}, from {shown(operation.due_at, zone)} on ({number})"


def _safe(text: str | None) -> str | None:
    from azpay.logs import redact

    return None if text is None else redact(text)
