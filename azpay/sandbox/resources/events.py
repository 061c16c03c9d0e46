from __future__ import annotations

from typing import TYPE_CHECKING

from azpay.sandbox.errors import bad_request, no_such
from azpay.sandbox.lists import list_page, paged_by_time
from azpay.sandbox.mailing import EventLook, shown_event
from azpay.sandbox.params import array_of, boolean, missing, shape, text
from azpay.sandbox.plates import Print
from azpay.sandbox.routing import Call, Route
from azpay.sandbox.webhooks import ASKED_FOR

if TYPE_CHECKING:
    from collections.abc import Callable

    from azpay.sandbox.wire import Json
    from azpay.sandbox.world import World

_KEPT_FOR = 30 * 24 * 60 * 60
_FILTERS = paged_by_time(type=text(), types=array_of(text()), delivery_success=boolean)
_MAX_TYPES = 20


def _retrieve(world: World, call: Call) -> Json:
    return _shown(world, _kept(world, call.ids["event"]))


def _kept(world: World, identifier: str) -> Json:
    event = world.events.get(identifier)
    if event["created"] < world.time - _KEPT_FOR:
        raise no_such("event", identifier, param="id")
    return event


def _list(world: World, call: Call) -> Json:
    """Events of the last thirty days. A type may end in `*`, as in `charge.*`."""
    params = call.params
    if "type" in params and "types" in params:
        raise bad_request("You may only specify one of these parameters: type, types.", param="types")
    types = params.get("types", [params["type"]] if "type" in params else [])
    if len(types) > _MAX_TYPES:
        raise bad_request(f"You may pass at most {_MAX_TYPES} event types.", param="types")
    equal: Json = {"type": types[0]} if len(types) == 1 and not types[0].endswith("*") else {}
    if "delivery_success" in params:
        equal["_undelivered"] = not params["delivery_success"]
    keep = None if "type" in equal or not types else _keeper(types)
    oldest = world.time - _KEPT_FOR
    page = list_page(world.events, "/v1/events", params, equal=equal, keep=keep, since=oldest)
    look = EventLook(world.account.api_version)
    shown = [row.shown(look) if isinstance(row, Print) else look(row) for row in page["data"]]
    return {**page, "data": shown}


def _shown(world: World, event: Json) -> Json:
    """In the account's version, whatever version asks."""
    return shown_event(event, world.account.api_version)


def _keeper(types: list[str]) -> Callable[[Json], bool]:
    return lambda event: _is_one_of(event["type"], types)


def _is_one_of(kind: str, types: list[str]) -> bool:
    return any(kind == wanted or (wanted.endswith("*") and kind.startswith(wanted[:-1])) for wanted in types)


def _retry(world: World, call: Call) -> Json:
    """Send an event again, by hand. This leaves the automatic attempts alone."""
    event = _kept(world, call.ids["event"])
    for listener in _asked_for(world, call.params):
        world.deliveries.send(event["id"], listener["id"], due=world.time, attempt=ASKED_FOR)
    return _shown(world, event)


def _asked_for(world: World, params: Json) -> list[Json]:
    """An endpoint by its id, or everyone who listens through the Stripe CLI."""
    if params.get("for_stripecli"):
        return list(world.listeners)
    if "webhook_endpoint" not in params:
        raise missing("webhook_endpoint")
    endpoint = world.webhook_endpoints.get(params["webhook_endpoint"], param="webhook_endpoint", status=400)
    if endpoint["status"] != "enabled":
        raise bad_request("This webhook endpoint is disabled.", param="webhook_endpoint")
    return [endpoint]


ROUTES = (
    Route("GET", "/v1/events", _FILTERS, _list),
    Route("GET", "/v1/events/{event}", shape(), _retrieve),
    Route(
        "POST",
        "/v1/events/{event}/retry",
        shape(webhook_endpoint=text(), for_stripecli=boolean),
        _retry,
    ),
)
