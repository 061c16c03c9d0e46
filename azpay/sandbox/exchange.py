"""One request, one answer.

A request passes gates: the key, the rate limits, the address, its permission, the version, the idempotency
key, the parameters. What gets through is carried out, and from then on its answer is kept under the
idempotency key, whatever it is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from azpay.sandbox import access, mishaps, multipart
from azpay.sandbox.errors import StripeError, in_second_version
from azpay.sandbox.faults import HEADER as FAULT_HEADER
from azpay.sandbox.forms import decode, decode_json
from azpay.sandbox.idempotency import Answer, Answers, check_key, fingerprint, in_use
from azpay.sandbox.limits import Meter
from azpay.sandbox.mishaps import MishapKind
from azpay.sandbox.rendering import check_expansions, render
from azpay.sandbox.resources import ROUTES
from azpay.sandbox.routing import Call, Router
from azpay.sandbox.versions import visible
from azpay.sandbox.wire import Download, Response
from azpay.sandbox.world import Cause

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from azpay.sandbox.forms import Form
    from azpay.sandbox.keys import Keys
    from azpay.sandbox.mishaps import Mishap
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
    mishap: Mishap | None = None
    content_type: str = "application/json"


class Asked(NamedTuple):
    """What a request asks for, once it has passed the gates."""

    route: Route
    call: Call
    expand: Sequence[str]


class Place(NamedTuple):
    """The endpoint that a request came to, and the ids in its address."""

    route: Route
    ids: Mapping[str, str]


class Desk:
    """Answers requests to one account, and remembers what it said."""

    def __init__(self, world: World, keys: Keys) -> None:
        self.answers = Answers(world.database)
        self.keys = keys
        self.meter = Meter()
        self._world = world
        self._held = set[str]()

    def answer(self, request: Request, *, hold: bool = False) -> Response:
        """With `hold`, the idempotency key of a delayed answer is in use until `release`."""
        request_id = self._world.ids.new("req")
        mishap = None
        try:
            access.check_encoding(request)
            mishap = self._world.faults.strike(request)
            if mishap is not None:
                mishaps.lose_request(mishap)
            outcome = self._pass_gates(request, request_id, mishap)
        except StripeError as error:
            outcome = self._refusal(error, request_id, self._world.account.api_version)
        body = _as_asked(request, outcome)
        answer = Response(outcome.status, self._headers(request, request_id, outcome), body)
        if mishap is not None and not _asked_again(request, outcome):
            answer = mishaps.spoil(mishap, answer, effect=outcome.executed)
        if hold and answer.delay and outcome.executed:
            self._held.add(request.headers.get("idempotency-key", ""))
        return answer

    def release(self, request: Request) -> None:
        """A held answer has gone out."""
        self._held.discard(request.headers.get("idempotency-key", ""))

    def _pass_gates(self, request: Request, request_id: str, mishap: Mishap | None) -> Outcome:
        place, limited = self._admit(request)
        if limited is not None:
            return self._failure(limited, request_id)
        key = _idempotency_key(request)
        if key is None:
            return self._carry_out(self._read(request, place), request_id, None, mishap)
        if key in self._held:
            raise in_use(key)
        seen = fingerprint(request)
        kept = self.answers.recall(key, seen, self._world.time)
        if kept is not None:
            return Outcome(kept.status, kept.body.encode(), original=kept.request_id)
        outcome = self._carry_out(self._read(request, place), request_id, key, mishap)
        if outcome.executed:
            answer = Answer(seen, outcome.status, outcome.body.decode(), request_id, self._world.time)
            self.answers.keep(key, answer)
        return outcome

    def _admit(self, request: Request) -> tuple[Place, Mishap | None]:
        """Who may come in, and how often."""
        account = self._world.account.id
        key = access.check_key(request.headers, self.keys)
        access.check_account(request.headers, account)
        limited = self.meter.admit(self._world.time)
        place = Place(*_ROUTER.find(request.method, request.path))
        access.check_permission(key, self.keys, place.route, account)
        return place, limited or self.meter.admit_to(place.route)

    def _read(self, request: Request, place: Place) -> Asked:
        """The parameters. Nothing has been done yet, and nothing is kept if this fails."""
        version = access.requested_version(request.headers, self._world.account.api_version)
        access.check_content_type(request, place.route)
        form = decode(request.query)
        if request.method == "POST":
            form |= _body(request)
        params = place.route.shape.read(form)
        expand: Sequence[str] = params.pop("expand", ())
        check_expansions(place.route.answers, expand)
        return Asked(place.route, Call(place.ids, params, version), expand)

    def _carry_out(self, asked: Asked, request_id: str, key: str | None, mishap: Mishap | None) -> Outcome:
        if mishap is None or mishap.kind is not MishapKind.FAIL:
            return self._execute(asked, request_id, key)
        if mishap.effect:
            self._execute(asked, request_id, key)
        return self._failure(mishap, request_id)

    def _execute(self, asked: Asked, request_id: str, key: str | None) -> Outcome:
        world, version = self._world, asked.call.version
        world.cause = Cause(request_id, key)
        try:
            answer = asked.route.handler(world, asked.call)
        except StripeError as error:
            return replace(self._refusal(error, request_id, version), executed=True)
        finally:
            world.cause = None
        if isinstance(answer, Download):
            return Outcome(200, answer.content, executed=True, content_type=answer.content_type)
        body = msgspec.json.encode(render(world, answer, version=version, expand=asked.expand))
        return Outcome(200, body, executed=True)

    def _failure(self, mishap: Mishap, request_id: str) -> Outcome:
        """What was asked for may have been done; what is kept cannot be had by asking again."""
        outcome = self._refusal(mishap.error(), request_id, self._world.account.api_version)
        return replace(outcome, executed=mishap.store or mishap.effect, mishap=mishap)

    def _refusal(self, error: StripeError, request_id: str, version: str) -> Outcome:
        shown = error.error()
        for name, value in shown.items():
            if isinstance(value, dict):
                shown[name] = visible(value, version)
        dashboard = f"https://dashboard.stripe.com/{self._world.account.id}/test/workbench/logs"
        shown["request_log_url"] = f"{dashboard}?object={request_id}"
        return Outcome(error.status, msgspec.json.encode({"error": shown}))

    def _headers(self, request: Request, request_id: str, outcome: Outcome) -> dict[str, str]:
        headers = {
            "Content-Type": outcome.content_type,
            "Request-Id": request_id,
            "Stripe-Version": self._version_to_name(request),
        }
        key = request.headers.get("idempotency-key", "")
        if key.isascii() and key.isprintable() and key:
            headers["Idempotency-Key"] = key
        if outcome.original is not None:
            headers |= {"Original-Request": outcome.original, "Idempotent-Replayed": "true"}
        return headers if outcome.mishap is None else _marked(headers, outcome.mishap)

    def _version_to_name(self, request: Request) -> str:
        default = self._world.account.api_version
        try:
            return access.requested_version(request.headers, default)
        except StripeError:
            return default


def _marked(headers: dict[str, str], mishap: Mishap) -> dict[str, str]:
    """What a failure says about trying again. A lock that was not had has not even a request id."""
    if mishap.code == "lock_timeout":
        unnamed = {name: value for name, value in headers.items() if name != "Request-Id"}
        return unnamed | {"Stripe-Should-Retry": "true"}
    if mishap.store or mishap.effect:
        return headers | {"Stripe-Should-Retry": "false"}
    if mishap.reason is not None:
        return headers | {"Stripe-Rate-Limited-Reason": mishap.reason}
    return headers


def _as_asked(request: Request, outcome: Outcome) -> bytes:
    """Errors of the second version of the API look otherwise."""
    if outcome.status == HTTPStatus.OK or not request.path.startswith("/v2/"):
        return outcome.body
    error = msgspec.json.decode(outcome.body)["error"]
    return msgspec.json.encode({"error": in_second_version(error, outcome.status)})


def _body(request: Request) -> Form:
    if multipart.is_multipart(request):
        return multipart.decode(request)
    return decode_json(request.body) if access.is_second_api(request.path) else decode(request.body)


def _idempotency_key(request: Request) -> str | None:
    key = request.headers.get("idempotency-key")
    return None if key is None or request.method != "POST" else check_key(key)


def _asked_again(request: Request, outcome: Outcome) -> bool:
    """A retry repeats the header that asked for the fault: it is served, or no retry could ever succeed."""
    return FAULT_HEADER in request.headers and outcome.original is not None
