"""A look at an account from outside: nothing becomes of a change to what is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from azpay.sandbox.finding import Query
from azpay.sandbox.running import Running, one_at_a_time
from azpay.sandbox.summary import summary
from azpay.sandbox.versions import LATEST, visible

if TYPE_CHECKING:
    from collections.abc import Iterable

    from azpay.sandbox.store import Collection
    from azpay.sandbox.wire import Json


class Views(Running):
    @one_at_a_time
    def latest(self, limit: int) -> dict[str, list[Json]]:
        """The newest objects, newest first, by what they are called."""
        self.tick()
        collections = self._world.collections.values()
        return {rows.kind: _shown(rows.page(Query(limit=limit))[0]) for rows in collections}

    @one_at_a_time
    def find(self, identifier: str) -> Json | None:
        """Whatever has this id, as the newest version shows it."""
        self.tick()
        found = self._world.find(identifier)
        if found is None or identifier.startswith("evt_"):
            return found and _whole_event(found)
        return _shown([found])[0]

    @one_at_a_time
    def summary(self) -> Json:
        """Counts and sums, for a look from outside."""
        self.tick()
        return {"time": self.time.isoformat(), **summary(self._world)}

    @property
    def payment_intents(self) -> list[Json]:
        return self._all(self._world.payment_intents)

    @property
    def charges(self) -> list[Json]:
        return self._all(self._world.charges)

    @property
    def refunds(self) -> list[Json]:
        return self._all(self._world.refunds)

    @property
    def customers(self) -> list[Json]:
        return self._all(self._world.customers)

    @property
    def payment_methods(self) -> list[Json]:
        return self._all(self._world.payment_methods)

    @property
    def mandates(self) -> list[Json]:
        return self._all(self._world.mandates)

    @property
    def setup_attempts(self) -> list[Json]:
        return self._all(self._world.setup_attempts)

    @property
    def setup_intents(self) -> list[Json]:
        return self._all(self._world.setup_intents)

    @property
    def balance_transactions(self) -> list[Json]:
        return self._all(self._world.ledger.transactions)

    @property
    def events(self) -> list[Json]:
        with self._turn:
            return [_whole_event(event) for event in self._world.events.shown()]

    @one_at_a_time
    def _all(self, rows: Collection) -> list[Json]:
        """Oldest first, as copies: looking does not change anything."""
        return [visible(row, LATEST) for row in rows.shown()]


def _shown(rows: Iterable[Json]) -> list[Json]:
    return [msgspec.json.decode(msgspec.json.encode(visible(row, LATEST))) for row in rows]


def _whole_event(event: Json) -> Json:
    return {**visible(event, LATEST), "data": msgspec.json.decode(event["data"])}
