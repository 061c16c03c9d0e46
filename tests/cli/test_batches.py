"""`azpay charge --file`, `azpay refund --file` and `azpay batches` as people and scripts meet them."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from azpay.cli.app import app
from azpay.cli.batches import exit_status
from azpay.gateway import StripeUnavailable
from azpay.payments import batches
from azpay.payments.batches import RowState, Tally
from tests.support.sheets import BROKE, VISA, a_sheet, charges

from .running import answer, error, run, run_at_terminal

if TYPE_CHECKING:
    from pathlib import Path

    from azpay.bootstrap import Azpay
    from azpay.sandbox import Sandbox

ACCOUNT = "acct_1SandboxAzpay0001"


@pytest.fixture
def sheet(tmp_path: Path) -> Path:
    """A charge that succeeds, one that is declined, and one in yen."""
    file = tmp_path / "charges.csv"
    rows = [
        ("10.00", "usd", VISA, "order-1"),
        ("11.00", "usd", BROKE, "order-2"),
        ("1250", "jpy", VISA, "order-3"),
    ]
    file.write_bytes(a_sheet(("amount", "currency", "method", "reference"), rows))
    return file


def the_batch(azpay: Azpay) -> str:
    return batches.page(azpay.db, limit=1)[0].id


def test_a_plan_says_what_would_move_and_moves_nothing(azpay: Azpay, stripe: Sandbox, sheet: Path) -> None:
    result = run(azpay, "charge", "--file", str(sheet), "--plan")

    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "Charge from charges.csv  (nothing was moved)",
        "Rows     3",
        "To move  3",
        "Done     0",
        "",
        "Rows      Total",
        "   1  JPY 1,250",
        "   2  USD 21.00",
        "",
        "Row    Largest",
        "  4  JPY 1,250",
        "  3  USD 11.00",
        "  2  USD 10.00",
    ]
    assert stripe.payment_intents == []


def test_a_run_says_what_became_of_each_row_and_ends_with_the_worst(azpay: Azpay, sheet: Path) -> None:
    result = run(azpay, "charge", "--file", str(sheet))

    assert result.exit_code == 3
    assert result.stderr.splitlines() == [
        "Charge JPY 1250 (1250 minor units) in 1 row",
        "Charge USD 21.00 (2100 minor units) in 2 rows",
    ]
    lines = result.stdout.splitlines()
    assert [line.split()[:4] for line in lines[1:4]] == [
        ["2", "succeeded", "USD", "10.00"],
        ["3", "declined", "USD", "11.00"],
        ["4", "succeeded", "JPY", "1,250"],
    ]
    assert lines[5:] == [
        "Outcome    Rows     Amount",
        "succeeded     1  JPY 1,250",
        "succeeded     1  USD 10.00",
        "declined      1  USD 11.00",
        f"Batch  {the_batch(azpay)}",
    ]


def test_the_same_file_again_moves_nothing_and_says_the_same(
    azpay: Azpay, stripe: Sandbox, sheet: Path
) -> None:
    first = run(azpay, "charge", "--file", str(sheet), "--json")

    again = run(azpay, "charge", "--file", str(sheet), "--json")

    assert json.loads(again.stdout) == json.loads(first.stdout)
    assert again.stderr == f"Going on with {the_batch(azpay)}: 0 of 3 rows are left.\n"
    assert len(stripe.payment_intents) == 3


def test_programs_get_each_row_in_minor_units(azpay: Azpay, sheet: Path) -> None:
    document = json.loads(run(azpay, "charge", "--file", str(sheet), "--json").stdout)

    data = document["data"]
    assert document["schema"] == "azpay.batch/1"
    assert (data["kind"], data["file"], data["rows"], data["stopped"]) == ("charge", "charges.csv", 3, None)
    assert data["sums"][0] == {
        "status": "succeeded", "currency": "jpy", "rows": 1, "amount": 1250, "display": "JPY 1250"
    }  # fmt: skip
    assert [(row["row"], row["status"], row["amount"], row["code"]) for row in data["results"]] == [
        (2, "succeeded", 1000, None),
        (3, "declined", 1100, "card_declined"),
        (4, "succeeded", 1250, None),
    ]


def test_results_go_into_a_private_file_with_a_line_for_each_row(azpay: Azpay, sheet: Path) -> None:
    file = sheet.with_name("results.csv")

    result = run(azpay, "charge", "--file", str(sheet), "--results", str(file))
    again = run(azpay, "charge", "--file", str(sheet), "--results", str(file))

    with file.open(encoding="utf-8-sig", newline="") as opened:
        rows = list(csv.DictReader(opened))
    assert (result.exit_code, again.exit_code) == (3, 3)
    assert [(row["row"], row["status"], row["amount"], row["currency"]) for row in rows] == [
        ("2", "succeeded", "10.00", "USD"),
        ("3", "declined", "11.00", "USD"),
        ("4", "succeeded", "1250", "JPY"),
    ]
    assert file.stat().st_mode & 0o777 == 0o600
    assert f"The results are in {file}." in result.stderr
    assert "order" not in result.stdout


def test_results_can_be_lines_of_json_or_go_to_stdout(azpay: Azpay, sheet: Path) -> None:
    file = sheet.with_name("results.ndjson")

    run(azpay, "charge", "--file", str(sheet), "--results", str(file))
    out = run(azpay, "charge", "--file", str(sheet), "--results", "-")

    assert [json.loads(line)["status"] for line in file.read_text().splitlines()] == [
        "succeeded", "declined", "succeeded"
    ]  # fmt: skip
    titles = "\ufeffrow,status,id,amount,currency,code,message\r\n"
    assert out.stdout_bytes.decode().startswith(titles + "2,succeeded,pay_")


def test_results_are_never_written_over_something_else(azpay: Azpay, stripe: Sandbox, sheet: Path) -> None:
    other = sheet.with_name("letters.csv")
    other.write_text("dear,diary\n")

    for name in (
        str(sheet),
        str(other),
        str(sheet.parent),
        "results.pdf",
        str(sheet.parent / "no" / "r.csv"),
    ):
        assert run(azpay, "charge", "--file", str(sheet), "--results", name).exit_code == 2

    assert other.read_text() == "dear,diary\n"
    assert stripe.payment_intents == []


def test_a_file_may_come_from_a_pipe(azpay: Azpay, stripe: Sandbox) -> None:
    lines = [
        json.dumps({"amount": f"{n}.00", "currency": "eur", "method": VISA, "reference": f"order-{n}"})
        for n in (5, 6)
    ]

    result = CliRunner().invoke(app, ["charge", "--file", "-"], input="\n".join(lines), obj=azpay)

    assert result.exit_code == 0
    assert sorted(each["amount"] for each in stripe.payment_intents) == [500, 600]


def test_a_file_with_mistakes_is_refused_with_all_of_them(
    azpay: Azpay, stripe: Sandbox, tmp_path: Path
) -> None:
    file = tmp_path / "charges.csv"
    file.write_text(f"amount,currency,method\n1e3,usd,{VISA}\n10.00,usd,card\n5.00,usd,{VISA}\n")

    result = run(azpay, "charge", "--file", str(file), "--json")

    assert error(result)["code"] == "file_mistaken"
    assert (result.exit_code, stripe.payment_intents) == (2, [])
    assert "row 2, amount: '1e3' is not an amount" in result.stderr
    assert "row 3, method: 'card' is not the id of a payment method." in result.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["charge"], "Missing argument 'AMOUNT'."),
        (["charge", "5.00"], "Missing argument 'CURRENCY'."),
        (["refund"], "Missing argument 'PAYMENT'."),
        (["charge", "5.00", "usd", "--file", "x.csv"], "With --file, each row says its own amount."),
        (["charge", "--file", "x.csv", "--method", "pm_1"], "With --file, each row says its own method."),
        (["charge", "--file", "x.csv", "--dry-run"], "Rows of a file have keys of their own"),
        (["refund", "--file", "x.csv", "--idempotency-key", "k"], "Rows of a file have keys of their own;"),
        (["refund", "--file", "x.csv", "--note", "n"], "With --file, each row says its own note."),
        (["charge", "--file", "x.csv", "--metadata", "a=b"], "With --file, each row says its own metadata."),
        (["charge", "--file", "x.csv", "--wait", "5"], "--wait is for one payment, not for a file."),
        (["charge", "--file", "x.csv", "--statement-suffix", "X"], "--statement-suffix is for one payment"),
        (["charge", "--file", "x.csv", "--return-url", "https://x"], "--return-url is for one payment"),
        (["charge", "5.00", "usd", "--new-batch"], "--new-batch needs --file."),
        (["refund", "order-1", "--at-once", "2"], "--at-once needs --file."),
        (["charge", "--file", "x.csv"], "There is no file x.csv."),
        (["charge", "--file", "."], "There is no file ."),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_words_that_do_not_go_together_are_refused(azpay: Azpay, words: list[str], said: str) -> None:
    result = run(azpay, *words)

    assert result.exit_code == 2
    assert said in result.stderr


def test_refunds_from_a_file_ask_once_for_their_total(
    azpay: Azpay, stripe: Sandbox, sheet: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(azpay, "charge", "--file", str(sheet))
    file = sheet.with_name("refunds.csv")
    file.write_text("payment,amount,note\norder-1,3.00,late\norder-1,,late\norder-3,250,\n")
    words = ["refund", "--file", str(file)]

    nobody = run(azpay, *words)
    status, asked = run_at_terminal(monkeypatch, azpay, *words, typed="y\n")

    assert nobody.exit_code == 6
    assert status == 0
    assert any("Give back JPY 250 and USD 10.00 in 3 rows? [y/N]" in line for line in asked)
    assert sorted(each["amount"] for each in stripe.refunds) == [250, 300, 700]


def test_live_mode_asks_for_each_total_or_the_account(azpay: Azpay, stripe: Sandbox, sheet: Path) -> None:
    live = replace(azpay, settings=replace(azpay.settings, live=True))
    words = ["charge", "--file", str(sheet)]

    alone = run(live, *words, "--yes")
    nobody = run(live, *words)
    moved_before = list(stripe.payment_intents)
    named = run(live, *words, "--yes", "--live", ACCOUNT)

    assert (alone.exit_code, nobody.exit_code, named.exit_code) == (6, 6, 3)
    assert "This moves JPY 1250 for real." in nobody.stderr
    assert moved_before == []


def test_what_stops_a_run_is_told_with_its_status_and_how_to_go_on(
    azpay: Azpay, stripe: Sandbox, sheet: Path
) -> None:
    stripe.fail_next(429, "rate_limit", path="/v1/payment_intents", times=100)

    result = run(azpay, "charge", "--file", str(sheet), "--json")

    assert result.exit_code == 5
    assert json.loads(result.stdout)["data"]["stopped"]["code"] == "stripe_unavailable"
    assert "Warning: Stopped: Stripe is limiting us" in result.stderr
    assert "The same command again goes on with the rest; no row is moved twice." in result.stderr


def test_batches_can_be_listed_and_shown_when_the_file_is_gone(azpay: Azpay, sheet: Path) -> None:
    run(azpay, "charge", "--file", str(sheet))
    sheet.unlink()
    batch = the_batch(azpay)

    (listed,) = answer(azpay, "batches", "list", schema="azpay.batches/1")
    shown = answer(azpay, "batches", "show", batch, schema="azpay.batch/1")

    assert (listed["id"], listed["rows"], listed["left"], listed["file"]) == (batch, 3, 0, "charges.csv")
    assert [row["status"] for row in shown["results"]] == ["succeeded", "declined", "succeeded"]
    assert run(azpay, "batches", "list").stdout.splitlines()[1].split()[2:] == [
        batch, "charge", "3", "0", "charges.csv"
    ]  # fmt: skip
    assert run(azpay, "batches", "show", "bat_nowhere").exit_code == 1


def test_an_edited_file_needs_a_word_and_then_moves_the_rest(azpay: Azpay, tmp_path: Path) -> None:
    file = tmp_path / "charges.csv"
    file.write_bytes(charges(2))
    run(azpay, "charge", "--file", str(file))
    file.write_bytes(charges(3))

    refused = run(azpay, "charge", "--file", str(file))
    planned = answer(
        azpay, "charge", "--file", str(file), "--plan", "--new-batch", schema="azpay.batch_plan/1"
    )
    moved = run(azpay, "charge", "--file", str(file), "--new-batch")

    assert refused.exit_code == 7
    assert "2 rows are the same; added: row 4. Nothing was moved." in refused.stderr
    assert (planned["to_move"], planned["done"]) == (1, 2)
    assert moved.exit_code == 0
    assert "Charge USD 12.00 (1200 minor units) in 1 row\n" in moved.stderr


@pytest.mark.parametrize(
    ("states", "stopped", "status"),
    [
        ("succeeded", False, 0),
        ("succeeded done_before superseded", False, 0),
        ("succeeded declined", False, 3),
        ("declined failed", False, 1),
        ("failed refused", False, 6),
        ("refused planned", True, 5),
        ("pending planned", True, 8),
        ("unknown declined", False, 8),
    ],
)
def test_the_status_is_that_of_the_worst(states: str, stopped: bool, status: int) -> None:
    tally = Tally()
    for state in states.split():
        tally.counts[RowState(state), "usd"] += 1
    trouble = StripeUnavailable("Stripe is away.") if stopped else None

    assert exit_status(tally, trouble, interrupted=False) == status
    assert exit_status(tally, trouble, interrupted=True) == 130
