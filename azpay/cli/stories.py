"""One payment's whole story: what we asked, what Stripe said, where the money went."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from azpay.cli import dispute_views, payout_views
from azpay.cli.dates import shown
from azpay.cli.dispute_data import case_data, review_data, warning_data
from azpay.cli.payout_views import payout_data
from azpay.cli.showing import instant, payment_data, payment_fields, refund_data, refunds_table
from azpay.cli.tables import Block, Column, Table
from azpay.money import Money

if TYPE_CHECKING:
    from datetime import datetime, tzinfo

    from azpay.inbox import InboxEvent
    from azpay.payments import Story
    from azpay.settlement import BalanceTransaction


REFUND_FAILED = frozenset({"refund_failure", "payment_refund_failure"})
"""https://docs.stripe.com/reports/balance-transaction-types"""


def data(story: Story) -> dict[str, Any]:
    """The story for programs."""
    return {
        "payment": payment_data(story.payment),
        "refunds": [refund_data(refund) for refund in story.refunds],
        "operations": [
            {
                "id": operation.id,
                "kind": operation.kind,
                "state": operation.state,
                "attempts": operation.attempts,
                "error": operation.error_code,
                "created": instant(operation.created_at),
                "settled": instant(operation.settled_at),
            }
            for operation in story.operations
        ],
        "disputes": [case_data(case) for case in story.objections.disputes],
        "early_fraud_warnings": [warning_data(warning) for warning in story.objections.warnings],
        "reviews": [review_data(review) for review in story.objections.reviews],
        "balance_transactions": [line_data(line) for line in story.lines],
        "payouts": [payout_data(payout) for payout in story.payouts],
        "events": [event_data(event) for event in story.events],
    }


def line_data(line: BalanceTransaction) -> dict[str, Any]:
    """A line of Stripe's ledger for programs."""
    return {
        "id": line.balance_transaction,
        "type": line.type,
        "amount": line.amount,
        "fee": line.fee,
        "net": line.net,
        "currency": line.currency,
        "available_on": instant(line.available_on),
        "payout": line.payout,
    }


def event_data(event: InboxEvent) -> dict[str, Any]:
    """An event for programs, without its body."""
    return {
        "id": event.event,
        "type": event.type,
        "state": event.state,
        "created": instant(event.created_at),
        "received": instant(event.received_at),
    }


def blocks(story: Story, now: datetime, zone: tzinfo) -> list[Block]:
    """The story for people; a part that is empty is left out."""
    parts: list[Block] = [payment_fields(story.payment, zone)]
    if story.refunds:
        parts += ["\nRefunds", refunds_table(story.refunds, zone), *_came_back(story, zone)]
    parts += dispute_views.objections(story.objections, now, zone)
    if story.lines:
        parts += ["\nMoney at Stripe", _lines(story, zone)]
    if story.payouts:
        parts += ["\nPaid out", payout_views.table(story.payouts, zone)]
    if story.operations:
        parts += ["\nWhat azpay asked", _operations(story, zone)]
    if story.events:
        parts += ["\nWhat Stripe told", _events(story, zone)]
    return parts


def _came_back(story: Story, zone: tzinfo) -> list[Block]:
    """A refund can fail days after it succeeded. Then the customer was not repaid after all."""
    returned = {line.source: line for line in story.lines if line.type in REFUND_FAILED}
    return [
        f"{refund.id} came back on {shown(returned[refund.refund].created_at, zone)[:10]}: "
        f"{Money(refund.amount, refund.currency).display()} is to be paid to the customer another way."
        for refund in story.refunds
        if refund.refund in returned
    ]


def _lines(story: Story, zone: tzinfo) -> Table:
    columns = [
        Column("Type"),
        Column("Amount", right=True),
        Column("Fee", right=True),
        Column("Net", right=True),
        Column("Available"),
        Column("Line", drop=1),
    ]
    return Table(
        columns,
        [
            [
                line.type,
                *(Money(part, line.currency).display() for part in (line.amount, line.fee, line.net)),
                shown(line.available_on, zone)[:10],
                line.balance_transaction,
            ]
            for line in story.lines
        ],
    )


def _operations(story: Story, zone: tzinfo) -> Table:
    columns = [
        Column("When"),
        Column("What"),
        Column("Outcome", style={"succeeded": "green", "failed": "red", "unknown": "bold red"}),
        Column("Tries", right=True, drop=1),
        Column("Operation", drop=2),
        Column("Error", drop=3, fold=True),
    ]
    return Table(
        columns,
        [
            [
                shown(operation.created_at, zone),
                operation.kind,
                operation.state,
                str(operation.attempts),
                operation.id,
                operation.error_message or "",
            ]
            for operation in story.operations
        ],
    )


def _events(story: Story, zone: tzinfo) -> Table:
    columns = [
        Column("When"),
        Column("Event"),
        Column("Applied", style={"done": "green", "dead": "bold red", "failed": "red"}),
        Column("Id", drop=1),
    ]
    return Table(
        columns,
        [[shown(event.created_at, zone), event.type, event.state, event.event] for event in story.events],
    )
