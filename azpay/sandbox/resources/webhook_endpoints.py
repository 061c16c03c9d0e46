from __future__ import annotations

from typing import TYPE_CHECKING

from azpay.sandbox.errors import bad_request
from azpay.sandbox.event_types import EVENT_TYPES
from azpay.sandbox.lists import chosen, list_page, paged
from azpay.sandbox.params import (
    array_of,
    boolean,
    choice,
    clearable,
    merged_metadata,
    metadata,
    shape,
    text,
    unsupported,
    url,
)
from azpay.sandbox.routing import Call, Route
from azpay.sandbox.versions import check_version
from azpay.sandbox.webhooks import roll

if TYPE_CHECKING:
    from azpay.sandbox.wire import Json
    from azpay.sandbox.world import World

MAX_ENDPOINTS = 16
MAX_VERSIONS = 3

_EVENTS = array_of(choice("*", *sorted(EVENT_TYPES)))
_UPDATE = shape(
    description=clearable(text()),
    disabled=boolean,
    enabled_events=_EVENTS,
    metadata=metadata,
    url=url("http", "https"),
)
_CREATE = shape(
    api_version=text(),
    connect=unsupported,
    description=clearable(text()),
    enabled_events=_EVENTS,
    metadata=metadata,
    url=url("http", "https"),
).requiring("enabled_events", "url")


def subscribe(world: World, url: str, secret: str) -> None:
    """An endpoint for every event, with a secret known beforehand; once for each address."""
    if any(endpoint["url"] == url for endpoint in world.webhook_endpoints):
        return
    params = {"url": url, "enabled_events": ["*"]}
    endpoint = _create(world, Call({}, params, world.account.api_version))
    world.webhook_endpoints.get(endpoint["id"])["_secret"] = secret


def _create(world: World, call: Call) -> Json:
    """The secret is in this answer, and in no other."""
    params = call.params
    _check(params)
    version = check_version(params["api_version"]) if "api_version" in params else None
    check_limits(world, version)
    endpoint = {
        "id": world.ids.new("we"),
        "object": "webhook_endpoint",
        "api_version": version,
        "application": None,
        "created": world.time,
        "description": params.get("description"),
        "enabled_events": params["enabled_events"],
        "livemode": False,
        "metadata": merged_metadata({}, params.get("metadata")),
        "status": "enabled",
        "url": params["url"],
        "_secret": world.ids.new("whsec"),
    }
    world.webhook_endpoints.add(endpoint)
    return {**endpoint, "secret": endpoint["_secret"]}


def _check(params: Json) -> None:
    if "enabled_events" in params and not params["enabled_events"]:
        raise bad_request("You must enable at least one event.", param="enabled_events")


def check_limits(world: World, version: str | None) -> None:
    """Only so many endpoints, and only so many versions among them."""
    known = [*world.webhook_endpoints, *world.event_destinations]
    if len(known) >= MAX_ENDPOINTS:
        raise bad_request(f"You have reached the maximum of {MAX_ENDPOINTS} test webhook endpoints.")
    default = world.account.api_version
    used = {endpoint["api_version"] or default for endpoint in known}
    if len(used | {version or default}) > MAX_VERSIONS:
        raise bad_request(
            f"You may have webhook endpoints for at most {MAX_VERSIONS} API versions.", param="api_version"
        )


def roll_secret(world: World, identifier: str, *, overlap: int) -> str:
    """A new secret. For `overlap` seconds, deliveries are signed with the old ones too."""
    endpoint = world.webhook_endpoints.get(identifier)
    secret = world.ids.new("whsec")
    roll(endpoint, secret, now=world.time, overlap=overlap)
    return secret


def _retrieve(world: World, call: Call) -> Json:
    return world.webhook_endpoints.get(call.ids["endpoint"])


def _update(world: World, call: Call) -> Json:
    endpoint, params = _retrieve(world, call), call.params
    _check(params)
    endpoint.update(chosen(params, "description", "enabled_events", "url"))
    if "metadata" in params:
        endpoint["metadata"] = merged_metadata(endpoint["metadata"], params["metadata"])
    if "disabled" in params:
        endpoint["status"] = "disabled" if params["disabled"] else "enabled"
    if endpoint["status"] == "disabled":
        world.deliveries.forget_endpoint(endpoint["id"])
    return endpoint


def _delete(world: World, call: Call) -> Json:
    endpoint = _retrieve(world, call)
    endpoint["_deleted"] = True
    world.deliveries.forget_endpoint(endpoint["id"])
    return endpoint


def _list(world: World, call: Call) -> Json:
    return list_page(world.webhook_endpoints, "/v1/webhook_endpoints", call.params)


ROUTES = (
    Route("POST", "/v1/webhook_endpoints", _CREATE, _create),
    Route("GET", "/v1/webhook_endpoints", paged(), _list),
    Route("GET", "/v1/webhook_endpoints/{endpoint}", shape(), _retrieve),
    Route("POST", "/v1/webhook_endpoints/{endpoint}", _UPDATE, _update),
    Route("DELETE", "/v1/webhook_endpoints/{endpoint}", shape(), _delete),
)
