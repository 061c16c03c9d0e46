"""`stripe listen`, as the CLI does it: a session, a websocket, an acknowledgement, and an answer."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
import stripe

from azpay.sandbox import DEFAULT_KEY, Sandbox
from azpay.sandbox.listening import PROTOCOL, Listeners
from tests.sandbox.conftest import NOON
from tests.sandbox.payments import post
from tests.sandbox.servers import ask, eventually, running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.sandbox.servers import Running


class Cli:
    """One listener. It takes only what is in the account's version, as the CLI does without `--latest`."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, *, latest: bool = False) -> None:
        self._socket = socket
        self._latest = latest

    async def hear(self) -> dict[str, Any]:
        """The next event for it; every one is acknowledged."""
        while True:
            message: dict[str, Any] = await self._socket.receive_json(timeout=10)
            conversation = message["webhook_conversation_id"]
            await self._socket.send_json({"type": "event_ack", "webhook_conversation_id": conversation})
            if (message["endpoint"]["api_version"] is not None) is self._latest:
                return message

    async def answer(self, message: dict[str, Any], status: int) -> None:
        await self._socket.send_json(
            {
                "type": "webhook_response",
                "webhook_conversation_id": message["webhook_conversation_id"],
                "webhook_id": message["webhook_id"],
                "status": status,
                "body": "",
                "http_headers": {},
            }
        )

    async def say(self, text: str) -> None:
        await self._socket.send_str(text)


async def session_for(http: aiohttp.ClientSession, server: Running, **form: str) -> dict[str, Any]:
    url = await server.url("/v1/stripecli/sessions")
    return await ask(http, url, device_name="laptop", **{"websocket_features[]": "webhooks"}, **form)


@asynccontextmanager
async def listening(
    http: aiohttp.ClientSession, session: dict[str, Any], *, latest: bool = False
) -> AsyncIterator[Cli]:
    async with http.ws_connect(
        f"{session['websocket_url']}?websocket_feature=webhooks",
        protocols=(PROTOCOL,),
        headers={"Websocket-Id": session["websocket_id"]},
    ) as socket:
        assert socket.protocol == PROTOCOL
        yield Cli(socket, latest=latest)


FORWARDING = {"forward_to_url": "http://127.0.0.1:3000/hook"}


async def make_customer(http: aiohttp.ClientSession, server: Running) -> None:
    await ask(http, await server.url("/v1/customers"))


async def test_an_event_is_forwarded_and_its_answer_comes_back() -> None:
    async with running() as server, aiohttp.ClientSession() as http:
        session = await session_for(http, server, **FORWARDING)
        async with listening(http, session) as cli:
            await make_customer(http, server)
            message = await cli.hear()
            pending = server.sandbox.events[0]["pending_webhooks"]
            await cli.answer(message, 204)
            await eventually(lambda: bool(server.said("webhook_posted")))

        assert pending == 1
        assert server.sandbox.events[0]["pending_webhooks"] == 0
        assert server.said("webhook_posted")[0].fields["status"] == 204


async def test_what_the_cli_hears_is_signed_with_the_secret_it_was_told() -> None:
    async with running() as server, aiohttp.ClientSession() as http:
        session = await session_for(http, server)
        async with listening(http, session) as cli:
            await make_customer(http, server)
            message = await cli.hear()

    event = stripe.StripeClient(DEFAULT_KEY).construct_event(
        message["event_payload"], message["http_headers"]["Stripe-Signature"], session["secret"]
    )
    assert event.type == "customer.created"
    assert session["secret"].startswith("whsec_")


@pytest.mark.parametrize(("latest", "version"), [(False, "2026-05-27.dahlia"), (True, "2026-10-28.endive")])
async def test_each_event_is_told_in_the_accounts_version_and_in_the_newest(
    latest: bool, version: str
) -> None:
    async with running() as server, aiohttp.ClientSession() as http:
        session = await session_for(http, server)
        async with listening(http, session, latest=latest) as cli:
            await make_customer(http, server)
            message = await cli.hear()

    assert json.loads(message["event_payload"])["api_version"] == version


async def test_a_listener_may_ask_for_thin_events() -> None:
    async with running() as server, aiohttp.ClientSession() as http:
        url = await server.url("/v1/stripecli/sessions")
        session = await ask(http, url, device_name="laptop", **{"websocket_features[]": "v2_events"})
        headers = {"Websocket-Id": session["websocket_id"]}
        async with http.ws_connect(
            session["websocket_url"], protocols=(PROTOCOL,), headers=headers
        ) as socket:
            await make_customer(http, server)
            message: dict[str, Any] = await socket.receive_json(timeout=10)
            await socket.send_json({"type": "event_ack", "webhook_id": message["destination_id"]})
            await eventually(lambda: bool(server.said("webhook_posted")))

    told = json.loads(message["payload"])
    assert (message["type"], told["object"], told["type"]) == (
        "v2_event", "v2.core.event", "v1.customer.created",
    )  # fmt: skip
    assert server.sandbox.events[0]["pending_webhooks"] == 0


