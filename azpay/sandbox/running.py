"""What an account does by itself: everything at its time, one thing after the other, kept or undone whole."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import wraps
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

import msgspec

from azpay.sandbox.keys import Keys
from azpay.sandbox.resources import WORK

if TYPE_CHECKING:
    from collections.abc import Callable

    from azpay.sandbox.clock import Clock
    from azpay.sandbox.exchange import Desk
    from azpay.sandbox.turns import Turn
    from azpay.sandbox.wire import Json
    from azpay.sandbox.world import World

_EVENTS_ARE_DISCARDED_EVERY = 60 * 60

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S", bound="Running")


def one_at_a_time(method: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
    """Callers may have threads; the world has none. What a call does is kept as a whole or not at all."""

    @wraps(method)
    def guarded(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
        with self._turn:
            return method(self, *args, **kwargs)

    return guarded


class Running:
    """`_turn` is made of `_keep` and `_undo`."""

    clock: Clock
    _world: World
    _desk: Desk
    _turn: Turn
    _events_discarded_at = 0

    @one_at_a_time
    def act(self, deed: Callable[[World], R]) -> R:
        """Let something happen to the account that no request could bring about; see `incidents`."""
        self.tick()
        done = deed(self._world)
        self.tick()
        return done

    @one_at_a_time
    def tick(self) -> None:
        """Do everything whose time has come, each at its own time and as a unit of its own."""
        world, now = self._world, self.clock.now()
        while (due := world.schedule.pop(now)) is not None:
            world.time = max(world.time, due.at)
            self._keep()
            WORK[due.what](world, due.on)
            self._keep()
        world.time = max(world.time, now)
        self._discard_old_events()

    def _discard_old_events(self) -> None:
        if self._world.time >= self._events_discarded_at + _EVENTS_ARE_DISCARDED_EVERY:
            self._world.discard_old_events()
            self._events_discarded_at = self._world.time

    @one_at_a_time
    def advance(self, seconds: int) -> None:
        """Put the clock forward."""
        self.clock.put(self.clock.now() + seconds)
        self.tick()

    @one_at_a_time
    def put_clock(self, time: datetime) -> None:
        """Jump to this time. Raises ClockGoesBack when it has passed."""
        self.clock.put(int(time.timestamp()))
        self.tick()

    @one_at_a_time
    def stop_clock(self) -> None:
        """Time stands still until it is put forward, or runs again."""
        self.clock.stop()

    @one_at_a_time
    def run_clock(self) -> None:
        """Time goes on from where it stands."""
        self.clock.run()

    @property
    def time(self) -> datetime:
        return datetime.fromtimestamp(self.clock.now(), UTC)

    def next_due(self) -> int | None:
        """When there is work or a delivery next, by this sandbox's clock."""
        known = (self._world.schedule.next_at(), self._world.deliveries.next_at())
        return min((at for at in known if at is not None), default=None)

    def seconds_until_due(self) -> float | None:
        """By the clock that was handed in; None while nothing comes by itself."""
        due = self.next_due()
        return None if due is None else self.clock.until(due)

    def _keep(self) -> None:
        """What was done since the last time has happened."""
        self._world.flush()
        self._world.database.keep("sandbox", msgspec.json.encode(self._dump()))
        self._world.database.commit()

    def _undo(self) -> None:
        """Nothing was done since the last time."""
        self._world.database.rollback()
        self._world.forget()
        self._recall()

    def _dump(self) -> Json:
        return {"clock": self.clock.dump(), "keys": self._desk.keys.dump(), "world": self._world.dump()}

    def _recall(self) -> bool:
        """False when nothing was kept yet."""
        kept = self._world.database.kept("sandbox")
        if kept is None:
            return False
        state = msgspec.json.decode(kept)
        self.clock.recall(state["clock"])
        self._desk.keys = Keys.load(state["keys"])
        self._world.recall(state["world"])
        return True
