from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import stripe

from azpay.sandbox import DEFAULT_KEY
from tests.sandbox.payments import pay

if TYPE_CHECKING:
    from stripe._v1_services import V1Services

    from azpay.sandbox import Delivery, Sandbox

URL = "https://shop.example/hook"


@pytest.fixture
def secret(client: V1Services) -> str:
    """The secret of an endpoint that listens to everything."""
    made = client.webhook_endpoints.create({"url": URL, "enabled_events": ["*"]})
    assert made.secret is not None
    return made.secret


def kinds(deliveries: list[Delivery]) -> list[str]:
    return [json.loads(delivery.body)["type"] for delivery in deliveries]


def test_the_secret_is_told_once(client: V1Services) -> None:
    made = client.webhook_endpoints.create({"url": URL, "enabled_events": ["*"]})

    known = client.webhook_endpoints.retrieve(made.id)

    assert made.secret is not None
    assert made.secret.startswith("whsec_")
    assert "secret" not in known.to_dict()


def test_a_delivery_is_signed_as_stripe_signs(sandbox: Sandbox, client: V1Services, secret: str) -> None:
    pay(client)

    delivery = sandbox.due_deliveries()[0]

    event = stripe.StripeClient(DEFAULT_KEY).construct_event(
        delivery.body, delivery.headers["Stripe-Signature"], secret, tolerance=0
    )
    assert event.type == "payment_intent.created"
    assert delivery.url == URL
    assert delivery.headers["User-Agent"] == "Stripe/1.0 (+https://stripe.com/docs/webhooks)"


def test_an_endpoint_hears_what_it_asked_for(client: V1Services, sandbox: Sandbox) -> None:
    client.webhook_endpoints.create({"url": URL, "enabled_events": ["charge.succeeded"]})

    pay(client)

    assert kinds(sandbox.due_deliveries()) == ["charge.succeeded"]


def test_an_event_is_handed_out_once_until_its_fate_is_known(
    client: V1Services, sandbox: Sandbox, secret: str
) -> None:
    client.customers.create()

    first, second = sandbox.due_deliveries(), sandbox.due_deliveries()

    assert (len(first), len(second)) == (1, 0)


def test_a_delivered_event_is_no_longer_pending(client: V1Services, sandbox: Sandbox, secret: str) -> None:
    client.customers.create()
    assert client.events.list().data[0].pending_webhooks == 1

    sandbox.delivered(sandbox.due_deliveries()[0], 204)

    assert client.events.list().data[0].pending_webhooks == 0
    assert sandbox.next_due() is None


@pytest.mark.parametrize("status", [None, 302, 400, 500])
def test_a_failed_delivery_is_tried_three_times(
    client: V1Services, sandbox: Sandbox, secret: str, status: int | None
) -> None:
    client.customers.create()

    attempts = []
    for seconds in (0, 5 * 60, 60 * 60, 24 * 60 * 60):
        sandbox.advance(seconds)
        for delivery in sandbox.due_deliveries():
            attempts.append(delivery.attempt)
            sandbox.delivered(delivery, status)

    assert attempts == [1, 2, 3]
    assert len(client.events.list({"delivery_success": False}).data) == 1


def test_an_event_is_sent_again_by_hand(client: V1Services, sandbox: Sandbox, secret: str) -> None:
    client.customers.create()
    first = sandbox.due_deliveries()[0]
    sandbox.delivered(first, 200)
    endpoint = client.webhook_endpoints.list().data[0].id

    stripe.StripeClient(DEFAULT_KEY, http_client=client._requestor._client).raw_request(
        "post", f"/v1/events/{first.event}/retry", webhook_endpoint=endpoint
    )

    assert sandbox.due_deliveries()[0].event == first.event


def test_a_disabled_endpoint_hears_nothing_not_even_later(
    client: V1Services, sandbox: Sandbox, secret: str
) -> None:
    endpoint = client.webhook_endpoints.list().data[0].id
    client.customers.create()

    client.webhook_endpoints.update(endpoint, {"disabled": True})
    client.customers.create()
    client.webhook_endpoints.update(endpoint, {"disabled": False})

    assert sandbox.due_deliveries() == []


