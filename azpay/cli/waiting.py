"""What waits for a second person, as people and programs see it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from azpay.cli.charge import PENDING

if TYPE_CHECKING:
    from datetime import datetime, tzinfo

    from azpay.access import Approval, ApprovalNeeded
    from azpay.bootstrap import Azpay
    from azpay.cli.tables import Fields


def show_waiting(ctx: typer.Context, azpay: Azpay, needed: ApprovalNeeded) -> None:
    """What was asked for, and a status of 8: nothing has moved."""
    from azpay.cli import output

    show(ctx, needed.approval, azpay.now(), azpay.settings.zone)
    output.say(ctx, f"{needed.message}\n  Next: {needed.hint}")
    raise typer.Exit(PENDING)


def approval_data(approval: Approval, now: datetime) -> dict[str, Any]:
    """What is asked for and what became of it, for programs: minor units, UTC."""
    from azpay.cli.showing import instant

    return {
        "id": approval.id,
        "kind": approval.kind,
        "state": approval.standing(now),
        "payment": approval.subject,
        "amount": approval.amount,
        "currency": approval.currency,
        "display": str(approval.money),
        "note": approval.request["note"],
        "asked_by": approval.asked_by,
        "asked": instant(approval.asked_at),
        "expires": instant(approval.expires_at),
        "decided_by": approval.decided_by,
        "decided": instant(approval.decided_at),
        "reason": approval.reason,
        "refund": approval.outcome,
    }


def show(ctx: typer.Context, approval: Approval, now: datetime, zone: tzinfo) -> None:
    """What is asked for, and what became of it."""
    from azpay.cli import output

    output.emit(
        ctx,
        schema="azpay.approval/1",
        data=approval_data(approval, now),
        human=_fields(approval, now, zone),
    )


def _fields(approval: Approval, now: datetime, zone: tzinfo) -> Fields:
    from azpay.cli.dates import shown
    from azpay.cli.tables import Fields

    pairs = [
        ("Approval", approval.id),
        ("Payment", approval.subject),
        ("Asked by", approval.asked_by),
        ("Asked", shown(approval.asked_at, zone)),
        ("Until", shown(approval.expires_at, zone)),
        ("Note", approval.request["note"] or ""),
        ("Decided by", approval.decided_by or ""),
        ("Reason", approval.reason or ""),
    ]
    title = f"{approval.standing(now)}  {approval.kind} of {approval.money.display()}"
    return Fields([(label, value) for label, value in pairs if value], title=title)
