from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import stripe

from azpay.sandbox.cards import CARDS
from azpay.sandbox.resources.attempts import Step, next_step
from tests.sandbox.payments import get, pay, types

if TYPE_CHECKING:
    from stripe._v1_services import V1Services

    from azpay.sandbox import Sandbox

CARD = "pm_card_authenticationRequired"


def test_an_approved_payment_succeeds(client: V1Services, sandbox: Sandbox) -> None:
    asked = pay(client, CARD, return_url="https://shop.example/done?order=7")
    assert asked.status == "requires_action"
    assert asked.next_action is not None
    assert asked.next_action.type == "redirect_to_url"

    back = sandbox.authenticate(asked.id, approve=True)

    paid = client.payment_intents.retrieve(asked.id)
    assert (paid.status, paid.next_action) == ("succeeded", None)
    assert back == (
        f"https://shop.example/done?order=7&payment_intent={asked.id}"
        f"&payment_intent_client_secret={asked.client_secret}&redirect_status=succeeded"
    )
    assert types(sandbox)[1:] == [
        "payment_intent.requires_action",
        "charge.succeeded",
        "payment_intent.succeeded",
    ]


def test_a_refused_authentication_leaves_the_intent_open(client: V1Services, sandbox: Sandbox) -> None:
    asked = pay(client, CARD)
    assert asked.next_action is not None
    assert asked.next_action.type == "use_stripe_sdk"

    sandbox.authenticate(asked.id, approve=False)

    failed = client.payment_intents.retrieve(asked.id)
    assert failed.status == "requires_payment_method"
    assert (failed.payment_method, failed.latest_charge) == (None, None)
    assert failed.last_payment_error is not None
    assert failed.last_payment_error.code == "payment_intent_authentication_failure"
    assert types(sandbox)[-1] == "payment_intent.payment_failed"


def test_authentication_may_be_followed_by_a_decline(client: V1Services, sandbox: Sandbox) -> None:
    asked = pay(client, "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds")

    sandbox.authenticate(asked.id, approve=True)

    failed = client.payment_intents.retrieve(asked.id)
    assert failed.last_payment_error is not None
    assert failed.last_payment_error.decline_code == "insufficient_funds"
    assert types(sandbox)[-2:] == ["charge.failed", "payment_intent.payment_failed"]


def test_nobody_can_be_asked_off_session(client: V1Services, sandbox: Sandbox) -> None:
    with pytest.raises(stripe.CardError) as refused:
        pay(client, CARD, off_session=True)

    assert refused.value.code == "authentication_required"
    assert isinstance(refused.value.json_body, dict)
    error = refused.value.json_body["error"]
    assert error["decline_code"] == "authentication_required"
    assert error["payment_method"]["id"] == sandbox.payment_methods[0]["id"]
    assert sandbox.charges[0]["status"] == "failed"


def test_asking_can_be_made_an_error(client: V1Services, sandbox: Sandbox) -> None:
    with pytest.raises(stripe.CardError) as refused:
        pay(client, CARD, error_on_requires_action=True)

    assert isinstance(refused.value.json_body, dict)
    assert refused.value.json_body["error"]["decline_code"] == "authentication_not_handled"
    assert sandbox.payment_intents[0]["status"] == "requires_payment_method"
    assert sandbox.charges == []


def test_a_card_set_up_for_later_is_not_asked_again(client: V1Services, sandbox: Sandbox) -> None:
    customer = client.customers.create()
    first = pay(
        client,
        "pm_card_authenticationRequiredOnSetup",
        customer=customer.id,
        setup_future_usage="off_session",
    )
    sandbox.authenticate(first.id, approve=True)
    saved = client.payment_methods.list({"customer": customer.id, "type": "card"}).data[0]

    second = pay(client, saved.id, customer=customer.id, off_session=True)

    assert second.status == "succeeded"


def test_what_does_not_wait_cannot_be_authenticated(client: V1Services, sandbox: Sandbox) -> None:
    paid = pay(client)

    with pytest.raises(Exception, match="does not wait for authentication"):
        sandbox.authenticate(paid.id, approve=True)


