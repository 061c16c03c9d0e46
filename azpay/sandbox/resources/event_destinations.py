"""Event destinations: webhook endpoints of the second API, which may ask for thin events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpay.sandbox.errors import bad_request
from azpay.sandbox.event_types import EVENT_TYPES
from azpay.sandbox.finding import Query
from azpay.sandbox.params import (
    array_of,
    choice,
    clearable,
    hash_of,
    integer,
    merged_metadata,
    metadata,
    missing,
    shape,
    text,
    unsupported,
    url,
)
from azpay.sandbox.resources.webhook_endpoints import check_limits
from azpay.sandbox.routing import Call, Route
from azpay.sandbox.thin import rfc3339
from azpay.sandbox.versions import check_version

if TYPE_CHECKING:
    from azpay.sandbox.wire import Json
    from azpay.sandbox.world import World

_SECRET, _URL = "webhook_endpoint.signing_secret", "webhook_endpoint.url"
_INCLUDE = array_of(choice(_SECRET, _URL))
_ENDPOINT = hash_of(shape(url=url("http", "https")).requiring("url"))
_COMMON = shape(
    description=clearable(text()),
    enabled_events=array_of(text()),
    include=_INCLUDE,
    metadata=metadata,
    name=text(),
    webhook_endpoint=_ENDPOINT,
)
_CREATE = _COMMON.with_(
    amazon_eventbridge=unsupported,
    azure_event_grid=unsupported,
    event_payload=choice("snapshot", "thin"),
    events_from=array_of(choice("@self", "self")),
    snapshot_api_version=text(),
    type=choice("webhook_endpoint"),
).requiring("enabled_events", "event_payload", "name", "type")
_LIST = shape(include=_INCLUDE, limit=integer(1, 100), page=text())
_PATH = "/v2/core/event_destinations"


def _create(world: World, call: Call) -> Json:
    params = call.params
    if "webhook_endpoint" not in params:
        raise missing("webhook_endpoint")
    _check_events(params["event_payload"], params["enabled_events"])
    version = params.get("snapshot_api_version")
    check_limits(world, version and check_version(version))
    destination = {
        "id": world.ids.new("ed"),
        "object": "v2.core.event_destination",
        "api_version": version,
        "created": world.time,
        "description": params.get("description") or "",
        "enabled_events": params["enabled_events"],
        "event_payload": params["event_payload"],
        "metadata": merged_metadata({}, params.get("metadata")),
        "name": params["name"],
        "status": "enabled",
        "updated": world.time,
        "url": params["webhook_endpoint"]["url"],
        "_secret": world.ids.new("whsec"),
    }
    world.event_destinations.add(destination)
    return _shown(world, destination, params)


def _check_events(payload: str, names: list[str]) -> None:
    """Thin events begin with `v1.` and are named one by one."""
    known = {f"v1.{name}" for name in EVENT_TYPES} if payload == "thin" else EVENT_TYPES | {"*"}
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        wrong = f"There is no {payload} event {unknown[0][:80]}." if unknown else "Name at least one event."
        raise bad_request(wrong, param="enabled_events")


def _shown(world: World, destination: Json, params: Json) -> Json:
    included = params.get("include", ())
    shown = {
        "id": destination["id"],
        "object": "v2.core.event_destination",
        "created": rfc3339(destination["created"]),
        "description": destination["description"],
        "enabled_events": destination["enabled_events"],
        "event_payload": destination["event_payload"],
        "events_from": ["@self"],
        "livemode": False,
        "metadata": destination["metadata"],
        "name": destination["name"],
        "status": destination["status"],
        "type": "webhook_endpoint",
        "updated": rfc3339(destination["updated"]),
        "webhook_endpoint": {
            **({"signing_secret": destination["_secret"]} if _SECRET in included else {}),
            **({"url": destination["url"]} if _URL in included else {}),
        },
    }
    if destination["event_payload"] == "snapshot":
        shown["snapshot_api_version"] = destination["api_version"] or world.account.api_version
    if destination["status"] == "disabled":
        shown["status_details"] = {"disabled": {"reason": "user"}}
    return shown


def _found(world: World, call: Call) -> Json:
    return world.event_destinations.get(call.ids["destination"])


def _retrieve(world: World, call: Call) -> Json:
    return _shown(world, _found(world, call), call.params)


def _update(world: World, call: Call) -> Json:
    destination, params = _found(world, call), call.params
    if "enabled_events" in params:
        _check_events(destination["event_payload"], params["enabled_events"])
    for name in ("description", "enabled_events", "name"):
        if name in params:
            destination[name] = params[name] or ""
    if "metadata" in params:
        destination["metadata"] = merged_metadata(destination["metadata"], params["metadata"])
    if "webhook_endpoint" in params:
        destination["url"] = params["webhook_endpoint"]["url"]
    destination["updated"] = world.time
    return _shown(world, destination, params)


def _disable(world: World, call: Call) -> Json:
    world.deliveries.forget_endpoint(call.ids["destination"])
    return _switched(world, call, "disabled")


def _enable(world: World, call: Call) -> Json:
    return _switched(world, call, "enabled")


def _switched(world: World, call: Call, status: str) -> Json:
    destination = _found(world, call)
    destination.update(status=status, updated=world.time)
    return _shown(world, destination, call.params)


def _delete(world: World, call: Call) -> Json:
    destination = _found(world, call)
    destination["_deleted"] = True
    world.deliveries.forget_endpoint(destination["id"])
    return {"id": destination["id"], "object": "v2.core.event_destination"}


def _list(world: World, call: Call) -> Json:
    params = call.params
    query = Query(limit=params.get("limit", 20), starting_after=params.get("page"))
    rows, has_more = world.event_destinations.page(query)
    return {
        "data": [_shown(world, row, params) for row in rows],
        "next_page_url": f"{_PATH}?page={rows[-1]['id']}" if has_more else None,
        "previous_page_url": None,
    }


ROUTES = (
    Route("POST", _PATH, _CREATE, _create),
    Route("GET", _PATH, _LIST, _list),
    Route("GET", f"{_PATH}/{{destination}}", shape(include=_INCLUDE), _retrieve),
    Route("POST", f"{_PATH}/{{destination}}", _COMMON, _update),
    Route("DELETE", f"{_PATH}/{{destination}}", shape(), _delete),
    Route("POST", f"{_PATH}/{{destination}}/disable", shape(), _disable),
    Route("POST", f"{_PATH}/{{destination}}/enable", shape(), _enable),
)
