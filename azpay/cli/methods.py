"""`azpay methods …`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from azpay.cli.beforehand import before_asking
from azpay.cli.charge import PENDING, ReturnUrl, Wait, waits
from azpay.cli.method_views import card, expiring_table, expiry, is_expired, method_data, table
from azpay.cli.options import Yes
from azpay.cli.tables import Fields
from azpay.errors import NotFound, Usage

if TYPE_CHECKING:
    from azpay.bootstrap import Azpay
    from azpay.payments import PaymentMethod
    from azpay.payments.models import SetupIntent

Method = Annotated[str, typer.Argument(metavar="METHOD", help="A pm_… id.")]


def listing(
    ctx: typer.Context,
    customer: Annotated[
        str | None, typer.Option(metavar="C", help="A cus_… id or an e-mail address.")
    ] = None,
    refresh: Annotated[bool, typer.Option("--refresh", help="Ask Stripe first; needs --customer.")] = False,
) -> None:
    """List saved payment methods.

    Examples:

        azpay methods list
        azpay methods list --customer ada@example.com --refresh
    """
    from azpay.cli import output, wiring
    from azpay.payments import methods

    if customer is None:
        if refresh:
            raise Usage("--refresh needs to know whose methods.", hint="Add --customer cus_… or an e-mail.")
        db = wiring.book_of(ctx)
        found = methods.saved(db)
    else:
        azpay = wiring.azpay_of(ctx, within=wiring.A_MINUTE)
        db, found = azpay.db, _of_customer(azpay, customer, refresh=refresh)
    defaults = methods.defaults(db)
    output.emit(
        ctx,
        schema="azpay.methods/1",
        data=[method_data(method, defaults) for method in found],
        human=table(found, defaults),
    )


def _of_customer(azpay: Azpay, who: str, *, refresh: bool) -> list[PaymentMethod]:
    from azpay.payments import customers, methods
    from azpay.payments.requests import check_customer

    check_customer(who)
    now = azpay.now()
    customer = customers.lookup(azpay.db, azpay.gateway, who, now=now)
    if customer is None:
        raise NotFound(f"No customer has the e-mail {who}.", hint="`azpay methods add` makes a customer.")
    return (
        methods.refresh(azpay.db, azpay.gateway, customer, now=now)
        if refresh
        else methods.saved(azpay.db, customer)
    )


def expiring(
    ctx: typer.Context,
    within: Annotated[str, typer.Option(metavar="SPAN", help="How far to look ahead: 30d, 8w.")] = "30d",
) -> None:
    """Saved cards that expire soon, or have: whom to ask for another card.

    Examples:

        azpay methods expiring
        azpay methods expiring --within 90d --json

    A card is good until the end of the month printed on it. Banks tell Stripe of many new cards by
    themselves: `azpay methods list --customer C --refresh` shows a card as Stripe has it now.
    """
    from azpay.cli import dates, output, wiring
    from azpay.payments import methods

    db, now = wiring.book_of(ctx), wiring.now_of(ctx)
    found, defaults = methods.expiring(db, now + dates.span(within)), methods.defaults(db)
    data = [method_data(each, defaults) | {"expired": is_expired(each, now)} for each in found]
    output.emit(ctx, schema="azpay.expiring_methods/1", data=data, human=expiring_table(found, defaults, now))


@before_asking()
def add(  # noqa: PLR0913 - a command's options
    ctx: typer.Context,
    method: Method,
    customer: Annotated[str, typer.Option(metavar="C", help="A cus_… id or an e-mail address.")],
    default: Annotated[bool, typer.Option("--default", help="Charge it when none is named.")] = False,
    off_session: Annotated[
        bool | None,
        typer.Option(
            "--off-session/--on-session",
            help="Set it up with the bank for charges while the customer is away, or there.",
        ),
    ] = None,
    return_url: ReturnUrl = None,
    wait: Wait = 0,
) -> None:
    """Save a method that Stripe collected, for a customer.

    Examples:

        azpay methods add pm_123 --customer ada@example.com --default
        azpay methods add pm_123 --customer cus_123 --off-session --return-url https://shop.example/saved
        azpay methods add pm_123 --customer cus_123 --off-session --wait 300

    A customer with an e-mail that nobody has yet is made. azpay never sees the card's number.

    With --off-session or --on-session the bank is asked, and may want the customer to confirm: with
    --return-url there is a link for them, and --wait waits until they did. Asking again goes on with what is
    open. Without either, the method is saved as it is.
    """
    from azpay.access import Action
    from azpay.cli import wiring
    from azpay.payments import methods

    azpay = wiring.azpay_of(ctx, Action.METHODS, within=wiring.A_MINUTE)
    if off_session is None:
        _refuse_waiting(return_url, wait)
        saved = methods.add(azpay.db, azpay.gateway, method, customer, now=azpay.now())
    else:
        usage = "off_session" if off_session else "on_session"
        saved = _set_up(ctx, azpay, (method, customer, usage, return_url), wait)
    if default:
        methods.make_default(azpay.db, azpay.gateway, saved.payment_method, now=azpay.now())
    _show(ctx, azpay, saved)


def _refuse_waiting(return_url: str | None, wait: int) -> None:
    if return_url is not None or wait:
        raise Usage(
            "There is nothing to confirm when a method is saved as it is.",
            hint="Add --off-session or --on-session: then the bank is asked.",
        )


def _set_up(
    ctx: typer.Context, azpay: Azpay, asked: tuple[str, str, str, str | None], wait: int
) -> PaymentMethod:
    """The method, saved; or the link that the customer needs, and status 8."""
    from azpay.cli import output
    from azpay.payments import setups, waiting

    method, customer, usage, url = asked
    now = azpay.now()
    done = setups.set_up(azpay.db, azpay.gateway, method, customer, usage=usage, return_url=url, now=now)
    if wait and done.status in waiting.UNDECIDED:
        output.say(ctx, waits(done.status, done.next_action_url, wait))
        patience = waiting.Patience(wait)
        done = waiting.decided(azpay.db, azpay.gateway, done, patience, now=azpay.now)
    if done.status != "succeeded":
        _show_setup(ctx, done)
        raise typer.Exit(PENDING)
    return setups.saved_by(azpay.db, azpay.gateway, done, now=azpay.now())


def _show_setup(ctx: typer.Context, setup: SetupIntent) -> None:
    from azpay.cli import output

    data = {
        "id": setup.id,
        "setup_intent": setup.setup_intent,
        "status": setup.status,
        "customer": setup.customer,
        "payment_method": setup.payment_method,
        "usage": setup.usage,
        "next_action_url": setup.next_action_url,
    }
    pairs = [
        ("Method", setup.payment_method or ""),
        ("Customer", setup.customer or ""),
        ("Next step", setup.next_action_url or ""),
        ("At Stripe", setup.setup_intent or ""),
    ]
    word = "needs action" if setup.status == "requires_action" else str(setup.status)
    human = Fields([(label, value) for label, value in pairs if value], title=f"{word}, not saved yet")
    output.emit(ctx, schema="azpay.setup/1", data=data, human=human)
    without = "" if setup.next_action_url else " Only with --return-url there is a link for that."
    output.say(ctx, f"Not over: the customer must confirm it with the bank.{without}")


@before_asking()
def make_default(ctx: typer.Context, method: Method) -> None:
    """Charge this method when a customer is named and no method is.

    Examples:

        azpay methods default pm_123
    """
    from azpay.access import Action
    from azpay.cli import wiring
    from azpay.payments import methods

    azpay = wiring.azpay_of(ctx, Action.METHODS, within=wiring.A_MINUTE)
    methods.make_default(azpay.db, azpay.gateway, method, now=azpay.now())
    _show(ctx, azpay, next(each for each in methods.saved(azpay.db) if each.payment_method == method))


@before_asking()
def remove(ctx: typer.Context, method: Method, yes: Yes = False) -> None:
    """Detach a saved method for good.

    Examples:

        azpay methods remove pm_123 --yes

    Stripe never lets a detached method be used again.
    """
    from azpay.access import Action
    from azpay.cli import prompts, wiring
    from azpay.payments import methods

    azpay = wiring.azpay_of(ctx, Action.METHODS, within=wiring.A_MINUTE)
    prompts.confirm(f"Remove {method} for good?", yes=yes)
    _show(ctx, azpay, methods.remove(azpay.db, azpay.gateway, method, now=azpay.now()))


def _show(ctx: typer.Context, azpay: Azpay, method: PaymentMethod) -> None:
    from azpay.cli import output
    from azpay.payments import methods

    defaults = methods.defaults(azpay.db)
    pairs = [
        ("Method", method.payment_method),
        ("Customer", method.customer or ""),
        ("Card", card(method)),
        ("Expires", expiry(method)),
        ("Default", "yes" if method.payment_method in defaults else "no"),
    ]
    output.emit(
        ctx,
        schema="azpay.method/1",
        data=method_data(method, defaults),
        human=Fields(pairs, title="removed" if method.removed_at else "saved"),
    )
