"""What a customer has to confirm: charges and saved methods with a link, and the wait for them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from .running import answer, error, run

if TYPE_CHECKING:
    from azpay.bootstrap import Azpay
    from azpay.sandbox import Sandbox
    from tests.support.clock import Clock

ASKS = "pm_card_authenticationRequired"
THANKS = "https://shop.example/thanks"
ADA = "ada@example.com"
CHARGE = ("charge", "5.00", "usd", "--method", ASKS)
ADD = ("methods", "add", ASKS, "--customer", ADA)


def test_a_charge_that_must_be_confirmed_prints_the_link(azpay: Azpay) -> None:
    result = run(azpay, *CHARGE, "--return-url", THANKS)

    assert result.exit_code == 8
    assert result.stdout.startswith("needs action  USD 5.00")
    assert "/_3ds/pi_" in result.stdout
    assert "the customer must confirm it with the bank, or you cancel it." in result.stderr


def test_a_charge_without_a_way_back_says_that_it_has_no_link(azpay: Azpay) -> None:
    result = run(azpay, *CHARGE)

    assert result.exit_code == 8
    assert "Only a charge with --return-url has a link for that." in result.stderr


def test_waiting_in_vain_ends_with_the_status_of_what_is_open(azpay: Azpay) -> None:
    result = run(azpay, *CHARGE, "--return-url", THANKS, "--wait", "1")

    assert result.exit_code == 8
    assert "Waiting up to 1 s for the customer to confirm at http" in result.stderr
    assert result.stdout.startswith("needs action")


def test_a_suffix_is_in_what_would_be_sent(azpay: Azpay) -> None:
    words = (
        "charge",
        "5.00",
        "usd",
        "--method",
        "pm_card_visa",
        "--statement-suffix",
        "ORDER 7",
        "--dry-run",
    )

    told = answer(azpay, *words, schema="azpay.request/1")

    assert told["parameters"]["statement_descriptor_suffix"] == "ORDER 7"


@pytest.mark.parametrize(
    ("words", "advice"),
    [
        (["--statement-suffix", "1234"], "Up to 22 ASCII characters with a letter among them"),
        (["--return-url", "shop.example"], "Give it whole, such as https://shop.example/thanks."),
        (["--wait", "-1"], "azpay charge --help"),
    ],
)
def test_a_charge_that_is_not_well_formed_is_a_usage_error(
    azpay: Azpay, stripe: Sandbox, words: list[str], advice: str
) -> None:
    result = run(azpay, "charge", "5.00", "usd", "--method", "pm_card_visa", *words)

    assert result.exit_code == 2
    assert advice in result.stderr
    assert stripe.charges == []


def test_a_method_that_must_be_confirmed_prints_the_link(azpay: Azpay) -> None:
    result = run(azpay, *ADD, "--off-session", "--return-url", THANKS)

    assert result.exit_code == 8
    assert result.stdout.startswith("needs action, not saved yet")
    assert "/_3ds/seti_" in result.stdout
    assert run(azpay, "methods", "list").stdout == "No saved methods.\n"


def test_a_method_s_setup_for_programs(azpay: Azpay) -> None:
    result = run(azpay, *ADD, "--on-session", "--return-url", THANKS, "--wait", "1", "--json")

    document = json.loads(result.stdout)
    assert result.exit_code == 8
    assert document["schema"] == "azpay.setup/1"
    assert (document["data"]["status"], document["data"]["usage"]) == ("requires_action", "on_session")


def test_a_method_that_the_bank_lets_through_is_saved(azpay: Azpay) -> None:
    words = ("methods", "add", "pm_card_visa", "--customer", ADA, "--off-session", "--default")

    saved = answer(azpay, *words, schema="azpay.method/1")

    assert (saved["last4"], saved["default"], saved["removed"]) == ("4242", True, False)


def test_a_method_that_the_bank_declines_is_told_so(azpay: Azpay) -> None:
    words = ("methods", "add", "pm_card_chargeDeclined", "--customer", ADA, "--off-session")

    result = run(azpay, *words, "--json")

    assert result.exit_code == 3
    assert error(result)["code"] == "card_declined"


def test_a_setup_without_an_answer_is_shown_and_resolved(azpay: Azpay, stripe: Sandbox) -> None:
    words = ("methods", "add", "pm_card_visa", "--customer", "ada@example.com", "--off-session")
    stripe.drop_next_answer(path="/v1/setup_intents", times=4)

    lost = error(run(azpay, *words, "--json"))
    listed = answer(azpay, "ops", "list", "--kind", "setup", schema="azpay.operations/1")
    shown = answer(azpay, "ops", "show", lost["operation"], schema="azpay.operation/1")
    resolved = run(azpay, "ops", "resolve", lost["operation"])

    assert [each["id"] for each in listed["operations"]] == [lost["operation"]]
    assert shown["said"] == "pm_card_visa, unknown"
    assert resolved.exit_code == 0
    assert len(answer(azpay, "methods", "list", schema="azpay.methods/1")) == 1


def test_there_is_nothing_to_wait_for_where_the_bank_is_not_asked(azpay: Azpay) -> None:
    result = run(azpay, *ADD, "--wait", "5")

    assert result.exit_code == 2
    assert "Add --off-session or --on-session" in result.stderr


def test_cards_that_expire_are_listed_first_to_go_first(azpay: Azpay, stripe: Sandbox, clock: Clock) -> None:
    """The sandbox's cards are good until December of the next year."""
    for card in ("pm_card_visa", "pm_card_mastercard"):
        run(azpay, "methods", "add", card, "--customer", ADA)
    year, month = (
        stripe.payment_methods[0]["card"]["exp_year"],
        stripe.payment_methods[0]["card"]["exp_month"],
    )

    now = answer(azpay, "methods", "expiring", schema="azpay.expiring_methods/1")
    clock.at = clock.at.replace(year=year, month=month, day=5)
    soon = answer(azpay, "methods", "expiring", "--within", "30d", schema="azpay.expiring_methods/1")
    clock.advance(days=60)
    late = run(azpay, "methods", "expiring").stdout

    assert now == []
    assert [(each["exp_year"], each["exp_month"], each["expired"]) for each in soon] == [
        (year, month, False)
    ] * 2
    assert late.count("expired") == 2


def test_a_span_that_is_none_is_a_usage_error(azpay: Azpay) -> None:
    result = run(azpay, "methods", "expiring", "--within", "a while")

    assert result.exit_code == 2
    assert "Write it as 30d, 2w or 24h." in result.stderr
