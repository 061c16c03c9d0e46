from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import stripe

from azpay.sandbox import Lost
from tests.sandbox.payments import get, pay, post, types

if TYPE_CHECKING:
    from stripe._v1_services import V1Services

    from azpay.sandbox import Sandbox

CUSTOMERS = "/v1/customers"


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ("500", 500, None),
        ("503", 503, None),
        ("429", 429, "rate_limit"),
        ("lock_timeout", 429, "lock_timeout"),
        ("409", 409, "idempotency_key_in_use"),
    ],
)
def test_a_header_asks_for_a_fault(sandbox: Sandbox, fault: str, status: int, code: str | None) -> None:
    answer = post(sandbox, CUSTOMERS, x_sandbox_fault=fault)

    assert answer.status == status
    assert json.loads(answer.body)["error"].get("code") == code
    assert sandbox.customers == []


@pytest.mark.parametrize(("fault", "effect"), [("drop-answer", True), ("drop-request", False)])
def test_a_header_breaks_the_connection(sandbox: Sandbox, fault: str, effect: bool) -> None:
    with pytest.raises(Lost) as lost:
        post(sandbox, CUSTOMERS, x_sandbox_fault=fault)

    assert lost.value.effect is effect
    assert len(sandbox.customers) == effect


def test_a_retry_of_a_lost_answer_is_answered(sandbox: Sandbox) -> None:
    with pytest.raises(Lost):
        post(sandbox, CUSTOMERS, x_sandbox_fault="drop-answer", idempotency_key="k")

    answer = post(sandbox, CUSTOMERS, x_sandbox_fault="drop-answer", idempotency_key="k")

    assert answer.status == 200
    assert len(sandbox.customers) == 1


def test_an_unknown_fault_is_a_mistake(sandbox: Sandbox) -> None:
    assert post(sandbox, CUSTOMERS, x_sandbox_fault="explode").status == 400


def test_a_lock_timeout_asks_to_be_retried_and_a_rate_limit_does_not(sandbox: Sandbox) -> None:
    locked = post(sandbox, CUSTOMERS, x_sandbox_fault="lock_timeout")
    limited = post(sandbox, CUSTOMERS, x_sandbox_fault="429")

    assert locked.headers["Stripe-Should-Retry"] == "true"
    assert "Stripe-Should-Retry" not in limited.headers
    assert limited.headers["Stripe-Rate-Limited-Reason"] == "global-rate"


def test_the_client_retries_a_lock_timeout_but_no_rate_limit(client: V1Services, sandbox: Sandbox) -> None:
    sandbox.fail_next(429, "lock_timeout")
    assert client.customers.create().id

    sandbox.fail_next(429)
    with pytest.raises(stripe.RateLimitError):
        client.customers.create()


def test_a_fault_waits_for_its_path(sandbox: Sandbox) -> None:
    sandbox.fail_next(503, path="/v1/refunds")

    assert post(sandbox, CUSTOMERS).status == 200
    assert get(sandbox, "/v1/refunds").status == 503
    assert get(sandbox, "/v1/refunds").status == 200


def test_lost_events_exist_but_are_not_sent(client: V1Services, sandbox: Sandbox) -> None:
    client.webhook_endpoints.create({"url": "https://shop.example/hook", "enabled_events": ["*"]})
    sandbox.lose_events("charge.succeeded")

    pay(client)
    pay(client)

    sent = [json.loads(delivery.body)["type"] for delivery in sandbox.due_deliveries()]
    assert types(sandbox).count("charge.succeeded") == 2
    assert sent.count("charge.succeeded") == 1
    missed = client.events.list({"delivery_success": False, "type": "charge.succeeded"})
    assert len(missed.data) == 2


def test_some_events_can_be_kept_from_being_made(client: V1Services, sandbox: Sandbox) -> None:
    sandbox.never_make_events("charge.succeeded")

    pay(client)

    assert types(sandbox) == ["payment_intent.created", "payment_intent.succeeded"]
