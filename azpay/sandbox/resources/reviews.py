"""Reviews: a payment that a person is to look at, because a rule or a colleague said so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpay.sandbox.errors import bad_request
from azpay.sandbox.lists import list_page, paged_by_time
from azpay.sandbox.params import shape
from azpay.sandbox.routing import Call, Route

if TYPE_CHECKING:
    from azpay.sandbox.wire import Json
    from azpay.sandbox.world import World


def assess(world: World, charge: Json) -> None:
    """What is riskier than usual, and not blocked, is looked at."""
    if charge["paid"] and charge["outcome"]["risk_level"] == "elevated":
        open_review(world, charge, "rule")


def open_review(world: World, charge: Json, reason: str) -> Json:
    """`reason` is `rule` or `manual`."""
    review = {
        "id": world.ids.new("prv"),
        "object": "review",
        "billing_zip": charge["billing_details"]["address"]["postal_code"],
        "charge": charge["id"],
        "closed_reason": None,
        "created": world.time,
        "ip_address": None,
        "ip_address_location": None,
        "livemode": False,
        "open": True,
        "opened_reason": reason,
        "payment_intent": charge["payment_intent"],
        "reason": reason,
        "session": None,
    }
    world.reviews.add(review)
    charge["review"] = review["id"]
    intent = world.payment_intents.find(charge["payment_intent"] or "")
    if intent is not None:
        intent["review"] = review["id"]
    world.emit("review.opened", review)
    return review


def close(world: World, charge: Json, reason: str) -> None:
    """What happened to the charge has answered the question."""
    for review in world.reviews.where("charge", charge["id"]):
        if review["open"]:
            _close(world, review, reason)


def _close(world: World, review: Json, reason: str) -> None:
    review.update(open=False, closed_reason=reason, reason=reason)
    world.reviews.reindex(review)
    world.emit("review.closed", review)


def _approve(world: World, call: Call) -> Json:
    review = _retrieve(world, call)
    if not review["open"]:
        raise bad_request(f"Review {review['id']} is already closed: {review['closed_reason']}.")
    _close(world, review, "approved")
    return review


def _retrieve(world: World, call: Call) -> Json:
    return world.reviews.get(call.ids["review"], param="review")


def _list(world: World, call: Call) -> Json:
    """Stripe lists open ones only."""
    return list_page(world.reviews, "/v1/reviews", call.params, equal={"open": True})


ROUTES = (
    Route("GET", "/v1/reviews", paged_by_time(), _list),
    Route("GET", "/v1/reviews/{review}", shape(), _retrieve),
    Route("POST", "/v1/reviews/{review}/approve", shape(), _approve),
)
