"""Reading a body that may be too large, compressed, unfinished or slow on purpose."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from typing import NoReturn

LARGEST = 256 * 1024
"""Stripe's events have a few kilobytes; the largest have some tens."""

SECONDS = 10.0


async def raw(request: web.Request, *, seconds: float = SECONDS) -> bytes:
    """The bytes as they were sent, which is what a signature covers. Raises one of aiohttp's HTTP errors."""
    if request.headers.get("Content-Encoding", "identity") != "identity":
        raise web.HTTPUnsupportedMediaType
    if (request.content_length or 0) > LARGEST:
        _refuse(request.content_length or 0)
    try:
        async with asyncio.timeout(seconds):
            return await request.read()
    except TimeoutError:
        raise web.HTTPRequestTimeout from None
    except (web.RequestPayloadError, ConnectionError):
        raise web.HTTPBadRequest from None


def _refuse(size: int) -> NoReturn:
    raise web.HTTPRequestEntityTooLarge(max_size=LARGEST, actual_size=size)
