"""The sandbox over real sockets, with a real receiver of webhooks and Stripe's own client."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from io import BytesIO
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import urlencode

import aiohttp
import pytest
import stripe
from aiohttp import web

from azpay.sandbox import DEFAULT_KEY
from azpay.sandbox.answering import MAX_BODY
from azpay.sandbox.server import serve
from tests.sandbox.payments import NO_REDIRECTS
from tests.sandbox.servers import HEADERS, eventually, running

if TYPE_CHECKING:
    from tests.sandbox.servers import Running

Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def receiving(handler: Handler) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_post("/hook", handler)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def stripe_client(server: Running) -> AsyncIterator[stripe.StripeClient]:
    transport = stripe.AIOHTTPClient()
    addresses: Any = {"api": await server.url()}
    try:
        yield stripe.StripeClient(DEFAULT_KEY, base_addresses=addresses, http_client=transport)
    finally:
        await transport.close_async()  # type: ignore[no-untyped-call]


async def test_webhooks_arrive_signed_and_are_settled() -> None:
    received: list[tuple[bytes, str]] = []

    async def take(request: web.Request) -> web.Response:
        received.append((await request.read(), request.headers["Stripe-Signature"]))
        return web.Response()

    async with running() as server, receiving(take) as url, stripe_client(server) as client:
        endpoint = await client.v1.webhook_endpoints.create_async({"url": url, "enabled_events": ["*"]})
        payment: Any = {
            "amount": 2000,
            "currency": "usd",
            "payment_method": "pm_card_visa",
            "confirm": True,
            "automatic_payment_methods": NO_REDIRECTS,
        }
        await client.v1.payment_intents.create_async(payment)

        await eventually(lambda: len(received) >= 4)

        assert endpoint.secret is not None
        kinds = {client.construct_event(body, sent, endpoint.secret).type for body, sent in received}
        assert kinds == {
            "payment_intent.created",
            "charge.succeeded",
            "payment_intent.succeeded",
            "charge.updated",
        }
        await eventually(lambda: server.sandbox.summary()["undelivered_events"] == 0)


async def test_a_refused_webhook_is_tried_again_and_redirects_are_not_followed() -> None:
    answers = iter([500, 302, 200])
    seen: list[str] = []

    async def hesitate(request: web.Request) -> web.Response:
        seen.append(json.loads(await request.read())["id"])
        return web.Response(status=next(answers), headers={"Location": "/elsewhere"})

    async with running() as server, receiving(hesitate) as url, aiohttp.ClientSession() as session:
        await listen(session, server, url)
        await session.post(await server.url("/v1/customers"), headers=HEADERS)

        await eventually(lambda: len(seen) == 3)

        assert len(set(seen)) == 1
        await eventually(lambda: len(server.said("webhook_posted")) == 3)
        assert [line.fields["status"] for line in server.said("webhook_posted")] == [500, 302, 200]


async def test_a_slow_endpoint_holds_up_only_itself() -> None:
    released = asyncio.Event()
    quick: list[bytes] = []

    async def slow(_request: web.Request) -> web.Response:
        await released.wait()
        return web.Response()

    async def fast(request: web.Request) -> web.Response:
        quick.append(await request.read())
        return web.Response()

    async with (
        running() as server,
        receiving(slow) as slow_url,
        receiving(fast) as fast_url,
        aiohttp.ClientSession() as session,
    ):
        await listen(session, server, slow_url)
        await listen(session, server, fast_url)
        for _ in range(30):
            await session.post(await server.url("/v1/customers"), headers=HEADERS)

        await eventually(lambda: len(quick) == 30)
        released.set()


async def listen(session: aiohttp.ClientSession, server: Running, url: str) -> None:
    form = urlencode({"url": url, "enabled_events[]": "*"})
    headers = {**HEADERS, "Content-Type": "application/x-www-form-urlencoded"}
    async with session.post(await server.url("/v1/webhook_endpoints"), data=form, headers=headers) as answer:
        assert answer.status == 200


@pytest.mark.parametrize(("fault", "customers"), [("drop-answer", 1), ("drop-request", 0)])
async def test_a_lost_connection_is_reset(fault: str, customers: int) -> None:
    async with running() as server, aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientError):
            await session.post(
                await server.url("/v1/customers"), headers={**HEADERS, "X-Sandbox-Fault": fault}
            )

        assert len(server.sandbox.customers) == customers
        assert len(server.said("connection_dropped")) == 1


async def test_a_huge_request_is_refused() -> None:
    async with running() as server, aiohttp.ClientSession() as session:
        url = await server.url("/v1/customers")
        async with session.post(url, data=BytesIO(b"a" * (MAX_BODY + 1)), headers=HEADERS) as answer:
            assert answer.status == 413
            assert "error" in await answer.json()


async def test_a_bug_is_answered_as_stripe_would_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running() as server, aiohttp.ClientSession() as session:
        server.sandbox._world.customers = None  # type: ignore[assignment]
        async with session.get(await server.url("/v1/customers"), headers=HEADERS) as answer:
            body = await answer.json()

        assert (answer.status, body["error"]["type"]) == (500, "api_error")
        assert "Traceback" in str(server.said("request_failed")[0].fields["error"])


async def test_the_server_is_steered_over_http() -> None:
    async with running() as server, aiohttp.ClientSession() as session:
        async with session.get(await server.url("/_sandbox/health")) as answer:
            assert (await answer.json())["status"] == "ok"
        async with session.post(await server.url("/_sandbox/faults"), json={"fail_next": 503}) as answer:
            assert answer.status == 200
        async with session.get(await server.url("/v1/account"), headers=HEADERS) as answer:
            assert answer.status == 503
        async with session.post(await server.url("/_sandbox/faults"), data=b"{") as answer:
            assert answer.status == 400


async def test_a_customer_approves_on_the_banks_page() -> None:
    async with running() as server, stripe_client(server) as client, aiohttp.ClientSession() as session:
        payment: Any = {
            "amount": 2000,
            "currency": "usd",
            "payment_method": "pm_card_authenticationRequired",
            "confirm": True,
            "return_url": "https://shop.example/done",
        }
        asked = await client.v1.payment_intents.create_async(payment)
        assert asked.next_action is not None
        assert asked.next_action.redirect_to_url is not None
        page = asked.next_action.redirect_to_url.url
        assert page is not None

        async with session.get(page) as shown:
            assert "USD 20.00" in await shown.text()
        async with session.post(page, data={"decision": "approve"}, allow_redirects=False) as sent:
            assert sent.status == 303
            assert "redirect_status=succeeded" in sent.headers["Location"]
        async with session.get(page) as again:
            assert again.status == 400


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_stops_it_cleanly(number: signal.Signals) -> None:
    async with running() as server:
        await server.port
        os.kill(os.getpid(), number)
        async with asyncio.timeout(5):
            await server.task


async def test_a_taken_port_is_an_error() -> None:
    async with running() as server:
        with pytest.raises(OSError, match="address already in use"):
            await serve(server.sandbox, port=await server.port)
