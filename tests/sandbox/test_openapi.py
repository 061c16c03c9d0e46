"""What the sandbox answers fits Stripe's own OpenAPI document, field by field."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.sandbox.payments import get, pay, post
from tests.support.openapi import complaints

if TYPE_CHECKING:
    from stripe._v1_services import V1Services

    from azpay.sandbox import Sandbox

EXPANDED = "expand[]=latest_charge.balance_transaction&expand[]=customer&expand[]=payment_method"


def test_a_field_that_stripe_does_not_know_is_noticed(schemas: dict[str, Any], sandbox: Sandbox) -> None:
    answer = get(sandbox, "/v1/balance")
    odd = replace(answer, body=answer.body.replace(b'"livemode"', b'"deadmode"'))

    assert len(complaints(schemas, "balance", odd)) == 2


def test_payments_of_every_fate_fit(schemas: dict[str, Any], client: V1Services, sandbox: Sandbox) -> None:
    customer = client.customers.create()
    pay(client, customer=customer.id, metadata={"order": "7"}, setup_future_usage="off_session")
    pay(client, "pm_card_authenticationRequired", return_url="https://shop.example")
    pay(client, capture_method="manual", receipt_email="ada@example.com", statement_descriptor_suffix="HATS")
    post(sandbox, "/v1/payment_intents", {"amount": "500", "currency": "eur"})
    declined = post(
        sandbox,
        "/v1/payment_intents",
        {
            "amount": "500",
            "currency": "eur",
            "payment_method": "pm_card_chargeDeclined",
            "confirm": "true",
            "return_url": "https://shop.example",
        },
    )
    sandbox.advance(2)

    found = [
        complaint
        for intent in sandbox.payment_intents
        for complaint in complaints(
            schemas, "payment_intent", get(sandbox, f"/v1/payment_intents/{intent['id']}", EXPANDED)
        )
    ]

    assert declined.status == 402
    assert complaints(schemas, "error", declined) == []
    assert found == []


@pytest.mark.parametrize("card", ["pm_card_visa", "pm_card_pendingRefund", "pm_card_refundFail"])
def test_charges_and_refunds_fit(
    schemas: dict[str, Any], client: V1Services, sandbox: Sandbox, card: str
) -> None:
    paid = pay(client, card)
    early = client.refunds.create({"payment_intent": paid.id, "amount": 700, "metadata": {"a": "1"}})
    wrong = complaints(schemas, "refund", get(sandbox, f"/v1/refunds/{early.id}"))
    sandbox.advance(10)

    wrong += complaints(schemas, "refund", get(sandbox, f"/v1/refunds/{early.id}", "expand[]=charge"))
    wrong += complaints(
        schemas, "charge", get(sandbox, f"/v1/charges/{paid.latest_charge}", "expand[]=refunds")
    )

    assert wrong == []


def test_customers_and_methods_fit(schemas: dict[str, Any], client: V1Services, sandbox: Sandbox) -> None:
    customer = client.customers.create(
        {"email": "ada@example.com", "shipping": {"name": "Ada", "address": {"city": "London"}}}
    )
    method = client.payment_methods.attach("pm_card_amex", {"customer": customer.id})
    wrong = complaints(schemas, "customer", get(sandbox, f"/v1/customers/{customer.id}"))
    wrong += complaints(schemas, "payment_method", get(sandbox, f"/v1/payment_methods/{method.id}"))
    client.customers.delete(customer.id)

    wrong += complaints(schemas, "deleted_customer", get(sandbox, f"/v1/customers/{customer.id}"))

    assert wrong == []


def test_events_and_endpoints_fit(schemas: dict[str, Any], client: V1Services, sandbox: Sandbox) -> None:
    made = post(
        sandbox,
        "/v1/webhook_endpoints",
        {"url": "https://shop.example", "enabled_events[]": "*", "description": "mine"},
    )
    client.customers.create()
    event = sandbox.events[0]["id"]

    wrong = complaints(schemas, "webhook_endpoint", made)
    wrong += complaints(schemas, "event", get(sandbox, f"/v1/events/{event}"))

    assert wrong == []


def test_the_account_and_its_balance_fit(
    schemas: dict[str, Any], client: V1Services, sandbox: Sandbox
) -> None:
    pay(client, capture_method="automatic")
    transaction = sandbox.balance_transactions[0]["id"]

    wrong = complaints(schemas, "account", get(sandbox, "/v1/account"))
    wrong += complaints(schemas, "balance", get(sandbox, "/v1/balance"))
    wrong += complaints(
        schemas, "balance_transaction", get(sandbox, f"/v1/balance_transactions/{transaction}")
    )

    assert wrong == []
