"""Search: an index that is always a little behind.

An object is found some time after it was made, and its status some time after it changed. How long is the
account's policy, a minute if nothing else is said.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from dataclasses import dataclass
from typing import TYPE_CHECKING

from azpay.sandbox.errors import StripeError, bad_request
from azpay.sandbox.finding import Query
from azpay.sandbox.lists import MAX_LIMIT
from azpay.sandbox.params import integer, shape, text
from azpay.sandbox.resources.statuses import status_at
from azpay.sandbox.routing import Call, Route
from azpay.sandbox.search_language import Fields, Kind, parse

if TYPE_CHECKING:
    from collections.abc import Callable

    from azpay.sandbox.store import Collection
    from azpay.sandbox.wire import Json
    from azpay.sandbox.world import World

_COMMON = {"created": Kind.NUMBER, "metadata": Kind.WORD}
_PAYMENT = {
    **_COMMON,
    "amount": Kind.NUMBER,
    "currency": Kind.WORD,
    "customer": Kind.WORD,
    "status": Kind.WORD,
}
_CHARGE = {
    **_PAYMENT,
    "billing_details.address.postal_code": Kind.WORD,
    "disputed": Kind.WORD,
    "payment_method_details.card.brand": Kind.WORD,
    "payment_method_details.card.exp_month": Kind.NUMBER,
    "payment_method_details.card.exp_year": Kind.NUMBER,
    "payment_method_details.card.fingerprint": Kind.WORD,
    "payment_method_details.card.last4": Kind.WORD,
    "refunded": Kind.WORD,
}
_CUSTOMER = {**_COMMON, "email": Kind.TEXT, "name": Kind.TEXT, "phone": Kind.TEXT}
_SHAPE = shape(limit=integer(1, MAX_LIMIT), page=text(), query=text()).requiring("query")


@dataclass(frozen=True, slots=True)
class _Index:
    fields: Fields
    rows: Callable[[World], Collection]
    document: Callable[[Json, int], Json]

    def search(self, world: World, call: Call) -> Json:
        wanted = parse(call.params["query"], self.fields)
        written = world.time - world.policy.search_lag
        customer = wanted.only("customer")
        query = Query(
            equal={} if customer is None else {"customer": customer},
            created={"lte": written},
            limit=call.params.get("limit", 10),
            starting_after=self._cursor(world, call.params),
            keep=lambda row: wanted.matches(self.document(row, written)),
        )
        rows, has_more = self.rows(world).page(query)
        return {
            "object": "search_result",
            "data": rows,
            "has_more": has_more,
            "next_page": _page(rows[-1]["id"]) if has_more else None,
            "url": f"/v1/{self.fields.resource}/search",
        }

    def _cursor(self, world: World, params: Json) -> str | None:
        if "page" not in params:
            return None
        identifier = _identifier(params["page"])
        if self.rows(world).find(identifier) is None:
            raise _bad_page()
        return identifier


def _page(identifier: str) -> str:
    return urlsafe_b64encode(identifier.encode()).decode()


def _identifier(page: str) -> str:
    try:
        return urlsafe_b64decode(page.encode()).decode()
    except (Base64Error, ValueError):
        raise _bad_page() from None


def _bad_page() -> StripeError:
    return bad_request("Invalid page: pass the `next_page` of a search result.", param="page")


def _as_shown(row: Json, _written: int) -> Json:
    return row


def _with_status(row: Json, written: int) -> Json:
    return {**row, "status": status_at(row, written)}


def _with_refunds(row: Json, written: int) -> Json:
    """`refunded` is true for all of it, false for a part, and null for nothing."""
    refunded = row["refunded"] if row["amount_refunded"] else None
    return {**row, "status": status_at(row, written), "refunded": refunded}


_INDEXES = (
    _Index(Fields("charges", _CHARGE), lambda world: world.charges, _with_refunds),
    _Index(Fields("customers", _CUSTOMER), lambda world: world.customers, _as_shown),
    _Index(Fields("payment_intents", _PAYMENT), lambda world: world.payment_intents, _with_status),
)
ROUTES = tuple(
    Route("GET", f"/v1/{index.fields.resource}/search", _SHAPE, index.search) for index in _INDEXES
)
