"""Bank debits: asked for at once, answered by the clock."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import stripe

from azpay.sandbox import Sandbox
from azpay.sandbox.bank_accounts import BANK_ACCOUNTS, CURRENCIES
from tests.sandbox.conftest import NOON
from tests.sandbox.payments import NO_REDIRECTS, get, pay, sums, types
from tests.support.openapi import DAHLIA, complaints, schemas

if TYPE_CHECKING:
    from stripe._v1_services import V1Services

ACCEPTED: Any = {"customer_acceptance": {"type": "offline"}}
SUCCESS = "pm_usBankAccount_success"
EXPANDED = "expand[]=latest_charge.balance_transaction&expand[]=payment_method"


def debit(client: V1Services, account: str = SUCCESS, **params: Any) -> stripe.PaymentIntent:
    currency = CURRENCIES[BANK_ACCOUNTS[account].kind] if account in BANK_ACCOUNTS else "usd"
    return pay(client, account, **{"currency": currency, "mandate_data": ACCEPTED, **params})


def test_a_debit_is_processing_until_the_bank_answers(client: V1Services, sandbox: Sandbox) -> None:
    asked = debit(client, expand=["latest_charge"])

    assert asked.status == "processing"
    assert isinstance(asked.latest_charge, stripe.Charge)
    assert asked.latest_charge.id.startswith("py_")
    assert (asked.latest_charge.status, asked.latest_charge.paid) == ("pending", False)
    assert sums(sandbox) == ({}, {})
    assert types(sandbox) == ["payment_intent.created", "payment_intent.processing", "charge.pending"]


def test_a_debit_that_settles_is_money(client: V1Services, sandbox: Sandbox) -> None:
    asked = debit(client)

    sandbox.advance(5)

    paid = client.payment_intents.retrieve(asked.id, {"expand": ["latest_charge.balance_transaction"]})
    assert (paid.status, paid.amount_received) == ("succeeded", 2000)
    assert isinstance(paid.latest_charge, stripe.Charge)
    assert paid.latest_charge.paid
    assert isinstance(paid.latest_charge.balance_transaction, stripe.BalanceTransaction)
    assert paid.latest_charge.balance_transaction.type == "payment"
    held, booked = sums(sandbox)
    assert held == booked != {}
    assert types(sandbox)[3:] == ["charge.succeeded", "payment_intent.succeeded", "mandate.updated"]


@pytest.mark.parametrize(
    ("account", "code"),
    [
        ("pm_usBankAccount_accountClosed", "account_closed"),
        ("pm_usBankAccount_noAccount", "no_account"),
        ("pm_usBankAccount_insufficientFunds", "insufficient_funds"),
        ("pm_usBankAccount_debitNotAuthorized", "debit_not_authorized"),
        ("pm_usBankAccount_invalidCurrency", "invalid_currency"),
        ("pm_usBankAccount_weeklyLimitExceeded", "charge_exceeds_weekly_limit"),
        ("pm_sepaDebit_exceedsWeeklyVolumeLimit_de", "charge_exceeds_source_limit"),
        ("pm_sepaDebit_insufficientFunds_fr", "insufficient_funds"),
        ("pm_bacsDebit_debitNotAuthorized", "debit_not_authorized"),
        ("pm_auBecsDebit_noAccount", "no_account"),
    ],
)
def test_a_debit_that_fails_says_why_and_moves_nothing(
    client: V1Services, sandbox: Sandbox, account: str, code: str
) -> None:
    asked = debit(client, account)

    sandbox.advance(5)

    failed = client.payment_intents.retrieve(asked.id)
    assert (failed.status, failed.payment_method) == ("requires_payment_method", None)
    assert failed.last_payment_error is not None
    assert failed.last_payment_error.code == sandbox.charges[0]["failure_code"] == code
    assert sandbox.charges[0]["status"] == "failed"
    assert sums(sandbox) == ({}, {})
    assert types(sandbox)[3:5] == ["charge.failed", "payment_intent.payment_failed"]


def test_a_failed_debit_can_be_paid_by_card(client: V1Services, sandbox: Sandbox) -> None:
    asked = debit(client, "pm_usBankAccount_noAccount")
    sandbox.advance(5)

    paid = client.payment_intents.confirm(asked.id, {"payment_method": "pm_card_visa"})

    assert (paid.status, paid.last_payment_error) == ("succeeded", None)


@pytest.mark.parametrize(
    ("account", "ends"), [("successDelayed", "succeeded"), ("failedDelayed", "requires_payment_method")]
)
def test_some_banks_take_three_minutes(client: V1Services, sandbox: Sandbox, account: str, ends: str) -> None:
    asked = debit(client, f"pm_sepaDebit_{account}_at")

    sandbox.advance(180)
    assert client.payment_intents.retrieve(asked.id).status == "processing"

    sandbox.advance(10)
    assert client.payment_intents.retrieve(asked.id).status == ends


def test_the_bank_answers_after_a_restart_too(client: V1Services, sandbox: Sandbox) -> None:
    debit(client)
    debit(client, "pm_usBankAccount_failMicrodeposits")

    copy = Sandbox.restore(sandbox.snapshot(), now=lambda: NOON)
    copy.advance(5)

    statuses = [intent["status"] for intent in copy.payment_intents]
    assert statuses == ["succeeded", "requires_payment_method"]
    assert [mandate["status"] for mandate in copy.mandates] == ["inactive", "inactive"]


def test_a_debit_in_the_united_states_can_be_called_back(client: V1Services, sandbox: Sandbox) -> None:
    asked = debit(client, "pm_usBankAccount_processing")
    sandbox.advance(30 * 24 * 60 * 60)

    canceled = client.payment_intents.cancel(asked.id, {"cancellation_reason": "abandoned"})

    assert (canceled.status, canceled.amount_received) == ("canceled", 0)
    assert sandbox.charges[0]["status"] == "failed"
    assert types(sandbox)[3:] == ["charge.failed", "payment_intent.canceled", "mandate.updated"]


def test_what_was_called_back_is_not_settled_later(client: V1Services, sandbox: Sandbox) -> None:
    asked = debit(client)
    client.payment_intents.cancel(asked.id)

    sandbox.advance(60)

    assert client.payment_intents.retrieve(asked.id).status == "canceled"
    assert sums(sandbox) == ({}, {})


def test_a_debit_elsewhere_cannot_be_called_back(client: V1Services) -> None:
    asked = debit(client, "pm_sepaDebit_success_de")

    with pytest.raises(stripe.InvalidRequestError, match="status of processing") as refused:
        client.payment_intents.cancel(asked.id)

    assert refused.value.code == "payment_intent_unexpected_state"


def test_a_blocked_account_is_never_asked(client: V1Services, sandbox: Sandbox) -> None:
    with pytest.raises(stripe.CardError):
        debit(client, "pm_usBankAccount_riskLevelHighest")

    assert sandbox.charges[0]["outcome"]["type"] == "blocked"
    assert sandbox.payment_intents[0]["status"] == "requires_payment_method"


def test_a_debit_needs_the_customers_permission(client: V1Services, sandbox: Sandbox) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="mandate") as refused:
        pay(client, SUCCESS)

    assert refused.value.code == "payment_intent_mandate_invalid"
    assert sandbox.payment_intents == []


def test_a_permission_for_one_payment_ends_with_it(client: V1Services, sandbox: Sandbox) -> None:
    debit(client)
    mandate = client.mandates.retrieve(
        sandbox.charges[0]["payment_method_details"]["us_bank_account"]["mandate"]
    )
    assert (mandate.type, mandate.status) == ("single_use", "active")
    assert mandate.single_use is not None
    assert (mandate.single_use.amount, mandate.single_use.currency) == (2000, "usd")

    sandbox.advance(5)

    assert client.mandates.retrieve(mandate.id).status == "inactive"


def test_a_charge_brings_its_permission_along(client: V1Services, sandbox: Sandbox) -> None:
    debit(client)

    charge = client.charges.retrieve(
        sandbox.charges[0]["id"],
        {"expand": ["payment_method_details.us_bank_account.mandate", "application"]},
    )

    details = charge.payment_method_details
    assert details is not None
    assert details.us_bank_account is not None
    assert isinstance(details.us_bank_account.mandate, stripe.Mandate)
    assert charge.application is None


def test_a_permission_for_later_payments_lasts_until_the_account_is_let_go(
    client: V1Services, sandbox: Sandbox
) -> None:
    customer = client.customers.create()
    first = debit(client, customer=customer.id, setup_future_usage="off_session")
    assert isinstance(first.payment_method, str)
    again: Any = {"customer": customer.id, "off_session": True, "mandate_data": ""}

    second = debit(client, first.payment_method, **again)
    sandbox.advance(5)

    used = {c["payment_method_details"]["us_bank_account"]["mandate"] for c in sandbox.charges}
    assert client.payment_intents.retrieve(second.id).status == "succeeded"
    assert [client.mandates.retrieve(mandate).status for mandate in used] == ["active"]

    client.payment_methods.detach(first.payment_method)

    assert [client.mandates.retrieve(mandate).status for mandate in used] == ["inactive"]


def test_a_permission_can_be_named(client: V1Services, sandbox: Sandbox) -> None:
    customer = client.customers.create().id
    first = debit(client, customer=customer, setup_future_usage="off_session")
    mandate = sandbox.mandates[0]["id"]
    assert isinstance(first.payment_method, str)

    paid = debit(client, first.payment_method, customer=customer, mandate=mandate, mandate_data="")
    with pytest.raises(stripe.InvalidRequestError) as other:
        debit(client, mandate=mandate)
    with pytest.raises(stripe.InvalidRequestError) as nothing:
        debit(client, mandate="mandate_nothing")

    assert paid.status == "processing"
    assert (other.value.code, other.value.param) == ("payment_intent_mandate_invalid", "mandate")
    assert (nothing.value.code, nothing.value.param) == ("resource_missing", "mandate")


@pytest.mark.parametrize("account", ["pm_usBankAccount_dispute", "pm_sepaDebit_disputed_de"])
def test_a_customer_may_tell_the_bank_afterwards(client: V1Services, sandbox: Sandbox, account: str) -> None:
    debit(client, account)

    sandbox.advance(24 * 60 * 60)

    assert sandbox.charges[0]["disputed"]
    held, booked = sums(sandbox)
    assert held == booked


@pytest.mark.parametrize(
    ("account", "currency"),
    [(SUCCESS, "eur"), ("pm_sepaDebit_success_de", "usd"), ("pm_bacsDebit_success", "jpy")],
)
def test_an_account_pays_in_its_own_currency(client: V1Services, account: str, currency: str) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="is not allowed for this PaymentIntent") as refused:
        debit(client, account, currency=currency)

    assert refused.value.code == "payment_intent_incompatible_payment_method"


def test_a_debit_cannot_be_held(client: V1Services) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="one of the following types: card"):
        debit(client, capture_method="manual")


def test_small_deposits_show_whose_account_it_is(client: V1Services, sandbox: Sandbox) -> None:
    described: Any = {
        "type": "us_bank_account",
        "us_bank_account": {
            "account_holder_type": "company",
            "account_number": "000123456789",
            "routing_number": "110000000",
        },
        "billing_details": {"name": "Ada"},
    }
    method = client.payment_methods.create(described)
    asked = debit(client, method.id)
    assert asked.next_action is not None
    assert asked.next_action.type == "verify_with_microdeposits"

    with pytest.raises(stripe.InvalidRequestError, match="9 verification attempts"):
        client.payment_intents.verify_microdeposits(asked.id, {"amounts": [1, 2]})
    verified = client.payment_intents.verify_microdeposits(asked.id, {"amounts": [45, 32]})
    sandbox.advance(5)

    assert verified.status == "processing"
    assert client.payment_intents.retrieve(asked.id).status == "succeeded"


def test_waiting_for_deposits_can_be_made_an_error(client: V1Services, sandbox: Sandbox) -> None:
    with pytest.raises(stripe.CardError) as refused:
        debit(client, "pm_usBankAccount_failMicrodeposits", error_on_requires_action=True)

    assert refused.value.code == "authentication_required"
    assert sandbox.payment_intents[0]["status"] == "requires_payment_method"
    assert sandbox.mandates == []


def test_guessing_ends_after_ten_attempts(client: V1Services) -> None:
    asked = debit(client, "pm_usBankAccount_failMicrodeposits")

    for _ in range(10):
        with pytest.raises(stripe.InvalidRequestError, match="do not match"):
            client.payment_intents.verify_microdeposits(asked.id, {"descriptor_code": "SM00XX"})

    with pytest.raises(stripe.InvalidRequestError, match="exceeded"):
        client.payment_intents.verify_microdeposits(asked.id, {"descriptor_code": "SM11AA"})


def test_deposits_that_come_back_fail_the_payment(client: V1Services, sandbox: Sandbox) -> None:
    asked = debit(client, "pm_usBankAccount_failMicrodeposits")

    sandbox.advance(5)

    failed = client.payment_intents.retrieve(asked.id)
    assert failed.last_payment_error is not None
    assert failed.last_payment_error.code == "payment_method_microdeposit_failed"
    assert sandbox.charges == []
    assert [mandate["status"] for mandate in sandbox.mandates] == ["inactive"]


def test_a_payment_that_waits_for_deposits_can_be_canceled(client: V1Services, sandbox: Sandbox) -> None:
    asked = debit(client, "pm_usBankAccount_failMicrodeposits")

    client.payment_intents.cancel(asked.id)
    sandbox.advance(60)

    assert client.payment_intents.retrieve(asked.id).status == "canceled"
    assert [mandate["status"] for mandate in sandbox.mandates] == ["inactive"]
    with pytest.raises(stripe.InvalidRequestError, match="none are waited for"):
        client.payment_intents.verify_microdeposits(asked.id, {"amounts": [32, 45]})


def test_a_customer_who_leaves_is_debited_all_the_same(client: V1Services, sandbox: Sandbox) -> None:
    customer = client.customers.create().id
    asked = debit(client, customer=customer, setup_future_usage="off_session")
    client.customers.delete(customer)

    sandbox.advance(5)

    assert client.payment_intents.retrieve(asked.id).status == "succeeded"
    assert [mandate["status"] for mandate in sandbox.mandates] == ["inactive"]


@pytest.mark.parametrize("number", ["999", "4" + "242" * 5])
def test_only_test_accounts_exist(client: V1Services, number: str) -> None:
    account: Any = {"account_number": number, "routing_number": "110000000"}

    with pytest.raises(stripe.InvalidRequestError, match="test bank account") as refused:
        client.payment_methods.create(
            {"type": "us_bank_account", "us_bank_account": account, "billing_details": {"name": "Ada"}}
        )

    assert refused.value.param == "us_bank_account[account_number]"


def test_a_bank_asks_who_holds_the_account(client: V1Services) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.payment_methods.create({"type": "sepa_debit", "sepa_debit": {"iban": "DE00 0000 3000"}})

    assert refused.value.param == "billing_details[name]"


def test_an_iban_tells_the_country(client: V1Services) -> None:
    made = client.payment_methods.create(
        {
            "type": "sepa_debit",
            "sepa_debit": {"iban": "DE00 0000 3000"},
            "billing_details": {"name": "Ada", "email": "ada@example.com"},
        }
    )

    assert made.sepa_debit is not None
    assert (made.sepa_debit.country, made.sepa_debit.last4) == ("DE", "3000")


@pytest.mark.parametrize("account", sorted(BANK_ACCOUNTS.keys() - {t for t in BANK_ACCOUNTS if "sepa" in t}))
def test_every_account_fits_stripes_document(client: V1Services, sandbox: Sandbox, account: str) -> None:
    _fits(client, sandbox, account)


@pytest.mark.parametrize("account", ["pm_sepaDebit_success_de", "pm_sepaDebit_failed_ie"])
def test_accounts_in_europe_fit_stripes_document(client: V1Services, sandbox: Sandbox, account: str) -> None:
    _fits(client, sandbox, account)


def _fits(client: V1Services, sandbox: Sandbox, account: str) -> None:
    currency = CURRENCIES[BANK_ACCOUNTS[account].kind]
    intent = client.payment_intents.create(
        {"amount": 2000, "currency": currency, "automatic_payment_methods": NO_REDIRECTS}
    )
    try:
        client.payment_intents.confirm(intent.id, {"payment_method": account, "mandate_data": ACCEPTED})
    except stripe.CardError:
        assert BANK_ACCOUNTS[account].behaviour.blocked

    path = f"/v1/payment_intents/{intent.id}"
    wrong = complaints(schemas(), "payment_intent", get(sandbox, path, EXPANDED, stripe_version=DAHLIA))
    sandbox.advance(200)
    settled = get(sandbox, path, EXPANDED, stripe_version=DAHLIA)
    wrong += complaints(schemas(), "payment_intent", settled)
    wrong += [
        complaint
        for mandate in sandbox.mandates
        for complaint in complaints(
            schemas(), "mandate", get(sandbox, f"/v1/mandates/{mandate['id']}", stripe_version=DAHLIA)
        )
    ]

    assert wrong == []
    assert json.loads(settled.body)["status"] in ("succeeded", "requires_payment_method", "processing")
