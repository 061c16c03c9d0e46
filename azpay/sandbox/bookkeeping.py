"""Balance transactions: what a charge, a refund and a failed refund do to the balance."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from azpay.sandbox import currencies
from azpay.sandbox.ledger import available_on

if TYPE_CHECKING:
    from collections.abc import Mapping

    from azpay.sandbox.routing import Work
    from azpay.sandbox.wire import Json
    from azpay.sandbox.world import World


class Entry(NamedTuple):
    """`kind` is Stripe's `type`; `ready` is when the money can be paid out."""

    kind: str
    amount: int
    ready: int
    fee: int = 0


def book_charge(world: World, charge: Json, *, at_once: bool) -> Json:
    """What was captured, less Stripe's fee."""
    amount = charge["amount_captured"]
    ready = world.time if at_once else available_on(world.time)
    return _book(world, charge, Entry("charge", amount, ready, currencies.fee(amount, charge["currency"])))


def book_refund(world: World, refund: Json, charge: Json) -> Json:
    """The whole amount goes back; the fee of the charge is not returned."""
    ready = _same_time_as(world, charge["balance_transaction"])
    return _book(world, refund, Entry("refund", -refund["amount"], ready))


def book_refund_failure(world: World, refund: Json) -> Json:
    """The money that could not be paid back returns to the balance."""
    ready = _same_time_as(world, refund["balance_transaction"])
    return _book(world, refund, Entry("refund_failure", refund["amount"], ready))


def _same_time_as(world: World, transaction: str | None) -> int:
    """Money leaves the balance where it lies: pending if what it undoes is pending still."""
    if transaction is None:
        return available_on(world.time)
    ready: int = world.ledger.transactions.get(transaction)["available_on"]
    return max(world.time, ready)


def _book(world: World, source: Json, entry: Entry) -> Json:
    kind, amount, ready, fee = entry
    currency = source["currency"]
    transaction = {
        "id": world.ids.new("txn"),
        "object": "balance_transaction",
        "amount": amount,
        "available_on": ready,
        "balance_type": "payments",
        "created": world.time,
        "currency": currency,
        "description": _description(source, kind),
        "exchange_rate": None,
        "fee": fee,
        "fee_details": [_stripe_fee(fee, currency)] if fee else [],
        "net": amount - fee,
        "reporting_category": kind,
        "source": source["id"],
        "status": "pending" if ready > world.time else "available",
        "type": kind,
    }
    if world.ledger.post(transaction):
        world.schedule.plan(ready, "release_funds", str(ready))
    return transaction


def _description(source: Json, kind: str) -> str | None:
    if kind == "charge":
        description: str | None = source["description"]
        return description
    return f"REFUND {'FAILURE ' if kind == 'refund_failure' else ''}FOR CHARGE ({source['charge']})"


def _stripe_fee(amount: int, currency: str) -> Json:
    return {
        "amount": amount,
        "application": None,
        "currency": currency,
        "description": "Stripe processing fees",
        "type": "stripe_fee",
    }


def _release_funds(world: World, due: str) -> None:
    if world.ledger.release(int(due)):
        world.emit("balance.available", balance(world))


def balance(world: World) -> Json:
    ledger = world.ledger
    used = ledger.currencies or [world.account.currency]
    return {
        "object": "balance",
        "available": [_share(ledger.available, currency) for currency in used],
        "livemode": False,
        "pending": [_share(ledger.pending, currency) for currency in used],
        "refund_and_dispute_prefunding": {
            "available": [{"amount": 0, "currency": world.account.currency}],
            "pending": [{"amount": 0, "currency": world.account.currency}],
        },
    }


def _share(sums: Mapping[str, int], currency: str) -> Json:
    amount = sums.get(currency, 0)
    return {"amount": amount, "currency": currency, "source_types": {"card": amount}}


WORK: Mapping[str, Work] = {"release_funds": _release_funds}
