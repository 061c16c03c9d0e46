"""The daemon's own server on a free port of this machine, in the loop of the test."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Protocol

import aiohttp
import pytest

from azpay.http import daemon, sockets
from azpay.http.app import build

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from azpay.bootstrap import Azpay


class Serving(Protocol):
    def __call__(self, *, idle: float = ...) -> AbstractAsyncContextManager[aiohttp.ClientSession]: ...


@pytest.fixture
def serving(azpay: Azpay) -> Serving:
    """A client of a running daemon. There is no worker: a test applies events when it wants to."""

    @asynccontextmanager
    async def start(*, idle: float = 15.0) -> AsyncIterator[aiohttp.ClientSession]:
        listener = sockets.listen("127.0.0.1", 0)
        address = sockets.address(*listener.getsockname())
        async with (
            daemon.answering(build(azpay, None), listener, idle=idle),
            aiohttp.ClientSession(address) as client,
        ):
            yield client

    return start
