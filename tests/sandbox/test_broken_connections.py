"""Faults over a real socket: what a client of HTTP gets to see."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import stripe

from azpay.sandbox import DEFAULT_KEY
from tests.sandbox.payments import NO_REDIRECTS
from tests.sandbox.serving import Served, served

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from stripe._v1_services import V1Services

PAYMENT: Any = {
    "amount": 2000,
    "currency": "usd",
    "payment_method": "pm_card_visa",
    "confirm": True,
    "automatic_payment_methods": NO_REDIRECTS,
}


@pytest.fixture
def server() -> Iterator[Served]:
    with served() as running:
        yield running


@pytest.fixture
async def browser(server: Served) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {DEFAULT_KEY}"}
    async with httpx.AsyncClient(base_url=server.url, headers=headers, timeout=10) as client:
        yield client


@pytest.fixture
async def client(server: Served) -> AsyncIterator[V1Services]:
    """Stripe's own client over HTTPX, as azpay's gateway uses it, with a short patience."""
    transport = stripe.HTTPXClient(timeout=0.5)
    addresses: Any = {"api": server.url}
    yield stripe.StripeClient(DEFAULT_KEY, base_addresses=addresses, http_client=transport).v1
    await transport.close_async()  # type: ignore[no-untyped-call]


@pytest.mark.parametrize(
    ("fault", "error", "customers"),
    [
        ("drop-request", httpx.ReadError, 0),
        ("drop-answer", httpx.ReadError, 1),
        ("half-answer", httpx.RemoteProtocolError, 1),
        ("timeout-request=0.1", httpx.ReadError, 0),
        ("timeout-answer=0.1", httpx.ReadError, 1),
    ],
)
async def test_a_broken_connection_is_seen_as_one(
    server: Served, browser: httpx.AsyncClient, fault: str, error: type[Exception], customers: int
) -> None:
    with pytest.raises(error):
        await browser.post("/v1/customers", headers={"X-Sandbox-Fault": fault})

    assert len(server.sandbox.customers) == customers
    assert (await browser.get("/v1/account")).status_code == 200


@pytest.mark.parametrize("fault", ["timeout-request", "timeout-answer"])
async def test_nothing_is_heard_until_the_client_gives_up(browser: httpx.AsyncClient, fault: str) -> None:
    with pytest.raises(httpx.ReadTimeout):
        await browser.post("/v1/customers", headers={"X-Sandbox-Fault": fault}, timeout=0.3)


async def test_garbage_arrives_as_it_is(browser: httpx.AsyncClient) -> None:
    answer = await browser.post("/v1/customers", headers={"X-Sandbox-Fault": "garbage"})

    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html")
    assert b"It works!" in answer.content


async def test_a_twin_of_a_request_in_progress_is_told_so(server: Served, browser: httpx.AsyncClient) -> None:
    held = {"Idempotency-Key": "k", "X-Sandbox-Fault": "latency=1"}
    first = asyncio.ensure_future(browser.post("/v1/customers", headers=held))
    while not server.sandbox.customers:
        await asyncio.sleep(0.01)

    twin = await browser.post("/v1/customers", headers={"Idempotency-Key": "k"})
    other = await browser.post("/v1/customers", headers={"Idempotency-Key": "other"})
    made = await first
    again = await browser.post("/v1/customers", headers={"Idempotency-Key": "k"})

    error = json.loads(twin.content)["error"]
    assert (twin.status_code, error["code"]) == (409, "idempotency_key_in_use")
    assert "Idempotent Key" in error["message"]
    assert error["message"].endswith(": k. Please try again later.")
    assert (other.status_code, made.status_code) == (200, 200)
    assert again.content == made.content
    assert again.headers["Idempotent-Replayed"] == "true"
    assert len(server.sandbox.customers) == 2


async def test_many_twins_make_one_customer(server: Served, browser: httpx.AsyncClient) -> None:
    server.sandbox.spoil_next("latency", times=1, seconds=0.3)

    answers = await asyncio.gather(
        *(browser.post("/v1/customers", headers={"Idempotency-Key": "k"}) for _ in range(20))
    )

    assert len(server.sandbox.customers) == 1
    assert sorted({answer.status_code for answer in answers}) == [200, 409]


@pytest.mark.filterwarnings("ignore:Use 'content=<...>'")  # Stripe's client and HTTPX do not quite agree
@pytest.mark.parametrize("fault", ["drop-answer", "half-answer", "garbage", "timeout-answer=2", "latency=2"])
async def test_stripes_client_does_not_charge_twice(server: Served, client: V1Services, fault: str) -> None:
    options: Any = {"idempotency_key": "k"}
    name, _, seconds = fault.partition("=")
    server.sandbox.spoil_next(name, seconds=float(seconds) if seconds else None)
    with pytest.raises((stripe.APIConnectionError, stripe.APIError, UnicodeDecodeError)):
        await client.payment_intents.create_async(PAYMENT, options)

    while True:
        try:
            paid = await client.payment_intents.create_async(PAYMENT, options)
        except stripe.APIError:  # while the first is held, its key is in use
            await asyncio.sleep(0.1)
        else:
            break

    assert paid.status == "succeeded"
    assert len(server.sandbox.charges) == 1


async def test_what_is_held_goes_out_when_the_server_stops(
    server: Served, browser: httpx.AsyncClient
) -> None:
    asked = asyncio.ensure_future(browser.get("/v1/account", headers={"X-Sandbox-Fault": "latency=500"}))
    await asyncio.sleep(0.1)

    await asyncio.to_thread(server.stop)

    assert (await asked).status_code == 200
