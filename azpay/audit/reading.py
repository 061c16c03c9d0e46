"""A row of the journal, as its act can be read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from azpay.audit.chain import Entry, facts

if TYPE_CHECKING:
    from collections.abc import Mapping

HASH_BYTES = 32


def sealed_part(entry: Entry, made: str) -> bytes:
    """What is sealed of an entry: its hash, then reason, details and salt."""
    return bytes.fromhex(made) + facts(entry).encode()


def details_in(kept: bytes) -> dict[str, Any]:
    """Reason, details and salt."""
    said: dict[str, Any] = json.loads(kept[HASH_BYTES:])
    return said


def readable(row: Mapping[str, Any]) -> tuple[Entry, str]:
    """The entry, and the hash that was sealed with it. `facts` has been opened."""
    kept: bytes = row["facts"]
    said = details_in(kept)
    entry = Entry(
        sequence=row["sequence"],
        at=row["at"],
        actor=row["actor"],
        action=row["action"],
        object_kind=row["object_kind"],
        object_id=row["object_id"],
        payment=row["payment_id"],
        reason=said["reason"],
        details=said["details"],
        salt=said["salt"],
        previous=row["previous_hash"],
        hash=row["hash"],
    )
    return entry, kept[:HASH_BYTES].hex()