def test_a_deleted_endpoint_is_gone(client: V1Services, sandbox: Sandbox, secret: str) -> None:
    endpoint = client.webhook_endpoints.list().data[0].id
    client.customers.create()

    gone = client.webhook_endpoints.delete(endpoint)

    assert gone.deleted is True
    assert sandbox.due_deliveries() == []
    with pytest.raises(stripe.InvalidRequestError, match="No such webhook_endpoint"):
        client.webhook_endpoints.retrieve(endpoint)


def test_events_are_shown_in_the_version_of_the_endpoint(client: V1Services, sandbox: Sandbox) -> None:
    pinned = {"url": URL, "enabled_events": ["charge.succeeded"], "api_version": "2026-10-28.endive"}
    client.webhook_endpoints.create(pinned)  # type: ignore[arg-type]
    client.webhook_endpoints.create({"url": URL, "enabled_events": ["charge.succeeded"]})

    pay(client)

    newer, default = (json.loads(delivery.body) for delivery in sandbox.due_deliveries())
    assert newer["api_version"] == "2026-10-28.endive"
    assert default["api_version"] == "2026-05-27.dahlia"
    assert "authorization_code" in newer["data"]["object"]
    assert "authorization_code" not in default["data"]["object"]


def test_an_event_remembers_how_things_were(client: V1Services, sandbox: Sandbox) -> None:
    held = pay(client, capture_method="manual")
    client.payment_intents.cancel(held.id)

    created = next(event for event in sandbox.events if event["type"] == "payment_intent.created")

    assert created["data"]["object"]["status"] == "requires_confirmation"


def test_events_name_the_request_that_made_them(client: V1Services, sandbox: Sandbox) -> None:
    made = client.customers.create({}, {"idempotency_key": "k"})

    assert made.last_response is not None
    assert sandbox.events[0]["request"] == {"id": made.last_response.request_id, "idempotency_key": "k"}


@pytest.mark.parametrize(
    ("params", "wanted"),
    [
        ({"type": "charge.succeeded"}, {"charge.succeeded"}),
        ({"type": "charge.*"}, {"charge.succeeded"}),
        ({"types": ["charge.succeeded", "customer.created"]}, {"charge.succeeded", "customer.created"}),
    ],
)
def test_events_are_found_by_type(
    client: V1Services, params: stripe.params.EventListParams, wanted: set[str]
) -> None:
    client.customers.create()
    pay(client)

    assert {event.type for event in client.events.list(params).data} == wanted


def test_events_are_kept_for_thirty_days(client: V1Services, sandbox: Sandbox) -> None:
    client.customers.create()

    sandbox.advance(31 * 24 * 60 * 60)

    assert client.events.list().data == []


def test_an_address_must_be_one(client: V1Services) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.webhook_endpoints.create({"url": "shop.example/hook", "enabled_events": ["*"]})

    assert (refused.value.code, refused.value.param) == ("url_invalid", "url")


def test_there_may_be_sixteen_endpoints(client: V1Services) -> None:
    for _ in range(16):
        client.webhook_endpoints.create({"url": URL, "enabled_events": ["*"]})

    with pytest.raises(stripe.InvalidRequestError, match="maximum of 16"):
        client.webhook_endpoints.create({"url": URL, "enabled_events": ["*"]})


def test_an_address_can_be_subscribed_with_a_known_secret_once(client: V1Services, sandbox: Sandbox) -> None:
    for _ in range(2):
        sandbox.subscribe(URL, secret="whsec_known")
    client.customers.create()

    deliveries = sandbox.due_deliveries()

    assert len(deliveries) == 1
    sent = deliveries[0].headers["Stripe-Signature"]
    event = stripe.StripeClient(DEFAULT_KEY).construct_event(deliveries[0].body, sent, "whsec_known", 0)
    assert event.type == "customer.created"
