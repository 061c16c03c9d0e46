"""`azpay refund`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from azpay.cli import batch_options
from azpay.cli.afterwards import on_record
from azpay.cli.beforehand import before_asking
from azpay.cli.charge import PENDING, DryRun, Live, Minor, consent, consent_to_all, money
from azpay.cli.keyed import Keyed
from azpay.cli.options import Yes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from azpay.bootstrap import Azpay
    from azpay.money import Money
    from azpay.payments import Payment, Refund, RefundRequest


@before_asking()
def refund(  # noqa: PLR0913 - a command's options
    ctx: typer.Context,
    payment: Annotated[
        str | None, typer.Argument(metavar="PAYMENT", help="By pay_… or pi_… id, or reference.")
    ] = None,
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
    dry_run: DryRun = False,
    yes: Yes = False,
    live: Live = None,
    file: batch_options.File = None,
    plan: batch_options.Plan = False,
    at_once: batch_options.AtOnce = None,
    results: batch_options.Results = None,
    new_batch: batch_options.NewBatch = False,
) -> None:
    """Give money back; or many times, from a file.

    Examples:

        azpay refund order-1001                    # everything that is left
        azpay refund pay_1m836k765br9nv7pb6 5.00 --reason requested_by_customer
        azpay refund order-1001 5.00 --note "late delivery" --yes
        azpay refund --file refunds.csv --plan     # then: without --plan

    The same command again is safe: it goes on with what is open, and stops what looks like a repetition. A
    refund that somebody else must approve waits for that, with exit status 8: `azpay refund pending`.

    A file has the columns payment, amount, reason, note; without an amount, everything that is left. All rows
    are checked before the first moves. Running it again moves nothing twice.
    """
    from azpay import access, payments
    from azpay.cli import dry_runs, waiting, wiring
    from azpay.operations import Kind

    if file is not None:
        from azpay.cli.batches import run_file

        run_file(ctx, "refund", lambda *what: _agree_to_all(*what, yes=yes, live=live))
        return
    batch_options.only_for_files(plan=plan, at_once=at_once, results=results, new_batch=new_batch)
    payment = batch_options.required(payment, "PAYMENT")
    azpay = wiring.azpay_of(ctx, access.Action.REFUND, within=wiring.A_MINUTE)
    found = _payment(azpay, payment)
    asked = money(amount, found.currency, minor=amount_minor) if amount is not None else None
    request = payments.RefundRequest(
        payment=found.id,
        amount=asked.amount if asked else None,
        reason=reason,
        note=note,
        idempotency_key=idempotency_key,
        allow_duplicate=allow_duplicate,
    )
    if dry_run:
        dry_runs.show(ctx, payments.preview_refund(azpay.db, azpay.guards, request, now=azpay.now()))
        return
    keyed = Keyed(azpay, Kind.REFUND, request)
    said = keyed.said()
    if said is not None:
        show(ctx, azpay, _refund(azpay, said["id"]), said)
        return
    try:
        with keyed.held():
            giving = _announced(ctx, azpay, found, request)
            if giving.amount:
                agree(azpay, giving, yes=yes, live=live)
            given = payments.refund(azpay.db, azpay.gateway, request, now=azpay.now(), guards=azpay.guards)
    except access.ApprovalNeeded as needed:
        waiting.show_waiting(ctx, azpay, needed)
    else:
        with on_record(given.id, given.payment_id):
            show(ctx, azpay, given, keyed=keyed)


def _refund(azpay: Azpay, named: str) -> Refund:
    from azpay import payments

    with azpay.db.reading() as session:
        return payments.find_refund(session, named)


def _announced(ctx: typer.Context, azpay: Azpay, payment: Payment, request: RefundRequest) -> Money:
    """Say what is about to be given back: of an earlier attempt, if one stands open; perhaps nothing."""
    from azpay import payments
    from azpay.cli import output
    from azpay.money import Money

    with azpay.db.reading() as session:
        open_ = payments.underway(session, request)
    left = payment.amount_captured - payment.amount_refunded
    amount = open_.amount if open_ else left if request.amount is None else request.amount
    giving = Money(amount, payment.currency)
    if open_ is not None:
        output.say(
            ctx, f"Going on with {open_.id}, {giving.echo()} of {payment.id}: its outcome is not known."
        )
    elif amount:
        output.say(ctx, f"Refund {giving.echo()} of {payment.id} ({Money(payment.amount, payment.currency)})")
    return giving


def agree(azpay: Azpay, giving: Money, *, yes: bool, live: str | None) -> None:
    """A person's y, and in live mode what `consent` asks."""
    from azpay.cli import prompts

    consent(azpay, giving, yes=yes, live=live)
    if not azpay.settings.live:
        prompts.confirm(f"Give back {giving}?", yes=yes)


def _agree_to_all(azpay: Azpay, totals: Sequence[Money], rows: int, *, yes: bool, live: str | None) -> None:
    from azpay.cli import prompts

    consent_to_all(azpay, totals, yes=yes, live=live)
    if not azpay.settings.live:
        prompts.confirm(
            f"Give back {' and '.join(map(str, totals))} in {rows:,} {'row' if rows == 1 else 'rows'}?",
            yes=yes,
        )


def _payment(azpay: Azpay, named: str) -> Payment:
    from azpay import payments

    with azpay.db.reading() as session:
        return payments.find(session, named)


def show(
    ctx: typer.Context,
    azpay: Azpay,
    refund: Refund,
    said: dict[str, Any] | None = None,
    keyed: Keyed | None = None,
) -> None:
    """The refund, or in a document what was said of it before; a status of 8 when it is not over yet."""
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
    data = said or {**refund_data(refund), "left": left.amount}
    waits = refund.status in {RefundStatus.PENDING, RefundStatus.REQUIRES_ACTION, RefundStatus.UNKNOWN}
    if keyed is not None and not waits:
        keyed.keep(data)
    title = f"{refund.status}  {Money(refund.amount, refund.currency).display()}"
    output.emit(
        ctx,
        schema="azpay.refund/1",
        data=data,
        human=Fields([(label, value) for label, value in pairs if value], title=title),
    )
    if waits:
        output.say(ctx, f"Not over.\n  Next: azpay history {refund.payment_id}")
        raise typer.Exit(PENDING)
