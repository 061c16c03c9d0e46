from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import stripe

from tests.sandbox.payments import pay, types

if TYPE_CHECKING:
    from stripe._v1_services import V1Services

    from azpay.sandbox import Sandbox


def test_a_customer_is_kept_as_described(client: V1Services) -> None:
    made = client.customers.create(
        {"email": "ada@example.com", "name": "Ada", "address": {"city": "London"}, "metadata": {"a": "1"}}
    )

    known = client.customers.retrieve(made.id)

    assert (known.email, known.name, known.object) == ("ada@example.com", "Ada", "customer")
    assert known.address is not None
    assert known.address.city == "London"


def test_an_empty_string_clears_a_field(client: V1Services, sandbox: Sandbox) -> None:
    made = client.customers.create({"name": "Ada", "metadata": {"a": "1", "b": "2"}})

    changed = client.customers.update(made.id, {"name": "", "metadata": {"b": ""}})

    assert changed.name is None
    assert changed.metadata is not None
    assert changed.metadata.to_dict() == {"a": "1"}
    assert sandbox.events[-1]["data"]["previous_attributes"] == {"metadata": {"b": "2"}, "name": "Ada"}


def test_customers_are_found_by_their_exact_address(client: V1Services) -> None:
    ada = client.customers.create({"email": "ada@example.com"})
    client.customers.create({"email": "Ada@example.com"})

    found = client.customers.list({"email": "ada@example.com"})

    assert [customer.id for customer in found.data] == [ada.id]


def test_of_a_deleted_customer_remains_that_it_was_there(client: V1Services, sandbox: Sandbox) -> None:
    made = client.customers.create({"email": "ada@example.com", "payment_method": "pm_card_visa"})
    method = client.payment_methods.list({"customer": made.id}).data[0]

    gone = client.customers.delete(made.id)

    assert (gone.id, gone.deleted) == (made.id, True)
    assert client.customers.retrieve(made.id).deleted is True
    assert client.customers.list().data == []
    assert client.payment_methods.retrieve(method.id).customer is None
    assert types(sandbox)[-2:] == ["payment_method.detached", "customer.deleted"]


def test_a_deleted_customer_cannot_pay(client: V1Services) -> None:
    made = client.customers.create()
    client.customers.delete(made.id)

    with pytest.raises(stripe.InvalidRequestError) as refused:
        pay(client, customer=made.id)

    assert (refused.value.http_status, refused.value.code) == (400, "resource_missing")
    assert refused.value.param == "customer"


def test_each_use_of_a_test_card_makes_a_method_of_the_same_card(
    client: V1Services, sandbox: Sandbox
) -> None:
    pay(client)
    pay(client)

    first, second = sandbox.payment_methods
    assert first["id"] != second["id"]
    assert first["card"]["fingerprint"] == second["card"]["fingerprint"]


def test_a_saved_method_can_be_used_again_and_again(client: V1Services) -> None:
    customer = client.customers.create()
    saved = client.payment_methods.attach("pm_card_mastercard", {"customer": customer.id})

    statuses = [pay(client, saved.id, customer=customer.id).status for _ in range(2)]

    assert statuses == ["succeeded", "succeeded"]


def test_a_method_of_nobody_is_spent_by_being_used(client: V1Services, sandbox: Sandbox) -> None:
    pay(client)
    spent = sandbox.payment_methods[0]["id"]

    with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
        pay(client, spent)


def test_a_detached_method_stays_detached(client: V1Services) -> None:
    customer = client.customers.create()
    saved = client.payment_methods.attach("pm_card_visa", {"customer": customer.id})
    client.customers.update(customer.id, {"invoice_settings": {"default_payment_method": saved.id}})

    detached = client.payment_methods.detach(saved.id)

    assert detached.customer is None
    settings = client.customers.retrieve(customer.id).invoice_settings
    assert settings is not None
    assert settings.default_payment_method is None
    with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
        client.payment_methods.attach(saved.id, {"customer": customer.id})


@pytest.mark.parametrize("whose", ["nobody", "another"])
def test_a_method_pays_for_its_own_customer_only(client: V1Services, whose: str) -> None:
    owner, another = client.customers.create(), client.customers.create()
    saved = client.payment_methods.attach("pm_card_visa", {"customer": owner.id})
    params = {} if whose == "nobody" else {"customer": another.id}

    with pytest.raises(stripe.InvalidRequestError) as refused:
        pay(client, saved.id, **params)

    assert refused.value.http_status == 400


def test_a_card_that_the_issuer_refuses_cannot_be_saved(client: V1Services) -> None:
    customer = client.customers.create()

    with pytest.raises(stripe.CardError):
        client.payment_methods.attach("pm_card_chargeDeclined", {"customer": customer.id})

    assert client.customers.payment_methods.list(customer.id).data == []


def test_a_card_may_be_saved_and_decline_afterwards(client: V1Services) -> None:
    customer = client.customers.create()
    saved = client.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": customer.id})

    with pytest.raises(stripe.CardError):
        pay(client, saved.id, customer=customer.id)


def test_a_default_must_belong_to_the_customer(client: V1Services) -> None:
    customer, other = client.customers.create(), client.customers.create()
    saved = client.payment_methods.attach("pm_card_visa", {"customer": other.id})

    with pytest.raises(stripe.InvalidRequestError, match="must be attached"):
        client.customers.update(customer.id, {"invoice_settings": {"default_payment_method": saved.id}})


def test_card_numbers_are_refused(client: V1Services) -> None:
    with pytest.raises(stripe.CardError, match="generally unsafe") as refused:
        client.payment_methods.create(
            {"type": "card", "card": {"number": "4" + "242" * 5, "exp_month": 1, "exp_year": 2030}}
        )

    assert refused.value.http_status == 402


def test_without_a_customer_there_are_no_methods_to_list(client: V1Services) -> None:
    pay(client)

    assert client.payment_methods.list({"type": "card"}).data == []


def test_a_method_keeps_the_details_of_its_owner(client: V1Services) -> None:
    made = client.payment_methods.create(
        {"type": "card", "card": {"token": "tok_visa"}, "billing_details": {"name": "Ada"}}
    )

    changed = client.payment_methods.update(made.id, {"billing_details": {"address": {"city": "London"}}})

    assert changed.billing_details.name == "Ada"
    assert changed.billing_details.address is not None
    assert (changed.billing_details.address.city, changed.billing_details.address.line1) == ("London", None)
