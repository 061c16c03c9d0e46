"""One request, one answer.

A request passes gates: the key, the version, the address, the idempotency key, the parameters. What gets
through is carried out, and from then on its answer is kept under the idempotency key, whatever it is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from azpay.sandbox import access
from azpay.sandbox.errors import StripeError
from azpay.sandbox.faults import HEADER as FAULT_HEADER
from azpay.sandbox.faults import FaultKind
from azpay.sandbox.forms import decode
from azpay.sandbox.idempotency import Answer, Answers, check_key, fingerprint
from azpay.sandbox.rendering import check_expansions, render
from azpay.sandbox.resources import ROUTES
from azpay.sandbox.routing import Call, Router
from azpay.sandbox.versions import visible
from azpay.sandbox.wire import Lost, Response
from azpay.sandbox.world import Cause

if TYPE_CHECKING:
    from collections.abc import Sequence

    from azpay.sandbox.faults import Fault
    from azpay.sandbox.routing import Route
    from azpay.sandbox.wire import Request
    from azpay.sandbox.world import World

_ROUTER = Router(ROUTES)


@dataclass(frozen=True, slots=True)
class Outcome:
    """`executed`: the endpoint had begun. `original`: the request that this answer was first given to."""

    status: int
    body: bytes
    executed: bool = False
    original: str | None = None
    should_retry: bool | None = None
    limited: bool = False


class Asked(NamedTuple):
    """What a request asks for, once it has passed the gates."""

    route: Route
    call: Call
    expand: Sequence[str]


class Desk:
    """Answers requests to one account, and remembers what it said."""

    def __init__(self, world: World, api_keys: Sequence[str], answers: Answers | None = None) -> None:
        self.answers = answers or Answers()
        self.api_keys = tuple(api_keys)
        self._world = world

    def answer(self, request: Request) -> Response:
        request_id = self._world.ids.new("req")
        fault = None
        try:
            fault = self._world.faults.strike(request.path, request.headers.get(FAULT_HEADER))
            if fault is not None and fault.kind is FaultKind.DROP_REQUEST:
                raise Lost(effect=False)
            outcome = self._pass_gates(request, request_id, fault)
        except StripeError as error:
            outcome = self._refusal(error, request_id, self._world.account.api_version)
        if fault is not None and fault.kind is FaultKind.DROP_ANSWER and not _asked_again(request, outcome):
            raise Lost(effect=outcome.executed)
        return Response(outcome.status, self._headers(request, request_id, outcome), outcome.body)

    def _pass_gates(self, request: Request, request_id: str, fault: Fault | None) -> Outcome:
        access.check_key(request.headers, self.api_keys)
        access.check_account(request.headers, self._world.account.id)
        key = _idempotency_key(request)
        if key is None:
            return self._carry_out(self._read(request), request_id, None, fault)
        seen = fingerprint(request)
        kept = self.answers.recall(key, seen, self._world.time)
        if kept is not None:
            return Outcome(kept.status, kept.body.encode(), original=kept.request_id)
        outcome = self._carry_out(self._read(request), request_id, key, fault)
        if outcome.executed:
            answer = Answer(seen, outcome.status, outcome.body.decode(), request_id, self._world.time)
            self.answers.keep(key, answer)
        return outcome

    def _read(self, request: Request) -> Asked:
        """The endpoint and its parameters. Nothing has been done yet, and nothing is kept if this fails."""
        version = access.requested_version(request.headers, self._world.account.api_version)
        route, ids = _ROUTER.find(request.method, request.path)
        access.check_content_type(request)
        form = decode(request.query)
        if request.method == "POST":
            form |= decode(request.body)
        params = route.shape.read(form)
        expand: Sequence[str] = params.pop("expand", ())
        check_expansions(route.answers, expand)
        return Asked(route, Call(ids, params, version), expand)

    def _carry_out(self, asked: Asked, request_id: str, key: str | None, fault: Fault | None) -> Outcome:
        failing = fault is not None and fault.kind is FaultKind.FAIL
        if fault is None or not failing:
            return self._execute(asked, request_id, key)
        if fault.effect:
            self._execute(asked, request_id, key)
        return self._failure(fault, request_id)

    def _execute(self, asked: Asked, request_id: str, key: str | None) -> Outcome:
        world, version = self._world, asked.call.version
        world.cause = Cause(request_id, key)
        try:
            answer = asked.route.handler(world, asked.call)
        except StripeError as error:
            return replace(self._refusal(error, request_id, version), executed=True)
        finally:
            world.cause = None
        body = msgspec.json.encode(render(world, answer, version=version, expand=asked.expand))
        return Outcome(200, body, executed=True)

    def _failure(self, fault: Fault, request_id: str) -> Outcome:
        """What was asked for may have been done; what is kept cannot be had by asking again."""
        error = fault.error()
        outcome = self._refusal(error, request_id, self._world.account.api_version)
        kept = fault.store or fault.effect
        retry = True if error.code == "lock_timeout" else False if kept else None
        limited = error.code == "rate_limit"
        return replace(outcome, executed=kept, should_retry=retry, limited=limited)

    def _refusal(self, error: StripeError, request_id: str, version: str) -> Outcome:
        shown = error.error()
        for name, value in shown.items():
            if isinstance(value, dict):
                shown[name] = visible(value, version)
        dashboard = f"https://dashboard.stripe.com/{self._world.account.id}/test/workbench/logs"
        shown["request_log_url"] = f"{dashboard}?object={request_id}"
        return Outcome(error.status, msgspec.json.encode({"error": shown}))

    def _headers(self, request: Request, request_id: str, outcome: Outcome) -> dict[str, str]:
        default = self._world.account.api_version
        headers = {
            "Content-Type": "application/json",
            "Request-Id": request_id,
            "Stripe-Version": request.headers.get("stripe-version", default),
        }
        if "idempotency-key" in request.headers:
            headers["Idempotency-Key"] = request.headers["idempotency-key"]
        if outcome.original is not None:
            headers |= {"Original-Request": outcome.original, "Idempotent-Replayed": "true"}
        if outcome.should_retry is not None:
            headers["Stripe-Should-Retry"] = str(outcome.should_retry).lower()
        if outcome.limited:
            headers["Stripe-Rate-Limited-Reason"] = "global-rate"
        return headers


def _idempotency_key(request: Request) -> str | None:
    key = request.headers.get("idempotency-key")
    return None if key is None or request.method != "POST" else check_key(key)


def _asked_again(request: Request, outcome: Outcome) -> bool:
    """A retry repeats the header that asked for the fault: it is served, or no retry could ever succeed."""
    return FAULT_HEADER in request.headers and outcome.original is not None
