"""Steering time: the clock, and the past that was before it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, TypeAlias

import msgspec

from azpay.sandbox.past.orders import Order

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from azpay.sandbox.engine import Sandbox
    from azpay.sandbox.wire import Json

Seconds: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=10 * 366 * 24 * 60 * 60)]
Steps: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=20_000)]
Time: TypeAlias = Annotated[datetime, msgspec.Meta(tz=True)]

STEPS = 500
"""As much of a past as may be written while others wait for an answer."""


class _ClockOrder(msgspec.Struct, forbid_unknown_fields=True):
    """`stop` and `run` come last, so that a clock can be put and stopped at once."""

    advance: Seconds = 0
    set: Time | None = None
    stop: bool = False
    run: bool = False


class _SeedOrder(Order, forbid_unknown_fields=True, frozen=True):
    steps: Steps = STEPS


def _clock(sandbox: Sandbox, body: bytes) -> Json:
    order = msgspec.json.decode(body, type=_ClockOrder)
    if order == _ClockOrder():
        raise ValueError("Say what the clock is to do: advance, set, stop or run.")
    if order.stop and order.run:
        raise ValueError("The clock cannot both stop and run.")
    if order.set is not None:
        sandbox.put_clock(order.set)
    if order.advance:
        sandbox.advance(order.advance)
    if order.stop:
        sandbox.stop_clock()
    if order.run:
        sandbox.run_clock()
    return _time(sandbox, body)


def _time(sandbox: Sandbox, _body: bytes) -> Json:
    return {"time": sandbox.time.isoformat(), "runs": sandbox.clock.runs}


def _seed(sandbox: Sandbox, body: bytes) -> Json:
    asked = msgspec.json.decode(body, type=_SeedOrder)
    order = Order(payments=asked.payments, months=asked.months, seed=asked.seed)
    told: Json = msgspec.to_builtins(sandbox.seed(order, steps=asked.steps))
    return told


HANDLERS: Mapping[tuple[str, str], Callable[[Sandbox, bytes], Json]] = {
    ("POST", "clock"): _clock,
    ("GET", "clock"): _time,
    ("POST", "seed"): _seed,
}
