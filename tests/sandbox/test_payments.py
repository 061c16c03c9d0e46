from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import stripe

from tests.sandbox.payments import NO_REDIRECTS, pay, post, types

if TYPE_CHECKING:
    from stripe._v1_services import V1Services

    from azpay.sandbox import Sandbox

WEEK = 7 * 24 * 60 * 60


def test_a_payment_succeeds_and_its_fee_is_known_a_moment_later(client: V1Services, sandbox: Sandbox) -> None:
    intent = pay(client, expand=["latest_charge"])

    assert intent.status == "succeeded"
    assert isinstance(intent.latest_charge, stripe.Charge)
    assert intent.latest_charge.balance_transaction is None

    sandbox.advance(2)
    later = client.charges.retrieve(intent.latest_charge.id, {"expand": ["balance_transaction"]})

    assert isinstance(later.balance_transaction, stripe.BalanceTransaction)
    assert (later.balance_transaction.fee, later.balance_transaction.net) == (88, 1912)


def test_the_late_balance_transaction_is_announced(client: V1Services, sandbox: Sandbox) -> None:
    pay(client)

    sandbox.advance(2)

    expected = ["payment_intent.created", "charge.succeeded", "payment_intent.succeeded", "charge.updated"]
    assert types(sandbox) == expected
    assert sandbox.events[-1]["data"]["previous_attributes"] == {"balance_transaction": None}
    assert sandbox.events[-1]["request"] == {"id": None, "idempotency_key": None}


def test_a_synchronous_capture_has_its_fee_at_once(client: V1Services) -> None:
    intent = pay(client, capture_method="automatic", expand=["latest_charge.balance_transaction"])

    assert isinstance(intent.latest_charge, stripe.Charge)
    assert isinstance(intent.latest_charge.balance_transaction, stripe.BalanceTransaction)


@pytest.mark.parametrize(
    ("card", "code", "decline_code", "advice_code"),
    [
        ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline", "try_again_later"),
        ("pm_card_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds", "try_again_later"),
        ("pm_card_visa_chargeDeclinedLostCard", "card_declined", "lost_card", "do_not_try_again"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card", "confirm_card_data"),
        ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", "incorrect_cvc", "confirm_card_data"),
        ("pm_card_chargeDeclinedProcessingError", "processing_error", "processing_error", "try_again_later"),
        ("pm_card_chargeDeclinedFraudulent", "card_declined", "fraudulent", None),
        ("pm_card_radarBlock", "card_declined", "fraudulent", None),
    ],
)
def test_a_decline_says_why_and_leaves_the_intent_open(
    client: V1Services, sandbox: Sandbox, card: str, code: str, decline_code: str, advice_code: str | None
) -> None:
    with pytest.raises(stripe.CardError) as refused:
        pay(client, card)

    assert refused.value.http_status == 402
    assert refused.value.code == code
    assert isinstance(refused.value.json_body, dict)
    error = refused.value.json_body["error"]
    assert error["decline_code"] == decline_code
    assert error.get("advice_code") == advice_code
    assert error["payment_intent"]["status"] == "requires_payment_method"
    assert error["payment_intent"]["id"] == sandbox.payment_intents[0]["id"]
    assert error["charge"] == sandbox.charges[0]["id"] == sandbox.payment_intents[0]["latest_charge"]
    assert types(sandbox) == ["payment_intent.created", "charge.failed", "payment_intent.payment_failed"]


def test_a_declined_intent_can_be_paid_with_another_card(client: V1Services, sandbox: Sandbox) -> None:
    with pytest.raises(stripe.CardError):
        pay(client, "pm_card_chargeDeclined")
    declined = sandbox.payment_intents[0]

    paid = client.payment_intents.confirm(declined["id"], {"payment_method": "pm_card_visa"})

    assert paid.status == "succeeded"
    assert paid.last_payment_error is None
    assert [charge["status"] for charge in sandbox.charges] == ["failed", "succeeded"]


def test_a_hold_is_captured_in_part_and_the_rest_is_let_go(client: V1Services, sandbox: Sandbox) -> None:
    held = pay(client, capture_method="manual")
    assert (held.status, held.amount_capturable) == ("requires_capture", 2000)

    captured = client.payment_intents.capture(held.id, {"amount_to_capture": 1500})

    charge = sandbox.charges[0]
    assert (captured.status, captured.amount_received) == ("succeeded", 1500)
    assert (charge["amount_captured"], charge["amount_refunded"], charge["refunded"]) == (1500, 0, False)


def test_more_than_what_is_held_cannot_be_captured(client: V1Services) -> None:
    held = pay(client, capture_method="manual")

    with pytest.raises(stripe.InvalidRequestError, match="greater than") as refused:
        client.payment_intents.capture(held.id, {"amount_to_capture": 2001})

    assert refused.value.param == "amount_to_capture"


def test_a_hold_runs_out_after_a_week(client: V1Services, sandbox: Sandbox) -> None:
    held = pay(client, capture_method="manual")

    sandbox.advance(WEEK)

    expired = client.payment_intents.retrieve(held.id)
    assert (expired.status, expired.cancellation_reason) == ("canceled", "expired")
    assert types(sandbox)[-2:] == ["charge.expired", "payment_intent.canceled"]


def test_a_captured_hold_does_not_run_out(client: V1Services, sandbox: Sandbox) -> None:
    held = pay(client, capture_method="manual")
    client.payment_intents.capture(held.id)

    sandbox.advance(WEEK)

    assert client.payment_intents.retrieve(held.id).status == "succeeded"


def test_a_canceled_hold_moves_no_money(client: V1Services, sandbox: Sandbox) -> None:
    held = pay(client, capture_method="manual")

    canceled = client.payment_intents.cancel(held.id, {"cancellation_reason": "duplicate"})

    assert (canceled.status, canceled.cancellation_reason) == ("canceled", "duplicate")
    assert types(sandbox)[-2:] == ["payment_intent.amount_capturable_updated", "payment_intent.canceled"]
    assert (sandbox.charges[0]["refunded"], sandbox.charges[0]["amount_refunded"]) == (False, 0)
    assert sandbox.balance_transactions == []
    assert sandbox.refunds == []


def test_a_payment_that_succeeded_is_final(
    client: V1Services,
) -> None:
    paid = pay(client)

    with pytest.raises(stripe.InvalidRequestError, match="canceled") as cancel:
        client.payment_intents.cancel(paid.id)
    with pytest.raises(stripe.InvalidRequestError, match="captured") as capture:
        client.payment_intents.capture(paid.id)
    with pytest.raises(stripe.InvalidRequestError, match="confirmed") as confirm:
        client.payment_intents.confirm(paid.id)

    assert {cancel.value.code, capture.value.code, confirm.value.code} == {"payment_intent_unexpected_state"}


def test_an_intent_is_built_up_step_by_step(client: V1Services) -> None:
    intent = client.payment_intents.create(
        {"amount": 500, "currency": "eur", "automatic_payment_methods": NO_REDIRECTS}
    )
    assert intent.status == "requires_payment_method"

    chosen = client.payment_intents.update(intent.id, {"payment_method": "pm_card_visa", "amount": 700})
    assert (chosen.status, chosen.amount) == ("requires_confirmation", 700)

    assert client.payment_intents.confirm(intent.id).status == "succeeded"


def test_dynamic_methods_need_a_place_to_return_to(client: V1Services) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="return_url"):
        pay(client, automatic_payment_methods={"enabled": True})

    assert pay(client, automatic_payment_methods={"enabled": True}, return_url="https://shop.example").status


