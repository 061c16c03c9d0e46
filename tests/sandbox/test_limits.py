from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import stripe

from azpay.sandbox import Sandbox
from azpay.sandbox.control import control
from tests.sandbox.conftest import NOON
from tests.sandbox.payments import get, post
from tests.support.openapi import complaints

if TYPE_CHECKING:
    from typing import Any

    from stripe._v1_services import V1Services

BOTH = ("/v1/customers", "/v1/refunds")


def statuses(sandbox: Sandbox, count: int, *paths: str) -> list[int]:
    return [get(sandbox, paths[number % len(paths)]).status for number in range(count)]


def test_nothing_is_limited_unless_asked_for(sandbox: Sandbox) -> None:
    assert statuses(sandbox, 200, *BOTH) == [200] * 200


def test_test_mode_takes_25_requests_a_second(schemas: dict[str, Any], sandbox: Sandbox) -> None:
    sandbox.limit_requests("test")

    assert statuses(sandbox, 25, *BOTH) == [200] * 25

    refused = get(sandbox, "/v1/customers")
    assert refused.status == 429
    assert json.loads(refused.body)["error"]["code"] == "rate_limit"
    assert refused.headers["Stripe-Rate-Limited-Reason"] == "global-rate"
    assert complaints(schemas, "error", refused) == []


def test_another_second_is_another_chance(sandbox: Sandbox) -> None:
    sandbox.limit_requests("test")
    statuses(sandbox, 30, *BOTH)

    sandbox.advance(1)

    assert get(sandbox, "/v1/customers").status == 200


def test_live_mode_takes_more_but_not_at_one_endpoint(sandbox: Sandbox) -> None:
    sandbox.limit_requests("live")

    assert statuses(sandbox, 25, "/v1/customers") == [200] * 25
    refused = get(sandbox, "/v1/customers")

    assert refused.headers["Stripe-Rate-Limited-Reason"] == "endpoint-rate"
    assert get(sandbox, "/v1/refunds").status == 200


def test_live_mode_takes_100_requests_a_second_in_all(sandbox: Sandbox) -> None:
    sandbox.limit_requests("live")
    paths = (*BOTH, "/v1/charges", "/v1/events", "/v1/payment_intents")

    assert statuses(sandbox, 101, *paths) == [200] * 100 + [429]


@pytest.mark.parametrize(
    ("method", "path", "limit"),
    [("GET", "/v1/charges/search", 20), ("POST", "/v1/payouts", 15), ("GET", "/v1/payouts", 25)],
)
def test_some_endpoints_have_limits_of_their_own(
    sandbox: Sandbox, method: str, path: str, limit: int
) -> None:
    sandbox.limit_requests("live")

    met = [(get if method == "GET" else post)(sandbox, path).status for _ in range(limit + 1)]

    assert 429 not in met[:limit]
    assert met[limit] == 429


def test_a_limited_request_leaves_no_trace(sandbox: Sandbox) -> None:
    sandbox.limit_requests("test")
    statuses(sandbox, 25, *BOTH)
    assert post(sandbox, "/v1/customers", {"name": "Ada"}, idempotency_key="k").status == 429
    sandbox.advance(1)

    again = post(sandbox, "/v1/customers", {"name": "Bob"}, idempotency_key="k")

    assert again.status == 200
    assert [customer["name"] for customer in sandbox.customers] == ["Bob"]


def test_seconds_are_those_of_the_clock() -> None:
    now = NOON
    sandbox = Sandbox(now=lambda: now)
    sandbox.limit_requests("test")
    statuses(sandbox, 25, *BOTH)

    now += timedelta(seconds=1)

    assert get(sandbox, "/v1/customers").status == 200


def test_the_client_calls_it_a_rate_limit(client: V1Services, sandbox: Sandbox) -> None:
    sandbox.limit_requests("test")
    statuses(sandbox, 25, *BOTH)

    with pytest.raises(stripe.RateLimitError):
        client.customers.list()


def test_limits_are_ordered_in_json(sandbox: Sandbox) -> None:
    assert control(sandbox, "POST", "/_sandbox/limits", b'{"limits": "test"}').status == 200
    assert statuses(sandbox, 26, *BOTH)[-1] == 429

    assert control(sandbox, "POST", "/_sandbox/limits", b'{"limits": "off"}').status == 200
    assert get(sandbox, "/v1/customers").status == 200

    assert control(sandbox, "POST", "/_sandbox/limits", b'{"limits": "tight"}').status == 400
