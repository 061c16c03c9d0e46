"""What an entry says, and the hash that holds it to the one before.

The hash is SHA-256 over the version of this form and each field, every one with its length before it, so that
no two entries have the same bytes. It covers what is readable and not what is stored: another key, another
store or an export leaves it as it was. A salt that is kept with the details hides them from whoever sees
hashes and guesses.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

Detail = str | int | bool | None | Sequence[str]
"""What a detail may be: no fractions, which two programs may write in two ways."""

Details = Mapping[str, Detail]

FORM = "azpay audit entry 1"
GENESIS = "0" * 64
"""What the first entry follows."""

LENGTH_BYTES = 4
NOTHING = b"\xff" * LENGTH_BYTES
"""The length of what is not there, which no field has."""


class Head(NamedTuple):
    """How far a chain has come: whoever notes it elsewhere can tell later whether the end was cut off."""

    sequence: int
    hash: str

    def __str__(self) -> str:
        return f"{self.sequence}:{self.hash}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One act, readable."""

    sequence: int
    at: datetime
    actor: str
    action: str
    object_kind: str
    object_id: str
    payment: str | None
    reason: str | None
    details: Details
    salt: str
    previous: str
    hash: str = ""


def digest(entry: Entry) -> str:
    """The hash that the entry must have, in hexadecimal digits."""
    fields = (
        FORM,
        str(entry.sequence),
        moment(entry.at),
        entry.actor,
        entry.action,
        entry.object_kind,
        entry.object_id,
        entry.payment,
        facts(entry),
        entry.previous,
    )
    return hashlib.sha256(b"".join(map(_framed, fields))).hexdigest()


def facts(entry: Entry) -> str:
    """Reason, details and salt in the one form that is hashed: sorted, without spaces, in ASCII."""
    said = {"details": dict(entry.details), "reason": entry.reason, "salt": entry.salt}
    return json.dumps(said, sort_keys=True, separators=(",", ":"))


def moment(at: datetime) -> str:
    """`2026-03-02T12:00:00.000000Z`, always in this length."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _framed(field: str | None) -> bytes:
    if field is None:
        return NOTHING
    plain = field.encode()
    return len(plain).to_bytes(LENGTH_BYTES, "big") + plain
