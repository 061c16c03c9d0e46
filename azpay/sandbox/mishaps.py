"""The things that can go wrong with a request, by name, and what each makes of the answer."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from azpay.sandbox.errors import INVALID, StripeError
from azpay.sandbox.wire import Lost

if TYPE_CHECKING:
    from azpay.sandbox.wire import Response

MAX_SECONDS = 600


class MishapKind(StrEnum):
    """A request is lost before it has an effect; an answer is lost after it."""

    FAIL = "fail"
    DROP_REQUEST = "drop_request"
    DROP_ANSWER = "drop_answer"
    TIMEOUT_REQUEST = "timeout_request"
    TIMEOUT_ANSWER = "timeout_answer"
    HALF_ANSWER = "half_answer"
    GARBAGE = "garbage"
    LATENCY = "latency"


@dataclass(frozen=True, slots=True)
class Mishap:
    """One thing that can go wrong.

    `store` keeps a failure under the idempotency key, as Stripe keeps its own 500s; `effect` carries the
    request out before failing it. `reason` is why a rate was limited. `seconds` is how long nothing is heard.
    """

    kind: MishapKind
    status: int = 500
    code: str | None = None
    store: bool = False
    effect: bool = False
    reason: str | None = None
    seconds: float = 0.0

    def error(self) -> StripeError:
        """Stripe's answer for a failure."""
        kind = INVALID if self.status < 500 else "api_error"  # noqa: PLR2004 - where servers are to blame
        usual = _ANSWERS.get((self.status, None), (kind, _BROKEN, None))
        kind, message, code = _ANSWERS.get((self.status, self.code), (*usual[:2], self.code))
        return StripeError(self.status, message, kind=kind, code=code)


_BROKEN = "An unknown error occurred"
_ANSWERS: dict[tuple[int, str | None], tuple[str, str, str | None]] = {
    (409, None): (
        "idempotency_error",
        "There is currently another in-progress request using this Idempotent Key (that probably means you "
        "submitted twice, and the other request is still going through). Please try again later.",
        "idempotency_key_in_use",
    ),
    (409, "conflict"): (
        INVALID,
        "This request conflicts with another request that is being processed. Please try again.",
        None,
    ),
    (429, None): (
        INVALID,
        "Request rate limit exceeded. Learn more about rate limits here https://stripe.com/docs/rate-limits.",
        "rate_limit",
    ),
    (429, "lock_timeout"): (
        INVALID,
        "This object cannot be accessed right now because another API request or Stripe process is currently "
        "accessing it. If you see this error intermittently, retry the request.",
        "lock_timeout",
    ),
    (503, None): ("api_error", "Stripe is temporarily unavailable. Please try again.", None),
}
REASONS = ("global-rate", "endpoint-rate", "global-concurrency", "endpoint-concurrency", "resource-specific")
_SILENCE = 100.0
"""Longer than Stripe's own clients wait."""

NAMED = {
    "429": Mishap(MishapKind.FAIL, 429, reason=REASONS[0]),
    **{reason: Mishap(MishapKind.FAIL, 429, reason=reason) for reason in REASONS},
    "lock_timeout": Mishap(MishapKind.FAIL, 429, "lock_timeout"),
    "409": Mishap(MishapKind.FAIL, 409),
    "conflict": Mishap(MishapKind.FAIL, 409, "conflict"),
    "500": Mishap(MishapKind.FAIL, 500),
    "500-stored": Mishap(MishapKind.FAIL, 500, store=True),
    "500-effect": Mishap(MishapKind.FAIL, 500, effect=True),
    "502": Mishap(MishapKind.FAIL, 502),
    "503": Mishap(MishapKind.FAIL, 503),
    "504": Mishap(MishapKind.FAIL, 504),
    "drop-request": Mishap(MishapKind.DROP_REQUEST),
    "drop-answer": Mishap(MishapKind.DROP_ANSWER),
    "timeout-request": Mishap(MishapKind.TIMEOUT_REQUEST, seconds=_SILENCE),
    "timeout-answer": Mishap(MishapKind.TIMEOUT_ANSWER, seconds=_SILENCE),
    "half-answer": Mishap(MishapKind.HALF_ANSWER),
    "garbage": Mishap(MishapKind.GARBAGE),
    "latency": Mishap(MishapKind.LATENCY, seconds=1.0),
}
"""By the names that the header, the control API and chaos profiles know."""

_TIMED = (MishapKind.TIMEOUT_REQUEST, MishapKind.TIMEOUT_ANSWER, MishapKind.LATENCY)
_SECONDS = re.compile(r"\d{1,3}(\.\d{1,3})?", re.ASCII)
_GARBAGE = b"<html><body><h1>It works!</h1></body></html>\n\xff\xfe"


def named(name: str, seconds: float | None = None) -> Mishap:
    """The mishap of this name. Raises ValueError, with the reason, for one that cannot be."""
    mishap = NAMED.get(name)
    if mishap is None:
        raise ValueError(f"There is no fault {name[:40]!r}. Known are {', '.join(NAMED)}.")
    if seconds is None:
        return mishap
    if mishap.kind not in _TIMED:
        raise ValueError(f"The fault {name} takes no seconds.")
    if not 0 < seconds <= MAX_SECONDS:
        raise ValueError(f"A fault lasts more than 0 and at most {MAX_SECONDS} seconds.")
    return replace(mishap, seconds=seconds)


def parse(text: str) -> Mishap:
    """`drop-answer`, or `latency=2.5` with the seconds it takes. Raises ValueError for anything else."""
    name, timed, seconds = text.partition("=")
    if timed and not _SECONDS.fullmatch(seconds):
        raise ValueError(f"{seconds[:20]!r} is not a number of seconds.")
    return named(name, float(seconds) if timed else None)


def lose_request(mishap: Mishap) -> None:
    """Raises `Lost` when the request is not to arrive."""
    if mishap.kind in (MishapKind.DROP_REQUEST, MishapKind.TIMEOUT_REQUEST):
        raise Lost(effect=False, after=mishap.seconds)


def spoil(mishap: Mishap, answer: Response, *, effect: bool) -> Response:
    """What the client sees of the answer. Raises `Lost` when that is nothing."""
    if mishap.kind in (MishapKind.DROP_ANSWER, MishapKind.TIMEOUT_ANSWER):
        raise Lost(effect=effect, after=mishap.seconds)
    if mishap.kind is MishapKind.HALF_ANSWER:
        return replace(answer, arriving=len(answer.body) // 2)
    if mishap.kind is MishapKind.GARBAGE:
        headers = {**answer.headers, "Content-Type": "text/html"}
        return replace(answer, status=200, headers=headers, body=_GARBAGE)
    if mishap.kind is MishapKind.LATENCY:
        return replace(answer, delay=mishap.seconds)
    return answer
