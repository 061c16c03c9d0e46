"""Telling Stripe where to post, and of what: the webhook endpoint, with exactly the events that we handle.

Stripe shows an endpoint's secret once, in the answer to its creation, and keeps that answer under the
idempotency key for a day. The endpoint carries its key in its metadata: if the answer was lost, the same
creation is asked for again, and gives the same endpoint and its secret.
https://docs.stripe.com/api/webhook_endpoints/create
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from azpay.errors import Conflict, Usage
from azpay.gateway.freshness import KEY_LIFE

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from azpay.gateway.objects import WebhookEndpoint
    from azpay.gateway.stripe import Gateway

DESCRIPTION = "azpay"
LONGEST_URL = 2000
KEY = "azpay_key"


class EndpointURLInvalid(Usage):
    """Stripe posts to an address that it can reach."""

    code = "endpoint_url_invalid"

    def __init__(self, url: str) -> None:
        super().__init__(
            f"{url[:100]!r} is no address that Stripe can post to.",
            hint="Give the whole address, such as https://pay.example.com/api/webhooks/stripe.",
        )


class SecretNotKnown(Conflict):
    """The endpoint is there, and its secret was shown only to whoever made it."""

    code = "endpoint_secret_unknown"

    def __init__(self, endpoint: WebhookEndpoint) -> None:
        super().__init__(
            f"Stripe has an endpoint for {endpoint.url} ({endpoint.id}), and its secret is not known here.",
            hint="Put its secret (whsec_…, in Stripe's dashboard) into AZPAY_WEBHOOK_SECRETS, or remove the "
            "endpoint there and register again.",
        )


@dataclass(frozen=True, slots=True)
class Registered:
    """The endpoint as it stands now, with its `secret` only when it was made now; `changed` says what was."""

    endpoint: WebhookEndpoint
    changed: str


def register(
    gateway: Gateway, url: str, types: Collection[str], *, secret_known: bool, now: datetime
) -> Registered:
    """Make the endpoint for `url`, or bring the one that is there up to date.

    Raises EndpointURLInvalid; SecretNotKnown when it is there and `secret_known` is false.
    """
    _check(url)
    wanted = sorted(types)
    standing = next((found for found in gateway.webhook_endpoints() if found.url == url), None)
    if standing is None:
        return Registered(_make(gateway, url, wanted, f"azpay-endpoint-{secrets.token_hex(16)}"), "made")
    if not secret_known:
        return Registered(_made_before(gateway, standing, now), "made")
    if sorted(standing.enabled_events) == wanted and standing.status == "enabled":
        return Registered(standing, "nothing")
    params = {"enabled_events": wanted, "disabled": False}
    key = f"azpay-endpoint-{secrets.token_hex(16)}"
    return Registered(gateway.update_webhook_endpoint(standing.id, params, key=key), "updated")


def _check(url: str) -> None:
    plain = url.isascii() and url.isprintable() and " " not in url and len(url) <= LONGEST_URL
    scheme, _, rest = url.partition("://")
    if not plain or scheme not in {"https", "http"} or not rest.partition("/")[0]:
        raise EndpointURLInvalid(url)


def _make(gateway: Gateway, url: str, types: list[str], key: str) -> WebhookEndpoint:
    """The endpoint carries its own key, so that its creation can be asked for again."""
    params = {"url": url, "enabled_events": types, "description": DESCRIPTION, "metadata": {KEY: key}}
    return gateway.create_webhook_endpoint(params, key=key)


def _made_before(gateway: Gateway, standing: WebhookEndpoint, now: datetime) -> WebhookEndpoint:
    """The same answer once more, if it was we who made the endpoint and the answer that was lost."""
    key = standing.metadata.get(KEY)
    if key is None or now.timestamp() - standing.created > KEY_LIFE.total_seconds():
        raise SecretNotKnown(standing)
    again = _make(gateway, standing.url, standing.enabled_events, key)
    if again.id != standing.id:
        raise SecretNotKnown(standing)
    return again