@pytest.mark.parametrize(
    ("amount", "currency", "code"),
    [
        (49, "usd", "amount_too_small"),
        (100_000_000, "usd", "amount_too_large"),
        (0, "usd", "parameter_invalid_integer"),
        (-5, "usd", "parameter_invalid_integer"),
        (12_345, "isk", "invalid_charge_amount"),
        (12_345, "ugx", "invalid_charge_amount"),
        (1_001, "kwd", "invalid_charge_amount"),
        (49, "jpy", "amount_too_small"),
        (17_499, "huf", "amount_too_small"),
        (12_999, "vnd", "amount_too_small"),
        (6_900, "isk", "amount_too_small"),
        (490, "kwd", "amount_too_small"),
        (100_000_000, "jpy", "amount_too_large"),
        (10_000_000_000, "cop", "amount_too_large"),
        (1_000_000_000_000, "idr", "amount_too_large"),
    ],
)
def test_an_amount_that_cannot_be_charged_is_refused(
    client: V1Services, sandbox: Sandbox, amount: int, currency: str, code: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        pay(client, amount=amount, currency=currency)

    assert (refused.value.code, refused.value.param) == (code, "amount")
    assert sandbox.payment_intents == []


@pytest.mark.parametrize(
    ("amount", "currency"),
    [
        (12_300, "isk"),
        (1_010, "kwd"),
        (50, "jpy"),
        (13_000, "vnd"),
        (999_999_999_999, "idr"),
        (99_999_999, "eur"),
        (2000, "USD"),
    ],
)
def test_an_amount_that_can_be_charged_is_taken(client: V1Services, amount: int, currency: str) -> None:
    paid = pay(client, amount=amount, currency=currency)

    assert (paid.amount_received, paid.currency) == (amount, currency.lower())


def test_a_hold_can_be_asked_of_cards_alone(client: V1Services) -> None:
    held = pay(client, payment_method_options={"card": {"capture_method": "manual"}})

    assert (held.status, held.amount_capturable) == ("requires_capture", 2000)


@pytest.mark.parametrize("name", ["off_session", "error_on_requires_action", "return_url"])
def test_how_to_confirm_is_said_when_confirming(client: V1Services, name: str) -> None:
    how: Any = {name: "https://shop.example" if name == "return_url" else True}

    with pytest.raises(stripe.InvalidRequestError) as refused:
        pay(client, confirm=False, **how)

    assert refused.value.param == name


def test_threads_take_turns(sandbox: Sandbox, client: V1Services) -> None:
    with ThreadPoolExecutor(4) as pool:
        paid = list(pool.map(lambda _: pay(client).id, range(40)))

    assert len(set(paid)) == len(sandbox.charges) == 40
    assert len({event["id"] for event in sandbox.events}) == 120


def test_a_refused_confirmation_changes_nothing(client: V1Services, sandbox: Sandbox) -> None:
    intent = client.payment_intents.create({"amount": 500, "currency": "eur"})
    before = sandbox.payment_intents

    with pytest.raises(stripe.InvalidRequestError, match="return_url"):
        client.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa"})

    assert sandbox.payment_intents == before


def test_a_refused_update_changes_nothing(client: V1Services, sandbox: Sandbox) -> None:
    owner, other = client.customers.create(), client.customers.create()
    saved = client.payment_methods.attach("pm_card_visa", {"customer": owner.id})
    intent = client.payment_intents.create({"amount": 500, "currency": "eur"})
    before = sandbox.payment_intents

    with pytest.raises(stripe.InvalidRequestError):
        client.payment_intents.update(
            intent.id, {"customer": other.id, "payment_method": saved.id, "amount": 700}
        )

    assert sandbox.payment_intents == before


def test_a_customer_may_be_deleted_while_the_bank_asks(client: V1Services, sandbox: Sandbox) -> None:
    customer = client.customers.create()
    asked = pay(
        client, "pm_card_authenticationRequired", customer=customer.id, setup_future_usage="off_session"
    )
    client.customers.delete(customer.id)

    sandbox.authenticate(asked.id, approve=True)

    assert client.payment_intents.retrieve(asked.id).status == "succeeded"


def test_a_method_that_was_detached_no_longer_pays(client: V1Services) -> None:
    customer = client.customers.create()
    saved = client.payment_methods.attach("pm_card_visa", {"customer": customer.id})
    intent = client.payment_intents.create(
        {"amount": 500, "currency": "eur", "customer": customer.id, "payment_method": saved.id}
    )
    client.payment_methods.detach(saved.id)

    with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
        client.payment_intents.confirm(intent.id, {"return_url": "https://shop.example"})


def test_an_intent_can_be_updated_a_thousand_times_an_hour(client: V1Services, sandbox: Sandbox) -> None:
    intent = client.payment_intents.create({"amount": 500, "currency": "eur"})
    for _ in range(1000):
        post(sandbox, f"/v1/payment_intents/{intent.id}", {"description": "again"})

    with pytest.raises(stripe.RateLimitError):
        client.payment_intents.update(intent.id, {"description": "once more"})

    sandbox.advance(60 * 60)
    assert client.payment_intents.update(intent.id, {"description": "later"}).description == "later"


@pytest.mark.parametrize("suffix", ["12345", "<HATS>", 'a"b', "a*b", "a\\b", "a'b", "шляпы", "x" * 23])
def test_a_statement_takes_latin_letters_and_few_signs(client: V1Services, suffix: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        pay(client, statement_descriptor_suffix=suffix)

    assert refused.value.param == "statement_descriptor_suffix"


def test_options_given_once_stay_until_they_are_emptied(client: V1Services) -> None:
    options: Any = {"card": {"capture_method": "manual", "request_three_d_secure": "any"}}
    intent = client.payment_intents.create(
        {"amount": 500, "currency": "eur", "payment_method_options": options}
    )

    emptied: Any = {"card": {"capture_method": ""}}
    changed = client.payment_intents.update(intent.id, {"payment_method_options": emptied})

    assert changed.payment_method_options is not None
    assert changed.payment_method_options.card is not None
    assert changed.payment_method_options.card.request_three_d_secure == "any"
    assert "capture_method" not in changed.payment_method_options.card


def test_a_change_of_currency_changes_what_can_pay(client: V1Services) -> None:
    intent = client.payment_intents.create({"amount": 500, "currency": "usd"})
    assert intent.payment_method_types == ["card", "us_bank_account"]

    changed = client.payment_intents.update(intent.id, {"currency": "eur"})

    assert changed.payment_method_types == ["card", "sepa_debit"]
