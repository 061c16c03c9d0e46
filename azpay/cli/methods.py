"""`azpay methods …`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from azpay.cli.options import Yes
from azpay.cli.tables import Column, Fields, Table
from azpay.errors import NotFound, Usage

if TYPE_CHECKING:
    from collections.abc import Collection

    from azpay.bootstrap import Azpay
    from azpay.payments import PaymentMethod

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
        azpay = wiring.azpay_of(ctx)
        db, found = azpay.db, _of_customer(azpay, customer, refresh=refresh)
    defaults = methods.defaults(db)
    output.emit(
        ctx,
        schema="azpay.methods/1",
        data=[method_data(method, defaults) for method in found],
        human=_table(found, defaults),
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


def add(
    ctx: typer.Context,
    method: Method,
    customer: Annotated[str, typer.Option(metavar="C", help="A cus_… id or an e-mail address.")],
    default: Annotated[bool, typer.Option("--default", help="Charge it when none is named.")] = False,
) -> None:
    """Save a method that Stripe collected, for a customer.

    Examples:

        azpay methods add pm_123 --customer ada@example.com --default

    A customer with an e-mail that nobody has yet is made. azpay never sees the card's number.
    """
    from azpay.access import Action
    from azpay.cli import wiring
    from azpay.payments import methods

    azpay = wiring.azpay_of(ctx, Action.METHODS)
    saved = methods.add(azpay.db, azpay.gateway, method, customer, now=azpay.now())
    if default:
        methods.make_default(azpay.db, azpay.gateway, saved.payment_method, now=azpay.now())
    _show(ctx, azpay, saved)


def make_default(ctx: typer.Context, method: Method) -> None:
    """Charge this method when a customer is named and no method is.

    Examples:

        azpay methods default pm_123
    """
    from azpay.access import Action
    from azpay.cli import wiring
    from azpay.payments import methods

    azpay = wiring.azpay_of(ctx, Action.METHODS)
    methods.make_default(azpay.db, azpay.gateway, method, now=azpay.now())
    _show(ctx, azpay, next(each for each in methods.saved(azpay.db) if each.payment_method == method))


def remove(ctx: typer.Context, method: Method, yes: Yes = False) -> None:
    """Detach a saved method for good.

    Examples:

        azpay methods remove pm_123 --yes

    Stripe never lets a detached method be used again.
    """
    from azpay.access import Action
    from azpay.cli import prompts, wiring
    from azpay.payments import methods

    azpay = wiring.azpay_of(ctx, Action.METHODS)
    prompts.confirm(f"Remove {method} for good?", yes=yes)
    _show(ctx, azpay, methods.remove(azpay.db, azpay.gateway, method, now=azpay.now()))


def method_data(method: PaymentMethod, defaults: Collection[str]) -> dict[str, Any]:
    """A saved method for programs."""
    return {
        "id": method.payment_method,
        "customer": method.customer,
        "type": method.type,
        "brand": method.brand,
        "last4": method.last4,
        "exp_month": method.exp_month,
        "exp_year": method.exp_year,
        "default": method.payment_method in defaults,
        "removed": method.removed_at is not None,
    }


def _show(ctx: typer.Context, azpay: Azpay, method: PaymentMethod) -> None:
    from azpay.cli import output
    from azpay.payments import methods

    defaults = methods.defaults(azpay.db)
    pairs = [
        ("Method", method.payment_method),
        ("Customer", method.customer or ""),
        ("Card", _card(method)),
        ("Expires", _expiry(method)),
        ("Default", "yes" if method.payment_method in defaults else "no"),
    ]
    output.emit(
        ctx,
        schema="azpay.method/1",
        data=method_data(method, defaults),
        human=Fields(pairs, title="removed" if method.removed_at else "saved"),
    )


def _table(found: list[PaymentMethod], defaults: Collection[str]) -> Table:
    columns = [
        Column("Method"),
        Column("Customer"),
        Column("Card"),
        Column("Expires"),
        Column("Default", drop=1),
    ]
    rows = [
        [
            method.payment_method,
            method.customer or "",
            _card(method),
            _expiry(method),
            "yes" if method.payment_method in defaults else "",
        ]
        for method in found
    ]
    return Table(columns, rows, empty="No saved methods.")


def _card(method: PaymentMethod) -> str:
    return f"{method.brand} {method.last4}" if method.last4 else method.type


def _expiry(method: PaymentMethod) -> str:
    return f"{method.exp_month:02d}/{method.exp_year}" if method.exp_month and method.exp_year else ""
