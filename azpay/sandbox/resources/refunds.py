from __future__ import annotations

from typing import TYPE_CHECKING

from azpay.sandbox import currencies
from azpay.sandbox.errors import StripeError, bad_request, missing_one_of, no_such
from azpay.sandbox.lists import chosen, list_page, paged, paged_by_time
from azpay.sandbox.params import EMAIL, choice, integer, merged_metadata, metadata, shape, text, unsupported
from azpay.sandbox.resources import disputing, refunding
from azpay.sandbox.routing import Call, Route

if TYPE_CHECKING:
    from collections.abc import Mapping

    from azpay.sandbox.routing import Work
    from azpay.sandbox.wire import Json
    from azpay.sandbox.world import World

_CREATE = shape(
    amount=integer(1),
    charge=text(),
    currency=unsupported,
    customer=unsupported,
    instructions_email=EMAIL,
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
    return refunding.new_refund(world, charge, amount, call.params)


def _charge_to_refund(world: World, params: Json) -> Json:
    charge = _named_charge(world, params)
    if disputing.refusing(world, charge):
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


def _retrieve(world: World, call: Call) -> Json:
    return world.refunds.get(call.ids["refund"])


def _update(world: World, call: Call) -> Json:
    refund = _retrieve(world, call)
    before = dict(refund)
    if "metadata" in call.params:
        refund["metadata"] = merged_metadata(refund["metadata"], call.params["metadata"])
    if refund != before:
        refunding.announce(world, refund, before)
    return refund


def _cancel(world: World, call: Call) -> Json:
    """Only what waits for the customer can be called off, and a card's refund never does."""
    refund = _retrieve(world, call)
    if refund["status"] != "requires_action":
        raise bad_request("Canceling this refund is unsupported.")
    refunding.fail(world, refund, "merchant_request", status="canceled")
    return refund


def _expire(world: World, call: Call) -> Json:
    """Stripe's help for tests: the customer's time is over."""
    refund = _retrieve(world, call)
    if refund["status"] != "requires_action":
        raise bad_request(f"Refund {refund['id']} cannot expire: its status is {refund['status']}.")
    refunding.fail(world, refund, "unknown")
    return refund


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
    Route("POST", "/v1/test_helpers/refunds/{refund}/expire", shape(), _expire),
    Route("GET", "/v1/charges/{charge}/refunds", paged(), _of_charge),
)
WORK: Mapping[str, Work] = refunding.WORK
