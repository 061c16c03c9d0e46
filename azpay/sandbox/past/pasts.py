"""The past of one sandbox: one order, written slice by slice, and found again after a restart."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec

from azpay.sandbox import incidents
from azpay.sandbox.ledger import DAY
from azpay.sandbox.past.histories import History
from azpay.sandbox.past.orders import Order, Progress, SeededAlready

if TYPE_CHECKING:
    from collections.abc import Iterator

    from azpay.sandbox.world import World

_MONTHS, _DAYS = 12, 365


class State(msgspec.Struct, frozen=True):
    """What is kept: how many payments are made, and how many objects are written."""

    order: Order
    made: int = 0
    written: int = 0
    done: bool = False


@contextmanager
def _nothing_collected() -> Iterator[None]:
    """Many objects are made, none of them in circles: looking for such again and again takes time."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


class Past:
    """What is known of it is kept with the world; the rest is made anew when it is needed."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._history: History | None = None

    def write(self, order: Order, steps: int) -> Progress:
        """Go on with this order, for so many payments. Raises SeededAlready for another than the first."""
        state = self._state(order)
        since, until = self._bounds(order)
        if not state.done:
            history = self._resumed(order, state.written, since, until)
            with _nothing_collected():
                done = history.write(steps)
            state = State(order, max(state.made, history.made), history.written, done)
            self._world.past = msgspec.to_builtins(state)
            if done:
                self._end()
        return Progress(order.payments, state.made, state.done, since, until)

    def _state(self, order: Order) -> State:
        if self._world.past is None:
            incidents.agree(self._world, self._world.policy.changed({"payouts": "manual"}))
            return State(order)
        state = msgspec.convert(self._world.past, State)
        if state.order != order:
            raise SeededAlready(state.order)
        return state

    def _resumed(self, order: Order, written: int, since: int, until: int) -> History:
        """The history at hand, unless it is not where the world is."""
        if self._history is None or self._history.written != written:
            self._history = History(self._world, order, since=since, until=until, written=written)
        return self._history

    def _bounds(self, order: Order) -> tuple[int, int]:
        """Whole days, up to the one in which the sandbox was made."""
        until = self._world.opened // DAY * DAY
        return until - order.months * _DAYS // _MONTHS * DAY, until

    def _end(self) -> None:
        """The shop goes on as it was: what is available is paid out every day."""
        self._history = None
        incidents.agree(self._world, self._world.policy.changed({"payouts": "daily"}))
