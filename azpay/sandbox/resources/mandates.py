"""A customer's permission to take money from a bank account: once, or until the account is let go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpay.sandbox import wording
from azpay.sandbox.errors import StripeError, bad_request
from azpay.sandbox.ids import scramble
from azpay.sandbox.params import boolean, choice, hash_of, integer, opaque, shape, text
from azpay.sandbox.routing import Call, Route

if TYPE_CHECKING:
    from azpay.sandbox.wire import Json
    from azpay.sandbox.world import World

_ONLINE = shape(infer_from_client=boolean, ip_address=text(), user_agent=text())
_ACCEPTANCE = shape(
    accepted_at=integer(),
    offline=opaque,
    online=hash_of(_ONLINE),
    type=choice("offline", "online"),
).requiring("type")
MANDATE_OPTIONS = hash_of(shape(collection_method=choice("paper"), reference_prefix=text(12)))
MANDATE_DATA = hash_of(shape(customer_acceptance=hash_of(_ACCEPTANCE)).requiring("customer_acceptance"))


def check(world: World, method: Json, params: Json, noun: str) -> None:
    """A debit needs a mandate: one that is named, one that stands, or one that the customer gives now."""
    if "mandate" in params:
        _check_named(world, method, params["mandate"])
    elif method["type"] == "card" or params.get("mandate_data") or standing(world, method) is not None:
        return
    else:
        raise _missing(noun)


def _check_named(world: World, method: Json, identifier: str) -> None:
    mandate = world.mandates.get(identifier, param="mandate", status=400)
    if mandate["status"] != "active" or mandate["payment_method"] != method["id"]:
        raise bad_request(wording.UNUSABLE_MANDATE, code="payment_intent_mandate_invalid", param="mandate")


def _missing(noun: str) -> StripeError:
    code = "payment_intent_mandate_invalid" if noun == "PaymentIntent" else None
    return bad_request(wording.mandate_missing(noun), code=code, param="mandate_data")


def standing(world: World, method: Json) -> Json | None:
    """The permission that holds for every payment with this method."""
    mandate = world.mandates.find(method["_mandate"] or "")
    return mandate if mandate is not None and mandate["status"] == "active" else None


def grant(world: World, method: Json, params: Json, *, once: Json | None = None) -> str:
    """Write down what the customer accepted. `once`: for the amount and currency of one payment alone."""
    mandate: Json = {
        "id": world.ids.new("mandate"),
        "object": "mandate",
        "created": world.time,
        "customer_acceptance": _acceptance(world, params["mandate_data"]["customer_acceptance"]),
        "livemode": False,
        "payment_method": method["id"],
        "payment_method_details": {"type": method["type"], method["type"]: _details(method)},
        "status": "active",
        "type": "multi_use" if once is None else "single_use",
    }
    mandate[mandate["type"]] = {} if once is None else once
    world.mandates.add(mandate)
    if once is None:
        method["_mandate"] = mandate["id"]
    identifier: str = mandate["id"]
    return identifier


def _acceptance(world: World, given: Json) -> Json:
    kind = given["type"]
    online = given.get("online", {})
    told = {name: online.get(name) for name in ("ip_address", "user_agent")} if kind == "online" else {}
    return {"accepted_at": given.get("accepted_at", world.time), "type": kind, kind: told}


def _details(method: Json) -> Json:
    reference = scramble(f"mandate:{method['id']}", 16).upper()
    url = f"https://example.com/mandates/{reference}"
    kinds: Json = {
        "us_bank_account": {},
        "sepa_debit": {"reference": reference, "url": url},
        "au_becs_debit": {"url": url},
        "bacs_debit": {
            "display_name": None,
            "network_status": "accepted",
            "reference": reference,
            "revocation_reason": None,
            "service_user_number": None,
            "url": url,
        },
    }
    details: Json = kinds[method["type"]]
    return details


def end(world: World, method: Json) -> None:
    """A method that is let go takes its permission with it."""
    mandate = standing(world, method)
    if mandate is not None:
        use_up(world, mandate["id"])


def use_up(world: World, mandate_id: str) -> None:
    mandate = world.mandates.get(mandate_id)
    mandate["status"] = "inactive"
    world.emit("mandate.updated", mandate, previous={"status": "active"})


def _retrieve(world: World, call: Call) -> Json:
    return world.mandates.get(call.ids["mandate"], param="mandate")


ROUTES = (Route("GET", "/v1/mandates/{mandate}", shape(), _retrieve),)
