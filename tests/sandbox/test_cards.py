"""Every test card does what its name says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import stripe

from azpay.sandbox import Sandbox
from azpay.sandbox.cards import CARDS
from tests.sandbox.conftest import NOON
from tests.sandbox.payments import pay, post

if TYPE_CHECKING:
    from stripe._v1_services import V1Services

ASK_FIRST = ("authenticationRequired", "threeDSecure2Required", "threeDSecureRequiredChargeDeclined")
REFUSED = ("chargeDeclined", "chargeCustomerFail", "radarBlock", "threeDSecureRequiredProcessingError")


def fate(token: str) -> str:
    """What Stripe's page on testing says of a card, as far as its name tells."""
    name = token.removeprefix("pm_card_")
    if name.startswith(ASK_FIRST):
        return "requires_action"
    return "declined" if name.removeprefix("visa_").startswith(REFUSED) else "succeeded"


@pytest.mark.parametrize("token", sorted(CARDS))
def test_every_card_ends_as_its_name_says(client: V1Services, sandbox: Sandbox, token: str) -> None:
    try:
        ended: str = pay(client, token).status
    except stripe.CardError:
        ended = "declined"

    assert ended == fate(token)
    assert [charge["paid"] for charge in sandbox.charges] == {
        "succeeded": [True],
        "declined": [False],
        "requires_action": [],
    }[ended]


@pytest.mark.parametrize(
    ("token", "brand", "last4", "country", "funding"),
    [
        ("pm_card_visa", "visa", "4242", "US", "credit"),
        ("pm_card_visa_debit", "visa", "5556", "US", "debit"),
        ("pm_card_mastercard_prepaid", "mastercard", "5100", "US", "prepaid"),
        ("pm_card_amex", "amex", "0005", "US", "credit"),
        ("pm_card_gb_mastercard", "mastercard", "4449", "GB", "credit"),
        ("pm_card_th_debit", "visa", "0008", "TH", "debit"),
        ("pm_card_jcb", "jcb", "0505", "JP", "credit"),
    ],
)
def test_a_card_looks_as_documented(
    client: V1Services, token: str, brand: str, last4: str, country: str, funding: str
) -> None:
    customer = client.customers.create()

    card = client.payment_methods.attach(token, {"customer": customer.id}).card

    assert card is not None
    assert (card.brand, card.last4, card.country, card.funding) == (brand, last4, country, funding)


def test_a_co_branded_card_has_two_networks(client: V1Services, sandbox: Sandbox) -> None:
    pay(client, "pm_card_visa_cartesBancaires", currency="eur")

    card = sandbox.payment_methods[0]["card"]
    assert card["networks"]["available"] == ["visa", "cartes_bancaires"]
    assert card["display_brand"] == "cartes_bancaires"


@pytest.mark.parametrize(
    ("token", "checks"),
    [
        ("pm_card_cvcCheckFail", {"cvc_check": "fail"}),
        ("pm_card_avsZipFail", {"address_postal_code_check": "fail"}),
        ("pm_card_avsFail", {"address_postal_code_check": "fail", "address_line1_check": "fail"}),
        ("pm_card_avsUnchecked", {"address_line1_check": "unavailable"}),
    ],
)
def test_a_failed_check_is_told_and_does_not_decline(
    client: V1Services, sandbox: Sandbox, token: str, checks: dict[str, str]
) -> None:
    pay(client, token)

    assert checks.items() <= sandbox.charges[0]["payment_method_details"]["card"]["checks"].items()


def test_a_block_never_reaches_the_network(client: V1Services, sandbox: Sandbox) -> None:
    with pytest.raises(stripe.CardError):
        pay(client, "pm_card_radarBlock")

    outcome = sandbox.charges[0]["outcome"]
    assert (outcome["type"], outcome["network_status"]) == ("blocked", "not_sent_to_network")
    assert (outcome["reason"], outcome["risk_level"]) == ("highest_risk_level", "highest")


def test_elevated_risk_is_told_and_reviewed(client: V1Services, sandbox: Sandbox) -> None:
    paid = pay(client, "pm_card_riskLevelElevated", expand=["latest_charge"])

    assert isinstance(paid.latest_charge, stripe.Charge)
    assert paid.latest_charge.outcome is not None
    assert paid.latest_charge.outcome.risk_level == "elevated"
    assert [review.charge for review in client.reviews.list()] == [paid.latest_charge.id]


def test_the_same_card_has_the_same_fingerprint_in_one_account_only(
    client: V1Services, sandbox: Sandbox
) -> None:
    elsewhere = Sandbox(now=lambda: NOON, account_id="acct_elsewhere")
    body = {"type": "card", "card[token]": "tok_visa"}
    for place in (sandbox, elsewhere):
        post(place, "/v1/payment_methods", body)
    pay(client)
    pay(client, "pm_card_mastercard")

    prints = [
        method["card"]["fingerprint"] for method in (*sandbox.payment_methods, *elsewhere.payment_methods)
    ]

    assert prints[0] == prints[1]
    assert len(set(prints)) == 3


@pytest.mark.parametrize("token", ["pm_card_nonsense", "tok_visa", "pm_usBankAccount_nonsense"])
def test_a_token_that_is_none_is_no_method(client: V1Services, token: str) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="No such PaymentMethod") as refused:
        pay(client, token)

    assert (refused.value.code, refused.value.param) == ("resource_missing", "payment_method")


@pytest.mark.parametrize(
    "token", sorted(token for token, card in CARDS.items() if not card.behaviour.attachable)
)
def test_no_card_that_the_issuer_refuses_can_be_saved(client: V1Services, token: str) -> None:
    customer = client.customers.create()

    with pytest.raises(stripe.CardError):
        client.payment_methods.attach(token, {"customer": customer.id})


@pytest.mark.parametrize("kind", ["paypal", "link", "klarna", "teleport"])
def test_other_kinds_of_method_are_not_simulated(client: V1Services, kind: Any) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.payment_methods.create({"type": kind})

    assert refused.value.param == "type"
