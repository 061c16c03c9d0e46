"""What happens later: due work, kept as data so that it survives a restart."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from azpay.sandbox.database import Database

_PLAN = "INSERT INTO schedule (at, what, subject) VALUES (?, ?, ?)"
_ALL = "SELECT at, number, what, subject FROM schedule ORDER BY at, number"
_NEXT = f"{_ALL} LIMIT 1"
_DONE = "DELETE FROM schedule WHERE number = ?"


class Due(NamedTuple):
    """`what` names the work, `on` the object it is done to. Earlier first, then as it was planned."""

    at: int
    number: int
    what: str
    on: str


class Schedule:
    """`_next` is what comes first, once it has been looked for."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.forget()

    def plan(self, at: int, what: str, on: str) -> None:
        self._database.run(_PLAN, (at, what, on))
        if self._next is None or at < self._next.at:
            self._known = False

    def next_at(self) -> int | None:
        due = self._first()
        return None if due is None else due.at

    def planned(self) -> list[tuple[int, str, str]]:
        """When, what, and on which object."""
        return [(at, what, on) for at, _, what, on in self._database.rows(_ALL)]

    def pop(self, now: int) -> Due | None:
        due = self._first()
        if due is None or due.at > now:
            return None
        self._database.run(_DONE, (due.number,))
        self.forget()
        return due

    def forget(self) -> None:
        """Look again what comes first."""
        self._next: Due | None = None
        self._known = False

    def _first(self) -> Due | None:
        if not self._known:
            row = self._database.row(_NEXT)
            self._next = None if row is None else Due(*row)
            self._known = True
        return self._next
