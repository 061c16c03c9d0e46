"""The daemon's own server on a free port of this machine, in the loop of the test."""

from __future__ import annotations

import dataclasses
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Protocol

import aiohttp
import pytest

from azpay.http import daemon, sockets
from azpay.http.app import build
from azpay.http.limits import Patience

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from azpay.bootstrap import Azpay
    from azpay.settings import Settings

Running = AbstractAsyncContextManager[aiohttp.ClientSession]


class Serving(Protocol):
    def __call__(self, **patience: float) -> Running: ...


class ServingAs(Protocol):
    def __call__(self, settings: Settings) -> Running: ...


@asynccontextmanager
async def running(azpay: Azpay, **patience: float) -> AsyncIterator[aiohttp.ClientSession]:
    """A client of a running daemon. There is no worker: a test applies events when it wants to."""
    listener = sockets.listen("127.0.0.1", 0)
    address = sockets.address(*listener.getsockname())
    async with (
        daemon.answering(build(azpay, None, Patience(**patience)), listener),
        aiohttp.ClientSession(address) as client,
    ):
        yield client


@pytest.fixture
def serving(azpay: Azpay) -> Serving:
    return lambda **patience: running(azpay, **patience)


@pytest.fixture
def serving_as(azpay: Azpay) -> ServingAs:
    return lambda settings: running(dataclasses.replace(azpay, settings=settings))
