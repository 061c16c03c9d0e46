"""`azpay history`: a list of payments, or one payment's whole story."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

import pytest

from azpay import payments
from tests.support.builders import a_charge, a_refund

from .running import answer, error, run

if TYPE_CHECKING:
    from azpay.bootstrap import Azpay
    from azpay.payments import Payment
    from tests.support.clock import Clock
    from tests.support.webhooks import Webhooks


@pytest.fixture
def day(azpay: Azpay, clock: Clock) -> list[Payment]:
    """Three payments an hour apart: 20.00 USD refunded in part, 10.00 EUR declined, 3000 JPY."""
    made = [payments.charge(azpay.db, azpay.gateway, a_charge(2000, reference="order-1"), now=azpay.now())]
    clock.advance(minutes=1)
    payments.refund(azpay.db, azpay.gateway, a_refund(made[0].id, 500), now=azpay.now())
    clock.advance(minutes=59)
    declined = a_charge(
        1000,
        "eur",
        reference="order-2",
        payment_method="pm_card_visa_chargeDeclined",
        description="a late one",
    )
    with pytest.raises(Exception, match="declined"):
        payments.charge(azpay.db, azpay.gateway, declined, now=azpay.now())
    clock.advance(hours=1)
    made.append(
        payments.charge(azpay.db, azpay.gateway, a_charge(3000, "jpy", reference="order-3"), now=azpay.now())
    )
    return made


def references(azpay: Azpay, *words: str) -> list[str]:
    data = answer(azpay, "history", *words, schema="azpay.payments/1")
    return [payment["reference"] for payment in data["payments"]]


def test_payments_are_listed_newest_first(azpay: Azpay, day: list[Payment]) -> None:
    result = run(azpay, "history")

    lines = result.stdout.splitlines()
    assert result.exit_code == 0
    assert lines[0].split() == [
        "Made", "Payment", "Amount", "Status", "Reference", "Customer", "Refunded", "Method", "Description",
    ]  # fmt: skip
    assert [line[:16] for line in lines[1:]] == ["2026-03-02 14:00", "2026-03-02 13:00", "2026-03-02 12:00"]
    assert "JPY 3,000  succeeded" in lines[1]
    assert "EUR 10.00  failed" in lines[2]
    assert lines[2].endswith("a late one")
    assert "USD 20.00  part refunded" in lines[3]
    assert "USD 5.00" in lines[3]


def test_an_empty_book_says_so(azpay: Azpay) -> None:
    result = run(azpay, "history")

    assert (result.stdout, result.exit_code) == ("No payments.\n", 0)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["--status", "succeeded"], ["order-3", "order-1"]),
        (["--status", "failed", "--status", "unknown"], ["order-2"]),
        (["--reference", "order-2"], ["order-2"]),
        (["--currency", "JPY"], ["order-3"]),
        (["--currency", "usd", "--min", "20", "--max", "20.00"], ["order-1"]),
        (["--currency", "usd", "--min", "20.01"], []),
        (["--search", "LATE"], ["order-2"]),
        (["--sort", "amount"], ["order-3", "order-1", "order-2"]),
        (["--asc"], ["order-1", "order-2", "order-3"]),
        (["--since", "2026-03-02T13:00", "--until", "2026-03-02T14:00"], ["order-2"]),
        (["--since", "2026-03-02T14:00", "--tz", "Europe/Berlin"], ["order-3", "order-2"]),
        (["--limit", "1", "--offset", "1"], ["order-2"]),
        (["--customer", "cus_nobody"], []),
    ],
)
def test_filters_and_order(azpay: Azpay, day: list[Payment], words: list[str], found: list[str]) -> None:
    assert references(azpay, *words) == found


def test_a_customer_may_be_named_by_e_mail(azpay: Azpay, day: list[Payment]) -> None:
    run(azpay, "charge", "5", "usd", "--customer", "ada@example.com", "--method", "pm_card_visa")

    shown = run(azpay, "history", "--customer", "ada@example.com")
    unheard_of = run(azpay, "history", "--customer", "aad@example.com")

    assert len(shown.stdout.splitlines()) == 2
    assert unheard_of.exit_code == 1
    assert "No customer on record has the e-mail aad@example.com." in unheard_of.stderr


def test_a_cursor_leads_through_all_pages(azpay: Azpay, day: list[Payment]) -> None:
    first = answer(azpay, "history", "--limit", "2", schema="azpay.payments/1")

    second = answer(azpay, "history", "--limit", "2", "--cursor", first["next"], schema="azpay.payments/1")

    seen = [payment["reference"] for payment in first["payments"] + second["payments"]]
    assert seen == ["order-3", "order-2", "order-1"]
    assert second["next"] is None
    assert f"More: --cursor {first['next']}" in run(azpay, "history", "--limit", "2").stderr


@pytest.mark.parametrize(
    ("words", "advice"),
    [
        (["--limit", "0"], "Use --cursor for the next page."),
        (["--limit", "1001"], "Use --cursor for the next page."),
        (["--limit", "many"], "azpay history --help"),
        (["--offset", "-1"], "azpay history --help"),
        (["--cursor", "abc"], "with the same --sort"),
        (["--cursor", "é"], "with the same --sort"),
        (["--since", "2026-03-02", "--until", "2026-03-01"], "A period includes its beginning"),
        (["--since", "tomorrowish"], "Write it as one of"),
        (["--status", "lost"], "Choose one of: unknown, incomplete"),
        (["--status", "refunded"], "Use --status succeeded."),
        (["--status", "needs action"], "Use --status requires_action."),
        (["--sort", "colour"], "Choose one of: created, amount."),
        (["--min", "5"], "Add --currency eur, say."),
        (["--min", "5,0", "--currency", "usd"], "Use a dot for decimals"),
        (["--currency", "eurx"], "Did you mean EUR?"),
        (["--tz", "Mars/Phobos"], "Name it as in Europe/Berlin"),
        (["--format", "pdf"], "azpay history --help"),
        (["--format", "csv", "--json"], "Leave one of them out."),
        (["order-1", "--status", "failed"], "Use `azpay history order-1`"),
        (["order-1", "--limit", "50"], "Use `azpay history order-1`"),
        (["order-1", "--format", "csv"], "Use `azpay history order-1`"),
    ],
)
def test_a_question_that_cannot_be_answered_is_a_usage_error(
    azpay: Azpay, day: list[Payment], words: list[str], advice: str
) -> None:
    result = run(azpay, "history", *words)

    assert result.exit_code == 2
    assert result.stdout == "" or error(result)["code"] == "usage"
    assert advice in result.stderr.split("Next: ")[1]


def test_a_cursor_of_another_order_is_refused(azpay: Azpay, day: list[Payment]) -> None:
    by_time = answer(azpay, "history", "--limit", "1", schema="azpay.payments/1")["next"]

    for order in (["--sort", "amount"], ["--asc"]):
        result = run(azpay, "history", "--cursor", by_time, *order)

        assert result.exit_code == 2
        assert "That cursor does not continue this listing." in result.stderr


def test_a_spreadsheet_gets_plain_decimals_and_guarded_cells(azpay: Azpay, day: list[Payment]) -> None:
    run(azpay, "charge", "5", "usd", "--method", "pm_card_visa", "--description", "=1+1", "--reference", "x")

    written = run(azpay, "history", "--format", "csv").stdout_bytes.decode("utf-8")

    assert written.startswith("\ufeffid,created,status,currency,amount,")
    rows = {row["reference"]: row for row in csv.DictReader(io.StringIO(written.removeprefix("\ufeff")))}
    assert rows["order-1"]["amount"] == "20.00"
    assert rows["order-1"]["refunded"] == "5.00"
    assert (rows["order-3"]["amount"], rows["order-3"]["currency"]) == ("3000", "JPY")
    assert rows["x"]["description"] == "'=1+1"


def test_lines_of_json_are_one_payment_each(azpay: Azpay, day: list[Payment]) -> None:
    lines = run(azpay, "history", "--format", "ndjson").stdout.splitlines()

    assert [json.loads(line)["reference"] for line in lines] == ["order-3", "order-2", "order-1"]


def test_the_story_of_a_payment_has_all_that_belongs_to_it(
    azpay: Azpay, day: list[Payment], webhooks: Webhooks
) -> None:
    webhooks.arrive()

    told = run(azpay, "history", "order-1").stdout

    titles = [line for line in told.splitlines() if line and not line.startswith((" ", "2026"))]
    assert titles[0] == "part refunded  USD 20.00"
    assert "Refunded   USD 5.00" in told
    for title in ("Refunds", "Money at Stripe", "What azpay asked", "What Stripe told"):
        assert title in titles
    assert "charge  succeeded" in told
    assert "refund  succeeded" in told
    assert "payment_intent.succeeded" in told


def test_programs_get_the_story_as_one_document(azpay: Azpay, day: list[Payment], webhooks: Webhooks) -> None:
    webhooks.arrive()

    data = answer(azpay, "history", day[0].id, schema="azpay.payment_story/1")

    assert data["payment"]["id"] == day[0].id
    assert [refund["amount"] for refund in data["refunds"]] == [500]
    assert [operation["kind"] for operation in data["operations"]] == ["charge", "refund"]
    assert {line["type"] for line in data["balance_transactions"]} == {"charge", "refund"}
    assert {event["state"] for event in data["events"]} == {"done"}
    assert json.loads(run(azpay, "history", day[0].id, "--format", "json").stdout)["data"] == data


def test_a_declined_payment_says_why(azpay: Azpay, day: list[Payment]) -> None:
    told = run(azpay, "history", "order-2").stdout

    assert told.startswith("failed  EUR 10.00\n")
    assert "Code         generic_decline" in told


def test_a_payment_nobody_knows_is_not_found(azpay: Azpay) -> None:
    result = run(azpay, "history", "order-9", "--json")

    assert result.exit_code == 1
    assert error(result)["code"] == "payment_unknown"


def test_help_begins_with_examples() -> None:
    lines = [line.strip() for line in run(None, "history", "--help").stdout.splitlines() if line.strip()]

    assert lines[2:4] == ["Examples", "azpay history --since 7d --status failed"]
