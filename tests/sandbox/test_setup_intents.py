"""Setting a method up for payments to come."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
import stripe

from tests.sandbox.payments import NO_REDIRECTS, get, pay, post, types
from tests.support.openapi import DAHLIA, ENDIVE, complaints, schemas

if TYPE_CHECKING:
    from stripe._v1_services import V1Services

    from azpay.sandbox import Sandbox

ACCEPTED: Any = {
    "customer_acceptance": {"type": "online", "online": {"ip_address": "::1", "user_agent": "x"}}
}
ASKS = "pm_card_authenticationRequired"
EXPANDED = "&".join(
    f"expand[]={name}" for name in ("latest_attempt", "payment_method", "mandate", "customer")
)


def set_up(client: V1Services, method: str = "pm_card_visa", **params: Any) -> stripe.SetupIntent:
    """Confirm a setup at once."""
    setup: Any = {"payment_method": method, "confirm": True, "automatic_payment_methods": NO_REDIRECTS}
    return client.setup_intents.create(setup | params)


def test_a_card_is_saved_for_its_customer(client: V1Services, sandbox: Sandbox) -> None:
    customer = client.customers.create()

    done = set_up(client, customer=customer.id)

    assert (done.status, done.usage, done.next_action) == ("succeeded", "off_session", None)
    saved = client.customers.payment_methods.list(customer.id).data
    assert [method.id for method in saved] == [done.payment_method]
    assert types(sandbox)[1:] == ["setup_intent.created", "setup_intent.succeeded", "payment_method.attached"]


def test_what_was_set_up_pays_without_its_customer(client: V1Services, sandbox: Sandbox) -> None:
    customer = client.customers.create()
    asked = set_up(client, "pm_card_authenticationRequiredOnSetup", customer=customer.id)
    assert asked.status == "requires_action"
    sandbox.authenticate(asked.id, approve=True)
    done = client.setup_intents.retrieve(asked.id)
    assert isinstance(done.payment_method, str)

    paid = pay(client, done.payment_method, customer=customer.id, off_session=True)

    assert paid.status == "succeeded"


def test_what_was_only_attached_asks_again(client: V1Services) -> None:
    customer = client.customers.create()
    card = "pm_card_authenticationRequiredOnSetup"
    saved = client.payment_methods.attach(card, {"customer": customer.id})

    with pytest.raises(stripe.CardError) as refused:
        pay(client, saved.id, customer=customer.id, off_session=True)

    assert refused.value.code == "authentication_required"


def test_a_setup_is_built_up_step_by_step(client: V1Services) -> None:
    setup = client.setup_intents.create({"automatic_payment_methods": NO_REDIRECTS, "usage": "on_session"})
    assert setup.status == "requires_payment_method"

    chosen = client.setup_intents.update(setup.id, {"payment_method": "pm_card_visa", "metadata": {"a": "1"}})
    assert chosen.status == "requires_confirmation"

    done = client.setup_intents.confirm(setup.id)
    assert (done.status, done.usage) == ("succeeded", "on_session")


def test_a_customer_comes_back_from_the_bank(client: V1Services, sandbox: Sandbox) -> None:
    asked = set_up(client, ASKS, return_url="https://shop.example/saved")
    assert asked.next_action is not None
    assert asked.next_action.redirect_to_url is not None

    back = sandbox.authenticate(asked.id, approve=True)

    assert back is not None
    assert parse_qs(urlsplit(back).query) == {
        "setup_intent": [asked.id],
        "setup_intent_client_secret": [asked.client_secret],
        "redirect_status": ["succeeded"],
    }
    attempt = sandbox.setup_attempts[0]
    assert attempt["status"] == "succeeded"
    assert attempt["payment_method_details"]["card"]["three_d_secure"]["result"] == "authenticated"


def test_a_failed_authentication_leaves_the_setup_open(client: V1Services, sandbox: Sandbox) -> None:
    asked = set_up(client, ASKS)

    sandbox.authenticate(asked.id, approve=False)

    failed = client.setup_intents.retrieve(asked.id)
    assert (failed.status, failed.payment_method) == ("requires_payment_method", None)
    assert failed.last_setup_error is not None
    assert failed.last_setup_error.code == "setup_intent_authentication_failure"
    assert types(sandbox)[1:] == ["setup_intent.requires_action", "setup_intent.setup_failed"]

    again = client.setup_intents.confirm(asked.id, {"payment_method": "pm_card_visa"})

    assert (again.status, again.last_setup_error) == ("succeeded", None)


def test_a_card_that_the_issuer_refuses_cannot_be_set_up(client: V1Services, sandbox: Sandbox) -> None:
    customer = client.customers.create()

    with pytest.raises(stripe.CardError) as refused:
        set_up(client, "pm_card_chargeDeclinedInsufficientFunds", customer=customer.id)

    assert isinstance(refused.value.json_body, dict)
    error = refused.value.json_body["error"]
    assert (error["code"], error["decline_code"]) == ("card_declined", "insufficient_funds")
    assert error["setup_intent"]["status"] == "requires_payment_method"
    assert sandbox.setup_attempts[0]["setup_error"]["decline_code"] == "insufficient_funds"
    assert types(sandbox)[-1] == "setup_intent.setup_failed"


def test_every_attempt_is_kept(client: V1Services) -> None:
    with pytest.raises(stripe.CardError) as refused:
        set_up(client, "pm_card_chargeDeclined")
    assert isinstance(refused.value.json_body, dict)
    setup = refused.value.json_body["error"]["setup_intent"]["id"]
    done = client.setup_intents.confirm(setup, {"payment_method": "pm_card_visa"})

    attempts = client.setup_attempts.list({"setup_intent": setup}).data

    assert [attempt.status for attempt in attempts] == ["succeeded", "failed"]
    assert done.latest_attempt == attempts[0].id


def test_a_bank_account_is_set_up_with_a_mandate(client: V1Services) -> None:
    customer = client.customers.create()

    done = set_up(client, "pm_usBankAccount_success", customer=customer.id, mandate_data=ACCEPTED)

    assert done.status == "succeeded"
    assert isinstance(done.mandate, str)
    mandate = client.mandates.retrieve(done.mandate)
    assert (mandate.type, mandate.status) == ("multi_use", "active")
    assert isinstance(done.payment_method, str)
    assert pay(client, done.payment_method, customer=customer.id, off_session=True).status == "processing"


def test_a_bank_account_needs_a_mandate(client: V1Services) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="This SetupIntent requires a mandate"):
        set_up(client, "pm_sepaDebit_success_de")


@pytest.mark.parametrize(
    ("token", "deposits", "ends"),
    [
        ("pm_usBankAccount_failMicrodeposits", False, "requires_payment_method"),
        ("pm_usBankAccount_failMicrodeposits", True, "succeeded"),
    ],
)
def test_small_deposits_prove_an_account_or_come_back(
    client: V1Services, sandbox: Sandbox, token: str, deposits: bool, ends: str
) -> None:
    asked = set_up(client, token, mandate_data=ACCEPTED)
    assert asked.status == "requires_action"

    if deposits:
        client.setup_intents.verify_microdeposits(asked.id, {"descriptor_code": "SM11AA"})
    sandbox.advance(5)

    assert client.setup_intents.retrieve(asked.id).status == ends


def test_what_is_over_is_over(client: V1Services, sandbox: Sandbox) -> None:
    done = set_up(client)
    other = client.setup_intents.create()
    canceled = client.setup_intents.cancel(other.id, {"cancellation_reason": "abandoned"})
    assert (canceled.status, canceled.cancellation_reason) == ("canceled", "abandoned")
    assert types(sandbox)[-1] == "setup_intent.canceled"

    for attempt in (client.setup_intents.cancel, client.setup_intents.confirm, client.setup_intents.update):
        with pytest.raises(stripe.InvalidRequestError, match="SetupIntent") as refused:
            attempt(done.id)
        assert refused.value.code == "setup_intent_unexpected_state"


def test_setups_are_listed_by_customer_and_by_method(client: V1Services) -> None:
    customer = client.customers.create()
    first = set_up(client, customer=customer.id)
    second = set_up(client, "pm_card_amex", customer=customer.id)
    set_up(client)
    assert isinstance(first.payment_method, str)

    of_customer = client.setup_intents.list({"customer": customer.id})
    of_method = client.setup_intents.list({"payment_method": first.payment_method})

    assert [setup.id for setup in of_customer] == [second.id, first.id]
    assert [setup.id for setup in of_method] == [first.id]


@pytest.mark.parametrize(
    ("params", "param"),
    [
        ({"return_url": "https://shop.example"}, "return_url"),
        ({"customer": "cus_nobody"}, "customer"),
        ({"payment_method": "pm_nothing"}, "payment_method"),
        ({"usage": "sometimes"}, "usage"),
        ({"description": "x" * 1001}, "description"),
        ({"confirm": True, "payment_method": "pm_card_visa"}, "return_url"),
    ],
)
def test_a_setup_that_makes_no_sense_is_refused(
    client: V1Services, sandbox: Sandbox, params: Any, param: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.setup_intents.create(params)

    assert refused.value.param == param
    assert sandbox.setup_intents == []


def test_a_setup_without_a_method_cannot_be_confirmed(client: V1Services) -> None:
    setup = client.setup_intents.create()

    with pytest.raises(stripe.InvalidRequestError, match="missing a payment method") as refused:
        client.setup_intents.confirm(setup.id)

    assert refused.value.code == "setup_intent_unexpected_state"


def test_a_secret_opens_only_its_own_setup(client: V1Services) -> None:
    setup = client.setup_intents.create()

    with pytest.raises(stripe.InvalidRequestError, match="associated SetupIntent"):
        client.setup_intents.retrieve(setup.id, {"client_secret": "seti_1_secret_2"})


def test_an_older_version_names_the_types_itself(sandbox: Sandbox) -> None:
    body = {"payment_method_types[]": "card"}
    older = post(sandbox, "/v1/setup_intents", body, stripe_version=DAHLIA)
    newer = post(sandbox, "/v1/setup_intents", body, stripe_version=ENDIVE)

    assert json.loads(older.body)["payment_method_types"] == ["card"]
    assert json.loads(newer.body)["error"]["code"] == "payment_method_types_no_longer_supported"


@pytest.mark.parametrize("version", [DAHLIA, ENDIVE])
@pytest.mark.parametrize(
    "method",
    ["pm_card_visa", ASKS, "pm_card_chargeDeclined", "pm_usBankAccount_success", "pm_sepaDebit_success_at"],
)
def test_setups_fit_stripes_document(client: V1Services, sandbox: Sandbox, method: str, version: str) -> None:
    setup = client.setup_intents.create(
        {"automatic_payment_methods": NO_REDIRECTS, "customer": client.customers.create().id}
    )
    try:
        client.setup_intents.confirm(setup.id, {"payment_method": method, "mandate_data": ACCEPTED})
    except stripe.CardError:
        assert method == "pm_card_chargeDeclined"

    shown = get(sandbox, f"/v1/setup_intents/{setup.id}", EXPANDED, stripe_version=version)
    listed = get(sandbox, "/v1/setup_attempts", f"setup_intent={setup.id}", stripe_version=version)

    assert complaints(schemas(version), "setup_intent", shown) == []
    assert json.loads(listed.body)["data"][0]["object"] == "setup_attempt"
