"""`azpay refund pending`, `approve` and `reject`: four eyes on refunds."""

from __future__ import annotations

from typing import Annotated

import typer

from azpay.cli.beforehand import before_asking
from azpay.cli.charge import Live
from azpay.cli.options import Yes

Named = Annotated[str, typer.Argument(metavar="ID", help="An apr_… id.")]


def pending(ctx: typer.Context) -> None:
    """Refunds that wait for a second person, oldest first.

    Examples:

        azpay refund pending
        azpay refund pending --json
    """
    from azpay import payments
    from azpay.cli import output, waiting, wiring
    from azpay.cli.dates import shown
    from azpay.cli.tables import Column, Table

    db, now, zone = wiring.book_of(ctx), wiring.now_of(ctx), wiring.zone_of(ctx)
    found = payments.refunds_waiting(db, now=now)
    titles = ("Approval", "Payment", "Asked by", "Until", "Note")
    columns = [Column(title, fold=title == "Note") for title in titles]
    columns.insert(1, Column("Amount", right=True))
    rows = [
        [
            each.id,
            each.money.display(),
            each.subject,
            each.asked_by,
            shown(each.expires_at, zone),
            each.request["note"] or "",
        ]
        for each in found
    ]
    output.emit(
        ctx,
        schema="azpay.approvals/1",
        data=[waiting.approval_data(each, now) for each in found],
        human=Table(columns, rows, empty="Nothing waits for a second person."),
    )


@before_asking()
def approve(ctx: typer.Context, approval: Named, yes: Yes = False, live: Live = None) -> None:
    """Let a refund go ahead that somebody else asked for, and carry it out.

    Examples:

        azpay refund approve apr_1m836k765br9nv7pb6
        azpay refund approve apr_1m836k765br9nv7pb6 --yes

    Nobody approves what they asked for, and nothing is approved twice. The same command again goes on with a
    refund whose outcome is not known.
    """
    from azpay import payments
    from azpay.access import Action
    from azpay.cli import output, refund, wiring

    azpay = wiring.azpay_of(ctx, Action.APPROVE)
    asked = payments.look_at_approval(azpay.db, approval)
    output.say(ctx, f"Refund {asked.money.echo()} of {asked.subject}, asked for by {asked.asked_by}")
    refund.agree(azpay, asked.money, yes=yes, live=live)
    given = payments.approve_refund(azpay.db, azpay.gateway, approval, now=azpay.now(), guards=azpay.guards)
    refund.show(ctx, azpay, given)


def reject(
    ctx: typer.Context,
    approval: Named,
    reason: Annotated[str | None, typer.Option(metavar="TEXT", help="Why; kept here, not sent.")] = None,
) -> None:
    """Turn down a refund that waits, or take back your own.

    Examples:

        azpay refund reject apr_1m836k765br9nv7pb6 --reason "ask the customer first"
    """
    from azpay import payments
    from azpay.access import Action
    from azpay.cli import waiting, wiring

    db, now = wiring.book_of(ctx, Action.APPROVE), wiring.now_of(ctx)
    guards, _ = wiring.guards_of(ctx)
    rejected = payments.reject_refund(db, approval, reason=reason, now=now, guards=guards)
    waiting.show(ctx, rejected, now, wiring.zone_of(ctx))
