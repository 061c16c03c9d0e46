"""Stripe's API versions: which ones exist, and what an older one does not show.

Objects are kept in the newest shape. Rendering for an older version leaves the newer fields out.
"""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING

from azpay.sandbox.errors import bad_request

if TYPE_CHECKING:
    from azpay.sandbox.wire import Json

ACCOUNT_DEFAULT = "2026-05-27.dahlia"
LATEST = "2026-10-28.endive"
ENDIVE = "2026-09-30"
BASIL = "2025-03-31"

_VERSION = re.compile(r"(\d{4}-\d{2}-\d{2})(?:\.(acacia|basil|clover|dahlia|endive))?", re.ASCII)
_OLDEST, _NAMED_SINCE = "2011-01-01", "2024-09-30"
_TRAINS = (
    ("2026-09-30", "endive"),
    ("2026-03-25", "dahlia"),
    ("2025-09-30", "clover"),
    ("2025-03-31", "basil"),
    (_NAMED_SINCE, "acacia"),
)
_ADDED_IN_ENDIVE = {
    "payment_intent": frozenset(("allowed_payment_method_types", "payment_record", "source")),
    "charge": frozenset(("authorization_code", "level3")),
    "refund": frozenset(("customer", "customer_account", "payment_method")),
    "dispute": frozenset(("intended_submission_method", "network_reason_code")),
    "setup_intent": frozenset(("allowed_payment_method_types",)),
}
_NEVER_SHOWN = {"bank_account": frozenset(("created",)), "mandate": frozenset(("created",))}
"""Kept because everything is kept in order, and not a field of Stripe's."""
_CALLED_BEFORE_ENDIVE = {
    "appeal_needs_response": "needs_response",
    "appeal_under_review": "under_review",
}
"""Statuses of disputes that older versions know by another name."""
_CALLED_BEFORE_BASIL = {"expired": "automatic"}
"""Reasons for a cancellation, likewise."""

_NOTHING: frozenset[str] = frozenset()


def check_version(version: str) -> str:
    known = _VERSION.fullmatch(version)
    if known is None or not _is_released(known[1], known[2]):
        raise bad_request(f"Invalid Stripe API version: {version[:40]}")
    return version


def _is_released(day: str, train: str | None) -> bool:
    try:
        date.fromisoformat(day)
    except ValueError:
        return False
    expected = next((name for since, name in _TRAINS if day >= since), None)
    return train == expected and _OLDEST <= day <= LATEST[:10]


def is_endive(version: str) -> bool:
    return version[:10] >= ENDIVE


def visible(row: Json, version: str) -> Json:
    """A copy of what this version shows of an object. Of a deleted one, hardly anything."""
    if row.get("_deleted"):
        return {"id": row["id"], "object": row["object"], "deleted": True}
    kind = row.get("object", "")
    newer = _NOTHING if is_endive(version) else _ADDED_IN_ENDIVE.get(kind, _NOTHING)
    hidden = newer | _NEVER_SHOWN.get(kind, _NOTHING)
    shown = row.copy()
    for key in [key for key in row if key[0] == "_"]:
        del shown[key]
    for key in hidden:
        shown.pop(key, None)
    if newer and kind == "dispute":
        shown["status"] = _CALLED_BEFORE_ENDIVE.get(row["status"], row["status"])
    if kind == "payment_intent" and version[:10] < BASIL:
        reason = row["cancellation_reason"]
        shown["cancellation_reason"] = _CALLED_BEFORE_BASIL.get(reason, reason)
    return shown
