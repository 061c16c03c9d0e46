"""The past of one sandbox: one order, written slice by slice, and found again after a restart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from azpay.sandbox import incidents
from azpay.sandbox.ledger import DAY
from azpay.sandbox.past.histories import History
from azpay.sandbox.past.orders import Order, Progress, SeededAlready

if TYPE_CHECKING:
    from azpay.sandbox.world import World

_MONTHS, _DAYS = 12, 365


class Past:
    """What is known of it is kept with the world; the rest is made anew when it is needed."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._history: History | None = None

    def write(self, order: Order, steps: int) -> Progress:
        """Go on with this order, for about so many steps. Raises SeededAlready for another than the first."""
        known = self._known(order)
        since, until = self._bounds(order)
        if not known["done"]:
            history = self._resumed(order, known["written"], since, until)
            known["done"] = history.write(steps)
            known |= {"made": max(known["made"], history.made), "written": history.written}
            if known["done"]:
                self._end()
        return Progress(order.payments, known["made"], known["done"], since, until)

    def _known(self, order: Order) -> dict[str, int]:
        world = self._world
        if world.past is None:
            world.past = {"order": msgspec.to_builtins(order), "made": 0, "written": 0, "done": False}
            incidents.agree(world, world.policy.changed({"payouts": "manual"}))
        first = msgspec.convert(world.past["order"], Order)
        if first != order:
            raise SeededAlready(first)
        known: dict[str, int] = world.past
        return known

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
