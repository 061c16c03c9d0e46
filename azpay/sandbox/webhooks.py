"""Signing events and delivering them, until an endpoint says 2xx or the attempts are used up.

Whoever hears events is a row with `enabled_events` and secrets: an endpoint, or a listener of the Stripe CLI.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from azpay.sandbox.event_types import NAMED_ONLY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from azpay.sandbox.database import Database
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
    """Parcels wait, then count as posted until somebody says how it went."""

    def __init__(self, database: Database, retry_after: Sequence[int] = RETRY_AFTER) -> None:
        self._database = database
        self._retry_after = tuple(retry_after)

    def repeat_after(self, seconds: Sequence[int]) -> None:
        """From now on, failed attempts are repeated after these times."""
        self._retry_after = tuple(seconds)

    def __len__(self) -> int:
        return int(self._database.value("SELECT count(*) FROM deliveries"))

    def send(self, event: str, endpoint: str, *, due: int, attempt: int = 1) -> None:
        self._database.run(_SEND, (due, event, endpoint, attempt))

    def next_at(self) -> int | None:
        due: int | None = self._database.value("SELECT min(due) FROM deliveries WHERE NOT posted")
        return due

    def take(self, now: int) -> list[Parcel]:
        """Everything due. Each parcel counts as posted until `settle` says how it went."""
        due = [Parcel(*each) for each in self._database.rows(_DUE, (now,))]
        if due:
            self._database.run("UPDATE deliveries SET posted = 1 WHERE NOT posted AND due <= ?", (now,))
        return due

    def settle(self, event: str, endpoint: str, attempt: int, *, arrived: bool, now: int) -> bool:
        """Close one attempt and plan the next if it failed. False when nobody was waiting for it."""
        number = self._database.value(_POSTED, (event, endpoint, attempt))
        if number is None:
            return False
        self._database.run("DELETE FROM deliveries WHERE number = ?", (number,))
        if not arrived and 1 <= attempt <= len(self._retry_after):
            due = now + self._retry_after[attempt - 1]
            self.send(event, endpoint, due=due, attempt=attempt + 1)
        return True

    def forget_endpoint(self, endpoint: str) -> None:
        """A deleted or disabled endpoint gets nothing more, not even what was on its way."""
        self._database.run("DELETE FROM deliveries WHERE endpoint = ?", (endpoint,))

    def forget_lost_events(self) -> None:
        """Nothing more is said of events that are not kept any more."""
        self._database.run(_FORGET_LOST)

    def resume(self) -> None:
        """After a restart. What was posted and not settled is due again: nobody knows whether it arrived."""
        self._database.run("UPDATE deliveries SET posted = 0 WHERE posted")

    def dump(self) -> Json:
        return {"retry_after": self._retry_after}

    def recall(self, data: Json) -> None:
        self._retry_after = tuple(data["retry_after"])


_SEND = "INSERT INTO deliveries (due, event, endpoint, attempt, posted) VALUES (?, ?, ?, ?, 0)"
_DUE = (
    "SELECT due, number, event, endpoint, attempt FROM deliveries "
    "WHERE NOT posted AND due <= ? ORDER BY due, number"
)
_POSTED = (
    "SELECT number FROM deliveries WHERE posted AND event = ? AND endpoint = ? AND attempt = ? "
    "ORDER BY number LIMIT 1"
)
_FORGET_LOST = "DELETE FROM deliveries WHERE NOT EXISTS (SELECT 1 FROM event WHERE id = deliveries.event)"


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
