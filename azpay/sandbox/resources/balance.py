from __future__ import annotations

from typing import TYPE_CHECKING

from azpay.sandbox import bookkeeping
from azpay.sandbox.errors import bad_request
from azpay.sandbox.lists import chosen, list_page, paged_by_time
from azpay.sandbox.params import shape, text
from azpay.sandbox.routing import Call, Route

if TYPE_CHECKING:
    from azpay.sandbox.wire import Json
    from azpay.sandbox.world import World

_NOT_MANUAL = "Balance transaction history can only be filtered on automatic transfers, not manual."
_NOT_READY = (
    "The transactions of this payout are not ready to be listed. Wait for the event "
    "payout.reconciliation_completed."
)
_FILTERS = paged_by_time(currency=text(), payout=text(), source=text(), type=text())


def _balance(world: World, call: Call) -> Json:  # noqa: ARG001 - every handler is called alike
    return bookkeeping.balance(world)


def _transaction(world: World, call: Call) -> Json:
    return world.ledger.transactions.get(call.ids["transaction"])


def _transactions(world: World, call: Call) -> Json:
    equal = chosen(call.params, "currency", "source", "type")
    if "payout" in call.params:
        equal["_batch"] = _batch_of(world, call.params["payout"])
    return list_page(world.ledger.transactions, "/v1/balance_transactions", call.params, equal=equal)


def _batch_of(world: World, payout_id: str) -> str:
    """Stripe knows what is in an automatic payout, and says so once it is sure."""
    payout = world.payouts.get(payout_id, param="payout", status=400)
    if not payout["automatic"]:
        raise bad_request(_NOT_MANUAL, param="payout")
    if payout["reconciliation_status"] != "completed":
        raise bad_request(_NOT_READY, code="payout_reconciliation_not_ready", param="payout")
    batch: str = payout["_batch"]
    return batch


ROUTES = (
    Route("GET", "/v1/balance", shape(), _balance),
    Route("GET", "/v1/balance_transactions", _FILTERS, _transactions),
    Route("GET", "/v1/balance_transactions/{transaction}", shape(), _transaction),
    Route("GET", "/v1/balance/history", _FILTERS, _transactions),
    Route("GET", "/v1/balance/history/{transaction}", shape(), _transaction),
)
