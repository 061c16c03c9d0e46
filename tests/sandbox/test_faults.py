from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import stripe

from azpay.sandbox import DEFAULT_KEY, Lost, Sandbox
from azpay.sandbox.mishaps import REASONS
from tests.sandbox.conftest import NOON
from tests.sandbox.payments import NO_REDIRECTS, get, pay, post, types
from tests.support.openapi import complaints
from tests.support.stripe_transport import InProcessHTTPClient

if TYPE_CHECKING:
    from stripe._v1_services import V1Services

CUSTOMERS = "/v1/customers"
PAYMENT: Any = {
    "amount": 2000,
    "currency": "usd",
    "payment_method": "pm_card_visa",
    "confirm": True,
    "automatic_payment_methods": NO_REDIRECTS,
}


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ("500", 500, None),
        ("502", 502, None),
        ("503", 503, None),
        ("504", 504, None),
        ("429", 429, "rate_limit"),
        ("endpoint-concurrency", 429, "rate_limit"),
        ("lock_timeout", 429, "lock_timeout"),
        ("409", 409, "idempotency_key_in_use"),
        ("conflict", 409, None),
    ],
)
def test_a_header_asks_for_a_fault(
    schemas: dict[str, Any], sandbox: Sandbox, fault: str, status: int, code: str | None
) -> None:
    answer = post(sandbox, CUSTOMERS, x_sandbox_fault=fault)

    assert answer.status == status
    assert json.loads(answer.body)["error"].get("code") == code
    assert complaints(schemas, "error", answer) == []
    assert sandbox.customers == []


@pytest.mark.parametrize("reason", REASONS)
def test_a_limit_says_which_it_was(sandbox: Sandbox, reason: str) -> None:
    answer = post(sandbox, CUSTOMERS, x_sandbox_fault=reason)

    assert answer.headers["Stripe-Rate-Limited-Reason"] == reason
    assert answer.headers["Request-Id"].startswith("req_")


@pytest.mark.parametrize(
    ("fault", "effect", "after"),
    [
        ("drop-answer", True, 0),
        ("drop-request", False, 0),
        ("timeout-answer", True, 100),
        ("timeout-request=2.5", False, 2.5),
    ],
)
def test_a_header_breaks_the_connection(sandbox: Sandbox, fault: str, effect: bool, after: float) -> None:
    with pytest.raises(Lost) as lost:
        post(sandbox, CUSTOMERS, x_sandbox_fault=fault)

    assert (lost.value.effect, lost.value.after) == (effect, after)
    assert len(sandbox.customers) == effect


@pytest.mark.parametrize("fault", ["drop-answer", "timeout-answer", "half-answer", "garbage", "latency=90"])
def test_an_answer_that_was_spoilt_does_not_charge_twice(sandbox: Sandbox, fault: str) -> None:
    options: Any = {"headers": {"X-Sandbox-Fault": fault}, "idempotency_key": "k"}
    transport = InProcessHTTPClient(sandbox)
    impatient = stripe.StripeClient(DEFAULT_KEY, http_client=transport, max_network_retries=0).v1
    with pytest.raises((stripe.APIConnectionError, stripe.APIError)):
        impatient.payment_intents.create(PAYMENT, options)

    paid = impatient.payment_intents.create(PAYMENT, options)

    assert paid.status == "succeeded"
    assert len(sandbox.charges) == 1


def test_half_an_answer_is_half_of_it(sandbox: Sandbox) -> None:
    answer = post(sandbox, CUSTOMERS, x_sandbox_fault="half-answer")

    assert answer.status == 200
    assert answer.arriving == len(answer.body) // 2


def test_garbage_looks_well_until_it_is_read(sandbox: Sandbox) -> None:
    answer = post(sandbox, CUSTOMERS, x_sandbox_fault="garbage")

    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/html"
    with pytest.raises(ValueError, match="decode"):
        json.loads(answer.body)


def test_an_answer_may_take_its_time(client: V1Services, sandbox: Sandbox) -> None:
    sandbox.spoil_next("latency", seconds=2)

    assert client.customers.create().id
    assert post(sandbox, CUSTOMERS, x_sandbox_fault="latency=0.5").delay == 0.5


@pytest.mark.parametrize(("fault", "customers"), [("500-stored", 0), ("500-effect", 1)])
def test_a_500_that_is_kept_comes_again(sandbox: Sandbox, fault: str, customers: int) -> None:
    first = post(sandbox, CUSTOMERS, x_sandbox_fault=fault, idempotency_key="k")

    second = post(sandbox, CUSTOMERS, idempotency_key="k")

    assert (first.status, second.status) == (500, 500)
    assert first.headers["Stripe-Should-Retry"] == "false"
    assert len(sandbox.customers) == customers


def test_a_retry_of_a_lost_answer_is_answered(sandbox: Sandbox) -> None:
    with pytest.raises(Lost):
        post(sandbox, CUSTOMERS, x_sandbox_fault="drop-answer", idempotency_key="k")

    answer = post(sandbox, CUSTOMERS, x_sandbox_fault="drop-answer", idempotency_key="k")

    assert answer.status == 200
    assert len(sandbox.customers) == 1


@pytest.mark.parametrize(
    "fault", ["explode", "", "latency=", "latency=0", "latency=601", "latency=1e9", "500=1"]
)
def test_a_fault_that_cannot_be_is_a_mistake(sandbox: Sandbox, fault: str) -> None:
    answer = post(sandbox, CUSTOMERS, x_sandbox_fault=fault)

    assert answer.status == 400
    assert json.loads(answer.body)["error"]["message"].startswith("Invalid X-Sandbox-Fault. ")


def test_a_lock_timeout_asks_to_be_retried_and_a_rate_limit_does_not(sandbox: Sandbox) -> None:
    locked = post(sandbox, CUSTOMERS, x_sandbox_fault="lock_timeout")
    limited = post(sandbox, CUSTOMERS, x_sandbox_fault="429")

    assert locked.headers["Stripe-Should-Retry"] == "true"
    assert not {"Request-Id", "Stripe-Rate-Limited-Reason"} & locked.headers.keys()
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


def test_a_fault_waits_for_its_method(sandbox: Sandbox) -> None:
    sandbox.spoil_next("503", method="GET")

    assert post(sandbox, CUSTOMERS).status == 200
    assert get(sandbox, CUSTOMERS).status == 503


def test_armed_faults_can_be_forgotten(sandbox: Sandbox) -> None:
    sandbox.fail_next(503, times=1000)

    sandbox.disarm()

    assert post(sandbox, CUSTOMERS).status == 200


def test_armed_faults_outlive_a_snapshot(sandbox: Sandbox) -> None:
    sandbox.spoil_next("latency", path=CUSTOMERS, method="POST", times=2, seconds=3)

    restored = Sandbox.restore(sandbox.snapshot(), now=lambda: NOON)

    assert [post(restored, CUSTOMERS).delay for _ in range(3)] == [3, 3, 0]


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
