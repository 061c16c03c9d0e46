"""The Stripe CLI's listeners: `stripe listen` opens a session here, then a websocket to hear events on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpay.sandbox.params import array_of, opaque, shape, text
from azpay.sandbox.routing import Call, Route
from azpay.sandbox.versions import LATEST
from azpay.sandbox.webhooks import LISTENER

if TYPE_CHECKING:
    from azpay.sandbox.wire import Json
    from azpay.sandbox.world import World

PATH = "/_stripecli/"
SECRET = "whsec_azpay_sandbox"  # noqa: S105 - it protects nothing: every listener of every sandbox has it
RECONNECT_AFTER = 300
_HEARING = {"webhooks", "v2_events"}
"""The features with which a listener is told of events."""

_SESSION = shape(
    device_name=text(),
    filters=opaque,
    forward_connect_to_url=text(),
    forward_thin_connect_to_url=text(),
    forward_thin_to_url=text(),
    forward_to_url=text(),
    websocket_features=array_of(text()),
).requiring("device_name")


def listen(world: World, identifier: str, *, listens: bool) -> Json | None:
    """The listener, come or gone. One that is away hears nothing, not even later."""
    listener = world.listeners.find(identifier)
    if listener is None:
        return None
    listener["status"] = "enabled" if listens else "disabled"
    if not listens:
        world.deliveries.forget_endpoint(identifier)
    return dict(listener)


def _open(world: World, call: Call) -> Json:
    features = call.params.get("websocket_features", ["webhooks"])
    listener = {
        "id": world.ids.new(LISTENER),
        "object": "stripecli_session",
        "api_version": None,
        "created": world.time,
        "enabled_events": ["*"] if _HEARING & set(features) else [],
        "features": features,
        "forwards": any(name.startswith("forward_") for name in call.params),
        "status": "disabled",
        "url": "",
        "_secret": SECRET,
    }
    world.listeners.add(listener)
    return {
        "default_version": world.account.api_version,
        "device_token": "",
        "display_connect_filter_warning": False,
        "latest_version": LATEST,
        "reconnect_delay": RECONNECT_AFTER,
        "secret": SECRET,
        "websocket_authorized_feature": features[0],
        "websocket_id": listener["id"],
        "websocket_url": f"ws{world.base_url.removeprefix('http')}{PATH}{listener['id']}",
    }


ROUTES = (Route("POST", "/v1/stripecli/sessions", _SESSION, _open),)
