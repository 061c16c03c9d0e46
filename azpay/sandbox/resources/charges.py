from __future__ import annotations

from typing import TYPE_CHECKING

from azpay.sandbox.bookkeeping import book_charge
from azpay.sandbox.changes import previous_attributes
from azpay.sandbox.errors import bad_request
from azpay.sandbox.instruments import behaviour_of
from azpay.sandbox.lists import chosen, list_page, paged_by_time
from azpay.sandbox.params import (
    EMAIL,
    SHIPPING,
    choice,
    clearable,
    hash_of,
    merged_metadata,
    metadata,
    shape,
    text,
)
from azpay.sandbox.resources import disputing, reviews
from azpay.sandbox.resources.charge_details import authorization_code, bank_details, card_details
from azpay.sandbox.resources.customers import chosen_customer
from azpay.sandbox.resources.statuses import move
from azpay.sandbox.routing import Call, Route

if TYPE_CHECKING:
    from collections.abc import Mapping

    from azpay.sandbox.cards import Behaviour, Decline
    from azpay.sandbox.routing import Work
    from azpay.sandbox.wire import Json
    from azpay.sandbox.world import World

BOOKED_AFTER = 2
"""Seconds until an asynchronous capture has its balance transaction."""

_RISK_SCORES = {"normal": 20, "elevated": 68, "highest": 90}
_SELLER_MESSAGES = {
    "insufficient_funds": "The bank returned the decline code `insufficient_funds`.",
    "generic_decline": "The bank did not return any further details with this decline.",
}
_FRAUD_DETAILS = shape(user_report=clearable(choice("fraudulent", "safe"))).requiring("user_report")
_UPDATE = shape(
    customer=text(),
    description=clearable(text(40_000)),
    fraud_details=hash_of(_FRAUD_DETAILS),
    metadata=metadata,
    receipt_email=clearable(EMAIL),
    shipping=hash_of(SHIPPING),
    transfer_group=text(),
)
_FILTERS = paged_by_time(customer=text(), payment_intent=text(), transfer_group=text())


def new_charge(world: World, intent: Json, method: Json, *, decline: Decline | None = None) -> Json:
    """One attempt to take the money of a card: authorized, or failed."""
    return _add(world, intent, method, decline)


def pending_charge(world: World, intent: Json, method: Json, mandate: str) -> Json:
    """One attempt to take money from a bank account, which has not answered yet."""
    charge = _add(world, intent, method, None)
    charge.update(status="pending", paid=False, captured=True, amount_captured=charge["amount"])
    charge["payment_method_details"][method["type"]]["mandate"] = mandate
    charge["authorization_code"] = None
    return charge


def _add(world: World, intent: Json, method: Json, decline: Decline | None) -> Json:
    identifier = world.ids.new("ch" if method["type"] == "card" else "py")
    charge = {
        "id": identifier,
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": 0,
        "amount_refunded": 0,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "authorization_code": None if decline else authorization_code(identifier),
        "balance_transaction": None,
        "billing_details": method["billing_details"],
        "calculated_statement_descriptor": _descriptor(intent),
        "captured": False,
        "created": world.time,
        "currency": intent["currency"],
        "customer": intent["customer"],
        "description": intent["description"],
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": decline and decline.code,
        "failure_message": decline and decline.message,
        "fraud_details": {},
        "level3": None,
        "livemode": False,
        "metadata": dict(intent["metadata"]),
        "on_behalf_of": None,
        "outcome": _outcome(behaviour_of(method), decline),
        "paid": decline is None,
        "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": _details(world, intent, method, identifier),
        "radar_options": {},
        "receipt_email": intent["receipt_email"],
        "receipt_number": None,
        "receipt_url": None if decline else f"https://pay.stripe.com/receipts/payment/{identifier}",
        "refunded": False,
        "review": None,
        "shipping": intent["shipping"],
        "source_transfer": None,
        "statement_descriptor": intent["statement_descriptor"],
        "statement_descriptor_suffix": intent["statement_descriptor_suffix"],
        "status": "failed" if decline else "succeeded",
        "transfer_data": None,
        "transfer_group": intent["transfer_group"],
    }
    intent["latest_charge"] = identifier
    world.charges.add(charge)
    reviews.assess(world, charge)
    return charge


def _details(world: World, intent: Json, method: Json, identifier: str) -> Json:
    kind = method["type"]
    if kind == "card":
        return {"card": card_details(intent, method, identifier), "type": kind}
    return {kind: bank_details(world, method), "type": kind}


