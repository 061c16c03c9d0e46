"""Steering a running sandbox: faults, the clock, and a look inside.

`POST /_sandbox/faults`, `POST /_sandbox/clock`, `POST /_sandbox/authenticate`, `GET /_sandbox/state`,
`GET /_sandbox/health`. JSON in, JSON out, and no key: the server listens where only its owner can reach it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, TypeAlias, TypeVar

import msgspec

from azpay.sandbox import webhook_control
from azpay.sandbox.errors import StripeError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from azpay.sandbox.engine import Sandbox
    from azpay.sandbox.wire import Json

PREFIX = "/_sandbox/"

Times: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
Status: TypeAlias = Annotated[int, msgspec.Meta(ge=400, le=599)]
Seconds: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=10 * 366 * 24 * 60 * 60)]


class Reply(NamedTuple):
    status: int
    body: Json


class _FaultOrder(msgspec.Struct, forbid_unknown_fields=True):
    drop_next_answer: bool = False
    drop_next_request: bool = False
    fail_next: Status | None = None
    code: str | None = None
    path: str = ""
    times: Times = 1
    store: bool = False
    effect: bool = False
    lose_events: list[str] = []
    never_make_events: list[str] = []


class _ClockOrder(msgspec.Struct, forbid_unknown_fields=True):
    advance: Seconds


class _AuthenticationOrder(msgspec.Struct, forbid_unknown_fields=True):
    payment_intent: str
    approve: bool = True


_Order = TypeVar("_Order", bound=msgspec.Struct)


def control(sandbox: Sandbox, method: str, path: str, body: bytes) -> Reply:
    handler = _HANDLERS.get((method, path.removeprefix(PREFIX)))
    if handler is None:
        known = ", ".join(f"{verb} {PREFIX}{name}" for verb, name in _HANDLERS)
        return Reply(404, {"error": f"There is no {method} {path[:100]} here. There are {known}."})
    try:
        return Reply(200, handler(sandbox, body))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, StripeError) as error:
        return Reply(400, {"error": str(error)})


def _read(body: bytes, kind: type[_Order]) -> _Order:
    return msgspec.json.decode(body, type=kind)


def _faults(sandbox: Sandbox, body: bytes) -> Json:
    order = _read(body, _FaultOrder)
    if order.drop_next_answer:
        sandbox.drop_next_answer(path=order.path, times=order.times)
    if order.drop_next_request:
        sandbox.drop_next_request(path=order.path, times=order.times)
    if order.fail_next is not None:
        sandbox.fail_next(
            order.fail_next,
            order.code,
            path=order.path,
            times=order.times,
            store=order.store,
            effect=order.effect,
        )
    sandbox.lose_events(*order.lose_events, times=order.times)
    sandbox.never_make_events(*order.never_make_events)
    return {"armed": msgspec.to_builtins(order)}


def _clock(sandbox: Sandbox, body: bytes) -> Json:
    sandbox.advance(_read(body, _ClockOrder).advance)
    return {"time": sandbox.time.isoformat()}


def _authenticate(sandbox: Sandbox, body: bytes) -> Json:
    order = _read(body, _AuthenticationOrder)
    return {"return_url": sandbox.authenticate(order.payment_intent, approve=order.approve)}


def _state(sandbox: Sandbox, _body: bytes) -> Json:
    return sandbox.summary()


def _health(sandbox: Sandbox, _body: bytes) -> Json:
    return {"status": "ok", "account": sandbox.account_id, "time": sandbox.time.isoformat()}


_HANDLERS: Mapping[tuple[str, str], Callable[[Sandbox, bytes], dict[str, Any]]] = {
    **webhook_control.HANDLERS,
    ("POST", "faults"): _faults,
    ("POST", "clock"): _clock,
    ("POST", "authenticate"): _authenticate,
    ("GET", "state"): _state,
    ("GET", "health"): _health,
}
