"""`azpay methods`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .running import answer, run

if TYPE_CHECKING:
    from azpay.bootstrap import Azpay
    from azpay.sandbox import Sandbox

ADA = "ada@example.com"


def saved(azpay: Azpay, *options: str) -> str:
    """The id of a Visa that Ada saved."""
    words = ["methods", "add", "pm_card_visa", "--customer", ADA, *options]
    return str(answer(azpay, *words, schema="azpay.method/1")["id"])


def test_a_saved_method_is_shown_without_its_number(azpay: Azpay, stripe: Sandbox) -> None:
    result = run(azpay, "methods", "add", "pm_card_visa", "--customer", ADA, "--default")

    customer, method = stripe.customers[0]["id"], stripe.payment_methods[0]["id"]
    assert result.exit_code == 0
    assert result.stdout.splitlines()[:4] == [
        "saved",
        f"Method    {method}",
        f"Customer  {customer}",
        "Card      visa 4242",
    ]
    assert result.stdout.splitlines()[-1] == "Default   yes"


def test_an_e_mail_makes_one_customer_however_often_it_is_named(azpay: Azpay, stripe: Sandbox) -> None:
    saved(azpay)
    saved(azpay)

    assert len(stripe.customers) == 1
    assert len(run(azpay, "methods", "list", "--customer", ADA).stdout.splitlines()) == 3


def test_a_list_says_which_is_the_default(azpay: Azpay) -> None:
    first, second = saved(azpay, "--default"), saved(azpay)

    chosen = run(azpay, "methods", "default", second)

    listed = answer(azpay, "methods", "list", schema="azpay.methods/1")
    assert chosen.exit_code == 0
    assert {method["id"]: method["default"] for method in listed} == {first: False, second: True}
    assert [method["last4"] for method in listed] == ["4242", "4242"]


def test_what_was_saved_elsewhere_comes_in_on_request(azpay: Azpay, stripe: Sandbox) -> None:
    saved(azpay)
    customer = stripe.customers[0]["id"]
    azpay.gateway.attach("pm_card_mastercard", customer, key="made-in-the-dashboard")

    before = answer(azpay, "methods", "list", "--customer", customer, schema="azpay.methods/1")
    after = answer(azpay, "methods", "list", "--customer", customer, "--refresh", schema="azpay.methods/1")

    assert [method["brand"] for method in before] == ["visa"]
    assert {method["brand"] for method in after} == {"visa", "mastercard"}


def test_a_method_is_removed_for_good_only_when_confirmed(azpay: Azpay) -> None:
    method = saved(azpay, "--default")

    asked = run(azpay, "methods", "remove", method)
    removed = run(azpay, "methods", "remove", method, "--yes")
    again = run(azpay, "methods", "remove", method, "--yes")

    assert asked.exit_code == 6
    assert "Pass --yes to go on." in asked.stderr
    assert removed.stdout.startswith("removed\n")
    assert again.exit_code == 0
    assert run(azpay, "methods", "list").stdout == "No saved methods.\n"
    assert run(azpay, "charge", "5", "usd", "--customer", ADA).exit_code == 2


@pytest.mark.parametrize(
    ("words", "status", "advice"),
    [
        (["add", "visa", "--customer", ADA], 2, "begin with pm_"),
        (["add", "pm_unheard_of", "--customer", ADA], 1, "Check the id"),
        (["add", "pm_card_visa", "--customer", "ada"], 2, "begin with cus_"),
        (["add", "pm_card_visa", "--customer", "cus_unheard_of"], 1, "Check the id"),
        (["add", "pm_card_visa"], 2, "azpay methods add --help"),
        (["add", "pm_card_visa_chargeDeclined", "--customer", ADA], 3, "The same card may work later"),
        (["default", "pm_unheard_of"], 1, "--refresh` asks Stripe"),
        (["default", "visa"], 2, "begin with pm_"),
        (["remove", "pm_unheard_of", "--yes"], 1, "--refresh` asks Stripe"),
        (["list", "--customer", "ada"], 2, "begin with cus_"),
        (["list", "--customer", "aad@example.com"], 1, "makes a customer"),
        (["list", "--customer", "cus_unheard_of", "--refresh"], 1, "Check the id"),
        (["list", "--refresh"], 2, "Add --customer"),
    ],
)
def test_a_wrong_method_or_customer_is_refused_with_advice(
    azpay: Azpay, words: list[str], status: int, advice: str
) -> None:
    result = run(azpay, "methods", *words)

    assert result.exit_code == status
    assert advice in result.stderr.split("Next: ")[1]
    assert run(azpay, "methods", "list").stdout == "No saved methods.\n"


@pytest.mark.parametrize("command", ["list", "add", "default", "remove"])
def test_help_begins_with_examples(command: str) -> None:
    told = run(None, "methods", command, "--help").stdout
    lines = [line.strip() for line in told.splitlines() if line.strip()]

    assert lines[2] == "Examples"
    assert lines[3].startswith(f"azpay methods {command}")
