from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from azpay.sandbox import Lost
from azpay.sandbox.control import control
from tests.sandbox.payments import get, pay, post

if TYPE_CHECKING:
    from stripe._v1_services import V1Services

    from azpay.sandbox import Sandbox


def order(sandbox: Sandbox, name: str, **fields: Any) -> tuple[int, dict[str, Any]]:
    return control(sandbox, "POST", f"/_sandbox/{name}", json.dumps(fields).encode())


def test_faults_are_ordered_in_json(sandbox: Sandbox) -> None:
    assert order(sandbox, "faults", fail_next=503, path="/v1/refunds", times=2)[0] == 200
    assert order(sandbox, "faults", drop_next_request=True, path="/v1/customers")[0] == 200

    assert [get(sandbox, "/v1/refunds").status for _ in range(3)] == [503, 503, 200]
    with pytest.raises(Lost):
        post(sandbox, "/v1/customers")


def test_events_are_lost_on_order(client: V1Services, sandbox: Sandbox) -> None:
    client.webhook_endpoints.create({"url": "https://shop.example", "enabled_events": ["customer.created"]})

    order(sandbox, "faults", lose_events=["customer.created"], times=1)
    client.customers.create()

    assert sandbox.due_deliveries() == []


def test_the_clock_goes_forward(client: V1Services, sandbox: Sandbox) -> None:
    pay(client)

    status, answer = order(sandbox, "clock", advance=2)

    assert (status, answer["time"]) == (200, "2026-11-20T12:00:02+00:00")
    assert sandbox.charges[0]["balance_transaction"] is not None


def test_a_customer_can_be_played(client: V1Services, sandbox: Sandbox) -> None:
    asked = pay(client, "pm_card_authenticationRequired")

    assert order(sandbox, "authenticate", payment_intent=asked.id)[0] == 200

    assert client.payment_intents.retrieve(asked.id).status == "succeeded"


def test_a_customer_who_saves_a_card_can_be_played(client: V1Services, sandbox: Sandbox) -> None:
    card = "pm_card_authenticationRequired"
    asked = client.setup_intents.create({"payment_method": card, "confirm": True, "use_stripe_sdk": True})

    assert order(sandbox, "authenticate", setup_intent=asked.id, approve=False)[0] == 200

    assert client.setup_intents.retrieve(asked.id).status == "requires_payment_method"


def test_the_state_adds_up(client: V1Services, sandbox: Sandbox) -> None:
    client.webhook_endpoints.create({"url": "https://shop.example", "enabled_events": ["charge.succeeded"]})
    paid = pay(client, capture_method="automatic")
    client.refunds.create({"payment_intent": paid.id, "amount": 500})

    status, state = control(sandbox, "GET", "/_sandbox/state", b"")

    assert status == 200
    assert (state["payments"], state["refunds"]) == ({"usd": 2000}, {"usd": 500})
    assert (state["available"], state["pending"]) == ({"usd": 0}, {"usd": 1412})
    assert (state["pending_deliveries"], state["undelivered_events"]) == (1, 1)
    assert state["objects"]["charge"] == 1


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("faults", b""),
        ("faults", b"{"),
        ("faults", b"[]"),
        ("faults", b"\xff"),
        ("faults", b"[" * 100_000),
        ("faults", b'{"fail_next": 200}'),
        ("faults", b'{"fail_next": "500"}'),
        ("faults", b'{"times": 0}'),
        ("faults", b'{"explode": true}'),
        ("faults", b'{"lose_events": "charge.refunded"}'),
        ("clock", b'{"advance": -1}'),
        ("clock", b'{"advance": 1e99}'),
        ("clock", b"{}"),
        ("authenticate", b'{"payment_intent": "pi_no"}'),
        ("authenticate", b"{}"),
        ("authenticate", b'{"payment_intent": "pi_no", "setup_intent": "seti_no"}'),
    ],
)
def test_a_wrong_order_is_explained(sandbox: Sandbox, name: str, body: bytes) -> None:
    status, answer = control(sandbox, "POST", f"/_sandbox/{name}", body)

    assert status == 400
    assert answer["error"]


def test_what_is_not_there_is_told_with_what_is(sandbox: Sandbox) -> None:
    status, answer = control(sandbox, "GET", "/_sandbox/faults", b"")

    assert status == 404
    assert "POST /_sandbox/faults" in answer["error"]
