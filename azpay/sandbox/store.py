"""Objects in a database: found by id, listed newest first, filtered through indexes.

An object is the JSON that Stripe would show. A key that begins with an underscore is what Stripe knows and
does not show. Objects are kept in the order they were made; times never run backwards, so `created` ranges
are ranges of that order.

Within one unit of work an object is one dictionary, however often it is asked for. Whoever has it changes it
in place; what has changed is written when the unit ends, or before the next search. Objects in use stay in
memory for the next unit, as long as they are few.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import msgspec

from azpay.sandbox.errors import no_such
from azpay.sandbox.finding import FIRST, Finder, Keep, Query
from azpay.sandbox.plates import Print, is_print, kept, with_own
from azpay.sandbox.tables import column, table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from azpay.sandbox.database import Database
    from azpay.sandbox.wire import Json

Tally: TypeAlias = "Callable[[Json], Mapping[str, int]]"

_KEPT_LIVE = 500


@dataclass(slots=True)
class _Live:
    """An object in use. `known` is how it was when it was last read or written; None before that."""

    number: int
    row: Json
    known: bytes | None
    counted: Mapping[str, int]


class Remains(NamedTuple):
    """An object of the past, in its last state: how it is kept, its id, and its indexed fields."""

    created: int
    plate: str
    story: int
    own: str
    id_and_fields: Sequence[object]
    counted: Mapping[str, int]


class Collection:
    """All objects of one kind.

    `tally` names sums, and what an object adds to each: see `sums`. `opaque` is a field that nobody looks
    into here: it comes back as it was encoded.
    """

    def __init__(
        self, kind: str, *indexed: str, tally: Tally | None = None, opaque: str | None = None
    ) -> None:
        self.kind = kind
        self.indexed = indexed
        self._tally = tally
        self._opaque = opaque
        self._live: dict[str, _Live] = {}
        self._used: dict[str, _Live] = {}
        self._last: int | None = None
        self._sums: dict[str, int] = {}
        self._database: Database
        self._finder: Finder
        self._table = table(kind, indexed)

    @property
    def schema(self) -> str:
        return self._table.schema

    def bind(self, database: Database) -> None:
        """Use the table in this database from now on. It is there already."""
        self._database = database
        self._finder = Finder(self.kind, self.indexed, database)

    def __len__(self) -> int:
        """Without what was deleted."""
        return self.sums.get("", 0)

    def __iter__(self) -> Iterator[Json]:
        """Oldest first, without what was deleted."""
        if not len(self):
            return iter(())
        return (self._at(*each) for each in self._database.rows(self._table.all))

    def shown(self) -> Iterator[Json]:
        """Copies, oldest first, for a look from outside: nothing becomes of a change to them."""
        self.flush()
        found = self._database.rows(self._table.all)
        return (self._decoded(self._database.text(body)) for _, _, body in found)

    def add(self, row: Json) -> Json:
        number = self._last = self._last_number() + 1
        identifier = row["id"]
        self._live[identifier] = self._used[identifier] = _Live(number, row, None, _NOTHING)
        return row

    def _last_number(self) -> int:
        if self._last is None:
            self._last = max(FIRST - 1, self._database.value(self._table.last, (FIRST << 1,)) or 0)
        return self._last

    def find(self, identifier: str) -> Json | None:
        live = self._live.get(identifier)
        if live is not None:
            self._used[identifier] = live
            return live.row
        found = self._database.row(self._table.by_id, (identifier,))
        return None if found is None else self._at(*found)

    def get(self, identifier: str, *, param: str = "id", status: int = 404) -> Json:
        row = self.find(identifier)
        if row is None or row.get("_deleted"):
            raise no_such(self.kind, identifier, param=param, status=status)
        return row

    def where(self, name: str, value: object) -> list[Json]:
        """All rows with this value in an indexed field, oldest first."""
        self.flush()
        sql = self._table.where(f"{column(name)} = ? AND NOT deleted")
        return [self._at(*each) for each in self._database.rows(sql, (value,))]

    def count(self, name: str, value: object) -> int:
        """How many rows have this value in an indexed field, deleted ones included."""
        self.flush()
        return int(self._database.value(self._table.count(name), (value,)))

    def page(self, query: Query) -> tuple[list[Json], bool]:
        """One page, newest first, and whether there is more in the direction of reading.

        To look at only: what is to be changed is taken with `get`, and what changed here would not be kept.
        """
        rows, has_more = self.to_show(query)
        return [row.row() if isinstance(row, Print) else row for row in rows], has_more

    def to_show(self, query: Query) -> tuple[list[Json | Print], bool]:
        """The same page, and what need not be looked into is left unread."""
        self.flush()
        backwards = query.ending_before is not None
        where = self._finder.filter(query, self._last_number() + 1)
        sql = self._table.where(where.where, "number" if backwards else "number DESC")
        found = self._take(self._database.rows(sql, where.values), query, where.rest)
        page = found[: query.limit]
        return (page[::-1] if backwards else page), len(found) > query.limit

    def _take(self, found: Iterator[tuple[int, str, bytes]], query: Query, rest: Json) -> list[Json | Print]:
        """As many rows as a page needs, and one more to know whether there is another page."""
        taken: list[Json | Print] = []
        chosen = rest or query.keep is not None
        for number, identifier, body in found:
            row = self._glimpse(number, identifier, body)
            if chosen:
                row = row.row() if isinstance(row, Print) else row
                if not _matches(row, rest, query.keep):
                    continue
            taken.append(row)
            if len(taken) > query.limit:
                break
        return taken

    def _glimpse(self, number: int, identifier: str, body: bytes) -> Json | Print:
        live = self._live.get(identifier)
        if live is None and is_print(body):
            return Print(*self._database.printed(body), self._decoded)
        if live is None:
            live = self._live[identifier] = self._loaded(number, body)
        return live.row

    def _at(self, number: int, identifier: str, body: bytes) -> Json:
        live = self._live.get(identifier)
        if live is None:
            live = self._live[identifier] = self._loaded(number, body)
        self._used[identifier] = live
        return live.row

    def _loaded(self, number: int, body: bytes) -> _Live:
        known = self._database.text(body)
        row = self._decoded(known)
        return _Live(number, row, known, self.counted(row))

    def _decoded(self, body: bytes) -> Json:
        row: Json = msgspec.json.decode(body)
        if self._opaque is not None:
            row[self._opaque] = msgspec.Raw(msgspec.json.encode(row[self._opaque]))
        return row

    def reindex(self, row: Json) -> None:
        """To be called after an indexed field has changed. What has changed is found without it, too."""

    def unindex(self, row: Json, name: str) -> None:
        """To be called before an indexed field changes. What has changed is found without it, too."""

    def flush(self) -> None:
        """Write what has changed."""
        for identifier, live in self._used.items():
            body = msgspec.json.encode(live.row)
            if body != live.known:
                self._write(identifier, live, body)

    def _write(self, identifier: str, live: _Live, body: bytes) -> None:
        row = live.row
        pressed = self._database.press.close(f"{self.kind} {likeness(row)}", body)
        values = (bool(row.get("_deleted")), pressed, *(row.get(name) for name in self.indexed))
        if live.known is None:
            self._database.run(self._table.insert, (live.number, identifier, row["created"], *values))
        else:
            self._database.run(self._table.update, (*values, live.number))
        counted = self.counted(row)
        if counted != live.counted:
            self.add_up(live.counted, -1)
            self.add_up(counted, 1)
        live.known, live.counted = body, counted

    def add_up(self, counted: Mapping[str, int], times: int) -> None:
        for name, amount in counted.items():
            self._sums[name] = self._sums.get(name, 0) + times * amount

    @property
    def sums(self) -> Mapping[str, int]:
        """What `tally` has added up, by name; under the empty name, how many objects there are."""
        self.flush()
        return self._sums

    def evict(self) -> None:
        """The unit of work has ended, and all of it is written."""
        self._used.clear()
        if len(self._live) > _KEPT_LIVE:
            self._live.clear()

    def forget(self) -> None:
        """The unit of work has failed. Nothing of it has happened."""
        self._used.clear()
        self._live.clear()
        self._last = None

    def lay(self, remains: Sequence[Remains]) -> None:
        """Write what happened before anything that was added; in the order of time, as everything."""
        self.flush()
        first = (self._database.value(self._table.last, (FIRST,)) or 0) + 1
        rows = [(number, *self._printed(each)) for number, each in enumerate(remains, first)]
        self._database.run_many(self._table.insert, rows)
        for each in remains:
            self.add_up(each.counted, 1)

    def _printed(self, remains: Remains) -> Sequence[object]:
        created, plate, story, own, (identifier, *fields), _ = remains
        body = kept(self._database.plates.number(plate), story, own)
        return (identifier, created, False, body, *fields)

    def give(self, name: str, before: str, after: str) -> None:
        """Another value of its own in an indexed field, for everything of the past that has this one."""
        self.flush()
        found = list(self._database.rows(self._table.where(f"{column(name)} = ?"), (before,)))
        rows = [(with_own(body, after), after, number) for number, _, body in found]
        self._database.run_many(self._table.give(name), rows)
        self._used.clear()
        self._live.clear()

    def counted(self, row: Json) -> Mapping[str, int]:
        """What this object adds to `sums`."""
        if row.get("_deleted"):
            return _NOTHING
        return _ONE if self._tally is None else {**_ONE, **self._tally(row)}

    def discard(self, *, until: int) -> int:
        """Remove what was made before this time. How much that was."""
        self.flush()
        first = self._finder.first_created(until, self._last_number() + 1)
        gone = self._database.run(self._table.discard, (first,)).rowcount
        if gone:
            self._used.clear()
            self._live.clear()
            self.add_up(_ONE, -gone)
        return gone

    def dump(self) -> Json:
        return self._sums

    def recall(self, sums: Json) -> None:
        self._sums = sums


_ONE: Mapping[str, int] = {"": 1}
_NOTHING: Mapping[str, int] = {}


def likeness(row: Json) -> str:
    """Rows of which this is the same resemble each other most."""
    return f"{row.get('type')} {row.get('status')}"


def _matches(row: Json, equal: Json, keep: Keep | None) -> bool:
    return all(row.get(name) == value for name, value in equal.items()) and (keep is None or keep(row))
