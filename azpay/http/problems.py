"""Errors as RFC 9457 says them: `application/problem+json`, with a stable `code` and the request's id.

What went wrong inside stays inside: a status of 500 and above has a sentence of its own, and the log has the
rest.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

import msgspec
from aiohttp import web

from azpay import errors

if TYPE_CHECKING:
    from collections.abc import Mapping

REQUEST_ID = "X-Request-Id"

STATUS: dict[type[errors.AzpayError], HTTPStatus] = {
    errors.NotFound: HTTPStatus.NOT_FOUND,
    errors.Usage: HTTPStatus.BAD_REQUEST,
    errors.Declined: HTTPStatus.PAYMENT_REQUIRED,
    errors.NotAllowed: HTTPStatus.FORBIDDEN,
    errors.Conflict: HTTPStatus.CONFLICT,
    errors.Refused: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.Failed: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}

CODES = {
    HTTPStatus.BAD_REQUEST: "bad_request",
    HTTPStatus.NOT_FOUND: "not_found",
    HTTPStatus.METHOD_NOT_ALLOWED: "method_not_allowed",
    HTTPStatus.REQUEST_TIMEOUT: "request_too_slow",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "body_too_large",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "body_compressed",
    HTTPStatus.EXPECTATION_FAILED: "expectation_failed",
}

LATER = "Nothing was kept. Please send it again later."
BUG = "Something is wrong on our side."


class _Problem(msgspec.Struct, omit_defaults=True):
    title: str
    status: int
    detail: str
    code: str
    request_id: str


def of_ours(error: errors.AzpayError, request_id: str) -> web.Response:
    """One of our errors, by its kind."""
    status = next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), None)
    if status is None:
        return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal", BUG, request_id)
    detail = LATER if status is HTTPStatus.SERVICE_UNAVAILABLE else error.message
    return problem(status, error.code, detail, request_id)


def of_http(status: int, request_id: str, headers: Mapping[str, str] | None = None) -> web.Response:
    """What HTTP itself has a status for."""
    known = HTTPStatus(status)
    return problem(
        known, CODES.get(known, "http_error"), known.description or known.phrase, request_id, headers
    )


def of_a_bug(request_id: str) -> web.Response:
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal", BUG, request_id)


def problem(
    status: HTTPStatus, code: str, detail: str, request_id: str, headers: Mapping[str, str] | None = None
) -> web.Response:
    return web.Response(
        status=status,
        body=msgspec.json.encode(_Problem(status.phrase, status, detail, code, request_id)),
        content_type="application/problem+json",
        headers={**(headers or {}), REQUEST_ID: request_id},
    )
