"""A connection that was opened by anyone: what aiohttp leaves open, closed.

aiohttp sets no limit to slow headers or idle connections unless told to, and answers what is not HTTP with a
traceback in the log.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from aiohttp import web

from azpay.http import problems, requests
from azpay.http.limits import PATIENCE

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable


class Connection(web.RequestHandler):
    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,  # noqa: ARG002 - aiohttp's signature
        message: str | None = None,  # noqa: ARG002
    ) -> web.StreamResponse:
        """Answer what could not be read as HTTP. The access log has a line for it, as for any request."""
        if request.writer.output_size > 0:
            raise ConnectionError("The answer had begun.")
        response = problems.of_http(status, requests.identity(request))
        response.force_close()
        return response


def protocol(
    app: web.Application, server: web.Server, loop: asyncio.AbstractEventLoop
) -> Callable[[], Connection]:
    """For `loop.create_server`."""
    patience = app[PATIENCE]
    return partial(
        Connection,
        server,
        loop=loop,
        keepalive_timeout=patience.idle,
        lingering_time=patience.lingering,
        access_log_class=requests.AccessLog,
        auto_decompress=False,
    )
