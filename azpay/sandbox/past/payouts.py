"""Which transactions each payout of the past took.

Money that can be paid out leaves with the next run, every day at the same hour; where a currency is in debt,
it waits for the run that finds something.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import TYPE_CHECKING

from azpay.sandbox.ledger import DAY
from azpay.sandbox.resources.payouting import PAID_OUT_AT, next_business_day

if TYPE_CHECKING:
    from collections.abc import Iterator

STAYS = ""
"""The batch of what is left in the balance."""


@dataclass(frozen=True, slots=True)
class PastPayout:
    currency: str
    amount: int
    at: int
    batch: str

    @property
    def acts(self) -> tuple[int, int]:
        return (self.at, next_business_day(self.at))


@dataclass(frozen=True, slots=True)
class Renamed:
    """What was to leave with one run leaves with another one, or stays."""

    currency: str
    batch: str
    name: str


class Runs:
    """Hears of every transaction before the run that could take it, and says what each run does."""

    def __init__(self, until: int) -> None:
        self._until = until
        self._sums: dict[tuple[int, str], int] = {}
        self._coming: list[tuple[int, str]] = []
        self._held: dict[str, int] = defaultdict(int)
        self._waiting: dict[str, list[str]] = defaultdict(list)

    def note(self, currency: str, net: int, ready: int) -> str:
        """The batch in which it leaves, if its run finds money enough."""
        run = _run(ready)
        if run >= self._until:
            return STAYS
        if (run, currency) not in self._sums:
            heappush(self._coming, (run, currency))
            self._sums[run, currency] = 0
        self._sums[run, currency] += net
        return _batch(currency, run)

    def next(self, time: int) -> int | None:
        """When the next run was, if not after this time."""
        return self._coming[0][0] if self._coming and self._coming[0][0] <= time else None

    def close(self) -> Iterator[PastPayout | Renamed]:
        """What the next run does with one currency."""
        run, currency = heappop(self._coming)
        self._held[currency] += self._sums.pop((run, currency))
        batch = _batch(currency, run)
        if self._held[currency] > 0:
            yield PastPayout(currency, self._held.pop(currency), run, batch)
            yield from (Renamed(currency, each, batch) for each in self._waiting.pop(currency, ()))
        else:
            self._waiting[currency].append(batch)

    def left(self) -> Iterator[Renamed]:
        """What no run has taken."""
        for currency, batches in self._waiting.items():
            yield from (Renamed(currency, each, STAYS) for each in batches)


def _batch(currency: str, run: int) -> str:
    return f"{currency}:past:{run}"


def _run(ready: int) -> int:
    """The first run at which what is ready then is there."""
    return (ready - PAID_OUT_AT + DAY - 1) // DAY * DAY + PAID_OUT_AT
