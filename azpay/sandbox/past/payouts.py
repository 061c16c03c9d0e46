"""Which transactions each payout of the past took, known before the first of them is written.

Money that can be paid out leaves with the next run, every day at the same hour; where a currency is in debt,
it waits for the run that finds something.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from azpay.sandbox.ledger import DAY
from azpay.sandbox.resources.payouting import PAID_OUT_AT, next_business_day

if TYPE_CHECKING:
    from collections.abc import Mapping

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


class Runs:
    """First hears of all transactions, then says what was paid out."""

    def __init__(self, until: int) -> None:
        self._until = until
        self._sums: dict[tuple[str, int], int] = defaultdict(int)
        self._batches: Mapping[tuple[str, int], str] = {}

    def note(self, currency: str, net: int, ready: int) -> None:
        self._sums[currency, _run(ready)] += net

    def close(self) -> list[PastPayout]:
        """All payouts of the past, in the order of time."""
        payouts: list[PastPayout] = []
        batches = {}
        waiting: dict[str, list[int]] = defaultdict(list)
        held: dict[str, int] = defaultdict(int)
        for currency, run in sorted(self._sums, key=lambda each: (each[1], each[0])):
            if run >= self._until:
                continue
            held[currency] += self._sums[currency, run]
            waiting[currency].append(run)
            if held[currency] > 0:
                payout = PastPayout(currency, held[currency], run, f"{currency}:past:{run}")
                payouts.append(payout)
                batches.update(dict.fromkeys(((currency, each) for each in waiting[currency]), payout.batch))
                waiting[currency], held[currency] = [], 0
        self._batches = batches
        return payouts

    def batch(self, currency: str, ready: int) -> str:
        return self._batches.get((currency, _run(ready)), STAYS)


def _run(ready: int) -> int:
    """The first run at which what is ready then is there."""
    return (ready - PAID_OUT_AT + DAY - 1) // DAY * DAY + PAID_OUT_AT
