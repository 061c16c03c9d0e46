"""One try of one request, over Stripe's SDK. Nothing else imports it.

Its own retries are off: it forgets between two tries whether the first may have taken effect, and that is
what decides what is said in the end.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import httpx
import msgspec
import stripe
from stripe import _util

from azpay.gateway.failures import Verdict, judge, unreachable, unreadable
from azpay.gateway.freshness import is_too_late
from azpay.gateway.objects import StripeError, learn

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from azpay.gateway.patience import Patience

Params = dict[str, Any]
Method = Literal["get", "post"]
Client = stripe.StripeClient

API_VERSION = stripe.api_version
ANSWER_SECONDS, CONNECT_SECONDS = 30.0, 5.0
TIMEOUT = httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS)
NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)

ABOUT_TO_SEND = "http11.send_request_headers.started"

STUMBLES = (AttributeError, TypeError, KeyError, ValueError)
"""What the SDK raises over bytes that are no text, and over JSON such as `{"error": "no"}`."""
stripe.enable_telemetry = False
_util.STRIPE_LOG = None  # the SDK would print bodies to stderr when the environment says STRIPE_LOG=debug
logging.getLogger("stripe").setLevel(
    logging.WARNING
)  # below that, it logs addresses with e-mails, and bodies


class ErrorBody(msgspec.Struct, frozen=True):
    error: StripeError


learn(ErrorBody)


class Answer(NamedTuple):
    body: str
    request: str | None
    date: str | None


class TryFailed(Exception):
    """What a try that brought no answer, or an error for one, comes to."""

    def __init__(
        self, verdict: Verdict, *, request: str | None = None, retry_after: int | None = None
    ) -> None:
        super().__init__(verdict.error.code)
        self.verdict = verdict
        self.request = request
        self.retry_after = retry_after


class Wire(stripe.HTTPXClient):
    """The SDK's own, except that it hands a form over as httpx wants it: the old way warns, or fails.

    A key that grew too old while the connection was made does not leave us on it.
    """

    def __init__(self, patience: Patience, clock: Callable[[], datetime] | None = None) -> None:
        super().__init__(timeout=TIMEOUT, allow_sync_methods=True)
        self._patience = patience
        self._clock = clock

    def _get_request_args_kwargs(
        self, method: str, url: str, headers: Mapping[str, str], post_data: Any
    ) -> Any:
        args, options = super()._get_request_args_kwargs(method, url, headers, post_data)
        timeout = httpx.Timeout(self._patience.at_most(ANSWER_SECONDS), connect=CONNECT_SECONDS)
        guard = {"trace": self._guard} if "Idempotency-Key" in headers else {}
        sent = {"data": None, "content": post_data or None, "timeout": timeout, "extensions": guard}
        return args, {**options, **sent}

    def _guard(self, step: str, _about: object) -> None:
        if step == ABOUT_TO_SEND and is_too_late(self._clock):
            raise httpx.ConnectError("The key grew too old meanwhile.")


def open_client(
    api_key: str, api_base: str, patience: Patience, clock: Callable[[], datetime] | None = None
) -> Client:
    """The SDK's, over HTTPS, or over plain HTTP to a sandbox on this machine."""
    return Client(
        api_key,
        base_addresses={"api": api_base},
        max_network_retries=0,
        http_client=Wire(patience, clock),
    )


def send(client: Client, method: Method, path: str, params: Params, key: str | None) -> Answer:
    """Raises TryFailed."""
    options: Mapping[str, Any] = {"idempotency_key": key} if key else {}
    try:
        answer = client.raw_request(method, path, **_present(params), **options)
    except STUMBLES as error:
        raise TryFailed(unreachable(type(error).__name__, sent=True)) from error
    except stripe.StripeError as error:
        raise TryFailed(_verdict(error), request=error.request_id, retry_after=_retry_after(error)) from error
    return Answer(str(answer.body), answer.headers.get("request-id"), answer.headers.get("date"))


def _present(params: Params) -> Params:
    return {name: value for name, value in params.items() if value is not None}


def _verdict(error: stripe.StripeError) -> Verdict:
    """Only an error object of Stripe's own is its answer; a proxy's page is not, whatever its status."""
    if error.http_status is None:
        cause = error.__cause__
        if isinstance(cause, NEVER_SENT):
            return unreachable(str(cause) or type(cause).__name__, sent=False)
        return unreachable(type(cause or error).__name__, sent=True)
    try:
        body = msgspec.convert(error.json_body, ErrorBody, strict=False)
    except msgspec.ValidationError:
        return unreadable(error.http_status)
    return judge(error.http_status, body.error)


def _retry_after(error: stripe.StripeError) -> int | None:
    """Whole seconds; a date, which Stripe never sends, is not understood."""
    asked = (error.headers or {}).get("retry-after", "")
    return int(asked) if asked.isascii() and asked.isdigit() else None
