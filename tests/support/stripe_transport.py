"""Stripe's own client, talking to a sandbox in the same process: no socket, no thread, no waiting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

import httpx
import stripe

from azpay.sandbox import Lost, Request, Sandbox

if TYPE_CHECKING:
    from collections.abc import Mapping

Answer = tuple[str, int, "Mapping[str, str]"]


class InProcessHTTPClient(stripe.HTTPClient):
    """For `StripeClient(..., http_client=...)`. A broken connection looks as the real clients make it look.

    Nothing is waited for: an answer that takes longer than `patience` seconds is one that did not come.
    """

    name: ClassVar[str] = "sandbox"

    def __init__(self, sandbox: Sandbox, *, patience: float = 80) -> None:
        super().__init__()
        self._sandbox = sandbox
        self._patience = patience

    def request(
        self, method: str, url: str, headers: Mapping[str, str] | None, post_data: Any = None, **_: object
    ) -> Answer:
        try:
            response = self._sandbox.handle(_request(method, url, headers or {}, post_data))
        except Lost as lost:
            cause = httpx.ReadTimeout if lost.after else httpx.ReadError
            raise _connection_error(f"A {cause.__name__} was raised") from cause(str(lost))
        if response.delay > self._patience:
            raise _connection_error("A ReadTimeout was raised") from httpx.ReadTimeout("")
        if response.arriving is not None:
            raise _connection_error("A RemoteProtocolError was raised") from httpx.RemoteProtocolError("")
        return response.body.decode(errors="replace"), response.status, httpx.Headers(dict(response.headers))

    async def request_async(
        self, method: str, url: str, headers: Mapping[str, str], post_data: Any = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        body, status, answered = self.request(method, url, headers, post_data)
        return body.encode(), status, answered

    async def sleep_async(self, secs: float) -> None:
        """Retries come at once."""

    def _sleep_time_seconds(self, num_retries: int) -> float:  # noqa: ARG002 - Stripe's signature
        return 0.0

    def close(self) -> None:
        """There is nothing to close."""

    async def close_async(self) -> None:
        """There is nothing to close."""


def _request(method: str, url: str, headers: Mapping[str, str], post_data: Any) -> Request:
    parts = urlsplit(url)
    body = post_data.encode() if isinstance(post_data, str) else post_data or b""
    lowered = {name.lower(): value for name, value in headers.items()}
    return Request(method.upper(), parts.path, parts.query, lowered, body)


def _connection_error(reason: str) -> stripe.APIConnectionError:
    message = f"Unexpected error communicating with Stripe.\n\n(Network error: {reason})"
    return stripe.APIConnectionError(message, should_retry=True)  # type: ignore[no-untyped-call]
