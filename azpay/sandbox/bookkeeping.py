"""Balance transactions: what a charge, a refund, a dispute and a payout do to the balance."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from azpay.sandbox import currencies
from azpay.sandbox.ledger import available_on

if TYPE_CHECKING:
    from collections.abc import Mapping

    from azpay.sandbox.routing import Work
    from azpay.sandbox.wire import Json
    from azpay.sandbox.world import World

_CATEGORIES = {
    "charge": "charge",
    "payment": "charge",
    "payment_failure_refund": "charge_failure",
    "payment_refund": "refund",
    "payout": "payout",
    "payout_cancel": "payout_reversal",
    "payout_failure": "payout_reversal",
    "refund": "refund",
    "refund_failure": "refund_failure",
    "stripe_fee": "fee",
}
"""What Stripe's reports call each type. An `adjustment` says for itself what it is."""


class Entry(NamedTuple):
    """`kind` is Stripe's `type`; `ready` is when the money can be paid out."""

    kind: str
    amount: int
    ready: int
    description: str | None
    fee: int = 0
    fee_name: str = "Stripe processing fees"
    category: str | None = None


def book_charge(world: World, charge: Json, *, at_once: bool) -> Json:
    """What was captured, less Stripe's fee."""
    amount = charge["amount_captured"]
    ready = world.time if at_once else available_on(world.time)
    kind = "charge" if _is_card(charge) else "payment"
    fee = currencies.fee(amount, charge["currency"])
    transaction = _book(world, charge, Entry(kind, amount, ready, charge["description"], fee))
    if at_once:
        world.emit("balance.available", balance(world))
    return transaction


def book_charge_failure(world: World, charge: Json) -> Json:
    """A bank takes back what it had confirmed. Stripe keeps its fee."""
    ready = _same_time_as(world, charge["balance_transaction"])
    description = f"Payment failure refund for {charge['id']}"
    entry = Entry("payment_failure_refund", -charge["amount_captured"], ready, description)
    return _book(world, charge, entry)


def book_refund(world: World, refund: Json, charge: Json) -> Json:
    """The whole amount goes back; the fee of the charge is not returned."""
    ready = _same_time_as(world, charge["balance_transaction"])
    kind = "refund" if _is_card(charge) else "payment_refund"
    return _book(world, refund, Entry(kind, -refund["amount"], ready, _about("REFUND", charge)))


def book_refund_failure(world: World, refund: Json, charge: Json) -> Json:
    """The money that could not be paid back returns to the balance."""
    ready = _same_time_as(world, refund["balance_transaction"])
    entry = Entry("refund_failure", refund["amount"], ready, _about("REFUND FAILURE", charge))
    return _book(world, refund, entry)


def book_withdrawal(world: World, dispute: Json) -> Json:
    """The bank takes the disputed amount, and Stripe a fee, from what is available, be it enough or not."""
    fee = currencies.in_decimals_of(dispute["_fee"], dispute["currency"])
    description = f"Chargeback withdrawal for {dispute['charge']}"
    entry = Entry("adjustment", -dispute["amount"], world.time, description, fee, "Dispute fee", "dispute")
    return _book(world, dispute, entry)


def book_reinstatement(world: World, dispute: Json) -> Json:
    """The dispute is won. Fees come back as the account has agreed with Stripe."""
    received = dispute["_fee"] if world.policy.dispute_fee_returned else 0
    fee = -currencies.in_decimals_of(received + dispute["_counter_fee"], dispute["currency"])
    description = f"Chargeback reversal for {dispute['charge']}"
    entry = Entry(
        "adjustment",
        dispute["amount"],
        world.time,
        description,
        fee,
        "Dispute fee refund",
        "dispute_reversal",
    )
    return _book(world, dispute, entry)


def book_counter_fee(world: World, dispute: Json) -> Json:
    """What some countries are charged for answering a dispute."""
    fee = currencies.in_decimals_of(dispute["_counter_fee"], dispute["currency"])
    return _book(world, dispute, Entry("stripe_fee", -fee, world.time, "Dispute countered fee"))


def book_payout(world: World, payout: Json, *, ready: int | None = None, batch: str | None = None) -> Json:
    """Money leaves for the bank, out of a closed batch if the payout is an automatic one."""
    entry = Entry("payout", -payout["amount"], ready or world.time, payout["description"])
    return _book(world, payout, entry, batch=batch)


def book_payout_return(world: World, payout: Json, kind: str) -> Json:
    """A payout that was canceled or failed is in the balance again. `kind` says which."""
    description = "STRIPE PAYOUT CANCEL" if kind == "payout_cancel" else "STRIPE PAYOUT FAILURE"
    return _book(world, payout, Entry(kind, payout["amount"], world.time, description))


def _is_card(charge: Json) -> bool:
    kind: str = charge["payment_method_details"]["type"]
    return kind == "card"


def _about(what: str, charge: Json) -> str:
    subject = "CHARGE" if _is_card(charge) else "PAYMENT"
    description = charge["description"]
    return f"{what} FOR {subject}" + (f" ({description})" if description else "")


def _same_time_as(world: World, transaction: str | None) -> int:
    """Money leaves the balance where it lies: pending if what it undoes is pending still."""
    if transaction is None:
        return available_on(world.time)
    ready: int = world.ledger.transactions.get(transaction)["available_on"]
    return max(world.time, ready)


def _book(world: World, source: Json, entry: Entry, *, batch: str | None = None) -> Json:
    transaction = _transaction(world, source, entry)
    if batch is not None:
        transaction["_batch"] = batch
    if world.ledger.post(transaction):
        world.schedule.plan(entry.ready, "release_funds", str(entry.ready))
    if transaction["net"] > 0:
        wake_refunds(world, transaction["currency"])
    return transaction


def _transaction(world: World, source: Json, entry: Entry) -> Json:
    currency = source["currency"]
    return {
        "id": world.ids.new("txn"),
        "object": "balance_transaction",
        "amount": entry.amount,
        "available_on": entry.ready,
        "balance_type": "payments",
        "created": world.time,
        "currency": currency,
        "description": entry.description,
        "exchange_rate": None,
        "fee": entry.fee,
        "fee_details": [_stripe_fee(entry, currency)] if entry.fee else [],
        "net": entry.amount - entry.fee,
        "reporting_category": entry.category or _CATEGORIES[entry.kind],
        "source": source["id"],
        "status": "pending" if entry.ready > world.time else "available",
        "type": entry.kind,
    }


def _stripe_fee(entry: Entry, currency: str) -> Json:
    return {
        "amount": entry.fee,
        "application": None,
        "currency": currency,
        "description": entry.fee_name,
        "type": "stripe_fee",
    }


def _release_funds(world: World, due: str) -> None:
    if world.ledger.release(int(due)):
        world.emit("balance.available", balance(world))
        for currency in world.ledger.currencies:
            wake_refunds(world, currency)


def wake_refunds(world: World, currency: str) -> None:
    """Refunds that waited for money are looked at again. Most accounts have agreed that none ever wait."""
    if world.policy.refunds_draw_on != "anything" and world.refunds.where("_waits_for", currency):
        world.schedule.plan(world.time, "fund_refunds", currency)


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
