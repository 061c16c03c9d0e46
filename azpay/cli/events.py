"""`azpay events`: what Stripe told us, for operators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from azpay.cli.options import Since, Until

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, tzinfo

    from azpay.cli.tables import Fields, Table
    from azpay.inbox import EventState, InboxEvent

MOST = 1000
STYLES = {"done": "green", "received": "yellow", "failed": "yellow", "dead": "bold red"}


def listing(  # noqa: PLR0913 - one for each filter
    ctx: typer.Context,
    status: Annotated[
        list[str] | None, typer.Option(metavar="S", help="received, done, failed or dead; repeatable.")
    ] = None,
    type_: Annotated[
        list[str] | None, typer.Option("--type", metavar="T", help="Such as charge.refunded; repeatable.")
    ] = None,
    object_: Annotated[
        str | None, typer.Option("--object", metavar="ID", help="Only about this object of Stripe's.")
    ] = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[int, typer.Option(metavar="N", min=1, max=MOST, help="At most so many.")] = 50,
) -> None:
    """Stripe's events, the newest received first.

    Examples:

        azpay events list
        azpay events list --until 24h --status received    # waiting for a day
        azpay events list --status failed --status dead
        azpay events list --object pi_123 --json
    """
    from azpay import inbox
    from azpay.cli import dates, output, wiring

    found = inbox.page(
        wiring.book_of(ctx),
        received=dates.period(since, until, now=wiring.now_of(ctx), zone=wiring.zone_of(ctx)),
        states=[_state(word) for word in status or ()],
        types=type_ or (),
        object_id=object_,
        limit=limit,
    )
    data = {"events": [_data(event) for event in found]}
    output.emit(ctx, schema="azpay.events/1", data=data, human=_table(found, wiring.zone_of(ctx)))


def show(
    ctx: typer.Context, event: Annotated[str, typer.Argument(metavar="EVENT", help="An evt_… id.")]
) -> None:
    """One event: what became of it, and what Stripe sent.

    Examples:

        azpay events show evt_123
        azpay events show evt_123 --json

    The body is shown without e-mail addresses, keys and card numbers.
    """
    from azpay import inbox
    from azpay.cli import output, wiring

    db = wiring.book_of(ctx)
    found, payload = inbox.one(db, event), _payload(inbox.body_of(db, event))
    human = (_fields(found, wiring.zone_of(ctx)), "", _indented(payload))
    output.emit(ctx, schema="azpay.event/1", data=_data(found) | {"payload": payload}, human=human)


def _state(word: str) -> EventState:
    from azpay.errors import Usage
    from azpay.inbox import EventState

    try:
        return EventState(word)
    except ValueError:
        raise Usage(
            f"{word!r} is no status of an event.", hint=f"Choose one of: {', '.join(EventState)}."
        ) from None


def _data(event: InboxEvent) -> dict[str, Any]:
    return {
        "event": event.event,
        "type": event.type,
        "object": event.object_id,
        "account": event.account,
        "livemode": event.livemode,
        "api_version": event.api_version,
        "status": event.state,
        "attempts": event.attempts,
        "error": _safe(event.error),
        "created": _utc(event.created_at),
        "received": _utc(event.received_at),
        "due": _utc(event.due_at),
        "processed": _utc(event.processed_at),
    }


def _utc(when: datetime | None) -> str | None:
    from azpay.cli.dates import in_utc

    return None if when is None else in_utc(when)


def _table(events: Sequence[InboxEvent], zone: tzinfo) -> Table:
    from azpay.cli.dates import shown
    from azpay.cli.tables import Column, Table

    columns = [
        Column("Received"),
        Column("Event"),
        Column("Type"),
        Column("About", drop=1),
        Column("Status", style=STYLES),
        Column("Tries", right=True, drop=2),
        Column("Error", drop=3, fold=True),
    ]
    rows = [
        [
            shown(event.received_at, zone),
            event.event,
            event.type,
            event.object_id or "",
            str(event.state),
            str(event.attempts),
            _safe(event.error) or "",
        ]
        for event in events
    ]
    return Table(columns, rows, empty="No events.")


def _fields(event: InboxEvent, zone: tzinfo) -> Fields:
    from azpay.cli.dates import shown
    from azpay.cli.tables import Fields

    next_try = shown(event.due_at, zone) if event.state == "failed" else None
    pairs = (
        ("Event", event.event),
        ("About", event.object_id),
        ("Made", shown(event.created_at, zone)),
        ("Received", shown(event.received_at, zone)),
        ("Applied", shown(event.processed_at, zone) if event.processed_at else None),
        ("Tries", str(event.attempts)),
        ("Next try", next_try),
        ("Error", _safe(event.error)),
        ("API version", event.api_version),
        ("Signed with", f"whsec_…{event.secret}" if event.secret else "nothing: fetched by a sweep"),
        ("Mode", "live" if event.livemode else "test"),
    )
    return Fields([(label, value) for label, value in pairs if value], title=f"{event.state}  {event.type}")


def _safe(text: str | None) -> str | None:
    from azpay.logs import redact

    return None if text is None else redact(text)


def _payload(body: bytes) -> Any:
    import json

    return _redacted(json.loads(body))


def _redacted(value: Any) -> Any:
    """The same document, with what must not be read taken out of its texts."""
    match value:
        case str():
            return _safe(value)
        case list():
            return [_redacted(each) for each in value]
        case dict():
            return {name: _redacted(each) for name, each in value.items()}
        case _:
            return value


def _indented(payload: Any) -> str:
    import json

    return json.dumps(payload, indent=2, ensure_ascii=False)
