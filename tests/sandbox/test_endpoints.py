"""Webhook endpoints: their secrets, what they may ask for, and how long Stripe tries."""

from __future__ import annotations

import hmac
import json
from hashlib import sha256
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
import stripe

from azpay.sandbox import DEFAULT_KEY, Sandbox
from azpay.sandbox.control import control
from azpay.sandbox.webhooks import RETRY_AFTER_LIVE
from tests.sandbox.conftest import NOON
from tests.sandbox.payments import get, pay, post

if TYPE_CHECKING:
    from stripe._v1_services import V1Services

    from azpay.sandbox import Delivery

DAY = 24 * 60 * 60
URL = "https://shop.example/hook"


@pytest.fixture
def endpoint(client: V1Services) -> stripe.WebhookEndpoint:
    return client.webhook_endpoints.create({"url": URL, "enabled_events": ["*"]})


def is_signed_with(delivery: Delivery, secret: str) -> bool:
    construct = stripe.StripeClient(DEFAULT_KEY).construct_event
    try:
        construct(delivery.body, delivery.headers["Stripe-Signature"], secret, tolerance=0)
    except stripe.SignatureVerificationError:
        return False
    return True


def next_delivery(client: V1Services, sandbox: Sandbox) -> Delivery:
    client.customers.create()
    return sandbox.due_deliveries()[-1]


def test_after_a_roll_both_secrets_sign_for_a_day(
    client: V1Services, sandbox: Sandbox, endpoint: stripe.WebhookEndpoint
) -> None:
    assert endpoint.secret is not None
    rolled = sandbox.roll_secret(endpoint.id)

    during = next_delivery(client, sandbox)
    sandbox.advance(DAY)
    after = next_delivery(client, sandbox)

    assert is_signed_with(during, endpoint.secret)
    assert is_signed_with(during, rolled)
    assert not is_signed_with(after, endpoint.secret)
    assert is_signed_with(after, rolled)


def test_a_leaked_secret_can_be_rolled_at_once(
    client: V1Services, sandbox: Sandbox, endpoint: stripe.WebhookEndpoint
) -> None:
    assert endpoint.secret is not None

    sandbox.roll_secret(endpoint.id, overlap=0)

    assert not is_signed_with(next_delivery(client, sandbox), endpoint.secret)


def test_each_secret_signs_once_and_stripes_v0_proves_nothing(
    client: V1Services, sandbox: Sandbox, endpoint: stripe.WebhookEndpoint
) -> None:
    rolled = sandbox.roll_secret(endpoint.id)

    delivery = next_delivery(client, sandbox)

    parts = [part.partition("=") for part in delivery.headers["Stripe-Signature"].split(",")]
    assert [name for name, _, _ in parts] == ["t", "v1", "v1", "v0"]
    signed = f"{parts[0][2]}.".encode() + delivery.body
    secrets = [rolled, endpoint.secret or ""]
    expected = [hmac.new(secret.encode(), signed, sha256).hexdigest() for secret in secrets]
    assert [value for name, _, value in parts if name == "v1"] == expected
    assert parts[3][2] not in expected


def test_secrets_survive_a_restart(
    client: V1Services, sandbox: Sandbox, endpoint: stripe.WebhookEndpoint
) -> None:
    rolled = sandbox.roll_secret(endpoint.id)
    client.customers.create()

    copy = Sandbox.restore(sandbox.snapshot(), now=lambda: NOON)

    assert endpoint.secret is not None
    delivery = copy.due_deliveries()[0]
    assert is_signed_with(delivery, endpoint.secret)
    assert is_signed_with(delivery, rolled)


def test_a_secret_is_rolled_over_http(sandbox: Sandbox, endpoint: stripe.WebhookEndpoint) -> None:
    order = json.dumps({"endpoint": endpoint.id, "overlap": 60}).encode()

    status, told = control(sandbox, "POST", "/_sandbox/secrets", order)

    assert status == 200
    assert told["secret"].startswith("whsec_")
    assert told["secret"] != endpoint.secret


