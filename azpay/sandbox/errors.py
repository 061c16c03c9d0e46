"""Stripe's error answers.

A `StripeError` is raised wherever it becomes certain that the answer is not 200. The engine turns it into
`{"error": {...}}`, so that nothing below the engine knows about HTTP answers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from azpay.sandbox.wire import Json

INVALID = "invalid_request_error"

_DOCUMENTATION = "https://stripe.com/docs/error-codes/"


class StripeError(Exception):
    """An answer other than 200. `details` are further fields of Stripe's error object."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = INVALID,
        code: str | None = None,
        param: str | None = None,
        details: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.kind = kind
        self.code = code
        self.param = param
        self.details = dict(details or {})

    def error(self) -> Json:
        """The object under `error`, without the fields that have no value."""
        documented = (
            f"https://stripe.com/docs/error-codes/{self.code.replace('_', '-')}" if self.code else None
        )
        fields: Json = {
            "code": self.code,
            "doc_url": documented,
            "message": self.message,
            "param": self.param,
            "type": self.kind,
        }
        return {name: value for name, value in (fields | self.details).items() if value is not None}


_CODES = {
    400: "invalid_parameters",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    429: "rate_limit",
}
_SECOND = ("code", "doc_url", "message", "type")


def in_second_version(error: Json, status: int) -> Json:
    """The same in the words of `/v2`, where every error has a code and few other fields."""
    coded = {"code": _CODES.get(status, "internal_error"), **error}
    return {name: value for name, value in coded.items() if name in _SECOND}


def bad_request(message: str, *, param: str | None = None, code: str | None = None) -> StripeError:
    return StripeError(400, message, param=param, code=code)


def unknown(name: str) -> StripeError:
    return bad_request(f"Received unknown parameter: {name}", code="parameter_unknown", param=name)


def no_such(kind: str, identifier: str, *, param: str, status: int = 404) -> StripeError:
    """404 when the object is what the path names, 400 when a parameter names it."""
    return StripeError(status, f"No such {kind}: '{identifier}'", code="resource_missing", param=param)


def unexpected_state(message: str) -> StripeError:
    return bad_request(message, code="payment_intent_unexpected_state")


def missing_one_of(*names: str) -> StripeError:
    listed = ", ".join(names)
    return bad_request(f"One of the following params should be provided for this request: {listed}.")
