"""Where in a table the objects are that a list call wants."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from azpay.sandbox.errors import no_such
from azpay.sandbox.tables import column, table

if TYPE_CHECKING:
    from collections.abc import Callable

    from azpay.sandbox.database import Database
    from azpay.sandbox.wire import Json

Keep: TypeAlias = "Callable[[Json], bool]"

FIRST = 1 << 40
"""Where the numbers of what happens now begin. The past has lower ones, so that it can be written later."""


@dataclass(slots=True)
class Query:
    """Which part of a collection a list call wants."""

    equal: dict[str, object] = field(default_factory=dict)
    created: dict[str, int] = field(default_factory=dict)
    limit: int = 10
    starting_after: str | None = None
    ending_before: str | None = None
    keep: Keep | None = None


@dataclass(slots=True)
class Filter:
    """A condition in SQL with its values, and what of the query has to be looked at in Python."""

    where: str
    values: list[object]
    rest: dict[str, object]


class Finder:
    """`end` is the number after the last one, for whoever asks."""

    def __init__(self, kind: str, indexed: tuple[str, ...], database: Database) -> None:
        self._kind = kind
        self._indexed = indexed
        self._table = table(kind, indexed)
        self._database = database

    def filter(self, query: Query, end: int) -> Filter:
        """Only one index can lead; the unary plus keeps the database from choosing another one."""
        low, high = self._bounds(query, end)
        equal = {name: value for name, value in query.equal.items() if name in self._indexed}
        leading = self._narrowest(equal, high)
        terms = ["number >= ?", "number < ?", "NOT deleted"]
        terms += [f"{'' if name == leading else '+'}{column(name)} = ?" for name in equal]
        rest = {name: value for name, value in query.equal.items() if name not in equal}
        return Filter(" AND ".join(terms), [low, high, *equal.values()], rest)

    def _narrowest(self, equal: dict[str, object], before: int) -> str | None:
        """The field whose value is rarest there: going back through it, one comes farthest."""
        if len(equal) < 2:  # noqa: PLR2004 - nothing to choose from
            return next(iter(equal), None)
        return min(
            equal, key=lambda name: self._database.value(self._table.reach(name), (equal[name], before)) or 0
        )

    def _bounds(self, query: Query, end: int) -> tuple[int, int]:
        """The half-open range of numbers that the period and the cursors leave."""
        low, high = 0, end
        for bound, time in query.created.items():
            number = self.first_created(time + (bound in ("gt", "lte")), end)
            low, high = (max(low, number), high) if bound in ("gt", "gte") else (low, min(high, number))
        if query.starting_after is not None:
            high = min(high, self._cursor(query.starting_after, "starting_after"))
        if query.ending_before is not None:
            low = max(low, self._cursor(query.ending_before, "ending_before") + 1)
        return low, high

    def first_created(self, time: int, end: int) -> int:
        """The number of the first object made at this time or later, found by bisection."""
        earlier = self._made(FIRST, time)[1] >= time
        low, high = (self._made(0, time)[0], min(end, FIRST)) if earlier else (FIRST, end)
        while low < high:
            middle = (low + high) // 2
            number, created = self._made(middle, time)
            low, high = (low, middle) if created >= time else (number + 1, high)
        return low

    def _made(self, number: int, otherwise: int) -> tuple[int, int]:
        """The first object from this number on, and when it was made."""
        found: tuple[int, int] | None = self._database.row(self._table.at, (number,))
        return (number, otherwise) if found is None else found

    def _cursor(self, identifier: str, param: str) -> int:
        found = self._database.row(self._table.by_id, (identifier,))
        if found is None:
            raise no_such(self._kind, identifier, param=param, status=400)
        return int(found[0])
