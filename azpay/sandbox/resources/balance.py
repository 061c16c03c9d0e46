from __future__ import annotations

from typing import TYPE_CHECKING

from azpay.sandbox import bookkeeping
from azpay.sandbox.lists import chosen, list_page, paged_by_time
from azpay.sandbox.params import shape, text
from azpay.sandbox.routing import Call, Route

if TYPE_CHECKING:
    from azpay.sandbox.wire import Json
    from azpay.sandbox.world import World

_FILTERS = paged_by_time(currency=text(), payout=text(), source=text(), type=text())


def _balance(world: World, call: Call) -> Json:  # noqa: ARG001 - every handler is called alike
    return bookkeeping.balance(world)


def _transaction(world: World, call: Call) -> Json:
    return world.ledger.transactions.get(call.ids["transaction"])


def _transactions(world: World, call: Call) -> Json:
    equal = chosen(call.params, "currency", "source", "type")
    if "payout" in call.params:
        equal["_payout"] = call.params["payout"]
    return list_page(world.ledger.transactions, "/v1/balance_transactions", call.params, equal=equal)


ROUTES = (
    Route("GET", "/v1/balance", shape(), _balance),
    Route("GET", "/v1/balance_transactions", _FILTERS, _transactions),
    Route("GET", "/v1/balance_transactions/{transaction}", shape(), _transaction),
    Route("GET", "/v1/balance/history", _FILTERS, _transactions),
    Route("GET", "/v1/balance/history/{transaction}", shape(), _transaction),
)
