"""Who pays: an id, or an e-mail that one customer has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from azpay.gateway import AnswerLost
from azpay.payments import RequestInvalid, customers
from azpay.payments.customers import SeveralCustomers
from tests.support.meddling import meddled_gateway

if TYPE_CHECKING:
    from azpay.bootstrap import Azpay
    from azpay.gateway.stripe import Gateway
    from azpay.sandbox import Sandbox
    from tests.support.clock import Clock
    from tests.support.webhooks import Webhooks

ADA = "ada@example.com"


def test_an_id_is_taken_at_its_word(azpay: Azpay, stripe: Sandbox) -> None:
    assert customers.identify(azpay.db, azpay.gateway, "cus_123", now=azpay.now()) == "cus_123"
    assert stripe.customers == []


def test_an_email_is_made_a_customer_once(azpay: Azpay, stripe: Sandbox) -> None:
    first = customers.identify(azpay.db, azpay.gateway, ADA, now=azpay.now())

    again = customers.identify(azpay.db, azpay.gateway, ADA, now=azpay.now())

    assert first == again == stripe.customers[0]["id"]
    assert len(stripe.customers) == 1


def test_a_customer_of_elsewhere_is_found_by_email(azpay: Azpay, stripe: Sandbox) -> None:
    made = azpay.gateway.create_customer({"email": ADA}, key="elsewhere")

    found = customers.identify(azpay.db, azpay.gateway, ADA, now=azpay.now())

    assert found == made.id
    assert customers.on_record(azpay.db, ADA) == made.id


def test_two_customers_with_one_email_are_for_a_person_to_tell_apart(azpay: Azpay) -> None:
    made = [azpay.gateway.create_customer({"email": ADA}, key=key).id for key in ("one", "two")]

    for _ in range(2):
        with pytest.raises(SeveralCustomers) as several:
            customers.identify(azpay.db, azpay.gateway, ADA, now=azpay.now())

    assert all(customer in several.value.message for customer in made)


def lossy(stripe: Sandbox) -> Gateway:
    """A gateway whose question goes well, and whose request to make a customer gets no answer."""
    return meddled_gateway(stripe, before=lambda: stripe.drop_next_answer(path="/v1/customers", times=4))


def test_a_lost_answer_makes_one_customer(azpay: Azpay, stripe: Sandbox) -> None:
    with pytest.raises(AnswerLost):
        customers.identify(azpay.db, lossy(stripe), ADA, now=azpay.now())

    customers.identify(azpay.db, azpay.gateway, ADA, now=azpay.now())

    assert len(stripe.customers) == 1


def test_a_customer_whose_answer_was_lost_a_day_ago_is_found(
    azpay: Azpay, stripe: Sandbox, clock: Clock
) -> None:
    with pytest.raises(AnswerLost):
        customers.identify(azpay.db, lossy(stripe), ADA, now=azpay.now())
    clock.advance(hours=25)

    found = customers.identify(azpay.db, azpay.gateway, ADA, now=azpay.now())

    assert [found] == [customer["id"] for customer in stripe.customers]


def test_a_deleted_customer_is_not_found_by_email(azpay: Azpay, stripe: Sandbox, webhooks: Webhooks) -> None:
    made = azpay.gateway.create_customer({"email": ADA}, key="elsewhere")
    webhooks.arrive()
    with azpay.db.writing() as session:
        session.connection().exec_driver_sql("UPDATE customers SET deleted = true")

    assert customers.on_record(azpay.db, ADA) is None
    assert customers.default_method(azpay.db, azpay.gateway, made.id, now=azpay.now()) is None


def test_a_customer_that_stripe_deleted_has_no_default_method(azpay: Azpay, stripe: Sandbox) -> None:
    made = azpay.gateway.create_customer({"email": ADA}, key="elsewhere")
    azpay.gateway.line.client.raw_request("delete", f"/v1/customers/{made.id}")

    with pytest.raises(RequestInvalid, match="deleted"):
        customers.default_method(azpay.db, azpay.gateway, made.id, now=azpay.now())
