"""What was compared: how many, and how much, on both sides."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from azpay.reconciliation.lines import Line
    from azpay.reconciliation.models import ObjectType


@dataclass(slots=True)
class Side:
    """One side's total, in minor units."""

    count: int = 0
    amount: int = 0
    moved: int = 0

    def add(self, line: Line) -> None:
        self.count += 1
        self.amount += line.amount
        self.moved += line.moved


@dataclass(frozen=True, slots=True)
class Total:
    """Both sides' totals of one type of object in one currency."""

    object_type: ObjectType
    currency: str
    here: Side = field(default_factory=Side)
    there: Side = field(default_factory=Side)


class Certificate:
    """Everything judged in a run, counted once on each side that has it."""

    def __init__(self) -> None:
        self._totals: dict[tuple[ObjectType, str], Total] = {}
        self.moving = 0
        """Left out: changing while the run read them."""
        self.outside = 0
        """Left out: refunds of which azpay keeps no record, `Line.bookable` says why."""

    def count(self, here: Line | None, there: Line | None) -> None:
        if here is not None:
            self._total(here).here.add(here)
        if there is not None:
            self._total(there).there.add(there)

    def __iter__(self) -> Iterator[Total]:
        return (self._totals[key] for key in sorted(self._totals))

    @property
    def here(self) -> int:
        return sum(total.here.count for total in self)

    @property
    def there(self) -> int:
        return sum(total.there.count for total in self)

    def _total(self, line: Line) -> Total:
        return self._totals.setdefault(
            (line.object_type, line.currency), Total(line.object_type, line.currency)
        )