@pytest.mark.parametrize("order", [b"{}", b'{"endpoint": "we_no"}', b'{"endpoint": 1}', b"["])
def test_a_secret_that_cannot_be_rolled_is_explained(sandbox: Sandbox, order: bytes) -> None:
    status, told = control(sandbox, "POST", "/_sandbox/secrets", order)

    assert status == 400
    assert told["error"]


def test_some_events_must_be_named(client: V1Services, sandbox: Sandbox) -> None:
    named: Any = ["reporting.report_type.updated"]
    client.webhook_endpoints.create({"url": f"{URL}/all", "enabled_events": ["*"]})
    client.webhook_endpoints.create({"url": f"{URL}/named", "enabled_events": named})

    sandbox._world.emit("reporting.report_type.updated", {"object": "reporting.report_type", "id": "x"})

    assert [delivery.url for delivery in sandbox.due_deliveries()] == [f"{URL}/named"]


@pytest.mark.parametrize("kind", ["charge.*", "charge.suceeded", "Charge.succeeded", "v1.charge.succeeded"])
def test_what_is_no_event_cannot_be_asked_for(sandbox: Sandbox, kind: str) -> None:
    answer = post(sandbox, "/v1/webhook_endpoints", {"url": URL, "enabled_events[]": kind})

    assert answer.status == 400
    assert json.loads(answer.body)["error"]["param"] == "enabled_events[0]"


def test_an_endpoint_must_hear_something(sandbox: Sandbox) -> None:
    answer = post(sandbox, "/v1/webhook_endpoints", {"url": URL, "enabled_events": ""})

    assert answer.status == 400
    assert json.loads(answer.body)["error"]["message"] == "You must enable at least one event."


def test_endpoints_speak_at_most_three_versions(client: V1Services) -> None:
    for version in ("2026-10-28.endive", "2026-04-22.dahlia", "2026-05-27.dahlia"):
        params: Any = {"url": URL, "enabled_events": ["*"], "api_version": version}
        client.webhook_endpoints.create(params)
    client.webhook_endpoints.create({"url": URL, "enabled_events": ["*"]})

    with pytest.raises(stripe.InvalidRequestError, match="at most 3 API versions"):
        client.webhook_endpoints.create(params | {"api_version": "2025-09-30.clover"})


def test_an_endpoint_changes_and_its_version_does_not(
    client: V1Services, endpoint: stripe.WebhookEndpoint
) -> None:
    changed = client.webhook_endpoints.update(
        endpoint.id,
        {
            "url": "https://elsewhere.example",
            "enabled_events": ["charge.succeeded"],
            "description": "Elsewhere",
            "metadata": {"team": "books"},
        },
    )

    assert (changed.url, changed.enabled_events) == ("https://elsewhere.example", ["charge.succeeded"])
    assert (changed.description, changed.metadata["team"]) == ("Elsewhere", "books")
    pinned: Any = {"api_version": "2026-10-28.endive"}
    with pytest.raises(stripe.InvalidRequestError, match="unknown parameter: api_version"):
        client.webhook_endpoints.update(endpoint.id, pinned)


def test_no_answer_but_the_first_shows_a_secret(sandbox: Sandbox, endpoint: stripe.WebhookEndpoint) -> None:
    path = f"/v1/webhook_endpoints/{endpoint.id}"

    answers = [
        get(sandbox, path).body,
        get(sandbox, "/v1/webhook_endpoints").body,
        post(sandbox, path, {"description": "again"}).body,
    ]

    assert not [answer for answer in answers if b"secret" in answer or b"whsec_" in answer]


def attempts(sandbox: Sandbox, *, days: int) -> list[int]:
    """After how many seconds Stripe tried, while nobody took the event in."""
    began, tried = sandbox.time, []
    for _ in range(100):
        for delivery in sandbox.due_deliveries():
            tried.append(int((sandbox.time - began).total_seconds()))
            sandbox.delivered(delivery, 500)
        waiting = sandbox.seconds_until_due()
        if waiting is None or sandbox.time.timestamp() - began.timestamp() > days * DAY:
            break
        sandbox.advance(int(waiting))
    return tried


