"""The reports that can be run: which transactions each is about, and what it needs to be told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

INTERVAL = ("interval_start", "interval_end")
PAYOUT_CATEGORIES = ("payout", "payout_reversal")

_MONEY = ("currency", "gross", "fee", "net", "reporting_category")
_TRANSACTION = ("balance_transaction_id", "created", "available_on", *_MONEY, "description")
_FACING = ("customer_facing_amount", "customer_facing_currency")
_SETTLED_IN = ("automatic_payout_id", "automatic_payout_effective_at")
_SUMMED = ("reporting_category", "currency", "count", "gross", "fee", "net")
_PAYOUTS = (
    "payout_id",
    "effective_at",
    "currency",
    "balance_transaction_id",
    "gross",
    "fee",
    "net",
    "reporting_category",
    "description",
    "payout_expected_arrival_date",
    "payout_status",
    "payout_type",
    "payout_description",
    "payout_destination_id",
)


@dataclass(frozen=True, slots=True)
class ReportType:
    """`subject` says which transactions it is about. A summary has a row for each category and currency."""

    id: str
    name: str
    subject: str
    columns: tuple[str, ...]
    required: tuple[str, ...] = INTERVAL
    optional: tuple[str, ...] = ("timezone", "currency", "reporting_category", "columns")

    @property
    def is_summary(self) -> bool:
        return ".summary." in self.id

    @property
    def version(self) -> int:
        return int(self.id.rsplit(".", 1)[1])


_SUMMARY_OPTIONS = ("timezone", "currency", "columns")
_BY_ID_OPTIONS = ("timezone", "reporting_category", "columns")
_ALL = (
    ReportType(
        "balance.summary.1",
        "Balance summary",
        "balance",
        ("category", "description", "net_amount", "currency"),
        optional=_SUMMARY_OPTIONS,
    ),
    ReportType(
        "balance_change_from_activity.summary.1",
        "Balance change from activity summary",
        "activity",
        _SUMMED,
        optional=_SUMMARY_OPTIONS,
    ),
    ReportType(
        "balance_change_from_activity.itemized.3",
        "Itemized balance change from activity",
        "activity",
        (*_TRANSACTION, *_FACING, *_SETTLED_IN),
    ),
    ReportType("payouts.summary.1", "Payouts summary", "payouts", _SUMMED, optional=_SUMMARY_OPTIONS),
    ReportType("payouts.itemized.3", "Itemized payouts", "payouts", _PAYOUTS),
    ReportType(
        "payout_reconciliation.summary.1",
        "Payout reconciliation summary",
        "settled",
        _SUMMED,
        optional=_SUMMARY_OPTIONS,
    ),
    ReportType(
        "payout_reconciliation.itemized.5",
        "Itemized payout reconciliation",
        "settled",
        (*_SETTLED_IN, *_TRANSACTION, *_FACING),
    ),
    ReportType(
        "payout_reconciliation.by_id.summary.1",
        "Payout reconciliation summary by payout",
        "one_payout",
        _SUMMED,
        ("payout",),
        ("columns",),
    ),
    ReportType(
        "payout_reconciliation.by_id.itemized.4",
        "Itemized payout reconciliation by payout",
        "one_payout",
        (*_SETTLED_IN, *_TRANSACTION, *_FACING),
        ("payout",),
        _BY_ID_OPTIONS,
    ),
    ReportType(
        "ending_balance_reconciliation.summary.1",
        "Ending balance reconciliation summary",
        "unsettled",
        _SUMMED,
        ("interval_end",),
        _SUMMARY_OPTIONS,
    ),
    ReportType(
        "ending_balance_reconciliation.itemized.4",
        "Itemized ending balance reconciliation",
        "unsettled",
        (*_SETTLED_IN, *_TRANSACTION, *_FACING),
        ("interval_end",),
    ),
)
REPORT_TYPES: Mapping[str, ReportType] = {known.id: known for known in _ALL}
