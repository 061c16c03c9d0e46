"""Thin events, read by Stripe's own client."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import stripe
from stripe.events import V1BalanceAvailableEventNotification, V1ChargeSucceededEventNotification

from azpay.sandbox import DEFAULT_KEY, Sandbox
from azpay.sandbox.thin import notification
from tests.sandbox.payments import get, pay
from tests.support.stripe_transport import InProcessHTTPClient

if TYPE_CHECKING:
    from stripe._v1_services import V1Services
    from stripe.v2.core._event import EventNotification

SECRET = "whsec_thin"
DAY = 24 * 60 * 60


@pytest.fixture
def whole(sandbox: Sandbox) -> stripe.StripeClient:
    return stripe.StripeClient(DEFAULT_KEY, http_client=InProcessHTTPClient(sandbox))


def told(sandbox: Sandbox, whole: stripe.StripeClient, kind: str) -> EventNotification:
    """The latest event of a type, as a thin destination hears of it."""
    event = next(event for event in reversed(sandbox.events) if event["type"] == kind)
    body = json.dumps(notification({**event, "data": json.dumps(event["data"])}))
    now = int(sandbox.time.timestamp())
    header = stripe.WebhookSignature.generate_signature_header(body, SECRET, now)
    return whole.parse_event_notification(body, header, SECRET, tolerance=0)


def test_a_thin_event_leads_to_what_it_is_about(
    client: V1Services, sandbox: Sandbox, whole: stripe.StripeClient
) -> None:
    paid = pay(client)

    heard = told(sandbox, whole, "charge.succeeded")

    assert isinstance(heard, V1ChargeSucceededEventNotification)
    assert heard.related_object.url == f"/v1/charges/{paid.latest_charge}"
    assert heard.fetch_related_object().id == paid.latest_charge
    assert heard.reason is not None
    assert heard.reason.request is not None


def test_the_event_itself_can_be_fetched(
    client: V1Services, sandbox: Sandbox, whole: stripe.StripeClient
) -> None:
    pay(client)
    heard = told(sandbox, whole, "charge.succeeded")

    fetched = heard.fetch_event()

    assert (fetched.id, fetched.type) == (heard.id, "v1.charge.succeeded")
    assert fetched.snapshot_event in {event["id"] for event in sandbox.events}
    assert fetched.created == "2026-11-20T12:00:00.000Z"


def test_what_happens_by_the_clock_has_no_reason(
    client: V1Services, sandbox: Sandbox, whole: stripe.StripeClient
) -> None:
    pay(client)
    sandbox.advance(3 * DAY)

    heard = told(sandbox, whole, "balance.available")

    assert isinstance(heard, V1BalanceAvailableEventNotification)
    assert heard.reason is None
    assert heard.related_object.url == "/v1/balance"


def test_thin_events_are_listed_newest_first_and_page_by_page(
    client: V1Services, sandbox: Sandbox, whole: stripe.StripeClient
) -> None:
    paid = pay(client)
    pay(client)

    kinds = ["v1.payment_intent.created", "v1.charge.succeeded", "v1.payment_intent.succeeded"]
    pages = whole.v2.core.events.list({"limit": 2, "types": kinds})
    every = [event.type for event in pages.auto_paging_iter()]
    about = whole.v2.core.events.list({"object_id": paid.id})

    assert every == [f"v1.{event['type']}" for event in reversed(sandbox.events)]
    assert {event.type for event in about} == {"v1.payment_intent.created", "v1.payment_intent.succeeded"}


@pytest.mark.parametrize("identifier", ["evt_test_nothing", "evt_1abc", "pi_1"])
def test_an_event_that_never_was_is_not_found(sandbox: Sandbox, identifier: str) -> None:
    answer = get(sandbox, f"/v2/core/events/{identifier}")

    assert answer.status == 404
    assert json.loads(answer.body)["error"]["code"] == "not_found"


def test_thin_events_are_kept_for_thirty_days(client: V1Services, sandbox: Sandbox) -> None:
    client.customers.create()
    thin = notification({**sandbox.events[0], "data": json.dumps(sandbox.events[0]["data"])})["id"]
    sandbox.advance(31 * DAY)

    assert get(sandbox, f"/v2/core/events/{thin}").status == 404


def test_thin_events_of_a_period_are_listed(client: V1Services, sandbox: Sandbox) -> None:
    client.customers.create()
    sandbox.advance(DAY)
    client.customers.create()

    def listed(query: str) -> int:
        return len(json.loads(get(sandbox, "/v2/core/events", query).body)["data"])

    assert listed("created[gte]=2026-11-21T12:00:00Z") == 1
    assert listed("created[lt]=2026-11-21T12:00:00.000Z") == 1
    assert listed("created[gt]=2026-11-21T12:00:00%2B01:00") == 1
    assert get(sandbox, "/v2/core/events", "created[gt]=yesterday").status == 400
    assert get(sandbox, "/v2/core/events", "created[gt]=2026-13-41T12:00:00Z").status == 400
