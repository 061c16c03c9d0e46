"""The life of a dispute: raised by a bank, answered or not, decided by the bank.

An inquiry is a question that moves no money; it is closed, or becomes a chargeback. A chargeback takes the
money at once, and gives it back if the merchant wins. Everything here happens by the clock or on order;
what a merchant does stands in `resources.disputes`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpay.sandbox import bookkeeping
from azpay.sandbox.changes import previous_attributes
from azpay.sandbox.dispute_kinds import (
    DOCUMENTS,
    KINDS,
    TEXTS,
    Kind,
    days_to_answer,
    eligibility,
    network_code,
)
from azpay.sandbox.instruments import behaviour_of
from azpay.sandbox.ledger import DAY
from azpay.sandbox.resources import early_fraud_warnings, reviews
from azpay.sandbox.versions import LATEST, visible

if TYPE_CHECKING:
    from collections.abc import Mapping

    from azpay.sandbox.routing import Work
    from azpay.sandbox.wire import Json
    from azpay.sandbox.world import World

RAISED_AFTER = 3
"""Seconds from a charge on a test card to the dispute that the card stands for, when the charge is booked."""
DECIDED_AFTER = 5
"""Seconds from evidence with magic words to the verdict."""
BANK_DECIDES_AFTER = 75 * DAY
INQUIRY_ENDS_AFTER = 120 * DAY

WINNING, LOSING, ESCALATING = "winning_evidence", "losing_evidence", "escalate_inquiry_evidence"
NEEDS_RESPONSE = ("needs_response", "warning_needs_response", "appeal_needs_response")
UNDER_REVIEW = ("under_review", "warning_under_review", "appeal_under_review")
_OVER = ("prevented", "warning_closed", "won")
_INQUIRY = ("warning_needs_response", "warning_under_review")


def expect(world: World, charge: Json) -> None:
    """A test card may stand for trouble that comes a moment after its charge."""
    kind = behaviour_of(world.payment_methods.get(charge["payment_method"])).dispute
    if kind is not None:
        charge["_trouble"] = kind
        wait = 0 if kind == "inquiry" else RAISED_AFTER  # an inquiry moves no money, and is asked at once
        world.schedule.plan(world.time + wait, "trouble_charge", charge["id"])


def _trouble(world: World, charge_id: str) -> None:
    charge = world.charges.get(charge_id)
    kind: str = charge["_trouble"]
    if kind == "early_fraud_warning":
        early_fraud_warnings.warn(world, charge)
        return
    left = disputable(world, charge)
    shares = (left // 2, left - left // 2) if kind == "multiple" else (left,)
    for share in filter(None, shares):
        raise_dispute(world, charge, KINDS.get(kind, KINDS["fraudulent"]), amount=share)


def disputable(world: World, charge: Json) -> int:
    """What the customer has paid, and neither got back nor disputed."""
    kept: int = charge["amount_captured"] - charge["amount_refunded"]
    known = world.disputes.where("charge", charge["id"])
    standing: int = sum(row["amount"] for row in known if row["status"] not in _OVER)
    return max(0, kept - standing)


def refusing(world: World, charge: Json) -> bool:
    """Whether a dispute stands in the way of refunds."""
    return any(not known["is_charge_refundable"] for known in world.disputes.where("charge", charge["id"]))


def raise_dispute(world: World, charge: Json, kind: Kind, *, amount: int, reason: str | None = None) -> Json:
    dispute = world.disputes.add(_new(world, charge, kind, amount, reason or kind.reason))
    charge["disputed"] = True
    reviews.close(world, charge, "disputed")
    early_fraud_warnings.stand_down(world, charge)
    world.emit("charge.dispute.created", dispute)
    _begin(world, dispute, kind)
    return dispute


def _begin(world: World, dispute: Json, kind: Kind) -> None:
    if dispute["status"] == "prevented":
        if kind.prevention == "resolution":
            _withdraw(world, dispute, fee=0)
        world.emit("charge.dispute.closed", dispute)
    elif kind.is_inquiry:
        world.schedule.plan(world.time + INQUIRY_ENDS_AFTER, "end_inquiry", dispute["id"])
    else:
        _charge_back(world, dispute)
        if not kind.answerable:
            close(world, dispute, "lost")


def _charge_back(world: World, dispute: Json) -> None:
    """The money goes, and an answer is awaited until a certain day."""
    _withdraw(world, dispute, fee=world.policy.dispute_fee)
    world.schedule.plan(world.time, "fail_disputed_refunds", dispute["charge"])
    due = dispute["evidence_details"]["due_by"]
    if due:
        world.schedule.plan(due + 1, "dispute_overdue", dispute["id"])


def _withdraw(world: World, dispute: Json, *, fee: int) -> None:
    dispute["_fee"] = fee
    _note(dispute, bookkeeping.book_withdrawal(world, dispute))
    world.emit("charge.dispute.funds_withdrawn", dispute)


def _note(dispute: Json, transaction: Json) -> None:
    """A dispute shows its transactions whole."""
    shown = visible(transaction, LATEST)
    dispute["balance_transactions"] = [*dispute["balance_transactions"], shown]


def _new(world: World, charge: Json, kind: Kind, amount: int, reason: str) -> Json:
    case_type = _case_type(world, kind)
    brand = charge["payment_method_details"].get("card", {}).get("brand", "")
    code = network_code(brand, reason)
    status = _first_status(kind, prevented=case_type == kind.prevention)
    dispute = {
        "id": world.ids.new("du"),
        "object": "dispute",
        "amount": amount,
        "balance_transactions": [],
        "charge": charge["id"],
        "created": world.time,
        "currency": charge["currency"],
        "enhanced_eligibility_types": [kind.enhanced] if kind.enhanced else [],
        "evidence": {**dict.fromkeys((*TEXTS, *DOCUMENTS)), "enhanced_evidence": {}},
        "evidence_details": {
            "due_by": due_by(world.time, brand) if kind.answerable and status != "prevented" else 0,
            "enhanced_eligibility": eligibility(kind),
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
        },
        "intended_submission_method": "smart_disputes" if kind.answered_by_stripe else "manual",
        "is_charge_refundable": kind.is_inquiry or case_type == "block",
        "livemode": False,
        "metadata": {},
        "network_reason_code": code,
        "payment_intent": charge["payment_intent"],
        "reason": reason,
        "status": status,
        "_fee": 0,
        "_counter_fee": 0,
    }
    if brand:
        card = {"brand": brand, "case_type": case_type, "network_reason_code": code}
        dispute["payment_method_details"] = {"card": card, "type": "card"}
    return dispute


def _case_type(world: World, kind: Kind) -> str:
    prevented = world.policy.disputes_prevented and kind.prevention
    return prevented or kind.case_type


def _first_status(kind: Kind, *, prevented: bool) -> str:
    if prevented:
        return "prevented"
    return "warning_needs_response" if kind.is_inquiry else "needs_response"


def due_by(now: int, brand: str) -> int:
    """The last second of the day by which the network wants an answer."""
    return (now // DAY + days_to_answer(brand) + 1) * DAY - 1


def submit(world: World, dispute: Json) -> None:
    """The evidence goes to the bank, which takes its time; magic words make it decide at once."""
    details = dispute["evidence_details"]
    dispute["evidence_details"] = {
        **details,
        "past_due": bool(details["due_by"]) and world.time > details["due_by"],
        "submission_count": details["submission_count"] + 1,
    }
    dispute["status"] = dispute["status"].replace("needs_response", "under_review")
    if world.policy.counter_fee and dispute["status"] == "under_review":
        dispute["_counter_fee"] = world.policy.counter_fee
        bookkeeping.book_counter_fee(world, dispute)
    wait = DECIDED_AFTER if _words(dispute) in (WINNING, LOSING, ESCALATING) else BANK_DECIDES_AFTER
    world.schedule.plan(world.time + wait, "decide_dispute", dispute["id"])


def _words(dispute: Json) -> str:
    return (dispute["evidence"]["uncategorized_text"] or "").strip()


def _decide(world: World, dispute_id: str) -> None:
    """The bank's verdict. Only magic words ever win."""
    dispute = world.disputes.get(dispute_id)
    words = _words(dispute)
    if dispute["status"] == "warning_under_review":
        if words == ESCALATING:
            _escalate(world, dispute)
        elif words in (WINNING, LOSING):
            close(world, dispute, "warning_closed")
    elif dispute["status"] in UNDER_REVIEW:
        close(world, dispute, "won" if words == WINNING else "lost")


