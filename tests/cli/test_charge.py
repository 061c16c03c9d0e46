"""`azpay charge`, `capture` and `cancel` as people and scripts meet them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import stripe as sdk

from azpay import payments
from azpay.gateway.stripe import Gateway
from tests.operations import journals
from tests.support.stripe_transport import InProcessHTTPClient

from .running import answer, error, run, run_at_terminal

if TYPE_CHECKING:
    from azpay.bootstrap import Azpay
    from azpay.payments import Payment
    from azpay.sandbox import Sandbox

ACCOUNT = "acct_1SandboxAzpay0001"
DECLINED = "pm_card_visa_chargeDeclinedInsufficientFunds"
CARD = "4242424242424242"


def the_payments(azpay: Azpay) -> list[Payment]:
    return journals.the_payments(azpay.db)


@pytest.fixture
def live(azpay: Azpay) -> Azpay:
    """The same shop, under a profile that is marked live."""
    return replace(azpay, settings=replace(azpay.settings, live=True))


def test_charge_says_what_was_taken(azpay: Azpay) -> None:
    result = run(
        azpay, "charge", "19.99", "usd", "--method", "pm_card_visa", "--reference", "order-1",
        "--description", "A book", "--receipt-email", "ada@example.com",
    )  # fmt: skip

    payment = the_payments(azpay)[0]
    assert result.exit_code == 0
    assert result.stderr == "Charge USD 19.99 (1999 minor units)\n"
    assert result.stdout.splitlines() == [
        "succeeded  USD 19.99",
        f"Payment      {payment.id}",
        "Method       visa •••• 4242",
        "Reference    order-1",
        "Description  A book",
        "Receipt to   ada@example.com",
        "Made         2026-03-02 12:00",
        "Made by      azpay",
        f"At Stripe    {payment.payment_intent}, {payment.charge}",
    ]


def test_programs_get_the_payment_in_minor_units_and_utc(azpay: Azpay) -> None:
    words = [
        "charge",
        "5800",
        "jpy",
        "--method",
        "pm_card_visa",
        "--metadata",
        "order=7",
        "--tz",
        "Asia/Tokyo",
    ]

    data = answer(azpay, *words, schema="azpay.payment/1")

    assert (data["amount"], data["amount_captured"], data["amount_refunded"]) == (5800, 5800, 0)
    assert (data["currency"], data["display"], data["status"]) == ("jpy", "JPY 5800", "succeeded")
    assert data["metadata"] == {"order": "7"}
    assert data["card"] == {"brand": "visa", "last4": "4242"}
    assert data["created"] == "2026-03-02T12:00:00Z"


def test_a_customer_named_by_e_mail_pays_with_the_default_method(azpay: Azpay, stripe: Sandbox) -> None:
    run(azpay, "methods", "add", "pm_card_visa", "--customer", "ada@example.com", "--default")

    result = run(azpay, "charge", "12.50", "eur", "--customer", "ada@example.com")

    assert result.exit_code == 0
    assert [each["customer"] for each in stripe.payment_intents] == [stripe.customers[0]["id"]]


@pytest.mark.parametrize(
    ("amount", "currency", "advice"),
    [
        ("12,50", "usd", "Use a dot for decimals"),
        ("1.234,56", "usd", "Use a dot for decimals"),
        ("1e3", "usd", "Write the number out"),
        ("NaN", "usd", "Type the number alone"),
        ("1_000", "usd", "Leave out the underscores"),
        ("１２", "usd", "Use the digits 0 to 9"),  # noqa: RUF001 - full-width digits
        ("$5", "usd", "Type the number alone"),
        ("+5", "usd", "Leave out the sign"),
        ("-5", "usd", "Leave out the sign"),
        ("", "usd", "Type an amount such as 1250.50"),
        ("0", "usd", "Stripe charges USD 0.50 or more"),
        ("0.49", "usd", "Stripe charges USD 0.50 or more"),
        ("1000000", "usd", "Stripe charges at most USD 999999.99 at once"),
        ("19.999", "usd", "two decimals"),
        ("1.5", "jpy", "no decimals"),
        ("5", "eurx", "Did you mean EUR?"),
        ("5", "zzz", "Use a three-letter code"),
    ],
)
def test_an_amount_that_is_not_one_is_refused_with_advice(
    azpay: Azpay, stripe: Sandbox, amount: str, currency: str, advice: str
) -> None:
    result = run(azpay, "charge", amount, currency, "--method", "pm_card_visa")

    assert result.exit_code == 2
    assert advice in result.stderr.split("Next: ")[1]
    assert the_payments(azpay) == []
    assert stripe.payment_intents == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "There is nothing to charge."),
        (["--method", "visa"], "'visa' is not the id of a payment method."),
        (["--customer", "ada"], "'ada' is not the id of a customer."),
        (["--customer", "aad@example.com"], "aad@example.com has no default payment method."),
        (
            ["--method", "pm_1", "--receipt-email", "ada"],
            "The receipt e-mail 'ada' is not one e-mail address.",
        ),
        (["--method", "pm_1", "--metadata", "order"], "'order' is not K=V."),
        (["--method", "pm_1", "--metadata", "azpay_op=1"], "'azpay_op' cannot be a metadata key."),
        (["--method", "pm_1", "--reference", ""], "The reference must have 1 to 200 characters"),
        (["--method", "pm_1", "--description", "two\nlines"], "The description holds a line break"),
    ],
)
def test_a_request_that_cannot_be_carried_out_says_why_and_what_to_do(
    azpay: Azpay, stripe: Sandbox, words: list[str], message: str
) -> None:
    result = run(azpay, "charge", "5", "usd", *words)

    assert result.exit_code == 2
    assert f"Error: {message}" in result.stderr
    assert "  Next: " in result.stderr
    assert stripe.payment_intents == stripe.customers == []


@pytest.mark.parametrize(
    "words",
    [
        ["charge", "5", "usd", "--method", CARD],
        ["charge", "5", "usd", "--method", "pm_1", "--description", "card 4242 4242 4242 4242"],
        ["charge", "5", "usd", "--method", "pm_1", "--metadata", "card=4242-4242-4242-4242"],
        ["charge", "5", "usd", "--method", "pm_1", "--reference", f"order {CARD}"],
        ["charge", "5", "usd", "--method", "pm_1", "--idempotency-key", CARD],
        ["charge", "5", "usd", "--method", "pm_1", "--receipt-email", f"{CARD}@example.com"],
        ["charge", "5", "usd", "--customer", "4242", "4242", "4242", "4242"],
        ["refund", CARD],
        ["refund", "order-1", "--note", CARD, "--yes"],
        ["capture", CARD],
        ["cancel", CARD],
        ["history", CARD],
        ["history", "--search", "4242 4242 4242 4242"],
        ["history", "--customer", CARD],
        ["methods", "add", CARD, "--customer", "ada@example.com"],
        ["methods", "add", "pm_1", "--customer", f"{CARD}@example.com"],
        ["methods", "remove", CARD, "--yes"],
        ["receipt", CARD],
        ["seed", "--seed", CARD],
        ["whoami", "--profile", CARD],
    ],
)
def test_a_card_number_is_refused_wherever_it_is_typed(
    azpay: Azpay, stripe: Sandbox, words: list[str]
) -> None:
    result = run(azpay, *words, "--json")

    assert result.exit_code == 2
    assert error(result)["code"] == "card_number_typed"
    assert "4242" not in result.output
    assert stripe.payment_intents == stripe.customers == []


def test_a_decline_has_a_status_of_its_own_and_its_reason(azpay: Azpay) -> None:
    result = run(azpay, "charge", "45", "eur", "--method", DECLINED, "--json")

    assert result.exit_code == 3
    assert error(result)["code"] == "card_declined"
    assert error(result)["operation"].startswith("op_")
    assert "Declined (insufficient_funds)" in result.stderr


def test_the_same_key_after_a_decline_says_the_same_again(azpay: Azpay, stripe: Sandbox) -> None:
    words = ["charge", "45", "eur", "--method", DECLINED, "--idempotency-key", "invoice-7"]
    first = run(azpay, *words)

    again = run(azpay, *words)

    assert again.exit_code == first.exit_code == 3
    assert again.stderr.splitlines()[1] == first.stderr.splitlines()[1]
    assert "Use a new idempotency key for a new attempt." in again.stderr
    assert len(stripe.payment_intents) == 1


def test_the_same_key_for_something_else_is_a_conflict(azpay: Azpay) -> None:
    run(azpay, "charge", "5", "usd", "--method", "pm_card_visa", "--idempotency-key", "invoice-7")

    result = run(azpay, "charge", "6", "usd", "--method", "pm_card_visa", "--idempotency-key", "invoice-7")

    assert result.exit_code == 7
    assert "The idempotency key 'invoice-7' was used for another request." in result.stderr


def test_a_second_identical_charge_is_stopped_unless_it_is_meant(azpay: Azpay, stripe: Sandbox) -> None:
    words = ["charge", "5", "usd", "--method", "pm_card_visa", "--reference", "order-1"]
    run(azpay, *words)

    stopped = run(azpay, *words)
    meant = run(azpay, *words, "--allow-duplicate")

    assert stopped.exit_code == 6
    assert "--allow-duplicate charges again" in stopped.stderr
    assert meant.exit_code == 0
    assert len(stripe.charges) == 2


@pytest.mark.parametrize("method", ["pm_unheard_of", "pm_card_unheard_of"])
def test_what_stripe_does_not_know_is_a_failure_that_moved_nothing(azpay: Azpay, method: str) -> None:
    result = run(azpay, "charge", "5", "usd", "--method", method)

    assert result.exit_code == 1
    assert "No such PaymentMethod" in result.stderr
    assert "Check the id" in result.stderr


def test_stripe_out_of_service_has_a_status_of_its_own(azpay: Azpay, stripe: Sandbox) -> None:
    stripe.fail_next(429, times=4)

    result = run(azpay, "charge", "5", "usd", "--method", "pm_card_visa")

    assert result.exit_code == 5
    assert "Nothing was moved." in result.stderr
    assert "Try again in a minute." in result.stderr


def test_a_key_that_stripe_does_not_know_has_a_status_of_its_own(azpay: Azpay, stripe: Sandbox) -> None:
    client = sdk.StripeClient("sk_test_wrong", http_client=InProcessHTTPClient(stripe), max_network_retries=0)
    stranger = replace(azpay, gateway=Gateway(client))

    result = run(stranger, "charge", "5", "usd", "--method", "pm_card_visa")

    assert result.exit_code == 4
    assert "Invalid API Key provided: sk_test_****rong" in result.stderr
    assert "Run `azpay login` with a key that may do this" in result.stderr
    assert [payment.status for payment in the_payments(azpay)] == ["failed"]
    assert stripe.payment_intents == []


def test_a_lost_answer_says_do_not_start_over_and_the_same_command_goes_on(
    azpay: Azpay, stripe: Sandbox
) -> None:
    words = ["charge", "5", "usd", "--method", "pm_card_visa", "--reference", "order-1"]
    stripe.drop_next_answer(times=4)
    lost = run(azpay, *words)

    again = run(azpay, *words)

    assert lost.exit_code == 8
    assert "Do not start over: the same command again asks Stripe under the same key." in lost.stderr
    assert "Operation: op_" in lost.stderr
    assert again.exit_code == 0
    assert len(stripe.charges) == len(the_payments(azpay)) == 1


def test_a_payment_that_needs_the_customer_is_pending_and_says_what_it_waits_for(azpay: Azpay) -> None:
    result = run(azpay, "charge", "5", "usd", "--method", "pm_card_threeDSecure2Required")

    payment = the_payments(azpay)[0]
    assert result.exit_code == 8
    assert result.stdout.startswith("needs action  USD 5.00\n")
    assert "Not over: the customer must confirm it with the bank" in result.stderr
    assert f"azpay history {payment.id}" in result.stderr


def test_a_dry_run_shows_the_request_and_sends_nothing(azpay: Azpay, stripe: Sandbox) -> None:
    result = run(
        azpay,
        "charge",
        "1250",
        "eur",
        "--amount-minor",
        "--method",
        "pm_1",
        "--metadata",
        "order=7",
        "--dry-run",
    )

    assert result.exit_code == 0
    assert result.stderr == "Charge EUR 12.50 (1250 minor units)\n"
    assert result.stdout.splitlines() == [
        "POST /v1/payment_intents  (not sent)",
        "amount                                      1250",
        "currency                                    eur",
        "payment_method                              pm_1",
        "confirm                                     true",
        "automatic_payment_methods[enabled]          true",
        "automatic_payment_methods[allow_redirects]  never",
        "metadata[order]                             7",
        "metadata[azpay_payment]                     (new)",
        "metadata[azpay_op]                          (new)",
    ]
    assert stripe.payment_intents == []
    assert the_payments(azpay) == []


def test_a_dry_run_for_programs_is_the_request(azpay: Azpay) -> None:
    words = ["charge", "5", "usd", "--method", "pm_1", "--authorize-only", "--off-session", "--dry-run"]

    data = answer(azpay, *words, schema="azpay.request/1")

    assert (data["method"], data["path"]) == ("POST", "/v1/payment_intents")
    assert (data["parameters"]["capture_method"], data["parameters"]["off_session"]) == ("manual", True)


def test_what_was_held_is_taken_in_part_and_the_rest_released(azpay: Azpay, stripe: Sandbox) -> None:
    held = run(
        azpay, "charge", "20", "eur", "--method", "pm_card_visa", "--reference", "order-1", "--authorize-only"
    )

    taken = run(azpay, "capture", "order-1", "12")

    assert held.stderr == "Hold EUR 20.00 (2000 minor units)\n"
    assert held.stdout.startswith("authorized  EUR 20.00\n")
    assert "Capture by  2026-03-09 12:00" in held.stdout
    assert taken.stdout.startswith("part captured  EUR 20.00\n")
    assert "Captured   EUR 12.00" in taken.stdout
    assert stripe.summary()["payments"] == {"eur": 1200}


def test_capturing_again_changes_nothing_and_says_so(azpay: Azpay, stripe: Sandbox) -> None:
    run(
        azpay, "charge", "20", "eur", "--method", "pm_card_visa", "--reference", "order-1", "--authorize-only"
    )
    run(azpay, "capture", "order-1")

    again = run(azpay, "capture", "order-1")
    more = run(azpay, "capture", "order-1", "5")

    assert again.exit_code == 0
    assert again.stderr.endswith("is captured already.\n")
    assert more.exit_code == 7
    assert stripe.summary()["payments"] == {"eur": 2000}


def test_a_payment_that_was_let_go_cannot_be_captured(azpay: Azpay) -> None:
    run(
        azpay, "charge", "20", "eur", "--method", "pm_card_visa", "--reference", "order-1", "--authorize-only"
    )

    canceled = run(azpay, "cancel", "order-1", "--reason", "abandoned")
    captured = run(azpay, "capture", "order-1")

    assert canceled.stdout.startswith("canceled  EUR 20.00\n")
    assert captured.exit_code == 7
    assert "is canceled; only an authorized payment can be captured" in captured.stderr


@pytest.mark.parametrize(
    ("words", "status", "advice"),
    [
        (["capture", "order-1", "20.01"], 2, "Leave AMOUNT out to capture all of it."),
        (["capture", "order-1", "0"], 2, "Leave AMOUNT out to capture all of it."),
        (["cancel", "order-1", "--reason", "boredom"], 2, "Choose one of: duplicate"),
        (["cancel", "order-9"], 1, "List them with `azpay history`"),
        (["capture", "order-9"], 1, "List them with `azpay history`"),
    ],
)
def test_what_cannot_be_captured_or_let_go_is_left_alone(
    azpay: Azpay, words: list[str], status: int, advice: str
) -> None:
    run(
        azpay, "charge", "20", "eur", "--method", "pm_card_visa", "--reference", "order-1", "--authorize-only"
    )

    result = run(azpay, *words)

    assert result.exit_code == status
    assert advice in result.stderr
    assert the_payments(azpay)[0].status is payments.PaymentStatus.AUTHORIZED


MOVES: dict[str, list[str]] = {
    "charge": ["charge", "5", "usd", "--method", "pm_card_visa"],
    "capture": ["capture", "held"],
    "cancel": ["cancel", "held"],
    "refund": ["refund", "paid"],
}


@pytest.fixture
def moves(azpay: Azpay, stripe: Sandbox) -> Any:
    """One payment that is held and one that is paid; what Stripe says of all, to see that nothing moved."""
    run(azpay, "charge", "7", "usd", "--method", "pm_card_visa", "--reference", "held", "--authorize-only")
    run(azpay, "charge", "9", "usd", "--method", "pm_card_visa", "--reference", "paid")
    return lambda: ([each["status"] for each in stripe.payment_intents], len(stripe.refunds))


@pytest.mark.parametrize("words", MOVES.values(), ids=MOVES)
@pytest.mark.parametrize(
    ("options", "advice"),
    [
        ([], "Nobody can answer"),
        (["--yes"], "Add --live ACCOUNT_ID"),
        (["--yes", "--live", "acct_1SomeoneElse"], "not to acct_1SomeoneElse. Nothing was moved."),
        (["--live", ACCOUNT], "Nobody can answer"),
    ],
)
def test_in_live_mode_a_script_must_name_the_right_account(
    live: Azpay, moves: Any, words: list[str], options: list[str], advice: str
) -> None:
    before = moves()

    result = run(live, *words, *options)

    assert result.exit_code == 6
    assert advice in result.stderr
    assert moves() == before


@pytest.mark.parametrize("words", MOVES.values(), ids=MOVES)
def test_in_live_mode_a_script_that_names_the_account_goes_on(
    live: Azpay, moves: Any, words: list[str]
) -> None:
    before = moves()

    result = run(live, *words, "--yes", "--live", ACCOUNT)

    assert result.exit_code == 0
    assert moves() != before


@pytest.mark.parametrize(("typed", "status"), [("5.00\n", 0), ("USD 5.00\n", 0), ("y\n", 6), ("50\n", 6)])
def test_in_live_mode_a_person_types_the_amount_again(
    live: Azpay, stripe: Sandbox, monkeypatch: pytest.MonkeyPatch, typed: str, status: int
) -> None:
    ended, asked = run_at_terminal(monkeypatch, live, *MOVES["charge"], typed=typed)

    assert ended == status
    assert "This moves USD 5.00 for real. Type the amount again: " in asked
    assert len(stripe.charges) == (0 if status else 1)


def test_a_key_of_another_account_than_the_settings_name_moves_nothing(azpay: Azpay, stripe: Sandbox) -> None:
    other = replace(azpay, settings=replace(azpay.settings, stripe_account="acct_1SomeoneElse"))

    result = run(other, *MOVES["charge"])

    assert result.exit_code == 6
    assert f"The key belongs to {ACCOUNT}, not to acct_1SomeoneElse." in result.stderr
    assert stripe.payment_intents == []


@pytest.mark.parametrize("command", ["charge", "capture", "cancel"])
def test_help_begins_with_examples(command: str) -> None:
    lines = [line.strip() for line in run(None, command, "--help").stdout.splitlines() if line.strip()]

    assert lines[2] == "Examples"
    assert lines[3].startswith(f"azpay {command} ")