def test_live_events_are_tried_for_three_days(
    client: V1Services, sandbox: Sandbox, endpoint: stripe.WebhookEndpoint
) -> None:
    control(sandbox, "POST", "/_sandbox/retries", b'{"retry": "live"}')
    client.customers.create()

    tried = attempts(sandbox, days=10)

    assert len(tried) == len(RETRY_AFTER_LIVE) + 1
    assert 2 * DAY < tried[-1] <= 3 * DAY
    gaps = [later - earlier for earlier, later in pairwise(tried)]
    assert gaps == sorted(gaps)


@pytest.mark.parametrize(
    ("retry", "expected"), [("none", [0]), ([1, 2], [0, 1, 3]), ("test", [0, 300, 3900])]
)
def test_the_schedule_can_be_set(
    client: V1Services, sandbox: Sandbox, endpoint: stripe.WebhookEndpoint, retry: object, expected: list[int]
) -> None:
    status, _ = control(sandbox, "POST", "/_sandbox/retries", json.dumps({"retry": retry}).encode())
    client.customers.create()

    assert status == 200
    assert attempts(sandbox, days=10) == expected


def test_pending_webhooks_count_down(client: V1Services, sandbox: Sandbox) -> None:
    for name in ("one", "two"):
        client.webhook_endpoints.create({"url": f"{URL}/{name}", "enabled_events": ["*"]})
    client.customers.create()
    counted = [client.events.list().data[0].pending_webhooks]

    for delivery in sandbox.due_deliveries():
        sandbox.delivered(delivery, 200)
        counted.append(client.events.list().data[0].pending_webhooks)

    assert counted == [2, 1, 0]
    assert len(client.events.list({"delivery_success": True}).data) == 1


def resend(sandbox: Sandbox, event: str, **params: str) -> int:
    return post(sandbox, f"/v1/events/{event}/retry", params).status


def test_an_event_is_not_sent_again_to_a_disabled_endpoint_nor_after_thirty_days(
    client: V1Services, sandbox: Sandbox, endpoint: stripe.WebhookEndpoint
) -> None:
    client.customers.create()
    event = sandbox.events[0]["id"]
    client.webhook_endpoints.update(endpoint.id, {"disabled": True})
    disabled = resend(sandbox, event, webhook_endpoint=endpoint.id)
    client.webhook_endpoints.update(endpoint.id, {"disabled": False})

    known, unknown = resend(sandbox, event, webhook_endpoint=endpoint.id), resend(sandbox, event)
    sandbox.advance(31 * DAY)

    assert (disabled, known, unknown) == (400, 200, 400)
    assert resend(sandbox, event, webhook_endpoint=endpoint.id) == 404
    assert get(sandbox, f"/v1/events/{event}").status == 404


def test_a_resent_event_that_arrives_is_no_longer_pending(
    client: V1Services, sandbox: Sandbox, endpoint: stripe.WebhookEndpoint
) -> None:
    client.customers.create()
    first = sandbox.due_deliveries()[0]
    sandbox.delivered(first, 500)

    resend(sandbox, first.event, webhook_endpoint=endpoint.id)
    again = sandbox.due_deliveries()[0]
    sandbox.delivered(again, 200)

    assert client.events.retrieve(first.event).pending_webhooks == 0
    assert sandbox.next_due() is not None


def test_what_changed_is_told_in_the_endpoints_version(client: V1Services, sandbox: Sandbox) -> None:
    older: Any = {"url": URL, "enabled_events": ["refund.updated"], "api_version": "2026-05-27.dahlia"}
    client.webhook_endpoints.create(older)
    paid = pay(client)
    sandbox.advance(10)
    client.refunds.create({"payment_intent": paid.id})

    sandbox.advance(10)

    told = json.loads(sandbox.due_deliveries()[0].body)["data"]
    assert set(told["previous_attributes"]) <= set(told["object"])
