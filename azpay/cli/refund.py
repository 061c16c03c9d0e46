"""`azpay refund`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from azpay.cli.charge import PENDING, Live, Minor, consent, money
from azpay.cli.options import Yes

if TYPE_CHECKING:
    from azpay.bootstrap import Azpay
    from azpay.payments import Payment, Refund


def refund(  # noqa: PLR0913 - a command's options
    ctx: typer.Context,
    payment: Annotated[str, typer.Argument(metavar="PAYMENT", help="By pay_… or pi_… id, or reference.")],
    amount: Annotated[str | None, typer.Argument(metavar="[AMOUNT]", help="Less than what is left.")] = None,
    reason: Annotated[
        str | None, typer.Option(help="duplicate, fraudulent or requested_by_customer; Stripe keeps it.")
    ] = None,
    note: Annotated[str | None, typer.Option(metavar="TEXT", help="Why; kept here, not sent.")] = None,
    idempotency_key: Annotated[str | None, typer.Option(metavar="KEY", help="Your own key for it.")] = None,
    allow_duplicate: Annotated[
        bool, typer.Option("--allow-duplicate", help="Even if it looks repeated.")
    ] = False,
    amount_minor: Minor = False,
    yes: Yes = False,
    live: Live = None,
) -> None:
    """Give money back.

    Examples:

        azpay refund order-1001                    # everything that is left
        azpay refund pay_1m836k765br9nv7pb6 5.00 --reason requested_by_customer
        azpay refund order-1001 5.00 --note "late delivery" --yes

    The same command again is safe: it goes on with what is open, and stops what looks like a repetition.
    """
    from azpay import payments
    from azpay.cli import output, prompts, wiring
    from azpay.money import Money

    azpay = wiring.azpay_of(ctx)
    found = _payment(azpay, payment)
    left = Money(found.amount_captured - found.amount_refunded, found.currency)
    giving = money(amount, found.currency, minor=amount_minor) if amount else left
    request = payments.RefundRequest(
        payment=found.id,
        amount=giving.amount if amount else None,
        reason=reason,
        note=note,
        idempotency_key=idempotency_key,
        allow_duplicate=allow_duplicate,
    )
    output.say(ctx, f"Refund {giving.echo()} of {found.id} ({Money(found.amount, found.currency)})")
    if not giving.amount:
        output.say(ctx, "Nothing is left to refund; if a refund is still open, this asks what became of it.")
    elif azpay.settings.live:
        consent(azpay, giving, yes=yes, live=live)
    else:
        prompts.confirm(f"Give back {giving}?", yes=yes)
    _show(ctx, azpay, payments.refund(azpay.db, azpay.gateway, request, now=azpay.now()))


def _payment(azpay: Azpay, named: str) -> Payment:
    from azpay import payments

    with azpay.db.reading() as session:
        return payments.find(session, named)


def _show(ctx: typer.Context, azpay: Azpay, refund: Refund) -> None:
    from azpay.cli import output
    from azpay.cli.dates import shown
    from azpay.cli.showing import refund_data
    from azpay.cli.tables import Fields
    from azpay.money import Money
    from azpay.payments import RefundStatus

    payment = _payment(azpay, refund.payment_id)
    left = Money(payment.amount_captured - payment.amount_refunded, payment.currency)
    pairs = [
        ("Refund", refund.id),
        ("Payment", refund.payment_id),
        ("Left to refund", left.display()),
        ("Reason", refund.reason or ""),
        ("Note", refund.note or ""),
        ("Made", shown(refund.created_at, azpay.settings.zone)),
        ("At Stripe", refund.refund or ""),
    ]
    title = f"{refund.status}  {Money(refund.amount, refund.currency).display()}"
    output.emit(
        ctx,
        schema="azpay.refund/1",
        data={**refund_data(refund), "left": left.amount},
        human=Fields([(label, value) for label, value in pairs if value], title=title),
    )
    if refund.status in {RefundStatus.PENDING, RefundStatus.REQUIRES_ACTION, RefundStatus.UNKNOWN}:
        raise typer.Exit(PENDING)
