"""What stands around every request: its id, the translation of errors, a line in the log."""

from __future__ import annotations

import re
import secrets
import time
from http import HTTPStatus
from itertools import count
from typing import TYPE_CHECKING

from aiohttp import web
from aiohttp.abc import AbstractAccessLogger

from azpay.errors import AzpayError
from azpay.http import problems
from azpay.http.metrics import METRICS
from azpay.http.proxies import PROXIES
from azpay.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

ID = web.RequestKey("id", str)
CODE = web.RequestKey("code", str)
CLIENT = web.RequestKey("client", str)

FREQUENT = frozenset({"/api/webhooks/stripe", "/healthz", "/readyz", "/metrics"})

_PROCESS = secrets.token_hex(4)
_NUMBERS = count(1)
_ACCEPTABLE_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}", re.ASCII)
_LONGEST_PATH = 200

log = get_logger("azpay.http.access")


def identity(request: web.BaseRequest) -> str:
    """The caller's name for the request, when it can be written anywhere without harm; else one of ours."""
    given = request.headers.get(problems.REQUEST_ID, "")
    return given if _ACCEPTABLE_ID.fullmatch(given) else f"req_{_PROCESS}_{next(_NUMBERS)}"


@web.middleware
async def answering(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every request is answered, under its id, and no error leaves as a traceback."""
    began = time.perf_counter()
    request[ID] = identity(request)
    request[CLIENT] = request.app[PROXIES].client(request) or ""
    response = await _answer(request, handler)
    response.headers[problems.REQUEST_ID] = request[ID]
    seconds = time.perf_counter() - began
    request.app[METRICS].counters.answered(_route(request), request.method, response.status, seconds)
    return response


def _route(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "unmatched"


async def _answer(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except AzpayError as error:
        request[CODE] = error.code
        return problems.of_ours(error, request[ID])
    except web.HTTPException as error:
        return problems.of_http(error.status, request[ID], _worth_keeping(error))
    except Exception:
        log.exception("request_failed", request_id=request[ID])
        return problems.of_a_bug(request[ID])


def _worth_keeping(error: web.HTTPException) -> dict[str, str]:
    return {name: error.headers[name] for name in ("Allow", "Location") if name in error.headers}


class AccessLog(AbstractAccessLogger):
    """A line for each answer, but for what is asked many times a second and goes well."""

    def log(self, request: web.BaseRequest, response: web.StreamResponse, time: float) -> None:
        refused = response.status >= HTTPStatus.BAD_REQUEST
        if not refused and request.path in FREQUENT:
            return
        fields: dict[str, object] = {
            "method": request.method,
            "path": request.rel_url.raw_path[:_LONGEST_PATH],
            "status": response.status,
            "milliseconds": int(time * 1000),
            "remote": request.get(CLIENT, request.remote or ""),
            "request_id": response.headers.get(problems.REQUEST_ID),
            "code": request.get(CODE),
        }
        if refused:
            log.warning("request_refused", **fields)
        else:
            log.info("request_answered", **fields)
