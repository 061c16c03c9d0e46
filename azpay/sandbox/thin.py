"""Thin events: what happened to which object, and no snapshot of it. Made from the events that have one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from azpay.sandbox.wire import Json

_PREFIX, _SNAPSHOT_PREFIX = "evt_test_", "evt_"
_ADDRESSES = {
    "balance": "balance",
    "radar.early_fraud_warning": "radar/early_fraud_warnings",
    "reporting.report_run": "reporting/report_runs",
    "reporting.report_type": "reporting/report_types",
}
"""Where an object is found, if not at its name with an `s`."""


def notification(event: Json) -> Json:
    """What a thin destination is sent, unversioned. `event` is the stored one, with a snapshot."""
    return {
        "id": thin_id(event["id"]),
        "object": "v2.core.event",
        "context": None,
        "created": rfc3339(event["created"]),
        "livemode": False,
        "reason": _reason(event["request"]),
        "related_object": _related(msgspec.json.decode(event["data"])["object"]),
        "snapshot_event": event["id"],
        "type": f"v1.{event['type']}",
    }


def thin_id(snapshot: str) -> str:
    return _PREFIX + snapshot.removeprefix(_SNAPSHOT_PREFIX)


def snapshot_id(thin: str) -> str:
    """The id of the event with the snapshot; an id that is not a thin event's finds nothing."""
    return _SNAPSHOT_PREFIX + thin.removeprefix(_PREFIX) if thin.startswith(_PREFIX) else ""


def rfc3339(time: int) -> str:
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _reason(request: Json) -> Json | None:
    """What happens by the clock has no reason."""
    return None if request["id"] is None else {"type": "request", "request": request}


def _related(subject: Json) -> Json:
    kind = subject["object"]
    address = f"/v1/{_ADDRESSES.get(kind, f'{kind}s')}"
    if "id" not in subject:
        return {"type": kind, "url": address}
    return {"id": subject["id"], "type": kind, "url": f"{address}/{subject['id']}"}
