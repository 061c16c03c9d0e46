"""Making a report: which balance transactions belong in it, and how they are written down as CSV."""

from __future__ import annotations

import csv
from io import StringIO
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from azpay.sandbox import currencies
from azpay.sandbox.finding import Query
from azpay.sandbox.report_columns import cell, row_of, spoken
from azpay.sandbox.report_types import PAYOUT_CATEGORIES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from azpay.sandbox.report_types import ReportType
    from azpay.sandbox.wire import Json
    from azpay.sandbox.world import World


class ReportFailed(Exception):
    """The run is over, and there is no file."""


def produce(world: World, kind: ReportType, parameters: Json) -> bytes:
    """The file's content. Raises ReportFailed."""
    columns = parameters.get("columns") or kind.columns
    if kind.subject == "balance":
        return _written(columns, _balance(world, parameters))
    transactions = list(_wanted(_SUBJECTS[kind.subject](world, parameters), parameters))
    if kind.is_summary:
        return _written(columns, _summed(transactions))
    zone = ZoneInfo(parameters.get("timezone", "Etc/UTC"))
    rows = (row_of(world, transaction, zone) for transaction in transactions)
    return _written(columns, ({name: cell(row, name) for name in columns} for row in rows))


def _written(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> bytes:
    text = StringIO(newline="")
    writer = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def _wanted(transactions: Iterable[Json], parameters: Json) -> Iterator[Json]:
    asked = {name: parameters[name] for name in ("currency", "reporting_category") if name in parameters}
    return (row for row in transactions if all(row[name] == value for name, value in asked.items()))


def _made(world: World, until: int, since: int = 0) -> list[Json]:
    """Transactions of a half-open period, oldest first."""
    transactions = world.ledger.transactions
    rows, _ = transactions.page(Query(created={"gte": since, "lt": until}, limit=max(1, len(transactions))))
    return rows[::-1]


def _is_payout(transaction: Json) -> bool:
    return transaction["reporting_category"] in PAYOUT_CATEGORIES


def _activity(world: World, parameters: Json) -> Iterable[Json]:
    made = _made(world, parameters["interval_end"], parameters["interval_start"])
    return (row for row in made if not _is_payout(row))


def _payouts(world: World, parameters: Json) -> Iterable[Json]:
    made = _made(world, parameters["interval_end"], parameters["interval_start"])
    return (row for row in made if _is_payout(row))


def _settled(world: World, parameters: Json) -> Iterable[Json]:
    """What was in the automatic payouts that arrived in the period."""
    start, end = parameters["interval_start"], parameters["interval_end"]
    for payout in world.payouts:
        if payout["automatic"] and start <= payout["arrival_date"] < end:
            yield from _inside(world, payout)


def _inside(world: World, payout: Json) -> Iterable[Json]:
    rows = world.ledger.transactions.where("_batch", payout["_batch"])
    return (row for row in rows if row["source"] != payout["id"] or row["type"] != "payout")


def _one_payout(world: World, parameters: Json) -> Iterable[Json]:
    payout = world.payouts.get(parameters["payout"])
    if payout["reconciliation_status"] != "completed":
        raise ReportFailed(f"The transactions of payout {payout['id']} are not reconciled yet.")
    return _inside(world, payout)


def _unsettled(world: World, parameters: Json) -> Iterable[Json]:
    """What had not arrived in the bank with any automatic payout by then."""
    end = parameters["interval_end"]
    arrived = {
        payout["_batch"] for payout in world.payouts if payout["automatic"] and payout["arrival_date"] < end
    }
    return (row for row in _made(world, end) if row.get("_batch") not in arrived)


_SUBJECTS: Mapping[str, Callable[[World, Json], Iterable[Json]]] = {
    "activity": _activity,
    "payouts": _payouts,
    "settled": _settled,
    "one_payout": _one_payout,
    "unsettled": _unsettled,
}


def _summed(transactions: Iterable[Json]) -> Iterator[Json]:
    sums: dict[tuple[str, str], Json] = {}
    for row in transactions:
        key = row["currency"], row["reporting_category"]
        known = sums.setdefault(key, {"count": 0, "amount": 0, "fee": 0, "net": 0})
        known["count"] += 1
        for name in ("amount", "fee", "net"):
            known[name] += row[name]
    for (currency, category), known in sorted(sums.items()):
        yield {
            "reporting_category": category,
            "currency": currency,
            "count": known["count"],
            "gross": currencies.plain(known["amount"], currency),
            "fee": currencies.plain(known["fee"], currency),
            "net": currencies.plain(known["net"], currency),
        }


def _balance(world: World, parameters: Json) -> Iterator[Json]:
    """From what there was, over what came and went, to what there is."""
    start, end = parameters["interval_start"], parameters["interval_end"]
    zone = ZoneInfo(parameters.get("timezone", "Etc/UTC"))
    used = [parameters["currency"]] if "currency" in parameters else world.ledger.currencies
    before, during = _made(world, start), _made(world, end, start)
    for currency in used:
        starting = _net(before, currency)
        activity = _net((row for row in during if not _is_payout(row)), currency)
        payouts = _net(filter(_is_payout, during), currency)
        told = (
            ("starting_balance", f"Starting balance ({spoken(start, zone)})", starting),
            ("activity", "Balance change from activity", activity),
            ("payouts", "Total payouts", payouts),
            ("ending_balance", f"Ending balance ({spoken(end, zone)})", starting + activity + payouts),
        )
        for category, description, amount in told:
            yield {
                "category": category,
                "description": description,
                "net_amount": currencies.plain(amount, currency),
                "currency": currency,
            }


def _net(transactions: Iterable[Json], currency: str) -> int:
    return sum(row["net"] for row in transactions if row["currency"] == currency)
