"""Event destinations: thin events, which the SDK fetches the rest of, and snapshots by the second API."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import stripe

from azpay.sandbox import DEFAULT_KEY
from tests.sandbox.payments import get, pay, post
from tests.support.stripe_transport import InProcessHTTPClient

if TYPE_CHECKING:
    from stripe._v1_services import V1Services

    from azpay.sandbox import Sandbox

URL = "https://shop.example/thin"
PATH = "/v2/core/event_destinations"


@pytest.fixture
def whole(sandbox: Sandbox) -> stripe.StripeClient:
    return stripe.StripeClient(DEFAULT_KEY, http_client=InProcessHTTPClient(sandbox))


def destination(whole: stripe.StripeClient, **params: Any) -> Any:
    usual: Any = {
        "name": "Payments",
        "type": "webhook_endpoint",
        "event_payload": "thin",
        "enabled_events": ["v1.charge.succeeded"],
        "webhook_endpoint": {"url": URL},
        "include": ["webhook_endpoint.signing_secret", "webhook_endpoint.url"],
    }
    return whole.v2.core.event_destinations.create(usual | params)


def test_a_thin_event_is_delivered_and_the_rest_is_fetched(
    whole: stripe.StripeClient, client: V1Services, sandbox: Sandbox
) -> None:
    made = destination(whole)
    paid = pay(client)

    delivery = sandbox.due_deliveries()[0]

    told: Any = whole.parse_event_notification(
        delivery.body, delivery.headers["Stripe-Signature"], made.webhook_endpoint.signing_secret, tolerance=0
    )
    assert (told.type, told.related_object.id) == ("v1.charge.succeeded", paid.latest_charge)
    assert told.fetch_related_object().amount == 2000
    assert told.fetch_event().id == told.id
    assert "data" not in json.loads(delivery.body)
    assert delivery.url == URL


def test_only_what_was_named_is_delivered(
    whole: stripe.StripeClient, client: V1Services, sandbox: Sandbox
) -> None:
    destination(whole, enabled_events=["v1.customer.created", "v1.customer.deleted"])

    pay(client)
    gone = client.customers.create()
    client.customers.delete(gone.id)

    assert [each.type for each in sandbox.due_deliveries()] == ["v1.customer.created", "v1.customer.deleted"]


def test_a_destination_may_ask_for_snapshots_of_a_version(
    whole: stripe.StripeClient, client: V1Services, sandbox: Sandbox
) -> None:
    destination(
        whole, event_payload="snapshot", enabled_events=["*"], snapshot_api_version="2026-10-28.endive"
    )

    client.customers.create()

    event = json.loads(sandbox.due_deliveries()[0].body)
    assert (event["object"], event["type"], event["api_version"]) == (
        "event", "customer.created", "2026-10-28.endive",
    )  # fmt: skip


def test_a_secret_is_shown_to_whoever_asks_for_it(whole: stripe.StripeClient) -> None:
    made = destination(whole)

    shown: Any = whole.v2.core.event_destinations.retrieve(made.id)

    assert made.webhook_endpoint.signing_secret.startswith("whsec_")
    assert shown.webhook_endpoint.to_dict() == {}


def test_a_disabled_destination_hears_nothing_until_it_is_enabled(
    whole: stripe.StripeClient, client: V1Services, sandbox: Sandbox
) -> None:
    made = destination(whole, enabled_events=["v1.customer.created"])

    disabled: Any = whole.v2.core.event_destinations.disable(made.id)
    client.customers.create()
    whole.v2.core.event_destinations.enable(made.id)
    client.customers.create()

    assert (disabled.status, disabled.status_details.disabled.reason) == ("disabled", "user")
    assert [each.event for each in sandbox.due_deliveries()] == [sandbox.events[1]["id"]]


def test_a_destination_changes_is_listed_and_goes(whole: stripe.StripeClient) -> None:
    made = [destination(whole, name=f"Number {number}") for number in range(3)]
    destinations = whole.v2.core.event_destinations

    changed = destinations.update(made[0].id, {"name": "First", "enabled_events": ["v1.refund.failed"]})
    destinations.delete(made[1].id)

    assert (changed.name, changed.enabled_events) == ("First", ["v1.refund.failed"])
    listed = [each.name for each in destinations.list({"limit": 1}).auto_paging_iter()]
    assert listed == ["Number 2", "First"]


def send(sandbox: Sandbox, body: bytes, content_type: str = "application/json") -> tuple[int, str]:
    answer = post(sandbox, PATH, body, content_type=content_type)
    return answer.status, json.loads(answer.body).get("error", {}).get("message", "")


GOOD: dict[str, Any] = {
    "name": "Payments",
    "type": "webhook_endpoint",
    "event_payload": "thin",
    "enabled_events": ["v1.charge.succeeded"],
    "webhook_endpoint": {"url": URL},
}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"enabled_events": ["*"]}, "no thin event *"),
        ({"enabled_events": ["charge.succeeded"]}, "no thin event charge.succeeded"),
        ({"enabled_events": ["v1.charge.succeeded"], "event_payload": "snapshot"}, "no snapshot event"),
        ({"enabled_events": []}, "at least one event"),
        ({"enabled_events": "v1.charge.succeeded"}, "Invalid array"),
        ({"event_payload": "thick"}, "must be one of snapshot or thin"),
        ({"webhook_endpoint": {"url": "nowhere"}}, "Not a valid URL"),
        ({"webhook_endpoint": {}}, "webhook_endpoint[url]"),
        ({"snapshot_api_version": "yesterday"}, "Invalid Stripe API version"),
        ({"name": {"a": 1}}, "Invalid string"),
        ({"amazon_eventbridge": {}}, "does not support"),
        ({"colour": "red"}, "unknown parameter: colour"),
    ],
)
def test_a_wrong_destination_is_explained(sandbox: Sandbox, change: dict[str, Any], said: str) -> None:
    status, message = send(sandbox, json.dumps(GOOD | change).encode())

    assert status == 400
    assert said in message


@pytest.mark.parametrize("body", [b"{", b"[]", b"null", b"\xff", b"[" * 100_000, b'{"name": ' + b"[" * 50])
def test_a_body_that_is_no_json_object_is_refused(sandbox: Sandbox, body: bytes) -> None:
    status, message = send(sandbox, body)

    assert status == 400
    assert message


def test_nothing_is_nested_without_end(sandbox: Sandbox) -> None:
    deep = b'{"metadata":' * 20 + b"1" + b"}" * 20

    assert send(sandbox, deep)[0] == 400


def test_the_second_api_takes_json_and_nothing_else(sandbox: Sandbox) -> None:
    status, message = send(sandbox, b"name=Payments", "application/x-www-form-urlencoded")

    assert status == 400
    assert "content type is application/json" in message


def test_destinations_count_among_the_sixteen(whole: stripe.StripeClient) -> None:
    for _ in range(16):
        destination(whole)

    with pytest.raises(stripe.StripeError, match="maximum of 16"):
        destination(whole)


def test_what_is_not_there_is_not_found(sandbox: Sandbox) -> None:
    assert get(sandbox, f"{PATH}/ed_no").status == 404
