"""The life of a refund, from the money that it needs to the reference by which a bank finds it.

It may succeed at once or later, wait for money, wait for the customer to name an account, be canceled while
it does, or fail, even long after it had succeeded. Whenever it ends without the customer being paid, the
money is back in the balance, and the charge is refunded by so much less.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpay.sandbox.bookkeeping import book_refund, book_refund_failure
from azpay.sandbox.cards import RefundOutcome
from azpay.sandbox.changes import previous_attributes
from azpay.sandbox.errors import bad_request
from azpay.sandbox.instruments import behaviour_of
from azpay.sandbox.ledger import DAY
from azpay.sandbox.params import merged_metadata
from azpay.sandbox.resources import disputing, early_fraud_warnings, reviews

if TYPE_CHECKING:
    from collections.abc import Mapping

    from azpay.sandbox.routing import Work
    from azpay.sandbox.wire import Json
    from azpay.sandbox.world import World

REFERENCE_AFTER = 1
SETTLED_AFTER = 5
"""Seconds until a pending refund succeeds, or a refund that cannot be paid back fails."""
INSTRUCTIONS_LAST = 45 * DAY

FAILURES = (
    "charge_for_pending_refund_disputed",
    "declined",
    "expired_or_canceled_card",
    "insufficient_funds",
    "lost_or_stolen_card",
    "merchant_request",
    "unknown",
)
_BY_INSTRUCTION = ("customer_balance", "konbini", "multibanco", "promptpay")
"""Methods that money cannot be sent back to: the customer is asked for an account."""
_TRANSFERS = {
    "au_becs_debit": "au_bank_transfer",
    "bacs_debit": "gb_bank_transfer",
    "sepa_debit": "eu_bank_transfer",
    "us_bank_account": "us_bank_transfer",
}
_TRANSFERS_IN = {"eur": "eu", "gbp": "gb", "jpy": "jp", "mxn": "mx", "thb": "th"}
_WITHOUT_REFERENCE = ("au_bank_transfer",)


def new_refund(world: World, charge: Json, amount: int, params: Json) -> Json:
    """Take the money, or wait for it. The charge counts as refunded by the amount in either case."""
    refund = _blank(world, charge, amount, params)
    if _waits_for_customer(world, charge):
        _ask_customer(world, refund, charge, params)
    elif not _affordable(world, refund):
        refund.update(status="pending", pending_reason="insufficient_funds", _waits_for=charge["currency"])
    else:
        _pay(world, refund, charge)
    world.refunds.add(refund)
    _count(world, charge, refund)
    if refund.get("_waits_for") and _method(charge) != "card":
        fail(world, refund, "insufficient_funds")
    return refund


def _blank(world: World, charge: Json, amount: int, params: Json) -> Json:
    return {
        "id": world.ids.new("re"),
        "object": "refund",
        "amount": amount,
        "balance_transaction": None,
        "charge": charge["id"],
        "created": world.time,
        "currency": charge["currency"],
        "customer": charge["customer"],
        "customer_account": None,
        "destination_details": _destination(world, charge),
        "metadata": merged_metadata({}, params.get("metadata")),
        "payment_intent": charge["payment_intent"],
        "payment_method": charge["payment_method"],
        "reason": params.get("reason"),
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "succeeded",
        "transfer_reversal": None,
    }


def _method(charge: Json) -> str:
    kind: str = charge["payment_method_details"]["type"]
    return kind


def _destination(world: World, charge: Json) -> Json:
    """Where the money goes: back to the card, or to an account by a transfer."""
    if _method(charge) == "card" and not world.policy.refunds_by_instruction:
        details = {
            "reference_status": "pending",
            "reference_type": "acquirer_reference_number",
            "type": "refund",
        }
        return {"card": details, "type": "card"}
    area = f"{_TRANSFERS_IN.get(charge['currency'], 'us')}_bank_transfer"
    kind = _TRANSFERS.get(_method(charge), area)
    reference = {} if kind in _WITHOUT_REFERENCE else {"reference": None, "reference_status": "pending"}
    return {kind: reference, "type": kind}


def _waits_for_customer(world: World, charge: Json) -> bool:
    return world.policy.refunds_by_instruction or _method(charge) in _BY_INSTRUCTION


def _ask_customer(world: World, refund: Json, charge: Json, params: Json) -> None:
    """Stripe mails the customer, who has some weeks to answer. The money is put aside meanwhile."""
    address = params.get("instructions_email") or charge["receipt_email"] or _email(world, charge)
    if address is None:
        raise bad_request(
            "This refund needs the customer's answer: please provide an `instructions_email`.",
            param="instructions_email",
        )
    expires = world.time + INSTRUCTIONS_LAST
    sent = {"email_sent_at": world.time, "email_sent_to": address}
    refund.update(
        status="requires_action",
        instructions_email=address,
        next_action={
            "display_details": {"email_sent": sent, "expires_at": expires},
            "type": "display_details",
        },
        balance_transaction=book_refund(world, refund, charge)["id"],
    )
    world.schedule.plan(expires, "expire_refund", refund["id"])


def _email(world: World, charge: Json) -> str | None:
    customer = world.customers.find(charge["customer"] or "") or {}
    email: str | None = charge["billing_details"]["email"] or customer.get("email")
    return email


def _affordable(world: World, refund: Json) -> bool:
    ledger, currency = world.ledger, refund["currency"]
    if world.policy.refunds_draw_on == "anything":
        return True
    held: int = ledger.available.get(currency, 0)
    needed: int = refund["amount"]
    if world.policy.refunds_draw_on == "available_and_pending":
        held += ledger.pending.get(currency, 0)
    return held >= needed


def _pay(world: World, refund: Json, charge: Json) -> None:
    """Book it, and plan what becomes of it."""
    refund["balance_transaction"] = book_refund(world, refund, charge)["id"]
    outcome = _outcome(world, charge)
    if outcome is RefundOutcome.PENDING_FIRST:
        refund.update(status="pending", pending_reason="processing")
        world.schedule.plan(world.time + SETTLED_AFTER, "settle_refund", refund["id"])
        return
    world.schedule.plan(world.time + REFERENCE_AFTER, "reference_refund", refund["id"])
    if outcome is RefundOutcome.FAILS_LATER:
        world.schedule.plan(world.time + SETTLED_AFTER, "fail_refund", refund["id"])


def _outcome(world: World, charge: Json) -> RefundOutcome:
    return behaviour_of(world.payment_methods.get(charge["payment_method"])).refund


def _count(world: World, charge: Json, refund: Json) -> None:
    """The charge is refunded by so much more. A refund in full answers whoever had asked."""
    before = dict(charge)
    refunded = charge["amount_refunded"] + refund["amount"]
    charge.update(amount_refunded=refunded, refunded=refunded == charge["amount_captured"])
    world.emit("refund.created", refund)
    world.emit("charge.refunded", charge, previous=previous_attributes(before, charge))
    if charge["refunded"]:
        fraud = refund["reason"] == "fraudulent"
        reviews.close(world, charge, "refunded_as_fraud" if fraud else "refunded")
        early_fraud_warnings.stand_down(world, charge)
        disputing.answered_by_refund(world, charge)


def announce(world: World, refund: Json, before: Json) -> None:
    """Stripe tells about an updated refund twice, under two names."""
    previous = previous_attributes(before, refund)
    world.emit("refund.updated", refund, previous=previous)
    world.emit("charge.refund.updated", refund, previous=previous)


def answered(world: World, refund: Json) -> None:
    """The customer has named an account: the transfer is under way."""
    before = dict(refund)
    del refund["next_action"]
    refund.update(status="pending", pending_reason="processing")
    world.schedule.plan(world.time + SETTLED_AFTER, "settle_refund", refund["id"])
    announce(world, refund, before)


def fail(world: World, refund: Json, reason: str, *, status: str = "failed") -> None:
    """It came back, or never went. `status` is `canceled` when the merchant has called it off."""
    before = dict(refund)
    charge = world.charges.get(refund["charge"])
    for gone in ("next_action", "pending_reason"):
        refund.pop(gone, None)
    refund.update(status=status, failure_reason=reason, _waits_for=None)
    if refund["balance_transaction"] is not None:
        refund["failure_balance_transaction"] = book_refund_failure(world, refund, charge)["id"]
    charge.update(amount_refunded=charge["amount_refunded"] - refund["amount"], refunded=False)
    announce(world, refund, before)
    if status == "failed":
        world.emit("refund.failed", refund)


def _settle(world: World, refund_id: str) -> None:
    refund = world.refunds.get(refund_id)
    if refund["status"] == "pending":
        before = dict(refund)
        del refund["pending_reason"]
        refund["status"] = "succeeded"
        announce(world, refund, before)


def _reference(world: World, refund_id: str) -> None:
    """The acquirer has given it a number, by which the customer's bank can find it."""
    refund = world.refunds.get(refund_id)
    details = refund["destination_details"]
    kind = details["type"]
    if refund["status"] in ("failed", "canceled") or kind in _WITHOUT_REFERENCE:
        return
    before = dict(refund)
    number = str(int(refund_id[-8:], 36) % 10**10)
    found = {**details[kind], "reference": number, "reference_status": "available"}
    refund["destination_details"] = {**details, kind: found}
    announce(world, refund, before)


