from __future__ import annotations

from typing import TYPE_CHECKING

from azpay.sandbox import currencies
from azpay.sandbox.bookkeeping import book_refund, book_refund_failure
from azpay.sandbox.cards import RefundOutcome
from azpay.sandbox.changes import previous_attributes
from azpay.sandbox.errors import StripeError, bad_request, missing_one_of, no_such
from azpay.sandbox.instruments import behaviour_of
from azpay.sandbox.lists import chosen, list_page, paged_by_time
from azpay.sandbox.params import choice, integer, merged_metadata, metadata, shape, text, unsupported
from azpay.sandbox.routing import Call, Route

if TYPE_CHECKING:
    from collections.abc import Mapping

    from azpay.sandbox.routing import Work
    from azpay.sandbox.wire import Json
    from azpay.sandbox.world import World

REFERENCE_AFTER = 1
SETTLED_AFTER = 5
"""Seconds until a pending refund succeeds, or a refund that cannot be paid back fails."""

_CREATE = shape(
    amount=integer(1),
    charge=text(),
    currency=unsupported,
    customer=unsupported,
    instructions_email=unsupported,
    metadata=metadata,
    origin=unsupported,
    payment_intent=text(),
    reason=choice("duplicate", "fraudulent", "requested_by_customer"),
    refund_application_fee=unsupported,
    reverse_transfer=unsupported,
)


def _create(world: World, call: Call) -> Json:
    charge = _charge_to_refund(world, call.params)
    amount = _amount_to_refund(charge, call.params)
    refund = _new(world, charge, amount, call.params)
    before = dict(charge)
    refunded = charge["amount_refunded"] + amount
    charge.update(amount_refunded=refunded, refunded=refunded == charge["amount_captured"])
    world.emit("refund.created", refund)
    world.emit("charge.refunded", charge, previous=previous_attributes(before, charge))
    return refund


