"""What a column of a report says about a balance transaction. Amounts are in major units."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, TypeAlias

from azpay.sandbox import currencies

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from zoneinfo import ZoneInfo

    from azpay.sandbox.wire import Json
    from azpay.sandbox.world import World

METADATA = re.compile(r"(payment|refund|payout)_metadata\[([^\[\]]{1,40})\]")


@dataclass(frozen=True, slots=True)
class Row:
    """A transaction, and everything that it is about; what there is not is empty.

    `payout` is the automatic one that has paid it out. `moved` is what the transaction itself has moved: a
    charge, a refund, a dispute or a payout.
    """

    transaction: Json
    payout: Json
    moved: Json
    charge: Json
    intent: Json
    customer: Json
    zone: ZoneInfo

    @property
    def card(self) -> Json:
        details: Json = self.charge.get("payment_method_details", {}).get("card", {})
        return details

    @property
    def trace(self) -> Json:
        of = self.moved if self.moved.get("object") == "payout" else self.payout
        trace: Json = of.get("trace_id") or {}
        return trace


Cell: TypeAlias = "Callable[[Row], object]"


def row_of(world: World, transaction: Json, zone: ZoneInfo) -> Row:
    moved = world.find(transaction["source"]) or {}
    charge = moved if moved.get("object") == "charge" else world.charges.find(moved.get("charge") or "") or {}
    paid = world.payouts.where("_batch", transaction.get("_batch"))
    return Row(
        transaction=transaction,
        payout=paid[0] if paid else {},
        moved=moved,
        charge=charge,
        intent=world.payment_intents.find(charge.get("payment_intent") or "") or {},
        customer=world.customers.find(charge.get("customer") or "") or {},
        zone=zone,
    )


def _plain(field: str) -> Cell:
    return lambda row: row.transaction[field]


def _amount(field: str) -> Cell:
    return lambda row: currencies.plain(row.transaction[field], row.transaction["currency"])


def _facing(row: Row) -> str | None:
    """The whole charge, refund or dispute, as the customer sees it."""
    if row.moved.get("object") not in ("charge", "refund", "dispute"):
        return None
    return currencies.plain(row.moved["amount"], row.moved["currency"])


def _facing_currency(row: Row) -> str | None:
    return None if _facing(row) is None else row.moved["currency"]


def _of_payout(field: str) -> Cell:
    """Said of payouts, and of what brings them back."""
    return lambda row: row.moved.get(field) if row.moved.get("object") == "payout" else None


def _effective(row: Row) -> int:
    """The day an automatic payout arrives; the moment any other is made."""
    made: int = row.transaction["created"]
    return row.moved["arrival_date"] if row.moved.get("automatic") else made


def _local(moment: Callable[[Row], int | None]) -> Cell:
    return lambda row: spoken(moment(row), row.zone)


def _utc(moment: Callable[[Row], int | None]) -> Cell:
    return lambda row: spoken(moment(row), UTC)


def spoken(moment: int | None, zone: tzinfo) -> str | None:
    if moment is None:
        return None
    return datetime.fromtimestamp(moment, zone).strftime("%Y-%m-%d %H:%M:%S")


def _both(name: str, moment: Callable[[Row], int | None]) -> dict[str, Cell]:
    """`created` in the zone that was asked for, and `created_utc`."""
    return {name: _local(moment), f"{name}_utc": _utc(moment)}


CELLS: Mapping[str, Cell] = {
    "automatic_payout_id": lambda row: row.payout.get("id"),
    **_both("automatic_payout_effective_at", lambda row: row.payout.get("arrival_date")),
    "balance_transaction_id": _plain("id"),
    **_both("created", lambda row: row.transaction["created"]),
    **_both("available_on", lambda row: row.transaction["available_on"]),
    "currency": _plain("currency"),
    "gross": _amount("amount"),
    "fee": _amount("fee"),
    "net": _amount("net"),
    "reporting_category": _plain("reporting_category"),
    "description": _plain("description"),
    "source_id": _plain("source"),
    "customer_facing_amount": _facing,
    "customer_facing_currency": _facing_currency,
    "charge_id": lambda row: row.charge.get("id"),
    **_both("charge_created", lambda row: row.charge.get("created")),
    "payment_intent_id": lambda row: row.intent.get("id"),
    "payment_method_type": lambda row: row.charge.get("payment_method_details", {}).get("type"),
    "customer_id": lambda row: row.charge.get("customer"),
    "customer_email": lambda row: row.customer.get("email"),
    "customer_name": lambda row: row.customer.get("name"),
    "customer_description": lambda row: row.customer.get("description"),
    "card_brand": lambda row: row.card.get("brand"),
    "card_country": lambda row: row.card.get("country"),
    "card_funding": lambda row: row.card.get("funding"),
    "dispute_reason": lambda row: row.moved.get("reason") if row.moved.get("object") == "dispute" else None,
    "statement_descriptor": lambda row: row.charge.get("calculated_statement_descriptor"),
    "trace_id": lambda row: row.trace.get("value"),
    "trace_id_status": lambda row: row.trace.get("status"),
    **_both("effective_at", _effective),
    "payout_id": _of_payout("id"),
    "payout_status": _of_payout("status"),
    "payout_type": _of_payout("type"),
    "payout_description": _of_payout("description"),
    "payout_destination_id": _of_payout("destination"),
    "payout_expected_arrival_date": _local(lambda row: row.moved.get("arrival_date")),
}


def is_column(name: str) -> bool:
    return name in CELLS or METADATA.fullmatch(name) is not None


def cell(row: Row, name: str) -> object:
    """What stands under a column. Metadata is asked for by its key."""
    asked = METADATA.fullmatch(name)
    if asked is None:
        return CELLS[name](row)
    return _described(row, asked[1]).get("metadata", {}).get(asked[2])


def _described(row: Row, kind: str) -> Json:
    if kind == "payment":
        return row.intent if row.intent.get("metadata") else row.charge
    return row.moved if row.moved.get("object") == kind else {}
