from __future__ import annotations

from typing import TYPE_CHECKING

from azpay.sandbox import currencies, external_accounts
from azpay.sandbox.changes import previous_attributes
from azpay.sandbox.errors import StripeError, bad_request
from azpay.sandbox.lists import chosen, list_page, paged_by_time
from azpay.sandbox.params import (
    choice,
    integer,
    merged_metadata,
    metadata,
    period,
    shape,
    text,
    unsupported,
)
from azpay.sandbox.resources import payouting
from azpay.sandbox.routing import Call, Route

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from azpay.sandbox.routing import Work
    from azpay.sandbox.wire import Json
    from azpay.sandbox.world import World

_STATUSES = ("canceled", "failed", "in_transit", "paid", "pending")
_WHOLE_UNITS_ONLY = ("huf", "twd", "isk", "ugx")
_CAN_BE_DEBITED = ("US", "CA")
_CREATE = shape(
    amount=integer(1),
    currency=text(),
    description=text(),
    destination=text(),
    metadata=metadata,
    method=choice("instant", "standard"),
    payout_method=unsupported,
    source_type=choice("bank_account", "card", "fpx"),
    statement_descriptor=text(22),
).requiring("amount", "currency")
_FILTERS = paged_by_time(arrival_date=period, destination=text(), status=choice(*_STATUSES))


def _create(world: World, call: Call) -> Json:
    params = call.params
    currency = currencies.check_currency(params["currency"])
    _check_amount(world, params, currency)
    payout = payouting.blank(world, currency, params["amount"], _account(world, params, currency))
    payout.update(chosen(params, "description", "method", "source_type", "statement_descriptor"))
    payout["metadata"] = merged_metadata({}, params.get("metadata"))
    payouting.start(world, payout)
    return payout


def _check_amount(world: World, params: Json, currency: str) -> None:
    amount, source = params["amount"], params.get("source_type", "card")
    if currency in _WHOLE_UNITS_ONLY and amount % 100:
        raise bad_request(f"Invalid amount: payouts in {currency} must be a multiple of 100.", param="amount")
    currencies.check_precision(amount, currency)
    held = world.ledger.available.get(currency, 0) if source == "card" else 0
    if amount > held:
        raise bad_request(
            "You have insufficient funds in your Stripe account for this transfer. Your "
            f"{source} balance is too low. You can use the /v1/balance endpoint to view your Stripe "
            "balance (for more details, see stripe.com/docs/api#balance).",
            code="balance_insufficient",
        )


def _account(world: World, params: Json, currency: str) -> Json:
    if "destination" not in params:
        return external_accounts.default_for(world, currency)
    account = world.bank_accounts.find(params["destination"])
    if account is None or account.get("_deleted"):
        message = f"No such external account: '{params['destination']}'"
        raise StripeError(400, message, code="resource_missing", param="destination")
    if account["currency"] != currency:
        raise bad_request(
            f"The external account {account['id']} takes {account['currency']}, and not {currency}.",
            param="destination",
        )
    return account


def _retrieve(world: World, call: Call) -> Json:
    return world.payouts.get(call.ids["payout"], param="payout")


def _update(world: World, call: Call) -> Json:
    payout = _retrieve(world, call)
    before = dict(payout)
    if "metadata" in call.params:
        payout["metadata"] = merged_metadata(payout["metadata"], call.params["metadata"])
    if payout != before:
        world.emit("payout.updated", payout, previous=previous_attributes(before, payout))
    return payout


def _cancel(world: World, call: Call) -> Json:
    payout = _retrieve(world, call)
    if payout["automatic"]:
        raise bad_request("Automatic payouts cannot be canceled.")
    if payout["status"] != "pending":
        raise bad_request(
            f"Payouts can only be canceled while they are pending; this one is {payout['status']}."
        )
    payouting.cancel(world, payout)
    return payout


def _reverse(world: World, call: Call) -> Json:
    """Stripe debits bank accounts in two countries only."""
    payout = _retrieve(world, call)
    if payout["status"] != "paid":
        raise bad_request(f"Only paid payouts can be reversed; this one is {payout['status']}.")
    if payout["reversed_by"] or payout["original_payout"]:
        raise bad_request(f"Payout {payout['id']} has already been reversed, or reverses another.")
    if world.bank_accounts.get(payout["destination"])["country"] not in _CAN_BE_DEBITED:
        raise bad_request("Only payouts to bank accounts in the US and in Canada can be reversed.")
    return payouting.reverse(world, payout, merged_metadata({}, call.params.get("metadata")))


def _list(world: World, call: Call) -> Json:
    equal = chosen(call.params, "destination", "status")
    keep = _arriving(call.params["arrival_date"]) if "arrival_date" in call.params else None
    return list_page(world.payouts, "/v1/payouts", call.params, equal=equal, keep=keep)


def _arriving(bounds: Json) -> Callable[[Json], bool]:
    within = {
        "eq": int.__eq__,
        "gt": int.__gt__,
        "gte": int.__ge__,
        "lt": int.__lt__,
        "lte": int.__le__,
    }
    return lambda payout: all(within[name](payout["arrival_date"], bound) for name, bound in bounds.items())


ROUTES = (
    Route("POST", "/v1/payouts", _CREATE, _create),
    Route("GET", "/v1/payouts", _FILTERS, _list),
    Route("GET", "/v1/payouts/{payout}", shape(), _retrieve),
    Route("POST", "/v1/payouts/{payout}", shape(metadata=metadata), _update),
    Route("POST", "/v1/payouts/{payout}/cancel", shape(), _cancel),
    Route("POST", "/v1/payouts/{payout}/reverse", shape(metadata=metadata), _reverse),
)
WORK: Mapping[str, Work] = payouting.WORK
