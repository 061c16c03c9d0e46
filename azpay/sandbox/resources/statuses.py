"""Changes of status, with what search is told of them too late."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from azpay.sandbox.wire import Json
    from azpay.sandbox.world import World


def move(world: World, row: Json, status: str, **changes: object) -> None:
    """The status before is remembered: an index that lags still finds the object under it."""
    row.update(changes, status=status, _status_before=row["status"], _status_since=world.time)


def status_at(row: Json, time: int) -> str:
    """What an index that was written at `time` says."""
    known: str = row["_status_before"] if row.get("_status_since", 0) > time else row["status"]
    return known
