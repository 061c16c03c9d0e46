"""The Stripe CLI's way in: a websocket on which `stripe listen` hears events, and tells what came of them.

It forwards an event to somebody's endpoint and sends back the answer; without an endpoint it only
acknowledges. A listener whose connection breaks is waited for, because the CLI renews its connection from
time to time.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
from aiohttp import WSCloseCode, WSMsgType, web

if TYPE_CHECKING:
    from collections.abc import Iterator

    from azpay.sandbox.engine import Sandbox
    from azpay.sandbox.wire import Delivery, Json

_SNAPSHOTS, _THIN = "webhooks", "v2_events"
PROTOCOL = "stripecli-devproxy-v1"
AWAY_AT_MOST = 30.0
"""Seconds that a listener may take to come back."""
ANSWER_WITHIN = 40.0
"""Seconds: the CLI itself waits 30 for the endpoint."""


class _Heard(msgspec.Struct):
    """What the CLI sends: `event_ack`, or `webhook_response` with a status."""

    type: str
    webhook_conversation_id: str = ""
    webhook_id: str = ""
    status: int = 0


@dataclass(frozen=True, slots=True)
class _Conversation:
    """One event told to one listener. Only one that forwards has more to say than that it heard."""

    outcome: asyncio.Future[int]
    forwarded: bool

    def settle(self, heard: _Heard) -> None:
        if self.outcome.done():
            return
        if heard.type == "webhook_response":
            self.outcome.set_result(heard.status)
        elif heard.type == "event_ack" and not self.forwarded:
            self.outcome.set_result(200)


@dataclass(frozen=True, slots=True)
class _Connection:
    socket: web.WebSocketResponse
    forwards: bool
    features: frozenset[str]


class Listeners:
    """Everyone who listens now. Only one connection a listener: a newer one takes its place."""

    def __init__(self, sandbox: Sandbox, *, away_at_most: float = AWAY_AT_MOST) -> None:
        self._sandbox = sandbox
        self._away_at_most = away_at_most
        self._connections: dict[str, _Connection] = {}
        self._arrivals: dict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self._conversations: dict[str, _Conversation] = {}
        self._told = 0

    async def attend(self, request: web.Request) -> web.StreamResponse:
        """Until the listener leaves."""
        identifier = request.headers.get("Websocket-Id", "")
        listener = self._sandbox.listen(identifier, listens=True)
        if listener is None:
            return web.json_response({"error": {"message": "Unknown WebSocket ID."}}, status=400)
        socket = web.WebSocketResponse(protocols=(PROTOCOL,))
        await socket.prepare(request)
        connection = _Connection(socket, listener["forwards"], frozenset(listener["features"]))
        self._connections[identifier] = connection
        self._arrivals[identifier].set()
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    self._hear(message.data)
        finally:
            self._leave(identifier, connection)
        return socket

    async def post(self, delivery: Delivery) -> int | None:
        """What the endpoint behind the listener answered; None when nobody did."""
        try:
            async with asyncio.timeout(self._away_at_most):
                await self._arrivals[delivery.endpoint].wait()
        except TimeoutError:
            self._forget(delivery.endpoint)
            return None
        with suppress(TimeoutError, ConnectionError):
            async with asyncio.timeout(ANSWER_WITHIN):
                return await self._tell(self._connections[delivery.endpoint], delivery)
        return None

    async def close(self, _app: web.Application) -> None:
        """The server stops: everyone is told to go."""
        for connection in list(self._connections.values()):
            await connection.socket.close(code=WSCloseCode.GOING_AWAY)

    async def _tell(self, connection: _Connection, delivery: Delivery) -> int:
        """Until it has answered one of the messages: it takes the one that it was started for."""
        outcome = asyncio.get_running_loop().create_future()
        conversation = _Conversation(outcome, connection.forwards)
        messages = dict(self._messages(connection, delivery))
        self._conversations |= dict.fromkeys(messages, conversation)
        try:
            for message in messages.values():
                await connection.socket.send_str(msgspec.json.encode(message).decode())
            return await conversation.outcome
        finally:
            for name in messages:
                del self._conversations[name]

    def _messages(self, connection: _Connection, delivery: Delivery) -> Iterator[tuple[str, Json]]:
        """By names of their own: the account's version, the newest, and the thin event, as it has asked."""
        if _SNAPSHOTS in connection.features:
            yield (name := self._name()), _webhook_event(name, None, delivery)
            if delivery.newest is not None:
                version = msgspec.json.decode(delivery.newest.body)["api_version"]
                yield (name := self._name()), _webhook_event(name, version, delivery.newest)
        if _THIN in connection.features and delivery.thin is not None:
            yield (name := self._name()), _thin_event(name, delivery.thin)

    def _name(self) -> str:
        self._told += 1
        return f"wc_{self._told}"

    def _hear(self, data: str) -> None:
        """What is not understood is not for us."""
        with suppress(msgspec.DecodeError):
            heard = msgspec.json.decode(data, type=_Heard)
            conversation = self._conversations.get(heard.webhook_conversation_id or heard.webhook_id)
            if conversation is not None:
                conversation.settle(heard)

    def _leave(self, listener: str, connection: _Connection) -> None:
        if self._connections.get(listener) is connection:
            del self._connections[listener]
            self._arrivals[listener].clear()
            asyncio.get_running_loop().call_later(self._away_at_most, self._forget, listener)

    def _forget(self, listener: str) -> None:
        if listener not in self._connections:
            self._sandbox.listen(listener, listens=False)
            self._arrivals.pop(listener, None)


def _webhook_event(name: str, version: str | None, delivery: Delivery) -> Json:
    return {
        "type": "webhook_event",
        "endpoint": {"api_version": version},
        "event_payload": delivery.body.decode(),
        "http_headers": dict(delivery.headers),
        "webhook_conversation_id": name,
        "webhook_id": name,
    }


def _thin_event(name: str, delivery: Delivery) -> Json:
    return {
        "type": "v2_event",
        "payload": delivery.body.decode(),
        "http_headers": dict(delivery.headers),
        "destination_id": name,
    }
