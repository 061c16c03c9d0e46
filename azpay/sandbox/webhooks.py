"""Signing events and delivering them, until an endpoint says 2xx or the attempts are used up.

Whoever hears events is a row with `enabled_events` and secrets: an endpoint, or a listener of the Stripe CLI.
"""

from __future__ import annotations

import hmac
from dataclasses import asdict, dataclass
from hashlib import sha256
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING

from azpay.sandbox.event_types import NAMED_ONLY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from azpay.sandbox.wire import Json

_MINUTE, _HOUR = 60, 60 * 60

RETRY_AFTER = (5 * _MINUTE, _HOUR)
"""Seconds between the attempts: three attempts, as Stripe makes them for test events."""

RETRY_AFTER_LIVE = (5 * _MINUTE, 30 * _MINUTE, 2 * _HOUR, 5 * _HOUR, 10 * _HOUR, *[12 * _HOUR] * 4)
"""As for live events: ever longer, and none after three days."""

SCHEDULES = {"test": RETRY_AFTER, "live": RETRY_AFTER_LIVE, "none": ()}

ASKED_FOR = 0
"""The number of an attempt that is not repeated: by hand, by an upset, or to a listener."""

LISTENER = "wsid"
"""Before the ids of the Stripe CLI's listeners."""


@dataclass(frozen=True, slots=True, order=True)
class Parcel:
    """One event on its way to one endpoint. An attempt `ASKED_FOR` is not repeated."""

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

    def repeat_after(self, seconds: Sequence[int]) -> None:
        """From now on, failed attempts are repeated after these times."""
        self._retry_after = tuple(seconds)

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


def first_attempt(listener: str) -> int:
    """An endpoint is tried again; a listener hears an event once or not at all."""
    return ASKED_FOR if listener.startswith(f"{LISTENER}_") else 1


def secrets_of(listener: Json, now: int) -> list[str]:
    """The newest first, then those that were rolled and may still be used."""
    former = [secret for secret, until in listener.get("_former_secrets", ()) if now < until]
    return [listener["_secret"], *former]


def roll(listener: Json, secret: str, *, now: int, overlap: int) -> None:
    """From now on `secret`; for `overlap` seconds the old ones too."""
    still = [[old, min(until, now + overlap)] for old, until in listener.get("_former_secrets", ())]
    listener["_former_secrets"] = [[listener["_secret"], now + overlap], *still] if overlap else []
    listener["_secret"] = secret


def signature(body: bytes, secrets: Sequence[str], timestamp: int) -> str:
    """The `Stripe-Signature` header: HMAC-SHA256 over the time and the raw body, once for each secret.

    As with Stripe's test events, a `v0` follows that nobody may rely on.
    """
    signed = b"%d.%s" % (timestamp, body)
    schemes = [f"v1={_digest(secret, signed)}" for secret in secrets]
    return ",".join((f"t={timestamp}", *schemes, f"v0={_digest('v0', signed)}"))


def _digest(secret: str, signed: bytes) -> str:
    return hmac.new(secret.encode(), signed, sha256).hexdigest()


def is_thin(listener: Json) -> bool:
    """Whether it hears what happened to which object, and not how the object looks."""
    return bool(listener.get("event_payload") == "thin")


def wants(listener: Json, event_type: str) -> bool:
    enabled = listener["enabled_events"]
    if listener["status"] != "enabled":
        return False
    if is_thin(listener):
        return f"v1.{event_type}" in enabled
    return event_type in enabled or ("*" in enabled and event_type not in NAMED_ONLY)