def _escalate(world: World, dispute: Json) -> None:
    """The customer insists: the inquiry is a chargeback from now on, to be answered anew."""
    before = dict(dispute)
    card = dispute.get("payment_method_details", {}).get("card", {})
    due = due_by(world.time, card.get("brand", ""))
    details = {**dispute["evidence_details"], "due_by": due, "submission_count": 0}
    dispute.update(status="needs_response", is_charge_refundable=False, evidence_details=details)
    if card:
        card = {**card, "case_type": "chargeback"}
        dispute["payment_method_details"] = {"card": card, "type": "card"}
    world.emit("charge.dispute.updated", dispute, previous=previous_attributes(before, dispute))
    _charge_back(world, dispute)


def appeal(world: World, dispute: Json) -> None:
    """The bank does not accept that it has lost. Nothing moves until that is decided, too."""
    before = dict(dispute)
    due = due_by(world.time, "")
    details = {**dispute["evidence_details"], "due_by": due}
    dispute.update(status="appeal_needs_response", is_charge_refundable=False, evidence_details=details)
    world.schedule.plan(due + 1, "dispute_overdue", dispute["id"])
    world.emit("charge.dispute.updated", dispute, previous=previous_attributes(before, dispute))


def close(world: World, dispute: Json, status: str) -> None:
    before = dict(dispute)
    appealed = dispute["status"].startswith("appeal_")
    dispute.update(status=status, is_charge_refundable=status in ("won", "warning_closed"))
    if status == "won" and not appealed:
        _note(dispute, bookkeeping.book_reinstatement(world, dispute))
        world.emit("charge.dispute.funds_reinstated", dispute)
    if status == "lost" and appealed:
        _withdraw(world, dispute, fee=0)
    world.emit("charge.dispute.closed", dispute, previous=previous_attributes(before, dispute))


