"""What happens later: a queue of due work, kept as data so that it survives a restart."""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from azpay.sandbox.wire import Json


class Due(NamedTuple):
    """`what` names the work, `on` the object it is done to. Earlier first, then as it was planned."""

    at: int
    number: int
    what: str
    on: str


class Schedule:
    def __init__(self) -> None:
        self._heap: list[Due] = []
        self._planned = 0

    def plan(self, at: int, what: str, on: str) -> None:
        self._planned += 1
        heappush(self._heap, Due(at, self._planned, what, on))

    def next_at(self) -> int | None:
        return self._heap[0].at if self._heap else None

    def pop(self, now: int) -> Due | None:
        return heappop(self._heap) if self._heap and self._heap[0].at <= now else None

    def dump(self) -> Json:
        return {"heap": self._heap, "planned": self._planned}

    @classmethod
    def load(cls, data: Json) -> Schedule:
        schedule = cls()
        schedule._heap = [Due(*due) for due in data["heap"]]
        heapify(schedule._heap)
        schedule._planned = data["planned"]
        return schedule