@pytest.mark.parametrize(
    ("card", "off_session", "set_up", "requested", "step"),
    [
        ("visa", False, False, True, Step.CHARGE),
        ("authenticationRequired", True, True, False, Step.AUTHENTICATE),
        ("authenticationRequiredOnSetup", True, True, False, Step.CHARGE),
        ("authenticationRequiredOnSetup", True, False, False, Step.AUTHENTICATE),
        ("authenticationRequiredOnSetup", False, True, False, Step.AUTHENTICATE),
        ("authenticationRequiredSetupForOffSession", True, False, False, Step.CHARGE),
        ("authenticationRequiredSetupForOffSession", False, False, False, Step.AUTHENTICATE),
        ("threeDSecureOptional", False, False, False, Step.CHARGE),
        ("threeDSecureOptional", False, False, True, Step.AUTHENTICATE),
        ("threeDSecureRequiredProcessingError", False, False, False, Step.LOOKUP_FAILED),
        ("threeDSecureOptionalProcessingError", False, False, True, Step.LOOKUP_FAILED),
        ("threeDSecureOptionalProcessingError", False, False, False, Step.CHARGE),
    ],
)
def test_each_card_asks_when_its_page_says_so(
    card: str, off_session: bool, set_up: bool, requested: bool, step: Step
) -> None:
    known = CARDS[f"pm_card_{card}"].behaviour

    assert next_step(known, off_session=off_session, set_up=set_up, requested=requested) is step


def test_a_failed_lookup_declines_the_card(client: V1Services) -> None:
    asked: Any = {"card": {"request_three_d_secure": "any"}}

    with pytest.raises(stripe.CardError) as required:
        pay(client, "pm_card_threeDSecureRequiredProcessingError")
    with pytest.raises(stripe.CardError) as optional:
        pay(client, "pm_card_threeDSecureOptionalProcessingError", payment_method_options=asked)

    assert (required.value.code, optional.value.code) == ("card_declined", "processing_error")


def test_a_secret_opens_only_its_own_intent(client: V1Services, sandbox: Sandbox) -> None:
    intent = pay(client)

    answer = get(sandbox, f"/v1/payment_intents/{intent.id}", "client_secret=pi_1_secret_2")

    assert answer.status == 400
    assert json.loads(answer.body)["error"]["param"] == "client_secret"


def test_stripe_js_takes_the_customer_to_the_bank_if_that_is_wished(client: V1Services) -> None:
    asked = pay(client, CARD, return_url="https://shop.example", use_stripe_sdk=True)

    assert asked.next_action is not None
    assert asked.next_action.type == "use_stripe_sdk"


def test_stripe_js_needs_no_way_back(client: V1Services) -> None:
    asked = pay(client, CARD, automatic_payment_methods={"enabled": True}, use_stripe_sdk=True)

    assert asked.status == "requires_action"


def test_who_confirms_by_hand_confirms_again_after_authentication(
    client: V1Services, sandbox: Sandbox
) -> None:
    asked = pay(client, CARD, confirmation_method="manual", return_url="https://shop.example")
    back = sandbox.authenticate(asked.id, approve=True)
    waiting = client.payment_intents.retrieve(asked.id)
    assert (waiting.status, waiting.latest_charge) == ("requires_confirmation", None)
    assert back is not None
    assert back.endswith("redirect_status=succeeded")

    paid = client.payment_intents.confirm(asked.id)

    assert paid.status == "succeeded"
    details = sandbox.charges[0]["payment_method_details"]["card"]["three_d_secure"]
    assert details["result"] == "authenticated"


def test_another_card_has_to_be_authenticated_for_itself(client: V1Services, sandbox: Sandbox) -> None:
    asked = pay(client, CARD, confirmation_method="manual")
    sandbox.authenticate(asked.id, approve=True)

    again = client.payment_intents.confirm(asked.id, {"payment_method": CARD})

    assert again.status == "requires_action"


@pytest.mark.parametrize("how", ["recurring", "one_off"])
def test_the_absence_of_the_customer_has_its_kinds(client: V1Services, how: str) -> None:
    with pytest.raises(stripe.CardError) as refused:
        pay(client, CARD, off_session=how)

    assert refused.value.code == "authentication_required"


def test_an_unauthenticated_charge_says_nothing_of_3d_secure(client: V1Services, sandbox: Sandbox) -> None:
    pay(client, "pm_card_threeDSecureOptional")

    assert sandbox.charges[0]["payment_method_details"]["card"]["three_d_secure"] is None


def test_saving_can_be_asked_for_cards_alone(client: V1Services) -> None:
    customer = client.customers.create()

    pay(
        client,
        customer=customer.id,
        payment_method_options={"card": {"setup_future_usage": "off_session"}},
    )

    assert len(client.customers.payment_methods.list(customer.id).data) == 1
