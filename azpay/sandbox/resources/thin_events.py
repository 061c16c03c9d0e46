"""`/v2/core/events`: where the receiver of a thin event asks for the rest."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from azpay.sandbox.errors import StripeError, bad_request
from azpay.sandbox.finding import Query
from azpay.sandbox.params import array_of, hash_of, integer, shape, text
from azpay.sandbox.routing import Call, Route
from azpay.sandbox.thin import notification, rfc3339, snapshot_id, thin_id

if TYPE_CHECKING:
    from azpay.sandbox.forms import Node
    from azpay.sandbox.wire import Json
    from azpay.sandbox.world import World

_KEPT_FOR = 30 * 24 * 60 * 60
_MOST = 100
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)", re.ASCII)


def _moment(node: Node, name: str) -> int:
    """The second version of the API writes times as RFC 3339."""
    written = node if isinstance(node, str) and _TIME.fullmatch(node) else ""
    try:
        return int(datetime.fromisoformat(written).timestamp())
    except ValueError:
        raise bad_request(f"{name} must be a time such as 2026-11-20T12:00:00Z.", param=name) from None


_FILTERS = shape(
    created=hash_of(shape(**dict.fromkeys(("gt", "gte", "lt", "lte"), _moment))),
    limit=integer(1, _MOST),
    object_id=text(),
    page=text(),
    types=array_of(text()),
)


def _retrieve(world: World, call: Call) -> Json:
    event = world.events.find(snapshot_id(call.ids["event"]))
    if event is None or event["created"] < world.time - _KEPT_FOR:
        raise StripeError(404, f"No such event: '{call.ids['event']}'", code="not_found")
    return {**notification(event), "changes": None}


def _list(world: World, call: Call) -> Json:
    params = call.params
    query = Query(
        created=_period(world, params),
        limit=params.get("limit", 20),
        starting_after=_cursor(world, params),
        keep=lambda event: _wanted(event, params),
    )
    rows, has_more = world.events.page(query)
    return {
        "data": [notification(row) for row in rows],
        "next_page_url": _next_page(params, rows[-1]) if has_more else None,
        "previous_page_url": None,
    }


def _period(world: World, params: Json) -> dict[str, int]:
    asked: dict[str, int] = dict(params.get("created", {}))
    return {**asked, "gte": max(world.time - _KEPT_FOR, asked.get("gte", 0))}


def _next_page(params: Json, last: Json) -> str:
    again = {name: value for name, value in params.items() if name not in ("created", "types")}
    again |= {f"created[{name}]": rfc3339(time) for name, time in params.get("created", {}).items()}
    again |= {f"types[{place}]": kind for place, kind in enumerate(params.get("types", ()))}
    return "/v2/core/events?" + urlencode({**again, "page": thin_id(last["id"])})


def _cursor(world: World, params: Json) -> str | None:
    if "page" not in params:
        return None
    known = snapshot_id(params["page"])
    if world.events.find(known) is None:
        raise bad_request("This `page` was not made by this endpoint.", param="page")
    return known


def _wanted(event: Json, params: Json) -> bool:
    if params.get("object_id", event["_subject"]) != event["_subject"]:
        return False
    return f"v1.{event['type']}" in params.get("types", [f"v1.{event['type']}"])


ROUTES = (
    Route("GET", "/v2/core/events", _FILTERS, _list),
    Route("GET", "/v2/core/events/{event}", shape(), _retrieve),
)
