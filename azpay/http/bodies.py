"""Reading a body that may be too large, compressed, unfinished or slow on purpose."""

from __future__ import annotations

import asyncio

from aiohttp import web

from azpay.http.limits import LARGEST_BODY, PATIENCE


async def raw(request: web.Request) -> bytes:
    """The bytes as they were sent, which is what a signature covers. Raises one of aiohttp's HTTP errors."""
    if request.headers.get("Content-Encoding", "identity") != "identity":
        raise web.HTTPUnsupportedMediaType
    announced = request.content_length or 0
    if announced > LARGEST_BODY:
        raise web.HTTPRequestEntityTooLarge(max_size=LARGEST_BODY, actual_size=announced)
    try:
        if request.content.is_eof():
            return await request.read()  # it is all here: nobody has to be waited for
        async with asyncio.timeout(request.app[PATIENCE].body):
            return await request.read()
    except TimeoutError:
        raise web.HTTPRequestTimeout from None
    except (web.RequestPayloadError, ConnectionError):
        raise web.HTTPBadRequest from None
