"""From stored objects to an answer: what a version shows, and the ids that were asked to be expanded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from azpay.sandbox.dispute_kinds import DOCUMENTS
from azpay.sandbox.errors import StripeError, bad_request
from azpay.sandbox.plates import Print
from azpay.sandbox.versions import visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from azpay.sandbox.wire import Json
    from azpay.sandbox.world import World

MAX_DEPTH = 4
LIST_OF = "list of "

_ANYTHING = "anything"
_INSIDE = "."
"""Marks a hash inside an object, which can be passed through but not expanded itself."""

_CONNECT = {"application": _ANYTHING, "on_behalf_of": _ANYTHING}
"""Stripe expands them, and here they are never set."""

_EXPANDABLE = {
    "payment_intent": {
        **_CONNECT,
        "customer": "customer",
        "latest_charge": "charge",
        "payment_method": "payment_method",
        "review": "review",
    },
    "setup_intent": {
        **_CONNECT,
        "customer": "customer",
        "latest_attempt": "setup_attempt",
        "mandate": "mandate",
        "payment_method": "payment_method",
        "single_use_mandate": "mandate",
    },
    "setup_attempt": {
        **_CONNECT,
        "customer": "customer",
        "payment_method": "payment_method",
        "setup_intent": "setup_intent",
    },
    "mandate": {"payment_method": "payment_method"},
    "charge": {
        **_CONNECT,
        "application_fee": _ANYTHING,
        "balance_transaction": "balance_transaction",
        "customer": "customer",
        "failure_balance_transaction": "balance_transaction",
        "payment_intent": "payment_intent",
        "payment_method_details": "charge.payment_method_details",
        "refunds": LIST_OF + "refund",
        "review": "review",
        "source_transfer": _ANYTHING,
        "transfer": _ANYTHING,
    },
    "charge.payment_method_details": {"us_bank_account": "charge.us_bank_account"},
    "charge.us_bank_account": {"mandate": "mandate"},
    "refund": {
        "balance_transaction": "balance_transaction",
        "charge": "charge",
        "customer": "customer",
        "failure_balance_transaction": "balance_transaction",
        "payment_intent": "payment_intent",
        "payment_method": "payment_method",
    },
    "payout": {
        "balance_transaction": "balance_transaction",
        "destination": "bank_account",
        "failure_balance_transaction": "balance_transaction",
        "original_payout": "payout",
        "reversed_by": "payout",
    },
    "dispute": {
        "charge": "charge",
        "evidence": "dispute.evidence",
        "payment_intent": "payment_intent",
    },
    "dispute.evidence": dict.fromkeys(DOCUMENTS, "file"),
    "radar.early_fraud_warning": {"charge": "charge", "payment_intent": "payment_intent"},
    "review": {"charge": "charge", "payment_intent": "payment_intent"},
    "balance_transaction": {"source": _ANYTHING},
    "payment_method": {"customer": "customer"},
    "customer": {
        "default_source": _ANYTHING,
        "invoice_settings": "customer.invoice_settings",
        "test_clock": _ANYTHING,
    },
    "customer.invoice_settings": {"default_payment_method": "payment_method"},
}


def check_expansions(kind: str, paths: Sequence[str]) -> None:
    """Refuse what cannot be expanded on an answer of this kind, before anything is done."""
    for path in paths:
        segments = path.split(".")
        if len(segments) > MAX_DEPTH:
            message = f"You cannot expand more than {MAX_DEPTH} levels of a property. Property: {path[:100]}"
            raise bad_request(message, param="expand")
        reached = kind
        for segment in segments:
            reached = _target(reached, segment, path)
        if _INSIDE in reached or segments[-1] == "data":
            raise _not_expandable(path)


def _target(kind: str, segment: str, path: str) -> str:
    if kind == _ANYTHING:
        return _ANYTHING
    if kind.startswith(LIST_OF) and segment == "data":
        return kind.removeprefix(LIST_OF)
    target = _EXPANDABLE.get(kind, {}).get(segment)
    if target is None:
        raise _not_expandable(path)
    return target


def _not_expandable(path: str) -> StripeError:
    return bad_request(f"This property cannot be expanded ({path[:100]}).", param="expand")


@dataclass(frozen=True, slots=True)
class Visible:
    """How objects look in this version."""

    version: str

    def __call__(self, row: Json) -> Json:
        return visible(row, self.version)


def render(world: World, answer: Json, *, version: str, expand: Sequence[str] = ()) -> Json:
    shown = visible(answer, version)
    if shown.get("object") in ("list", "search_result"):
        look = Visible(version)
        shown["data"] = [_shown(row, look, whole=bool(expand)) for row in shown["data"]]
    for path in expand:
        _expand(world, shown, path.split("."), version)
    return shown


def _shown(row: Json | Print | msgspec.Raw, look: Visible, *, whole: bool) -> Json | msgspec.Raw:
    """`whole`: to be looked into, and not only to be sent."""
    if isinstance(row, msgspec.Raw):
        return row
    if isinstance(row, Print):
        return look(row.row()) if whole else row.shown(look)
    return look(row)


def _expand(world: World, node: Json, segments: list[str], version: str) -> None:
    head, rest = segments[0], segments[1:]
    value = node.get(head)
    if isinstance(value, list):
        for row in value:
            _expand(world, row, rest, version)
        return
    inner = _inner(world, node, head, version)
    if inner is not None:
        node[head] = inner
        if rest:
            _expand(world, inner, rest, version)


def _inner(world: World, node: Json, head: str, version: str) -> Json | None:
    """What is to stand under `head`; None when there is nothing to expand."""
    value = node.get(head)
    if isinstance(value, dict):
        return dict(value)
    if head == "refunds" and node["object"] == "charge":
        return _refunds(world, node["id"], version)
    found = world.find(value) if isinstance(value, str) else None
    return None if found is None else visible(found, version)


def _refunds(world: World, charge: str, version: str) -> Json:
    rows = world.refunds.where("charge", charge)[::-1]
    return {
        "object": "list",
        "data": [visible(row, version) for row in rows[:10]],
        "has_more": len(rows) > 10,  # noqa: PLR2004 - the length of a page
        "url": f"/v1/charges/{charge}/refunds",
    }
