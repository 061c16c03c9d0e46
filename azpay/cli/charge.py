"""`azpay charge`, `azpay capture`, `azpay cancel`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from azpay.cli import batch_options
from azpay.cli.afterwards import on_record
from azpay.cli.beforehand import before_asking
from azpay.cli.keyed import Keyed
from azpay.cli.options import Yes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from azpay.bootstrap import Azpay
    from azpay.money import Money
    from azpay.payments import Payment

PENDING = 8

IN_MAJOR_UNITS = "In major units with a dot: 12.50."
Wait = Annotated[
    int, typer.Option(metavar="SECONDS", min=0, max=3600, help="Wait for what the customer or bank decides.")
]
ReturnUrl = Annotated[
    str | None, typer.Option(metavar="URL", help="Where the customer comes back to from their bank.")
]
Minor = Annotated[bool, typer.Option("--amount-minor", help="AMOUNT is in minor units: 1250 for 12.50.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the request; send nothing.")]
Live = Annotated[str | None, typer.Option("--live", metavar="ACCOUNT", help="Live mode: whose money moves.")]


@before_asking()
def charge(  # noqa: PLR0913 - a command's options
    ctx: typer.Context,
    amount: Annotated[str | None, typer.Argument(metavar="AMOUNT", help=IN_MAJOR_UNITS)] = None,
    currency: Annotated[
        str | None, typer.Argument(metavar="CURRENCY", help="Three letters, such as eur.")
    ] = None,
    customer: Annotated[
        str | None, typer.Option(metavar="C", help="A cus_… id, or an e-mail address.")
    ] = None,
    method: Annotated[str | None, typer.Option(metavar="PM", help="A pm_… id; else the default one.")] = None,
    reference: Annotated[str | None, typer.Option(metavar="ORDER", help="What you call it.")] = None,
    description: Annotated[str | None, typer.Option(metavar="TEXT", help="What it is for.")] = None,
    receipt_email: Annotated[str | None, typer.Option(metavar="ADDR", help="Where Stripe writes to.")] = None,
    metadata: Annotated[list[str] | None, typer.Option(metavar="K=V", help="Kept at Stripe with it.")] = None,
    authorize_only: Annotated[bool, typer.Option("--authorize-only", help="Hold it; capture later.")] = False,
    off_session: Annotated[
        bool, typer.Option("--off-session/--on-session", help="Whether the customer is away.")
    ] = False,
    statement_suffix: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Stands on the bank statement, after your name.")
    ] = None,
    return_url: ReturnUrl = None,
    idempotency_key: Annotated[str | None, typer.Option(metavar="KEY", help="Your own key for it.")] = None,
    allow_duplicate: Annotated[
        bool, typer.Option("--allow-duplicate", help="Even if it looks repeated.")
    ] = False,
    wait: Wait = 0,
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
    """Charge a saved or a one-time payment method; or many, from a file.

    Examples:

        azpay charge 19.99 usd --method pm_card_visa
        azpay charge 12.50 eur --customer ada@example.com --reference order-1001
        azpay charge 100 eur --customer cus_123 --authorize-only   # then: capture
        azpay charge 20 eur --customer cus_123 --return-url https://shop.example/thanks --wait 300
        azpay charge --file charges.csv --plan                     # then: without --plan

    The same command again is safe: it goes on with what is open, and stops what looks like a repetition.

    A bank may want the customer to confirm. With --return-url the answer has a link for them; --wait waits
    for what they, or the bank, decide. What is still open then ends with status 8.

    A file has columns named like the options: amount, currency, customer, method, reference, description,
    receipt_email, metadata.K. All rows are checked before the first moves. Running it again moves nothing
    twice.
    """
    from azpay import payments
    from azpay.access import Action
    from azpay.cli import dry_runs, output, wiring

    if file is not None:
        from azpay.cli.batches import run_file

        run_file(ctx, "charge", lambda azpay, totals, _: consent_to_all(azpay, totals, yes=yes, live=live))
        return
    batch_options.only_for_files(plan=plan, at_once=at_once, results=results, new_batch=new_batch)
    amount = batch_options.required(amount, "AMOUNT")
    currency = batch_options.required(currency, "CURRENCY")
    request = payments.ChargeRequest(
        money=money(amount, currency, minor=amount_minor),
        payment_method=method,
        customer=customer,
        reference=reference,
        description=description,
        receipt_email=receipt_email,
        metadata=pairs(metadata or []),
        authorize_only=authorize_only,
        off_session=off_session,
        statement_suffix=statement_suffix,
        return_url=return_url,
        idempotency_key=idempotency_key,
        allow_duplicate=allow_duplicate,
    )
    output.say(ctx, f"{'Hold' if authorize_only else 'Charge'} {request.money.echo()}")
    if dry_run:
        dry_runs.show(ctx, payments.preview_charge(request, *wiring.guards_of(ctx)))
        return
    azpay = wiring.azpay_of(ctx, Action.CHARGE, within=wiring.A_MINUTE)
    consent(azpay, request.money, yes=yes, live=live)
    from azpay.operations import Kind

    keyed = Keyed(azpay, Kind.CHARGE, request)
    said = keyed.said()
    if said is not None:
        show(ctx, azpay, _found(azpay, said["id"]), said)
        return
    with keyed.held():
        made = payments.charge(azpay.db, azpay.gateway, request, now=azpay.now(), guards=azpay.guards)
        with on_record(made.id, made.id):
            payment = _waited_for(ctx, azpay, made, wait) if wait else made
    with on_record(payment.id, payment.id):
        _keep_if_settled(keyed, payment)
        show(ctx, azpay, payment)


def _found(azpay: Azpay, named: str) -> Payment:
    from azpay import payments

    with azpay.db.reading() as session:
        return payments.find(session, named)


def _keep_if_settled(keyed: Keyed, payment: Payment) -> None:
    """What may still change is no answer yet."""
    from azpay.cli.showing import payment_data

    if _waits_for(payment) is None:
        keyed.keep(payment_data(payment))


def _waited_for(ctx: typer.Context, azpay: Azpay, payment: Payment, seconds: int) -> Payment:
    from azpay.cli import output
    from azpay.payments import waiting

    if payment.status in waiting.UNDECIDED:
        output.say(ctx, waits(payment.status, payment.next_action_url, seconds))
    return waiting.decided(azpay.db, azpay.gateway, payment, waiting.Patience(seconds), now=azpay.now)


def waits(status: str, link: str | None, seconds: int) -> str:
    """What is being waited for, and the link that the customer needs for it."""
    whom = "the customer to confirm" if status == "requires_action" else "the bank"
    return f"Waiting up to {seconds} s for {whom}{f' at {link}' if link else ''}"


@before_asking()
def capture(  # noqa: PLR0913 - a command's options
    ctx: typer.Context,
    payment: Annotated[str, typer.Argument(metavar="PAYMENT", help="By pay_… or pi_… id, or reference.")],
    amount: Annotated[str | None, typer.Argument(metavar="[AMOUNT]", help="Less than all of it.")] = None,
    amount_minor: Minor = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    live: Live = None,
) -> None:
    """Take what `charge --authorize-only` held.

    Examples:

        azpay capture order-1001
        azpay capture pay_1m836k765br9nv7pb6 80.00     # the rest is released

    Capturing what is captured already is not an error.
    """
    from azpay import payments
    from azpay.access import Action
    from azpay.cli import dry_runs, output, wiring
    from azpay.money import Money

    azpay = wiring.azpay_of(ctx, Action.CAPTURE, within=wiring.A_MINUTE)
    with azpay.db.reading() as session:
        found = payments.find(session, payment)
    asked = money(amount, found.currency, minor=amount_minor) if amount else None
    part = asked.amount if asked else None
    if dry_run:
        dry_runs.show(ctx, payments.preview_capture(azpay.db, azpay.guards, found.id, part))
        return
    if found.status is payments.PaymentStatus.SUCCEEDED:
        output.say(ctx, f"{found.id} is captured already.")
    else:
        taking = asked or Money(found.amount, found.currency)
        output.say(ctx, f"Capture {taking.echo()} of {found.id}")
        consent(azpay, taking, yes=yes, live=live)
    captured = _captured(azpay, found.id, part)
    with on_record(f"The capture of {captured.id}", captured.id):
        show(ctx, azpay, captured)


def _captured(azpay: Azpay, payment: str, amount: int | None) -> Payment:
    from azpay import payments

    return payments.capture(azpay.db, azpay.gateway, payment, amount, now=azpay.now(), guards=azpay.guards)


@before_asking()
def cancel(
    ctx: typer.Context,
    payment: Annotated[str, typer.Argument(metavar="PAYMENT", help="By pay_… or pi_… id, or reference.")],
    reason: Annotated[
        str | None, typer.Option(help="duplicate, fraudulent, requested_by_customer or abandoned.")
    ] = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    live: Live = None,
) -> None:
    """Let an authorization, or a payment that is not done, go.

    Examples:

        azpay cancel order-1001
        azpay cancel pay_1m836k765br9nv7pb6 --reason requested_by_customer

    What was captured already is given back with `azpay refund`. No money moves, so only live mode asks.
    """
    from azpay import payments
    from azpay.access import Action
    from azpay.cli import dry_runs, prompts, wiring

    azpay = wiring.azpay_of(ctx, Action.CANCEL, within=wiring.A_MINUTE)
    if dry_run:
        dry_runs.show(ctx, payments.preview_cancel(azpay.db, azpay.guards, payment, reason))
        return
    require_account(azpay, yes=yes, live=live)
    if azpay.settings.live:
        prompts.confirm(f"Let {payment} go for good?", yes=yes)
    canceled = payments.cancel(azpay.db, azpay.gateway, payment, reason, now=azpay.now(), guards=azpay.guards)
    show(ctx, azpay, canceled)


def money(amount: str, currency: str, *, minor: bool) -> Money:
    """What was typed, as money. Never rounds."""
    from azpay.money import Money

    return Money.parse_minor(amount, currency) if minor else Money.parse(amount, currency)


def pairs(items: list[str]) -> dict[str, str]:
    """`K=V` as given on the command line."""
    from azpay.payments import RequestInvalid

    split = [item.partition("=") for item in items]
    broken = next((key for key, equals, _ in split if not equals or not key), None)
    if broken is not None:
        raise RequestInvalid(f"{broken!r} is not K=V.", hint="Such as --metadata order=1001.")
    return {key: value for key, _, value in split}


def consent(azpay: Azpay, amount: Money, *, yes: bool, live: str | None) -> None:
    """In live mode: the amount typed again, or --yes with the account named. Test mode asks nothing."""
    from azpay.cli.prompts import confirm_amount

    require_account(azpay, yes=yes, live=live)
    if azpay.settings.live:
        confirm_amount(str(amount), yes=yes)


def consent_to_all(azpay: Azpay, totals: Sequence[Money], *, yes: bool, live: str | None) -> None:
    """As `consent`, for a total in each currency."""
    from azpay.cli.prompts import confirm_amount

    require_account(azpay, yes=yes, live=live)
    for total in totals if azpay.settings.live else ():
        confirm_amount(str(total), yes=yes)


def require_account(azpay: Azpay, *, yes: bool, live: str | None) -> None:
    """The key is of the account that the settings name, and, in live mode, that --live names beside --yes."""
    from azpay import access

    if azpay.settings.stripe_account is not None:
        access.require_account(azpay.gateway, azpay.settings.stripe_account)
    if live is not None or (yes and azpay.settings.live):
        access.require_account(azpay.gateway, live)


def show(
    ctx: typer.Context, azpay: Azpay, payment: Payment, said: Mapping[str, object] | None = None
) -> None:
    """The payment, or in a document what was said of it before; a status of 8 when it is not over yet."""
    from azpay.cli import output
    from azpay.cli.showing import payment_data, payment_fields

    output.emit(
        ctx,
        schema="azpay.payment/1",
        data=said or payment_data(payment),
        human=payment_fields(payment, azpay.settings.zone),
    )
    waiting = _waits_for(payment)
    if waiting is not None:
        output.say(ctx, f"Not over: {waiting}\n  Next: azpay history {payment.id}")
        raise typer.Exit(PENDING)


def _waits_for(payment: Payment) -> str | None:
    from azpay.payments import PaymentStatus

    confirm = "the customer must confirm it with the bank, or you cancel it."
    if payment.next_action_url is None:
        confirm += " Only a charge with --return-url has a link for that."
    return {
        PaymentStatus.REQUIRES_ACTION: confirm,
        PaymentStatus.PROCESSING: "the bank has not decided.",
        PaymentStatus.UNKNOWN: "Stripe's answer was lost; the same command again asks for it.",
    }.get(payment.status)