def _fail_late(world: World, refund_id: str) -> None:
    refund = world.refunds.get(refund_id)
    if refund["status"] in ("pending", "succeeded"):
        fail(world, refund, "expired_or_canceled_card")


def _expire(world: World, refund_id: str) -> None:
    refund = world.refunds.get(refund_id)
    if refund["status"] == "requires_action":
        fail(world, refund, "unknown")


def _fund(world: World, currency: str) -> None:
    """There is money again: refunds that waited for it are paid, oldest first, as far as it goes."""
    for refund in world.refunds.where("_waits_for", currency):
        if not _affordable(world, refund):
            return
        before = dict(refund)
        del refund["pending_reason"]
        refund.update(status="succeeded", _waits_for=None)
        _pay(world, refund, world.charges.get(refund["charge"]))
        announce(world, refund, before)


def _fail_disputed(world: World, charge_id: str) -> None:
    for refund in world.refunds.where("charge", charge_id):
        if refund["status"] == "pending":
            fail(world, refund, "charge_for_pending_refund_disputed")


WORK: Mapping[str, Work] = {
    "settle_refund": _settle,
    "reference_refund": _reference,
    "fail_refund": _fail_late,
    "expire_refund": _expire,
    "fund_refunds": _fund,
    "fail_disputed_refunds": _fail_disputed,
}
