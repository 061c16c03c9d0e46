"""Objects in memory: found by id, listed newest first, filtered through indexes.

An object is the JSON that Stripe would show. A key that begins with an underscore is what Stripe knows and
does not show. Objects are kept in the order they were made; times never run backwards, so `created`
ranges are found by bisection.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from azpay.sandbox.errors import no_such

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from azpay.sandbox.wire import Json

Keep: TypeAlias = "Callable[[Json], bool]"


@dataclass(slots=True)
class Query:
    """Which part of a collection a list call wants."""

    equal: dict[str, object] = field(default_factory=dict)
    created: dict[str, int] = field(default_factory=dict)
    limit: int = 10
    starting_after: str | None = None
    ending_before: str | None = None
    keep: Keep | None = None


class Collection:
    def __init__(self, kind: str, *indexed: str) -> None:
        self.kind = kind
        self._rows: list[Json] = []
        self._created: list[int] = []
        self._positions: dict[str, int] = {}
        self._indexes: dict[str, dict[object, list[int]]] = {name: {} for name in indexed}

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Json]:
        """Oldest first, without what was deleted."""
        return (row for row in self._rows if not row.get("_deleted"))

    def add(self, row: Json) -> Json:
        self._positions[row["id"]] = len(self._rows)
        self._rows.append(row)
        self._created.append(row["created"])
        self.reindex(row)
        return row

    def find(self, identifier: str) -> Json | None:
        position = self._positions.get(identifier)
        return None if position is None else self._rows[position]

    def get(self, identifier: str, *, param: str = "id", status: int = 404) -> Json:
        row = self.find(identifier)
        if row is None or row.get("_deleted"):
            raise no_such(self.kind, identifier, param=param, status=status)
        return row

    def reindex(self, row: Json) -> None:
        """To be called after an indexed field has changed. Stale entries are skipped when reading."""
        position = self._positions[row["id"]]
        for name, index in self._indexes.items():
            value = row.get(name)
            if value is None:
                continue
            places = index.setdefault(value, [])
            if not places or places[-1] < position:
                places.append(position)
            elif places[bisect_left(places, position)] != position:
                insort(places, position)

    def unindex(self, row: Json, name: str) -> None:
        """Take a row out of an index before the field changes, where stale entries would pile up."""
        places = self._indexes[name][row[name]]
        place = bisect_left(places, self._positions[row["id"]])
        del places[place]

    def where(self, name: str, value: object) -> list[Json]:
        """All rows with this value in an indexed field, oldest first."""
        rows = (self._rows[place] for place in self._indexes[name].get(value, ()))
        return [row for row in rows if row.get(name) == value and not row.get("_deleted")]

    def page(self, query: Query) -> tuple[list[Json], bool]:
        """One page, newest first, and whether there is more in the direction of reading."""
        places = self._candidates(query.equal)
        low, high = self._bounds(query)
        backwards = query.ending_before is not None
        if backwards:
            found = self._take(_ascending(places, low, high), query)
        else:
            found = self._take(_descending(places, low, high), query)
        page = found[: query.limit]
        return (page[::-1] if backwards else page), len(found) > query.limit

    def _candidates(self, equal: dict[str, object]) -> Sequence[int]:
        narrowed = [
            self._indexes[name].get(value, []) for name, value in equal.items() if name in self._indexes
        ]
        return min(narrowed, key=len, default=range(len(self._rows)))

    def _bounds(self, query: Query) -> tuple[int, int]:
        """The half-open range of positions that the period and the cursors leave."""
        low, high = 0, len(self._rows)
        bounds = query.created
        if "gte" in bounds:
            low = max(low, bisect_left(self._created, bounds["gte"]))
        if "gt" in bounds:
            low = max(low, bisect_right(self._created, bounds["gt"]))
        if "lt" in bounds:
            high = min(high, bisect_left(self._created, bounds["lt"]))
        if "lte" in bounds:
            high = min(high, bisect_right(self._created, bounds["lte"]))
        if query.starting_after is not None:
            high = min(high, self._cursor(query.starting_after, "starting_after"))
        if query.ending_before is not None:
            low = max(low, self._cursor(query.ending_before, "ending_before") + 1)
        return low, high

    def _cursor(self, identifier: str, param: str) -> int:
        if identifier not in self._positions:
            raise no_such(self.kind, identifier, param=param, status=400)
        return self._positions[identifier]

    def _take(self, places: Iterable[int], query: Query) -> list[Json]:
        """As many rows as a page needs, and one more to know whether there is another page."""
        found: list[Json] = []
        for place in places:
            row = self._rows[place]
            if _matches(row, query):
                found.append(row)
                if len(found) > query.limit:
                    break
        return found

    def dump(self) -> list[Json]:
        return self._rows

    def load(self, rows: list[Json]) -> None:
        for row in rows:
            self.add(row)


def _matches(row: Json, query: Query) -> bool:
    if row.get("_deleted"):
        return False
    if any(row.get(name) != value for name, value in query.equal.items()):
        return False
    return query.keep is None or query.keep(row)


def _ascending(places: Sequence[int], low: int, high: int) -> Iterator[int]:
    return (places[i] for i in range(bisect_left(places, low), bisect_left(places, high)))


def _descending(places: Sequence[int], low: int, high: int) -> Iterator[int]:
    return (places[i] for i in range(bisect_left(places, high) - 1, bisect_left(places, low) - 1, -1))
