"""The life of a payout: from the balance to the bank, and sometimes back.

An automatic payout takes everything that is available of a currency, and with it the batch of transactions
that made it available (`ledger`): that is what it can be reconciled with. A manual one takes an amount.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from azpay.sandbox import bookkeeping, external_accounts
from azpay.sandbox.changes import previous_attributes
from azpay.sandbox.ids import scramble
from azpay.sandbox.ledger import DAY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from azpay.sandbox.policy import Policy
    from azpay.sandbox.routing import Work
    from azpay.sandbox.wire import Json
    from azpay.sandbox.world import World

HOUR = 60 * 60
PAID_OUT_AT = 4 * HOUR
"""Into a day, when what became available at midnight is paid out."""
SENT_AFTER = HOUR
INSTANT_AFTER = 30 * 60
TRACED_AFTER = HOUR
RECONCILED_AFTER = 3 * HOUR
"""Seconds after it has arrived until its transactions can be listed."""

FAILURES = {
    "account_closed": "The bank account has been closed.",
    "account_frozen": "The bank account has been frozen.",
    "bank_account_restricted": "The bank account has restrictions on the kind or number of payouts.",
    "could_not_process": "The bank could not process this payout.",
    "debit_not_authorized": "Debit transactions are not approved on the bank account.",
    "declined": "The bank has declined this payout.",
    "insufficient_funds": "The balance is too low to cover the payout.",
    "invalid_account_number": "The routing number seems correct, but the account number is invalid.",
    "invalid_currency": "The bank could not process this payout because of its currency.",
    "no_account": "The bank account could not be found.",
}
_SATURDAY = 5


def replan(world: World) -> None:
    """To be called when the schedule has changed. An old plan finds, once due, that it is not the next."""
    world.next_payouts = _next_run(world.time, world.policy)
    if world.next_payouts is not None:
        world.schedule.plan(world.next_payouts, "run_payouts", str(world.next_payouts))


def _next_run(now: int, policy: Policy) -> int | None:
    """Every day, every Monday, or every first of a month."""
    if policy.payouts == "manual":
        return None
    day = _day(now if now % DAY < PAID_OUT_AT else now + DAY)
    while not _is_payday(day, policy):
        day += timedelta(days=1)
    return _midnight(day) + PAID_OUT_AT


def _is_payday(day: date, policy: Policy) -> bool:
    if policy.payouts == "weekly":
        return day.weekday() == 0
    return day.day == 1 if policy.payouts == "monthly" else True


def _day(time: int) -> date:
    return datetime.fromtimestamp(time, UTC).date()


def _midnight(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


def next_business_day(now: int) -> int:
    day = _day(now) + timedelta(days=1)
    while day.weekday() >= _SATURDAY:
        day += timedelta(days=1)
    return _midnight(day)


def _run(world: World, due: str) -> None:
    if due != str(world.next_payouts):
        return
    for currency in world.ledger.currencies:
        amount = world.ledger.available[currency]
        if amount > 0:
            _pay_out(world, currency, amount)
    replan(world)


def _pay_out(world: World, currency: str, amount: int) -> None:
    payout = blank(world, currency, amount, external_accounts.default_for(world, currency))
    batch = world.ledger.close_batch(currency)
    payout.update(
        automatic=True, description="STRIPE PAYOUT", reconciliation_status="in_progress", _batch=batch
    )
    start(world, payout, batch=batch)


def blank(world: World, currency: str, amount: int, account: Json) -> Json:
    return {
        "id": world.ids.new("po"),
        "object": "payout",
        "amount": amount,
        "application_fee": None,
        "application_fee_amount": None,
        "arrival_date": next_business_day(world.time),
        "automatic": False,
        "balance_transaction": None,
        "created": world.time,
        "currency": currency,
        "description": None,
        "destination": account["id"],
        "failure_balance_transaction": None,
        "failure_code": None,
        "failure_message": None,
        "livemode": False,
        "metadata": {},
        "method": "standard",
        "original_payout": None,
        "payout_method": None,
        "reconciliation_status": "not_applicable",
        "reversed_by": None,
        "source_type": "card",
        "statement_descriptor": None,
        "status": "pending",
        "trace_id": {"status": "pending", "value": None},
        "type": "bank_account",
        "_batch": None,
        "_fails": account["_fails"],
    }


def start(world: World, payout: Json, *, batch: str | None = None) -> None:
    """Take the money, and plan the journey."""
    ready = payout["arrival_date"] if payout["amount"] < 0 else None
    booked = bookkeeping.book_payout(world, payout, ready=ready, batch=batch)
    payout["balance_transaction"] = booked["id"]
    world.payouts.add(payout)
    world.emit("payout.created", payout)
    instant = payout["method"] == "instant"
    if not instant:
        world.schedule.plan(world.time + SENT_AFTER, "send_payout", payout["id"])
    arrives = world.time + INSTANT_AFTER if instant else payout["arrival_date"]
    world.schedule.plan(max(arrives, world.time), "arrive_payout", payout["id"])


def _change(world: World, payout: Json, event: str, **fields: object) -> None:
    before = dict(payout)
    payout.update(fields)
    world.payouts.reindex(payout)
    previous = previous_attributes(before, payout) if event == "payout.updated" else None
    world.emit(event, payout, previous=previous)


def _send(world: World, payout_id: str) -> None:
    payout = world.payouts.get(payout_id)
    if payout["status"] == "pending":
        _change(world, payout, "payout.updated", status="in_transit")


def _arrive(world: World, payout_id: str) -> None:
    """The day on which it is expected in the bank."""
    payout = world.payouts.get(payout_id)
    if payout["status"] not in ("pending", "in_transit"):
        return
    if payout["_fails"] is not None:
        fail(world, payout, payout["_fails"])
    else:
        _change(world, payout, "payout.paid", status="paid")
        world.schedule.plan(world.time + TRACED_AFTER, "trace_payout", payout_id)
    if payout["automatic"]:
        world.schedule.plan(world.time + RECONCILED_AFTER, "reconcile_payout", payout_id)


def _trace(world: World, payout_id: str) -> None:
    payout = world.payouts.get(payout_id)
    if payout["status"] == "paid":
        value = scramble(f"trace:{payout_id}", 15).upper()
        _change(world, payout, "payout.updated", trace_id={"status": "supported", "value": value})


def _reconcile(world: World, payout_id: str) -> None:
    payout = world.payouts.get(payout_id)
    _change(world, payout, "payout.reconciliation_completed", reconciliation_status="completed")


def fail(world: World, payout: Json, code: str) -> None:
    """The bank sent it back, perhaps days after it was thought to have arrived."""
    _bring_back(world, payout, "failed", failure_code=code, failure_message=FAILURES[code])


def cancel(world: World, payout: Json) -> None:
    _bring_back(world, payout, "canceled")


def _bring_back(world: World, payout: Json, status: str, **fields: object) -> None:
    kind = "payout_cancel" if status == "canceled" else "payout_failure"
    returned = bookkeeping.book_payout_return(world, payout, kind)
    _change(
        world,
        payout,
        f"payout.{status}",
        status=status,
        failure_balance_transaction=returned["id"],
        trace_id={"status": "unsupported", "value": None},
        **fields,
    )


def reverse(world: World, payout: Json, metadata: Json) -> Json:
    """Get the money back by debiting the bank account that it went to: a payout of less than nothing."""
    account = world.bank_accounts.get(payout["destination"])
    reversal = blank(world, payout["currency"], -payout["amount"], account)
    reversal.update(original_payout=payout["id"], metadata=metadata)
    payout["reversed_by"] = reversal["id"]
    start(world, reversal)
    return reversal


WORK: Mapping[str, Work] = {
    "run_payouts": _run,
    "send_payout": _send,
    "arrive_payout": _arrive,
    "trace_payout": _trace,
    "reconcile_payout": _reconcile,
}
