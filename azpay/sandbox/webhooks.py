"""Signing events and delivering them, until an endpoint says 2xx or the attempts are used up."""

from __future__ import annotations

import hmac
from dataclasses import asdict, dataclass
from hashlib import sha256
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from azpay.sandbox.wire import Json

RETRY_AFTER = (5 * 60, 60 * 60)
"""Seconds between the attempts: three attempts, as Stripe makes them for test events."""


@dataclass(frozen=True, slots=True, order=True)
class Parcel:
    """One event on its way to one endpoint. Attempt 0 was asked for by hand, and is not repeated."""

    due: int
    number: int
    event: str
    endpoint: str
    attempt: int = 1


class Deliveries:
    def __init__(self, retry_after: Sequence[int] = RETRY_AFTER) -> None:
        self._retry_after = tuple(retry_after)
        self._waiting: list[Parcel] = []
        self._posted: dict[tuple[str, str, int], Parcel] = {}
        self._numbered = 0

    def __len__(self) -> int:
        return len(self._waiting) + len(self._posted)

    def send(self, event: str, endpoint: str, *, due: int, attempt: int = 1) -> None:
        self._numbered += 1
        heappush(self._waiting, Parcel(due, self._numbered, event, endpoint, attempt))

    def next_at(self) -> int | None:
        return self._waiting[0].due if self._waiting else None

    def take(self, now: int) -> list[Parcel]:
        """Everything due. Each parcel counts as posted until `settle` says how it went."""
        due = []
        while self._waiting and self._waiting[0].due <= now:
            parcel = heappop(self._waiting)
            self._posted[parcel.event, parcel.endpoint, parcel.attempt] = parcel
            due.append(parcel)
        return due

    def settle(self, event: str, endpoint: str, attempt: int, *, arrived: bool, now: int) -> bool:
        """Close one attempt and plan the next if it failed. False when nobody was waiting for it."""
        parcel = self._posted.pop((event, endpoint, attempt), None)
        if parcel is None:
            return False
        if not arrived and 1 <= attempt <= len(self._retry_after):
            due = now + self._retry_after[attempt - 1]
            self.send(event, endpoint, due=due, attempt=attempt + 1)
        return True

    def forget_endpoint(self, endpoint: str) -> None:
        """A deleted or disabled endpoint gets nothing more, not even what was on its way."""
        self._waiting = [parcel for parcel in self._waiting if parcel.endpoint != endpoint]
        heapify(self._waiting)
        self._posted = {key: parcel for key, parcel in self._posted.items() if parcel.endpoint != endpoint}

    def dump(self) -> Json:
        """What was posted and not settled is due again: nobody knows whether it arrived."""
        return {
            "retry_after": self._retry_after,
            "waiting": [asdict(parcel) for parcel in (*self._waiting, *self._posted.values())],
            "numbered": self._numbered,
        }

    @classmethod
    def load(cls, data: Json) -> Deliveries:
        deliveries = cls(data["retry_after"])
        deliveries._waiting = [Parcel(**parcel) for parcel in data["waiting"]]
        heapify(deliveries._waiting)
        deliveries._numbered = data["numbered"]
        return deliveries


def signature(body: bytes, secret: str, timestamp: int) -> str:
    """The `Stripe-Signature` header: HMAC-SHA256 over the time and the raw body."""
    digest = hmac.new(secret.encode(), b"%d.%s" % (timestamp, body), sha256).hexdigest()
    return f"t={timestamp},v1={digest}"


def wants(endpoint: Json, event_type: str) -> bool:
    enabled = endpoint["enabled_events"]
    return endpoint["status"] == "enabled" and ("*" in enabled or event_type in enabled)
