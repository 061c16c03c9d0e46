"""Payouts as people and programs see them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from azpay.cli.dates import shown
from azpay.cli.listings import Shape
from azpay.cli.showing import instant
from azpay.cli.tables import Block, Column, Fields, Table
from azpay.money import Money

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import tzinfo

    from azpay.settlement import Payout
    from azpay.settlement.listing import PayoutStory

STYLES: Mapping[str, str] = {
    "paid": "green",
    "in_transit": "yellow",
    "pending": "yellow",
    "failed": "bold red",
    "canceled": "dim",
}


def payout_data(payout: Payout) -> dict[str, Any]:
    """A payout for programs."""
    return {
        "id": payout.payout,
        "status": payout.status,
        "amount": payout.amount,
        "currency": payout.currency,
        "display": str(Money(payout.amount, payout.currency)),
        "arrives": instant(payout.arrives_at),
        "automatic": payout.automatic,
        "method": payout.method,
        "type": payout.type,
        "destination": payout.destination,
        "description": payout.description,
        "statement_descriptor": payout.statement_descriptor,
        "trace_id": payout.trace_id,
        "trace_status": payout.trace_status,
        "reconciliation_status": payout.reconciliation_status,
        "failure_code": payout.failure_code,
        "failure_message": payout.failure_message,
        "original_payout": payout.original_payout,
        "reversed_by": payout.reversed_by,
        "livemode": payout.livemode,
        "created": instant(payout.created_at),
        "updated": instant(payout.updated_at),
    }


SHAPE: Shape[Payout] = Shape(
    data=payout_data,
    columns=(
        "id", "created", "arrives", "status", "currency", "amount", "automatic", "trace_id",
        "reconciliation_status", "failure_code", "destination",
    ),
    cells=lambda payout: [
        payout.payout,
        instant(payout.created_at),
        instant(payout.arrives_at),
        payout.status,
        payout.currency.upper(),
        Money(payout.amount, payout.currency).major(),
        "yes" if payout.automatic else "no",
        payout.trace_id,
        payout.reconciliation_status,
        payout.failure_code,
        payout.destination,
    ],
)  # fmt: skip


def table(payouts: Sequence[Payout], zone: tzinfo) -> Table:
    """Payouts, a line each."""
    columns = [
        Column("Made"),
        Column("Payout"),
        Column("Amount", right=True),
        Column("Status", style=STYLES),
        Column("Arrives"),
        Column("Trace id", drop=2),
        Column("Failure", drop=1),
    ]
    rows = [
        [
            shown(payout.created_at, zone)[:10],
            payout.payout,
            Money(payout.amount, payout.currency).display(),
            payout.status,
            _day(payout),
            payout.trace_id or "",
            payout.failure_code or "",
        ]
        for payout in payouts
    ]
    return Table(columns, rows, empty="No payouts.")


def _day(payout: Payout) -> str:
    """The bank's day, as Stripe tells it: a date, whatever the zone of whoever looks."""
    return payout.arrives_at.date().isoformat()


def fields(told: PayoutStory, zone: tzinfo) -> Fields:
    """One payout: where it stands first, what it is called after."""
    payout = told.payout
    pairs: list[tuple[str, str | None]] = [
        ("Payout", payout.payout),
        ("Why", payout.failure_message),
        ("Code", payout.failure_code),
        ("What now", _what_now(payout)),
        ("In the bank", None if payout.failure_code else _day(payout)),
        ("Trace id", payout.trace_id),
        ("To", payout.destination),
        ("On statement", payout.statement_descriptor),
        ("Description", payout.description),
        ("Made by", "Stripe's schedule" if payout.automatic else "hand"),
        ("Made of", _made_of(told)),
        ("Reverses", payout.original_payout),
        ("Reversed by", payout.reversed_by),
        ("Made", shown(payout.created_at, zone)),
    ]
    amount = Money(payout.amount, payout.currency)
    return Fields(
        [(label, value) for label, value in pairs if value], title=f"{payout.status}  {amount.display()}"
    )


def _what_now(payout: Payout) -> str | None:
    if payout.status != "failed":
        return None
    return "The money is back in the balance. Put the bank account right in Stripe's dashboard first."


def _made_of(told: PayoutStory) -> str:
    if told.made_of:
        return f"{told.made_of:,} lines of Stripe's ledger, its own included"
    if not told.payout.automatic:
        return "an amount that was asked for: Stripe does not say which payments are in it"
    return "not known yet: Stripe says so once it has reconciled the payout"


def story(told: PayoutStory, zone: tzinfo) -> list[Block]:
    """One payout with all that is known of it; a part that is empty is left out."""
    from azpay.cli.dispute_views import lines_table

    parts: list[Block] = [fields(told, zone)]
    if told.lines:
        parts += ["\nMoney at Stripe", lines_table(told.lines, zone)]
    if told.events:
        rows = [[shown(event.created_at, zone), event.type, event.event] for event in told.events]
        parts += ["\nWhat Stripe told", Table([Column("When"), Column("Event"), Column("Id", drop=1)], rows)]
    return parts
