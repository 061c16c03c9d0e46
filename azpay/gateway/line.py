"""Requests to Stripe, each tried a few times under the idempotency key that it was given.

Each ends in one of three ways: an answer, an error that says nothing was moved, or `AnswerLost`.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, TypeVar

import msgspec

from azpay.gateway.failures import AnswerLost, CardDeclined, Overslept, StripeUnavailable, Verdict
from azpay.gateway.freshness import is_too_late
from azpay.gateway.objects import learn
from azpay.gateway.traces import asking, note
from azpay.gateway.wire import TryFailed, send

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from azpay.gateway.patience import Patience
    from azpay.gateway.wire import Client, Method, Params

T = TypeVar("T")

TRIES = 4
PAGE = 100

NOT_KNOWN = "Whether it took effect is not known."
SAME_AGAIN = "Do not start over: the same command again asks Stripe under the same key."


class Page(msgspec.Struct, frozen=True):
    data: list[msgspec.Raw]
    has_more: bool = False


class _Identified(msgspec.Struct, frozen=True):
    id: str


learn(Page, _Identified)


class Line:
    """To Stripe, for all threads of a process. By `clock`, too, no key is sent that has become too old."""

    def __init__(
        self, client: Client, patience: Patience, clock: Callable[[], datetime] | None = None
    ) -> None:
        self.client = client
        self.patience = patience
        self._timer = patience.timer
        self.clock = clock
        self._answered_at: str | None = None
        self._answered = self._timer()
        self.calls: Counter[str] = Counter()
        """How many tries ended how since the start: `answered`, or the code of an error."""

    def server_time(self) -> datetime | None:
        """What Stripe's clock says now, going by its last answer."""
        if not self._answered_at:
            return None
        try:
            said = parsedate_to_datetime(self._answered_at)
        except ValueError:
            return None
        return said + timedelta(seconds=self._timer() - self._answered)

    def get(self, path: str, params: Params, into: type[T]) -> T:
        return _read(self._ask("get", path, params, key=None), into)

    def post(self, path: str, params: Params, into: type[T], key: str) -> T:
        answer = self._ask("post", path, params, key=key)
        try:
            return msgspec.json.decode(answer, type=into)
        except msgspec.DecodeError as error:
            raise AnswerLost(
                f"Stripe answered with something we cannot read ({error}). {NOT_KNOWN}",
                hint=f"{SAME_AGAIN} If it repeats, check AZPAY_STRIPE_API_BASE, or upgrade azpay.",
            ) from error

    def pages(self, path: str, params: Params, into: type[T]) -> Iterator[T]:
        after: Params = {}
        more = True
        while more:
            page = _read(self._ask("get", path, {**params, "limit": PAGE, **after}, key=None), Page)
            yield from (_read(raw, into) for raw in page.data)
            more = page.has_more and bool(page.data)
            after = {"starting_after": _read(page.data[-1], _Identified).id} if more else {}

    def _ask(self, method: Method, path: str, params: Params, *, key: str | None) -> str:
        if self.patience.is_over:
            raise StripeUnavailable(
                "Stripe has kept this command waiting for too long. Nothing was moved by this request.",
                hint="Try again in a minute.",
            )
        began = self._timer()
        self.patience.wait_turn()
        try:
            return self._tried(method, path, params, key, began)
        finally:
            self.patience.spend(self._timer() - began)

    def _tried(self, method: Method, path: str, params: Params, key: str | None, began: float) -> str:
        may_have_acted = False
        for tried in range(1, TRIES + 1):
            if key is not None:
                self._require_time(may_have_acted=may_have_acted)
                asking()
            try:
                return self._once(method, path, params, key)
            except TryFailed as failed:
                verdict, asked = failed.verdict, failed.retry_after
                self.calls[verdict.error.code] += 1
                may_have_acted = key is not None and (may_have_acted or verdict.may_have_acted)
                if tried == TRIES or not verdict.again or not self.patience.allows(began, asked):
                    raise _final(verdict, may_have_acted=may_have_acted) from failed
            self.patience.rest(tried, asked, all_of_us=verdict.limited)
        raise AssertionError("a try ends in an answer or an error")

    def _require_time(self, *, may_have_acted: bool) -> None:
        """Raises what is said when the key has become too old to be sent."""
        if is_too_late(self.clock):
            raise _overslept(may_have_acted=may_have_acted)

    def _once(self, method: Method, path: str, params: Params, key: str | None) -> str:
        began, request = self._timer(), None
        try:
            answer = send(self.client, method, path, params, key)
            request = answer.request
        except TryFailed as failed:
            request = failed.request
            raise
        finally:
            note(request, int((self._timer() - began) * 1000))
        self._answered_at, self._answered = answer.date, self._timer()
        self.calls["answered"] += 1
        return answer.body


def _read(answer: str | msgspec.Raw, into: type[T]) -> T:
    """What was looked up. Looking moves nothing, so an unreadable answer leaves nothing unknown."""
    try:
        return msgspec.json.decode(answer, type=into)
    except msgspec.DecodeError as error:
        raise StripeUnavailable(
            f"Stripe answered with something we cannot read ({error}).",
            hint="Try again; if it repeats, upgrade azpay.",
        ) from error


def _final(verdict: Verdict, *, may_have_acted: bool) -> Exception:
    """What is said in the end, always with whether anything was moved; a decline says so by itself."""
    error = verdict.error
    if may_have_acted and not verdict.definite:
        look = f" {error.hint}" if verdict.astray else ""
        return AnswerLost(f"{error.message} {NOT_KNOWN}", hint=f"{SAME_AGAIN}{look}")
    if isinstance(error, CardDeclined):
        return error
    return type(error)(f"{error.message} Nothing was moved.", hint=error.hint)


def _overslept(*, may_have_acted: bool) -> Exception:
    if may_have_acted:
        return AnswerLost(f"Stripe's answer did not come back while its key was good. {NOT_KNOWN}")
    return Overslept()