def _overdue(world: World, dispute_id: str) -> None:
    """No answer is an answer, unless Stripe answers for the merchant."""
    dispute = world.disputes.get(dispute_id)
    awaited = dispute["status"] in ("needs_response", "appeal_needs_response")
    if not awaited or world.time <= dispute["evidence_details"]["due_by"]:
        return
    if dispute["intended_submission_method"] in ("smart_disputes", "prefer_smart_disputes"):
        before = dict(dispute)
        submit(world, dispute)
        world.emit("charge.dispute.updated", dispute, previous=previous_attributes(before, dispute))
    else:
        close(world, dispute, "lost")


def _end_inquiry(world: World, dispute_id: str) -> None:
    dispute = world.disputes.get(dispute_id)
    if dispute["status"] in _INQUIRY:
        close(world, dispute, "warning_closed")


def answered_by_refund(world: World, charge: Json) -> None:
    """Everything was paid back: whoever asked has their answer."""
    for dispute in world.disputes.where("charge", charge["id"]):
        if dispute["status"] in _INQUIRY:
            close(world, dispute, "warning_closed")


WORK: Mapping[str, Work] = {
    "trouble_charge": _trouble,
    "decide_dispute": _decide,
    "dispute_overdue": _overdue,
    "end_inquiry": _end_inquiry,
}