async def test_who_asks_for_request_logs_hears_no_events() -> None:
    async with running() as server, aiohttp.ClientSession() as http:
        url = await server.url("/v1/stripecli/sessions")
        session = await ask(http, url, device_name="laptop", **{"websocket_features[]": "request_logs"})
        headers = {"Websocket-Id": session["websocket_id"]}
        async with http.ws_connect(session["websocket_url"], protocols=(PROTOCOL,), headers=headers):
            await make_customer(http, server)

        assert server.sandbox.events[0]["pending_webhooks"] == 0


async def test_whoever_does_not_forward_has_heard_when_he_says_so() -> None:
    async with running() as server, aiohttp.ClientSession() as http:
        async with listening(http, await session_for(http, server)) as cli:
            await make_customer(http, server)
            await cli.hear()
            await eventually(lambda: bool(server.said("webhook_posted")))

        assert server.sandbox.events[0]["pending_webhooks"] == 0


async def test_an_endpoint_that_refuses_leaves_the_event_pending_and_nothing_is_repeated() -> None:
    async with running() as server, aiohttp.ClientSession() as http:
        async with listening(http, await session_for(http, server, **FORWARDING)) as cli:
            await make_customer(http, server)
            await cli.answer(await cli.hear(), 500)
            await eventually(lambda: bool(server.said("webhook_posted")))

        assert server.sandbox.events[0]["pending_webhooks"] == 1
        assert server.sandbox.waiting_deliveries == 0


async def test_everyone_who_listens_hears() -> None:
    async with running() as server, aiohttp.ClientSession() as http:
        one, other = await session_for(http, server), await session_for(http, server)
        async with listening(http, one) as first, listening(http, other) as second:
            await make_customer(http, server)

            heard = [json.loads((await cli.hear())["event_payload"])["id"] for cli in (first, second)]

    assert heard == [server.sandbox.events[0]["id"]] * 2


async def test_a_listener_that_comes_back_hears_what_happened_meanwhile() -> None:
    async with running() as server, aiohttp.ClientSession() as http:
        session = await session_for(http, server)
        async with listening(http, session):
            pass
        await make_customer(http, server)

        async with listening(http, session) as cli:
            message = await cli.hear()

    assert json.loads(message["event_payload"])["type"] == "customer.created"


async def test_who_never_came_hears_nothing() -> None:
    async with running() as server, aiohttp.ClientSession() as http:
        await session_for(http, server)

        await make_customer(http, server)

        assert server.sandbox.events[0]["pending_webhooks"] == 0
        assert server.sandbox.waiting_deliveries == 0


async def test_an_event_is_sent_again_to_those_who_listen() -> None:
    async with running() as server, aiohttp.ClientSession() as http:
        await make_customer(http, server)
        event = server.sandbox.events[0]["id"]
        async with listening(http, await session_for(http, server)) as cli:
            await ask(http, await server.url(f"/v1/events/{event}/retry"), for_stripecli="true")
            message = await cli.hear()

    assert json.loads(message["event_payload"])["id"] == event


@pytest.mark.parametrize("headers", [{}, {"Websocket-Id": "wsid_unknown"}, {"Websocket-Id": "we_1"}])
async def test_a_stranger_is_told_that_nobody_knows_him(headers: dict[str, str]) -> None:
    async with (
        running() as server,
        aiohttp.ClientSession() as http,
        http.get(await server.url("/_stripecli/wsid_unknown"), headers=headers) as answer,
    ):
        told = await answer.json()

    assert (answer.status, told["error"]["message"]) == (400, "Unknown WebSocket ID.")


@pytest.mark.parametrize("noise", ["", "{", "[]", "null", '{"type": 1}', '{"type": "event_ack"}', "[" * 9999])
async def test_noise_is_overheard(noise: str) -> None:
    async with (
        running() as server,
        aiohttp.ClientSession() as http,
        listening(http, await session_for(http, server)) as cli,
    ):
        await cli.say(noise)
        await make_customer(http, server)
        message = await cli.hear()

    assert json.loads(message["event_payload"])["type"] == "customer.created"


async def test_the_server_stops_while_somebody_listens() -> None:
    async with running() as server, aiohttp.ClientSession() as http:
        session = await session_for(http, server)
        async with listening(http, session) as cli:
            await server.stop()

            with pytest.raises(TypeError, match=r"\[?WSMsgType|Received message 8"):
                await cli.hear()


async def test_a_session_needs_a_key_and_a_name() -> None:
    async with running() as server, aiohttp.ClientSession() as http:
        url = await server.url("/v1/stripecli/sessions")
        async with http.post(url) as answer:
            assert answer.status == 401
        async with http.post(url, headers={"Authorization": f"Bearer {DEFAULT_KEY}"}) as answer:
            assert (answer.status, (await answer.json())["error"]["param"]) == (400, "device_name")


async def test_who_stays_away_is_forgotten() -> None:
    sandbox = Sandbox(now=lambda: NOON)
    session = json.loads(post(sandbox, "/v1/stripecli/sessions", {"device_name": "laptop"}).body)
    listeners = Listeners(sandbox, away_at_most=0.01)
    sandbox.listen(session["websocket_id"], listens=True)
    post(sandbox, "/v1/customers")

    status = await listeners.post(sandbox.due_deliveries()[0])
    post(sandbox, "/v1/customers")

    assert status is None
    assert sandbox.waiting_deliveries == 0
