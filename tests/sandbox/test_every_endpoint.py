"""Every endpoint, in two versions of the API: what it answers is held against Stripe's own document."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import pytest

from azpay.sandbox import DEFAULT_ACCOUNT
from azpay.sandbox.resources import ROUTES
from tests.sandbox.shop import CARD, DESTINATION, NO_REDIRECTS, Shop
from tests.support.openapi import DAHLIA, ENDIVE, answer_complaints, complaints, parameters, schemas

if TYPE_CHECKING:
    from azpay.sandbox import Response
    from azpay.sandbox.routing import Route


class Ask(NamedTuple):
    """What goes into the braces of an address, and the parameters."""

    ids: tuple[str, ...] = ()
    params: dict[str, str] | None = None


Arrange: TypeAlias = Callable[[Shop], Ask]


def plainly(_shop: Shop) -> Ask:
    return Ask()


def on(make: Callable[[Shop], str], **params: str) -> Arrange:
    return lambda shop: Ask((make(shop),), params)


def after(make: Callable[[Shop], object], **params: str) -> Arrange:
    """A list that is not empty."""

    def arrange(shop: Shop) -> Ask:
        make(shop)
        return Ask((), params)

    return arrange


def with_(**params: str) -> Arrange:
    return lambda _shop: Ask((), params)


def _search(query: str) -> Arrange:
    def arrange(shop: Shop) -> Ask:
        shop.paid(customer=shop.customer())
        shop.sandbox.advance(600)
        return Ask((), {"query": query})

    return arrange


def _refunded(shop: Shop) -> str:
    charge = shop.charge()
    shop.made("/v1/refunds", {"charge": charge, "amount": "500"})
    return charge


def _retrying(shop: Shop) -> Ask:
    endpoint = shop.endpoint()
    return Ask((shop.event(),), {"webhook_endpoint": endpoint})


def _own_bank(**params: str) -> Arrange:
    return lambda shop: Ask((DEFAULT_ACCOUNT, shop.bank()), params)


def _report() -> Arrange:
    """Over a day that is long past."""
    interval = {"parameters[interval_start]": "1790000000", "parameters[interval_end]": "1790086400"}
    return with_(report_type="payouts.itemized.3", **interval)


EVERYTHING: dict[str, Arrange] = {
    "GET /v1/account": plainly,
    "GET /v1/accounts/{}": lambda _shop: Ask((DEFAULT_ACCOUNT,)),
    "GET /v1/balance": after(Shop.paid),
    "GET /v1/balance/history": after(Shop.refund),
    "GET /v1/balance/history/{}": on(Shop.transaction),
    "GET /v1/accounts/{}/external_accounts": lambda shop: Ask((shop.bank() and DEFAULT_ACCOUNT,)),
    "GET /v1/accounts/{}/external_accounts/{}": _own_bank(),
    "POST /v1/accounts/{}/external_accounts": lambda _shop: Ask(
        (DEFAULT_ACCOUNT,), {"external_account": "btok_us_verified"}
    ),
    "POST /v1/accounts/{}/external_accounts/{}": _own_bank(default_for_currency="true"),
    "DELETE /v1/accounts/{}/external_accounts/{}": _own_bank(),
    "GET /v1/balance_settings": plainly,
    "POST /v1/balance_settings": with_(**{"payments[payouts][schedule][interval]": "weekly"}),
    "GET /v1/balance_transactions": after(Shop.dispute, limit="100"),
    "GET /v1/balance_transactions/{}": on(Shop.transaction),
    "GET /v1/charges": after(Shop.refund),
    "GET /v1/charges/search": _search("amount>100"),
    "GET /v1/charges/{}": on(Shop.charge),
    "GET /v1/charges/{}/refunds": lambda shop: Ask((_refunded(shop),)),
    "POST /v1/charges/{}": on(Shop.charge, description="hats"),
    "GET /v1/customers": after(Shop.customer),
    "GET /v1/customers/search": _search('email:"ada@example.com"'),
    "GET /v1/customers/{}": on(Shop.customer),
    "GET /v1/customers/{}/payment_methods": lambda shop: Ask(shop.saved()[:1]),
    "GET /v1/customers/{}/payment_methods/{}": lambda shop: Ask(shop.saved()),
    "POST /v1/customers": with_(name="Ada", **{"address[city]": "London", "metadata[a]": "b"}),
    "POST /v1/customers/{}": on(Shop.customer, phone="+44 20"),
    "DELETE /v1/customers/{}": on(Shop.customer),
    "GET /v1/disputes": after(Shop.dispute),
    "GET /v1/disputes/{}": on(Shop.dispute),
    "POST /v1/disputes/{}": on(Shop.dispute, **{"evidence[product_description]": "hats"}),
    "POST /v1/disputes/{}/close": on(Shop.dispute),
    "GET /v1/events": after(Shop.paid),
    "GET /v1/events/{}": on(Shop.event),
    "POST /v1/events/{}/retry": _retrying,
    "GET /v1/files": after(Shop.file),
    "GET /v1/files/{}": on(Shop.file),
    "GET /v1/files/{}/contents": on(Shop.file),
    "POST /v1/files": with_(purpose="dispute_evidence"),
    "GET /v1/mandates/{}": on(Shop.mandate),
    "GET /v1/payment_intents": after(Shop.paid),
    "GET /v1/payment_intents/search": _search("amount>100"),
    "GET /v1/payment_intents/{}": on(Shop.paid),
    "POST /v1/payment_intents": with_(amount="2000", currency="eur"),
    "POST /v1/payment_intents/{}": on(Shop.intent, description="hats"),
    "POST /v1/payment_intents/{}/cancel": on(Shop.held),
    "POST /v1/payment_intents/{}/capture": on(Shop.held, amount_to_capture="700"),
    "POST /v1/payment_intents/{}/confirm": on(
        Shop.intent, payment_method=CARD, return_url="https://shop.example"
    ),
    "POST /v1/payment_intents/{}/verify_microdeposits": lambda shop: Ask(
        (shop.unverified("/v1/payment_intents", amount="2000", currency="usd"),),
        {"descriptor_code": "SM11AA"},
    ),
    "GET /v1/payment_methods": lambda shop: Ask((), {"customer": shop.saved()[0]}),
    "GET /v1/payment_methods/{}": lambda shop: Ask(shop.saved()[1:]),
    "POST /v1/payment_methods": with_(type="card", **{"card[token]": "tok_visa"}),
    "POST /v1/payment_methods/{}": lambda shop: Ask(shop.saved()[1:], {"metadata[a]": "b"}),
    "POST /v1/payment_methods/{}/attach": lambda shop: Ask((CARD,), {"customer": shop.customer()}),
    "POST /v1/payment_methods/{}/detach": lambda shop: Ask(shop.saved()[1:]),
    "GET /v1/payouts": after(Shop.payout),
    "GET /v1/payouts/{}": on(Shop.paid_out),
    "POST /v1/payouts": after(Shop.funded, amount="1000", currency="usd"),
    "POST /v1/payouts/{}": on(Shop.payout, **{"metadata[a]": "b"}),
    "POST /v1/payouts/{}/cancel": on(Shop.payout),
    "POST /v1/payouts/{}/reverse": on(Shop.paid_out),
    "GET /v1/radar/early_fraud_warnings": after(Shop.warning),
    "GET /v1/radar/early_fraud_warnings/{}": on(Shop.warning),
    "GET /v1/refunds": after(Shop.refund),
    "GET /v1/refunds/{}": on(Shop.refund),
    "POST /v1/refunds": lambda shop: Ask((), {"charge": shop.charge(), "reason": "duplicate"}),
    "POST /v1/refunds/{}": on(Shop.refund, **{"metadata[a]": "b"}),
    "POST /v1/refunds/{}/cancel": on(Shop.asked_for_details),
    "POST /v1/test_helpers/refunds/{}/expire": on(Shop.asked_for_details),
    "GET /v1/reporting/report_runs": after(Shop.report),
    "GET /v1/reporting/report_runs/{}": on(Shop.report),
    "POST /v1/reporting/report_runs": _report(),
    "GET /v1/reporting/report_types": plainly,
    "GET /v1/reporting/report_types/{}": lambda _shop: Ask(("payouts.itemized.3",)),
    "GET /v1/reviews": after(Shop.review),
    "GET /v1/reviews/{}": on(Shop.review),
    "POST /v1/reviews/{}/approve": on(Shop.review),
    "GET /v1/setup_attempts": lambda shop: Ask((), {"setup_intent": shop.set_up()}),
    "GET /v1/setup_intents": after(Shop.set_up),
    "GET /v1/setup_intents/{}": on(Shop.set_up),
    "POST /v1/setup_intents": with_(payment_method=CARD, confirm="true", **NO_REDIRECTS),
    "POST /v1/setup_intents/{}": on(Shop.setup, description="hats"),
    "POST /v1/setup_intents/{}/cancel": on(Shop.setup),
    "POST /v1/setup_intents/{}/confirm": on(Shop.setup, payment_method=CARD),
    "POST /v1/setup_intents/{}/verify_microdeposits": lambda shop: Ask(
        (shop.unverified("/v1/setup_intents"),), {"descriptor_code": "SM11AA"}
    ),
    "POST /v1/stripecli/sessions": with_(device_name="laptop", **{"websocket_features[]": "webhooks"}),
    "GET /v1/webhook_endpoints": after(Shop.endpoint),
    "GET /v1/webhook_endpoints/{}": on(Shop.endpoint),
    "POST /v1/webhook_endpoints": with_(url="https://shop.example", **{"enabled_events[]": "*"}),
    "POST /v1/webhook_endpoints/{}": on(Shop.endpoint, description="mine"),
    "DELETE /v1/webhook_endpoints/{}": on(Shop.endpoint),
    "GET /v2/core/event_destinations": after(Shop.destination),
    "GET /v2/core/event_destinations/{}": on(Shop.destination, **{"include[]": "webhook_endpoint.url"}),
    "POST /v2/core/event_destinations": with_(**DESTINATION),
    "POST /v2/core/event_destinations/{}": on(Shop.destination, name="Mine"),
    "POST /v2/core/event_destinations/{}/disable": on(Shop.destination),
    "POST /v2/core/event_destinations/{}/enable": on(Shop.destination),
    "DELETE /v2/core/event_destinations/{}": on(Shop.destination),
    "GET /v2/core/events": after(Shop.paid),
    "GET /v2/core/events/{}": on(Shop.thin_event),
}
"""How to be answered well by each of them. A new endpoint needs a line here."""

UNDOCUMENTED = {
    "GET /v1/files/{}/contents": None,
    "POST /v1/events/{}/retry": "event",
    "POST /v1/stripecli/sessions": None,
}
"""What the Stripe CLI alone asks for, or is no JSON; and the kind of object in the answer, if it is one."""


ADDED_IN_ENDIVE = {
    "POST /v1/customers": {"validate"},
    "POST /v1/disputes/{}": {"intended_submission_method"},
    "POST /v1/payment_intents": {"allowed_payment_method_types"},
    "POST /v1/payment_intents/{}": {"allowed_payment_method_types"},
    "POST /v1/payment_intents/{}/confirm": {"allowed_payment_method_types"},
    "POST /v1/setup_intents": {"allowed_payment_method_types"},
    "POST /v1/setup_intents/{}": {"allowed_payment_method_types"},
}
_SOURCES = {"bank_account", "card", "default_alipay_account", "default_bank_account", "default_card"}
_METHODS = {"au_becs_debit", "bacs_debit", "card", "sepa_debit", "us_bank_account"}
_OF_CARDS = {
    *("address_city", "address_country", "address_line1", "address_line2", "address_state", "address_zip"),
    *("exp_month", "exp_year", "name"),
}
NOT_TAKEN = {
    "POST /v1/accounts/{}/external_accounts/{}": {"documents", *_OF_CARDS},
    "GET /v2/core/events": {"created"},
    "GET /v1/payment_methods": {"customer_account"},
    "POST /v1/payment_methods/{}/attach": {"customer_account"},
    "POST /v1/customers/{}": _SOURCES,
    "POST /v1/payment_methods": parameters("POST", "/v1/payment_methods") - _METHODS,
}
"""What Stripe takes and the sandbox refuses: sources, accounts as customers, other methods, cards."""


def name(route: Route) -> str:
    return f"{route.method} {braces(route.pattern)}"


def braces(pattern: str) -> str:
    return "/".join("{}" if word.startswith("{") else word for word in pattern.split("/"))


def answered(route: Route, shop: Shop, ask: Ask, **headers: str) -> Response:
    return shop.ask(route.method, braces(route.pattern).format(*ask.ids), ask.params, **headers)


def wrong(route: Route, answer: Response, version: str = DAHLIA) -> list[str]:
    """What Stripe's document has against an answer."""
    if name(route) not in UNDOCUMENTED:
        return answer_complaints(route.method, route.pattern, answer, version=version)
    kind = "error" if answer.status != 200 else UNDOCUMENTED[name(route)]
    return [] if kind is None else complaints(schemas(version), kind, answer)


