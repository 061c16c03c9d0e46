"""Steering a running sandbox: faults, chaos, limits, keys, webhooks, money, the clock, and a look inside.

`POST /_sandbox/clock`, `GET /_sandbox/state` and the like. JSON in, JSON out, and no key: the server listens
where only its owner can reach it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import msgspec

from azpay.sandbox import money_control, request_control, time_control, webhook_control
from azpay.sandbox.errors import StripeError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from azpay.sandbox.engine import Sandbox
    from azpay.sandbox.wire import Json

PREFIX = "/_sandbox/"


class Reply(NamedTuple):
    status: int
    body: Json


class _AuthenticationOrder(msgspec.Struct, forbid_unknown_fields=True):
    payment_intent: str = ""
    setup_intent: str = ""
    approve: bool = True

    def __post_init__(self) -> None:
        if bool(self.payment_intent) == bool(self.setup_intent):
            raise ValueError("name either a payment_intent or a setup_intent")


_Order = TypeVar("_Order", bound=msgspec.Struct)


def control(sandbox: Sandbox, method: str, path: str, body: bytes) -> Reply:
    handler = _HANDLERS.get((method, path.removeprefix(PREFIX)))
    if handler is None:
        known = ", ".join(f"{verb} {PREFIX}{name}" for verb, name in _HANDLERS)
        return Reply(404, {"error": f"There is no {method} {path[:100]} here. There are {known}."})
    try:
        return Reply(200, handler(sandbox, body))
    except (msgspec.DecodeError, ValueError, RecursionError, StripeError) as error:
        return Reply(400, {"error": str(error)})


def _read(body: bytes, kind: type[_Order]) -> _Order:
    return msgspec.json.decode(body, type=kind)


def _authenticate(sandbox: Sandbox, body: bytes) -> Json:
    order = _read(body, _AuthenticationOrder)
    return {
        "return_url": sandbox.authenticate(order.payment_intent or order.setup_intent, approve=order.approve)
    }


def _state(sandbox: Sandbox, _body: bytes) -> Json:
    return sandbox.summary()


def _health(sandbox: Sandbox, _body: bytes) -> Json:
    return {"status": "ok", "account": sandbox.account_id, "time": sandbox.time.isoformat()}


_HANDLERS: Mapping[tuple[str, str], Callable[[Sandbox, bytes], dict[str, Any]]] = {
    **request_control.HANDLERS,
    **webhook_control.HANDLERS,
    **money_control.HANDLERS,
    **time_control.HANDLERS,
    ("POST", "authenticate"): _authenticate,
    ("GET", "state"): _state,
    ("GET", "health"): _health,
}