def _charge_to_refund(world: World, params: Json) -> Json:
    charge = _named_charge(world, params)
    if charge["disputed"]:
        raise bad_request(
            f"Charge {charge['id']} has been charged back; cannot issue a refund.", code="charge_disputed"
        )
    if charge["refunded"]:
        raise bad_request(f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded")
    if not charge["captured"]:
        raise bad_request(
            f"Charge {charge['id']} has not been captured: cancel its PaymentIntent "
            f"({charge['payment_intent']}) instead of refunding it."
        )
    return charge


def _named_charge(world: World, params: Json) -> Json:
    if "charge" in params:
        charge = world.charges.get(params["charge"], param="charge")
        if params.get("payment_intent", charge["payment_intent"]) != charge["payment_intent"]:
            raise no_such("charge", charge["id"], param="charge")
    elif "payment_intent" in params:
        intent = world.payment_intents.get(params["payment_intent"], param="payment_intent")
        charge = world.charges.find(intent["latest_charge"] or "") or {"status": "missing"}
    else:
        raise missing_one_of("charge", "payment_intent")
    if charge["status"] != "succeeded":
        raise _nothing_to_refund(params)
    return charge


def _nothing_to_refund(params: Json) -> StripeError:
    if "payment_intent" in params:
        subject = f"This PaymentIntent ({params['payment_intent']})"
        return bad_request(f"{subject} does not have a successful charge to refund.")
    return bad_request(f"Charge {params['charge']} did not succeed, so that there is nothing to refund.")


def _amount_to_refund(charge: Json, params: Json) -> int:
    left = charge["amount_captured"] - charge["amount_refunded"]
    amount: int = params.get("amount", left)
    if amount > left:
        currency = charge["currency"]
        asked, available = (currencies.with_symbol(value, currency) for value in (amount, left))
        raise bad_request(
            f"Refund amount ({asked}) is greater than unrefunded amount on charge ({available})",
            param="amount",
        )
    currencies.check_precision(amount, charge["currency"])
    return amount


def _new(world: World, charge: Json, amount: int, params: Json) -> Json:
    method = world.payment_methods.get(charge["payment_method"])
    outcome = behaviour_of(method).refund
    pending = outcome is RefundOutcome.PENDING_FIRST
    refund = {
        "id": world.ids.new("re"),
        "object": "refund",
        "amount": amount,
        "balance_transaction": None,
        "charge": charge["id"],
        "created": world.time,
        "currency": charge["currency"],
        "customer": charge["customer"],
        "customer_account": None,
        "destination_details": {
            "card": {
                "reference_status": "pending",
                "reference_type": "acquirer_reference_number",
                "type": "refund",
            },
            "type": "card",
        },
        "metadata": merged_metadata({}, params.get("metadata")),
        "payment_intent": charge["payment_intent"],
        "payment_method": charge["payment_method"],
        "reason": params.get("reason"),
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "pending" if pending else "succeeded",
        "transfer_reversal": None,
    }
    if pending:
        refund["pending_reason"] = "processing"
    refund["balance_transaction"] = book_refund(world, refund, charge)["id"]
    _plan(world, refund, outcome)
    return world.refunds.add(refund)


def _plan(world: World, refund: Json, outcome: RefundOutcome) -> None:
    """What becomes of the refund later."""
    if outcome is RefundOutcome.PENDING_FIRST:
        world.schedule.plan(world.time + SETTLED_AFTER, "settle_refund", refund["id"])
    else:
        world.schedule.plan(world.time + REFERENCE_AFTER, "reference_refund", refund["id"])
    if outcome is RefundOutcome.FAILS_LATER:
        world.schedule.plan(world.time + SETTLED_AFTER, "fail_refund", refund["id"])


def _announce(world: World, refund: Json, before: Json) -> None:
    """Stripe tells about an updated refund twice, under two names."""
    previous = previous_attributes(before, refund)
    world.emit("refund.updated", refund, previous=previous)
    world.emit("charge.refund.updated", refund, previous=previous)


def _settle(world: World, refund_id: str) -> None:
    refund = world.refunds.get(refund_id)
    before = dict(refund)
    refund["status"] = "succeeded"
    del refund["pending_reason"]
    _announce(world, refund, before)


def _reference(world: World, refund_id: str) -> None:
    """The acquirer has given it a number, by which the customer's bank can find it."""
    refund = world.refunds.get(refund_id)
    before = dict(refund)
    number = str(int(refund_id[-8:], 36) % 10**10)
    details = refund["destination_details"]
    card = {**details["card"], "reference": number, "reference_status": "available"}
    refund["destination_details"] = {**details, "card": card}
    _announce(world, refund, before)


def _fail(world: World, refund_id: str) -> None:
    """The bank sent the money back. It returns to the balance, and the charge is no longer refunded."""
    refund = world.refunds.get(refund_id)
    before = dict(refund)
    charge = world.charges.get(refund["charge"])
    failure = book_refund_failure(world, refund, charge)
    refund.update(
        status="failed",
        failure_reason="expired_or_canceled_card",
        failure_balance_transaction=failure["id"],
    )
    charge.update(amount_refunded=charge["amount_refunded"] - refund["amount"], refunded=False)
    _announce(world, refund, before)
    world.emit("refund.failed", refund)


def _retrieve(world: World, call: Call) -> Json:
    return world.refunds.get(call.ids["refund"])


def _update(world: World, call: Call) -> Json:
    refund = _retrieve(world, call)
    before = dict(refund)
    if "metadata" in call.params:
        refund["metadata"] = merged_metadata(refund["metadata"], call.params["metadata"])
    if refund != before:
        _announce(world, refund, before)
    return refund


def _cancel(world: World, call: Call) -> Json:
    """Only refunds that wait for the customer could be canceled, and a card's never do."""
    refund = _retrieve(world, call)
    raise bad_request(
        f"Refund {refund['id']} cannot be canceled: only refunds with a status of requires_action can be."
    )


def _list(world: World, call: Call) -> Json:
    return list_page(
        world.refunds, "/v1/refunds", call.params, equal=chosen(call.params, "charge", "payment_intent")
    )


def _of_charge(world: World, call: Call) -> Json:
    charge = world.charges.get(call.ids["charge"])
    url = f"/v1/charges/{charge['id']}/refunds"
    return list_page(world.refunds, url, call.params, equal={"charge": charge["id"]})


ROUTES = (
    Route("POST", "/v1/refunds", _CREATE, _create),
    Route("GET", "/v1/refunds", paged_by_time(charge=text(), payment_intent=text()), _list),
    Route("GET", "/v1/refunds/{refund}", shape(), _retrieve),
    Route("POST", "/v1/refunds/{refund}", shape(metadata=metadata), _update),
    Route("POST", "/v1/refunds/{refund}/cancel", shape(), _cancel),
    Route("GET", "/v1/charges/{charge}/refunds", paged_by_time(), _of_charge),
)
WORK: Mapping[str, Work] = {
    "settle_refund": _settle,
    "reference_refund": _reference,
    "fail_refund": _fail,
}