def put_on_statement(charge: Json, intent: Json) -> None:
    """What the customer reads beside the amount."""
    charge["calculated_statement_descriptor"] = _descriptor(intent)
    charge["statement_descriptor_suffix"] = intent["statement_descriptor_suffix"]


def _descriptor(intent: Json) -> str:
    suffix = intent["statement_descriptor_suffix"]
    return f"AZPAY* {suffix}"[:22] if suffix else "AZPAY"


def _outcome(behaviour: Behaviour, decline: Decline | None) -> Json:
    outcome = {
        "advice_code": decline and decline.advice_code,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": "approved_by_network",
        "reason": None,
        "risk_level": behaviour.risk_level,
        "risk_score": _RISK_SCORES[behaviour.risk_level],
        "seller_message": "Payment complete.",
        "type": "authorized",
    }
    if behaviour.blocked:
        message = "Stripe blocked this payment as too risky."
        outcome.update(network_status="not_sent_to_network", reason="highest_risk_level", type="blocked")
        outcome["seller_message"] = message
    elif decline is not None:
        outcome.update(
            network_status="declined_by_network",
            reason=decline.decline_code or decline.code,
            type="issuer_declined",
        )
        outcome["seller_message"] = _SELLER_MESSAGES.get(decline.decline_code or "", decline.message)
    return outcome


def refuse(world: World, charge: Json, refusal: Decline) -> None:
    """A bank said no to what was pending."""
    move(world, charge, "failed", captured=False, amount_captured=0, receipt_url=None)
    charge.update(failure_code=refusal.code, failure_message=refusal.message)
    outcome = {"network_status": "declined_by_network", "type": "issuer_declined", "reason": refusal.code}
    charge["outcome"] = {**charge["outcome"], **outcome, "seller_message": refusal.message}


def capture(world: World, charge: Json, amount: int, *, wait: bool) -> None:
    """Take the money. `wait`: its balance transaction comes a moment later, as a `charge.updated`."""
    charge.update(captured=True, amount_captured=amount)
    disputing.expect(world, charge)
    if wait:
        after = 0 if _is_available_at_once(world, charge) else BOOKED_AFTER
        world.schedule.plan(world.time + after, "book_charge", charge["id"])
    else:
        _book(world, charge)


def _is_available_at_once(world: World, charge: Json) -> bool:
    """As with test cards that stand for it: whoever uses one pays out in the next request."""
    return behaviour_of(world.payment_methods.get(charge["payment_method"])).available_at_once


def _book(world: World, charge: Json) -> None:
    at_once = _is_available_at_once(world, charge)
    charge["balance_transaction"] = book_charge(world, charge, at_once=at_once)["id"]


def _book_later(world: World, charge_id: str) -> None:
    charge = world.charges.get(charge_id)
    _book(world, charge)
    world.emit("charge.updated", charge, previous={"balance_transaction": None})


def _retrieve(world: World, call: Call) -> Json:
    return world.charges.get(call.ids["charge"])


def _update(world: World, call: Call) -> Json:
    charge, params = _retrieve(world, call), call.params
    before = dict(charge)
    _check_customer(world, charge, params)
    charge.update(chosen(params, "customer", "description", "receipt_email", "shipping", "transfer_group"))
    if "fraud_details" in params:
        report = params["fraud_details"]["user_report"]
        charge["fraud_details"] = {"user_report": report} if report else {}
    if "metadata" in params:
        charge["metadata"] = merged_metadata(charge["metadata"], params["metadata"])
    world.charges.reindex(charge)
    changed = previous_attributes(before, charge)
    if changed:
        world.emit("charge.updated", charge, previous=changed)
    return charge


def _check_customer(world: World, charge: Json, params: Json) -> None:
    if "customer" not in params:
        return
    customer = chosen_customer(world, params["customer"])
    if charge["customer"] not in (None, customer["id"]):
        raise bad_request("The customer of a charge cannot be changed.", param="customer")


def _list(world: World, call: Call) -> Json:
    equal = chosen(call.params, "customer", "payment_intent", "transfer_group")
    return list_page(world.charges, "/v1/charges", call.params, equal=equal)


ROUTES = (
    Route("GET", "/v1/charges", _FILTERS, _list),
    Route("GET", "/v1/charges/{charge}", shape(), _retrieve),
    Route("POST", "/v1/charges/{charge}", _UPDATE, _update),
)
WORK: Mapping[str, Work] = {"book_charge": _book_later}
