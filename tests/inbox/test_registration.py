"""Stripe is told once where to post, and of exactly what we handle."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from azpay import inbox, payments
from azpay.errors import OutcomeUnknown
from azpay.gateway.line import TRIES

if TYPE_CHECKING:
    from azpay.gateway.stripe import Gateway
    from azpay.inbox import Registered
    from azpay.sandbox import Sandbox
    from tests.support.clock import Clock

URL = "https://pay.example.com/api/webhooks/stripe"


def register(gateway: Gateway, clock: Clock, url: str = URL, *, known: bool = False) -> Registered:
    return inbox.register(gateway, url, payments.EVENTS.keys(), secret_known=known, now=clock.now())


def test_a_new_endpoint_gets_exactly_the_events_that_we_handle(gateway: Gateway, clock: Clock) -> None:
    done = register(gateway, clock)

    (standing,) = gateway.webhook_endpoints()
    assert done.changed == "made"
    assert str(done.endpoint.secret).startswith("whsec_")
    assert (standing.url, sorted(standing.enabled_events)) == (URL, sorted(payments.EVENTS))
    assert standing.api_version is not None


def test_registering_again_changes_nothing(gateway: Gateway, clock: Clock) -> None:
    register(gateway, clock)

    again = register(gateway, clock, known=True)

    assert again.changed == "nothing"
    assert again.endpoint.secret is None
    assert len(gateway.webhook_endpoints()) == 1


def test_an_endpoint_that_lacks_events_is_brought_up_to_date(gateway: Gateway, clock: Clock) -> None:
    made = register(gateway, clock).endpoint
    gateway.update_webhook_endpoint(
        made.id, {"enabled_events": ["charge.succeeded"], "disabled": True}, key="k"
    )

    done = register(gateway, clock, known=True)

    assert done.changed == "updated"
    assert sorted(done.endpoint.enabled_events) == sorted(payments.EVENTS)
    assert done.endpoint.status == "enabled"


def test_an_endpoint_made_by_somebody_else_needs_its_secret(gateway: Gateway, clock: Clock) -> None:
    gateway.create_webhook_endpoint({"url": URL, "enabled_events": ["*"]}, key="k")

    with pytest.raises(inbox.SecretNotKnown, match="secret is not known"):
        register(gateway, clock)


def test_a_lost_answer_does_not_lose_the_secret_nor_make_two(
    gateway: Gateway, stripe: Sandbox, clock: Clock
) -> None:
    stripe.spoil_next("drop-answer", method="POST", times=TRIES)
    with pytest.raises(OutcomeUnknown):
        register(gateway, clock)

    done = register(gateway, clock)

    assert done.changed == "made"
    assert str(done.endpoint.secret).startswith("whsec_")
    assert [standing.id for standing in gateway.webhook_endpoints()] == [done.endpoint.id]


def test_a_lost_secret_is_gone_when_stripe_has_forgotten_the_key(gateway: Gateway, clock: Clock) -> None:
    register(gateway, clock)
    clock.advance(hours=24)

    with pytest.raises(inbox.SecretNotKnown):
        register(gateway, clock)

    assert len(gateway.webhook_endpoints()) == 1


@pytest.mark.parametrize(
    "url",
    [
        "",
        "pay.example.com",
        "ftp://pay.example.com",
        "https://",
        "https://a b",
        "https://é.example",
        "x" * 3000,
    ],
)
def test_an_address_that_stripe_cannot_post_to_is_refused(gateway: Gateway, clock: Clock, url: str) -> None:
    with pytest.raises(inbox.EndpointURLInvalid):
        register(gateway, clock, url)
