"""Making events of what has happened, and sending them to whoever listens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from azpay.sandbox import versions
from azpay.sandbox.finding import Query
from azpay.sandbox.upsets import UpsetKind
from azpay.sandbox.webhooks import ASKED_FOR, first_attempt, wants

if TYPE_CHECKING:
    from collections.abc import Iterable

    from azpay.sandbox.ids import Ids
    from azpay.sandbox.store import Collection
    from azpay.sandbox.upsets import Fate, Upsets
    from azpay.sandbox.webhooks import Deliveries
    from azpay.sandbox.wire import Json

_PASSED_BY = 1
"""Seconds between an event and the one that it overtook."""


@dataclass(frozen=True, slots=True)
class News:
    """What happened to what, when, and by whose request."""

    kind: str
    subject: Json
    previous: Json | None
    time: int
    api_version: str
    request: Json


@dataclass(frozen=True, slots=True)
class Newsroom:
    events: Collection
    deliveries: Deliveries
    upsets: Upsets
    ids: Ids

    def announce(self, news: News, audience: Iterable[Json]) -> None:
        """Make an event, unless an upset prevents it, and plan its deliveries."""
        fate = self.upsets.fate(news.kind)
        if UpsetKind.NEVER_MADE in fate.kinds:
            return
        passed_by = self.upsets.release()
        awaited = [listener["id"] for listener in audience if wants(listener, news.kind)]
        for _ in range(2 if UpsetKind.TWINNED in fate.kinds else 1):
            self._send(self._make(news, awaited, fate), fate)
        for event in filter(None, map(self.events.find, passed_by)):
            self._post(event, due=news.time + _PASSED_BY)

    def _make(self, news: News, awaited: list[str], fate: Fate) -> Json:
        event: Json = {
            "id": self.ids.new("evt"),
            "object": "event",
            "api_version": news.api_version,
            "created": news.time,
            "data": self._data(news, fate),
            "livemode": False,
            "pending_webhooks": len(awaited),
            "request": news.request,
            "type": news.kind,
            "_awaited": list(awaited),
            "_subject": news.subject.get("id"),
            "_undelivered": bool(awaited),
        }
        return self.events.add(event)

    def _data(self, news: News, fate: Fate) -> msgspec.Raw:
        known = self._last_shown(news.subject) if UpsetKind.STALE in fate.kinds else None
        data: Json = {"object": known or versions.visible(news.subject, versions.LATEST)}
        if news.previous is not None:
            data["previous_attributes"] = news.previous
        return msgspec.Raw(msgspec.json.encode(data))

    def _last_shown(self, subject: Json) -> Json | None:
        """The object as the latest event about it shows it."""
        identifier = subject.get("id")
        rows, _ = self.events.page(Query(limit=1, keep=lambda event: event["_subject"] == identifier))
        shown: Json | None = msgspec.json.decode(rows[0]["data"])["object"] if rows else None
        return shown

    def _send(self, event: Json, fate: Fate) -> None:
        if UpsetKind.LOST in fate.kinds:
            return
        if UpsetKind.REORDERED in fate.kinds:
            self.upsets.hold(event["id"])
            return
        due = event["created"] + fate.delay
        self._post(event, due=due)
        if UpsetKind.DOUBLED in fate.kinds:
            for listener in event["_awaited"]:
                self.deliveries.send(event["id"], listener, due=due, attempt=ASKED_FOR)

    def _post(self, event: Json, *, due: int) -> None:
        """To everyone who waits for it. The dev proxy's listeners are told once."""
        for listener in event["_awaited"]:
            self.deliveries.send(event["id"], listener, due=due, attempt=first_attempt(listener))
