"""Connections, and how they break."""

from __future__ import annotations

import socket
import struct
from functools import partial
from typing import TYPE_CHECKING

import msgspec
from aiohttp import web

from azpay.sandbox.errors import INVALID

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from azpay.sandbox.wire import Response

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_LONGEST_LINE = 16 * 1024


class Connection(web.RequestHandler):
    """Answers what cannot be read as HTTP without a traceback."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,  # noqa: ARG002 - aiohttp's signature
        message: str | None = None,  # noqa: ARG002
    ) -> web.StreamResponse:
        if request.writer.output_size > 0:
            raise ConnectionError("The answer had begun.")
        said = {"error": {"message": "This is not a request that HTTP allows.", "type": INVALID}}
        response = web.Response(
            status=status, body=msgspec.json.encode(said), content_type="application/json"
        )
        response.force_close()
        return response


def protocol(server: web.Server, loop: asyncio.AbstractEventLoop) -> Callable[[], Connection]:
    """For `loop.create_server`. Bodies are taken as they come: nothing is unpacked unseen."""
    return partial(
        Connection,
        server,
        loop=loop,
        auto_decompress=False,
        max_line_size=_LONGEST_LINE,
        max_field_size=_LONGEST_LINE,
        lingering_time=2.0,
    )


def reset(request: web.Request) -> None:
    """Break the connection off, so that the client sees a reset and not an answer."""
    transport = request.transport
    if transport is None:
        return
    sock = transport.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    transport.abort()


async def send(request: web.Request, answer: Response) -> web.StreamResponse:
    """Send all of an answer, or as much of it as is to arrive."""
    if answer.arriving is None:
        return web.Response(status=answer.status, headers=dict(answer.headers), body=answer.body)
    response = web.StreamResponse(status=answer.status, headers=dict(answer.headers))
    response.content_length = len(answer.body)
    response.force_close()
    await response.prepare(request)
    await response.write(answer.body[: answer.arriving])
    if request.transport is not None:
        request.transport.close()
    return response