every_route = pytest.mark.parametrize("route", ROUTES, ids=name)
every_documented_route = pytest.mark.parametrize(
    "route", [route for route in ROUTES if name(route) not in UNDOCUMENTED], ids=name
)
both_versions = pytest.mark.parametrize("version", [DAHLIA, ENDIVE])


def test_no_endpoint_is_forgotten() -> None:
    assert sorted(name(route) for route in ROUTES) == sorted(EVERYTHING)


@every_route
@both_versions
def test_a_good_answer_is_one_that_stripe_would_give(route: Route, version: str) -> None:
    shop = Shop(version)
    ask = EVERYTHING[name(route)](shop)

    answer = answered(route, shop, ask)

    assert answer.status == 200
    assert wrong(route, answer, version) == []
    assert json.loads(answer.body).get("data") != []


@every_route
def test_an_unknown_parameter_is_refused_as_stripe_would(route: Route) -> None:
    shop = Shop()
    ask = EVERYTHING[name(route)](shop)

    answer = answered(route, shop, ask._replace(params={**(ask.params or {}), "colour": "red"}))

    assert answer.status == 400
    assert wrong(route, answer) == []


@pytest.mark.parametrize("route", [route for route in ROUTES if "{" in route.pattern], ids=name)
def test_an_unknown_id_is_refused_as_stripe_would(route: Route) -> None:
    shop = Shop()
    ask = EVERYTHING[name(route)](shop)

    answer = answered(route, shop, ask._replace(ids=("xx_none",) * len(ask.ids)))

    assert answer.status in (400, 403, 404)
    assert wrong(route, answer) == []


@every_route
def test_nobody_is_refused_as_stripe_would(route: Route) -> None:
    shop = Shop()
    ask = EVERYTHING[name(route)](shop)

    answer = answered(route, shop, ask, authorization="")

    assert answer.status == 401
    assert wrong(route, answer) == []


@every_documented_route
def test_only_parameters_that_stripe_knows_are_taken(route: Route) -> None:
    known = parameters(route.method, route.pattern)

    made_up = route.shape.readers.keys() - known - ADDED_IN_ENDIVE.get(name(route), set())

    assert made_up == set()


@every_documented_route
def test_every_parameter_that_stripe_knows_is_taken(route: Route) -> None:
    known = parameters(route.method, route.pattern)

    missing = known - route.shape.readers.keys() - {"expand"} - NOT_TAKEN.get(name(route), set())

    assert missing == set()
