"""Stripe's own client, at once and awaited: paging, search, expansion and raw requests."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
import stripe

from azpay.sandbox import DEFAULT_KEY, Sandbox
from tests.sandbox.payments import NO_REDIRECTS
from tests.sandbox.serving import Served, served
from tests.support.stripe_transport import InProcessHTTPClient

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<...>'")
"""Stripe's client and HTTPX do not quite agree on how to hand over a form."""

PAYMENT: Any = {
    "amount": 2000,
    "currency": "usd",
    "payment_method": "pm_card_visa",
    "confirm": True,
    "automatic_payment_methods": NO_REDIRECTS,
}


@pytest.fixture
def at_once(sandbox: Sandbox) -> stripe.StripeClient:
    return stripe.StripeClient(DEFAULT_KEY, http_client=InProcessHTTPClient(sandbox))


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    with served() as running:
        yield running


@pytest.fixture
async def awaited(server: Served) -> AsyncIterator[stripe.StripeClient]:
    transport = stripe.HTTPXClient()
    addresses: Any = {"api": server.url}
    yield stripe.StripeClient(DEFAULT_KEY, base_addresses=addresses, http_client=transport)
    await transport.close_async()  # type: ignore[no-untyped-call]


@pytest.fixture
def crowd(at_once: stripe.StripeClient) -> list[str]:
    """The ids of 25 customers, newest first."""
    made = [at_once.v1.customers.create({"name": f"No. {number}"}).id for number in range(25)]
    return made[::-1]


def test_paging_goes_through_everything(at_once: stripe.StripeClient, crowd: list[str]) -> None:
    pages = at_once.v1.customers.list({"limit": 10})

    assert [customer.id for customer in pages.auto_paging_iter()] == crowd


def test_paging_goes_backwards_too(at_once: stripe.StripeClient, crowd: list[str]) -> None:
    pages = at_once.v1.customers.list({"limit": 10, "ending_before": crowd[-1]})

    assert [customer.id for customer in pages.auto_paging_iter()] == crowd[-2::-1]


def test_paging_keeps_to_its_filter(at_once: stripe.StripeClient, crowd: list[str]) -> None:
    at_once.v1.customers.update(crowd[3], {"email": "ada@example.com"})
    at_once.v1.customers.update(crowd[20], {"email": "ada@example.com"})

    found = at_once.v1.customers.list({"limit": 1, "email": "ada@example.com"})

    assert [customer.id for customer in found.auto_paging_iter()] == [crowd[3], crowd[20]]


def test_search_goes_on_page_by_page(
    at_once: stripe.StripeClient, sandbox: Sandbox, crowd: list[str]
) -> None:
    sandbox.advance(3600)

    pages = at_once.v1.customers.search({"query": "name~'No.'", "limit": 10})

    assert [customer.id for customer in pages.auto_paging_iter()] == crowd


def test_a_payment_opens_to_its_last_transaction(at_once: stripe.StripeClient) -> None:
    paid = at_once.v1.payment_intents.create(
        PAYMENT
        | {
            "capture_method": "automatic",
            "expand": ["latest_charge.balance_transaction", "customer"],
        }
    )

    assert isinstance(paid.latest_charge, stripe.Charge)
    assert isinstance(paid.latest_charge.balance_transaction, stripe.BalanceTransaction)
    assert paid.latest_charge.balance_transaction.net == 1912
    assert paid.customer is None


def test_a_raw_request_is_a_request(at_once: stripe.StripeClient) -> None:
    made = at_once.raw_request("post", "/v1/customers", name="Ada")

    again = at_once.raw_request("get", f"/v1/customers/{made.data['id']}")

    assert again.data["name"] == "Ada"
    assert again.headers["Request-Id"].startswith("req_")


async def test_awaited_paging_goes_both_ways(awaited: stripe.StripeClient) -> None:
    made = [(await awaited.v1.customers.create_async({"name": f"No. {number}"})).id for number in range(12)]

    forwards = await awaited.v1.customers.list_async({"limit": 5})
    backwards = await awaited.v1.customers.list_async({"limit": 5, "ending_before": made[0]})

    assert [customer.id async for customer in forwards.auto_paging_iter()] == made[::-1]
    assert [customer.id async for customer in backwards.auto_paging_iter()] == made[1:]


async def test_awaited_search_goes_on_page_by_page(server: Served, awaited: stripe.StripeClient) -> None:
    made = [(await awaited.v1.payment_intents.create_async(PAYMENT | {"amount": 4321})).id for _ in range(5)]
    server.sandbox.advance(3600)

    pages = await awaited.v1.payment_intents.search_async({"query": "amount:4321", "limit": 2})

    assert [intent.id async for intent in pages.auto_paging_iter()] == made[::-1]


async def test_awaited_requests_know_errors_and_raw_answers(awaited: stripe.StripeClient) -> None:
    with pytest.raises(stripe.CardError) as declined:
        await awaited.v1.payment_intents.create_async(PAYMENT | {"payment_method": "pm_card_chargeDeclined"})
    raw = await awaited.raw_request_async("get", "/v1/balance")

    assert declined.value.code == "card_declined"
    assert declined.value.request_id is not None
    assert raw.data["object"] == "balance"


async def test_many_awaited_payments_are_as_many_charges(
    server: Served, awaited: stripe.StripeClient
) -> None:
    before = len(server.sandbox.charges)

    await asyncio.gather(*(awaited.v1.payment_intents.create_async(PAYMENT) for _ in range(20)))

    assert len(server.sandbox.charges) == before + 20
