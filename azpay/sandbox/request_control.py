"""Steering what requests meet: faults, chaos, rate limits and keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import msgspec

from azpay.sandbox.chaos import checked_profile, known_profile

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from azpay.sandbox.engine import Sandbox
    from azpay.sandbox.wire import Json

Times: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
Status: TypeAlias = Annotated[int, msgspec.Meta(ge=400, le=599)]


class _FaultOrder(msgspec.Struct, forbid_unknown_fields=True):
    fault: str | None = None
    seconds: float | None = None
    drop_next_answer: bool = False
    drop_next_request: bool = False
    fail_next: Status | None = None
    code: str | None = None
    path: str = ""
    method: str = ""
    times: Times = 1
    store: bool = False
    effect: bool = False
    lose_events: list[str] = []
    never_make_events: list[str] = []


class _ChaosOrder(msgspec.Struct, forbid_unknown_fields=True):
    profile: str | None = None
    seed: int = 0
    strike: list[dict[str, Any]] = []


class _LimitsOrder(msgspec.Struct, forbid_unknown_fields=True):
    limits: str


class _KeyOrder(msgspec.Struct, forbid_unknown_fields=True):
    key: str
    permissions: list[str] | None = None
    expire: bool = False


def _faults(sandbox: Sandbox, body: bytes) -> Json:
    order = msgspec.json.decode(body, type=_FaultOrder)
    if order.fault is not None:
        sandbox.spoil_next(
            order.fault, path=order.path, method=order.method, times=order.times, seconds=order.seconds
        )
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


def _disarm(sandbox: Sandbox, _body: bytes) -> Json:
    sandbox.disarm()
    return {"armed": []}


def _chaos(sandbox: Sandbox, body: bytes) -> Json:
    """A profile by its name, or strikes of one's own; nothing at all is calm."""
    order = msgspec.json.decode(body, type=_ChaosOrder)
    if order.profile is not None and order.strike:
        raise ValueError("Name a profile or give strikes, not both.")
    content = {"seed": order.seed, "strike": order.strike}
    named = order.profile and known_profile(order.profile, seed=order.seed)
    profile = named or checked_profile(content)
    sandbox.follow(profile)
    return {"chaos": msgspec.to_builtins(profile)}


def _limits(sandbox: Sandbox, body: bytes) -> Json:
    order = msgspec.json.decode(body, type=_LimitsOrder)
    sandbox.limit_requests(order.limits)
    return {"limits": order.limits}


def _keys(sandbox: Sandbox, body: bytes) -> Json:
    order = msgspec.json.decode(body, type=_KeyOrder)
    if order.expire:
        sandbox.expire_key(order.key)
    else:
        sandbox.add_key(order.key, order.permissions)
    return msgspec.to_builtins(order)  # type: ignore[no-any-return]


HANDLERS: Mapping[tuple[str, str], Callable[[Sandbox, bytes], dict[str, Any]]] = {
    ("POST", "faults"): _faults,
    ("DELETE", "faults"): _disarm,
    ("POST", "chaos"): _chaos,
    ("POST", "limits"): _limits,
    ("POST", "keys"): _keys,
}
