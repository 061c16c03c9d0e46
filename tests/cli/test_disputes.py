"""`azpay disputes`, `azpay payouts`, `azpay balance`, and what a payment's history says of them."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

from azpay import payments
from azpay.cli import dispute_views, payout_views, tables
from azpay.payments import disputes
from azpay.settlement import listing as payouts
from tests.sandbox.orders import order
from tests.support.builders import a_charge
from tests.support.clock import NOON

from .running import answer, error, run

if TYPE_CHECKING:
    from azpay.bootstrap import Azpay
    from azpay.cli.tables import Block
    from azpay.sandbox import Sandbox
    from tests.support.clock import Clock
    from tests.support.webhooks import Webhooks

DAY = 24 * 60 * 60


@pytest.fixture
def disputed(azpay: Azpay, clock: Clock, webhooks: Webhooks) -> payments.Payment:
    """20.00 USD, disputed ten seconds after they were taken."""
    request = a_charge(2000, reference="order-1", payment_method="pm_card_createDispute")
    payment = payments.charge(azpay.db, azpay.gateway, request, now=azpay.now())
    clock.advance(seconds=10)
    webhooks.arrive()
    return payment


@pytest.fixture
def paid_out(azpay: Azpay, stripe: Sandbox, clock: Clock, webhooks: Webhooks) -> payments.Payment:
    """A payment whose money Stripe's schedule has brought to the bank and reconciled."""
    stripe.agree(stripe.policy.changed({"payouts": "daily"}))
    request = a_charge(5000, reference="order-2", payment_method="pm_card_bypassPending")
    payment = payments.charge(azpay.db, azpay.gateway, request, now=azpay.now())
    webhooks.arrive()
    clock.advance(days=4)
    webhooks.arrive()
    return payment


def at_80_columns(*blocks: Block) -> list[str]:
    screen = Console(file=io.StringIO(), width=80, force_terminal=True, no_color=True, color_system=None)
    for block in blocks:
        tables.render(block, screen)
    written: str = screen.file.getvalue()  # type: ignore[attr-defined]
    return [line.rstrip() for line in written.splitlines()]


def test_a_dispute_is_listed_with_what_is_at_stake_and_the_days_left(
    azpay: Azpay, disputed: payments.Payment
) -> None:
    result = run(azpay, "disputes", "list", "--status", "open")

    titles, row = result.stdout.splitlines()
    assert titles.split() == [
        "Raised", "Dispute", "Amount", "Status", "Answer", "by", "Taken", "Reason", "Payment",
    ]  # fmt: skip
    assert row.split()[:4] == ["2026-03-02", row.split()[1], "USD", "20.00"]
    assert "needs answer  8 days left  USD 35.00  fraudulent" in row
    assert disputed.id in row


def test_a_dispute_fits_a_terminal_of_80_columns(azpay: Azpay, disputed: payments.Payment) -> None:
    page = disputes.listing(azpay.db, disputes.DisputeQuery())
    [case] = page.cases

    shown = at_80_columns(dispute_views.table(page.cases, azpay.now(), azpay.settings.zone))

    assert shown == [
        "Raised      Dispute                         Amount  Status        Answer by",
        f"2026-03-02  {case.dispute.dispute}  USD 20.00  needs answer  8 days left",
    ]


def test_a_dispute_in_whole_says_what_to_do(azpay: Azpay, disputed: payments.Payment) -> None:
    result = run(azpay, "disputes", "show", "order-1")

    assert result.stdout.startswith("needs answer  USD 20.00\nDispute     du_")
    for line in (
        "Answer by   2026-03-10 23:59 (8 days left)",
        "At stake    USD 35.00 taken from the balance, USD 15.00 of it Stripe's fee",
        "What to do  Answer it in Stripe's dashboard, once and whole; without an answer it is lost.",
        "Evidence    none",
        f"Payment     {disputed.id}",
    ):
        assert line in result.stdout
    assert "charge.dispute.funds_withdrawn" in result.stdout
    assert "USD -20.00  USD 15.00  USD -35.00" in result.stdout


def test_a_dispute_for_programs(azpay: Azpay, disputed: payments.Payment) -> None:
    told = answer(azpay, "disputes", "list", schema="azpay.disputes/1")
    [one] = told["disputes"]
    whole = answer(azpay, "disputes", "show", one["id"], schema="azpay.dispute/1")

    assert (one["status"], one["open"], one["amount"], one["currency"]) == (
        "needs_response",
        True,
        2000,
        "usd",
    )
    assert (one["taken"], one["fee"], one["taken_currency"]) == (3500, 1500, "usd")
    assert (one["due"], one["payment"], told["next"]) == ("2026-03-10T23:59:59Z", disputed.id, None)
    assert whole["balance_transactions"][0]["net"] == -3500
    assert {event["state"] for event in whole["events"]} == {"done"}


def test_disputes_in_lines_are_all_of_them(azpay: Azpay, disputed: payments.Payment) -> None:
    sheet = run(azpay, "disputes", "list", "--format", "csv").stdout
    lines = run(azpay, "disputes", "list", "--format", "ndjson").stdout

    [row] = csv.DictReader(io.StringIO(sheet.removeprefix("\ufeff")))
    assert (row["amount"], row["taken"], row["currency"], row["status"]) == (
        "20.00", "35.00", "USD", "needs_response",
    )  # fmt: skip
    assert json.loads(lines)["payment"] == disputed.id


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["--status", "open"], 1),
        (["--status", "won", "--status", "lost"], 0),
        (["--due-within", "30d"], 1),
        (["--due-within", "3w"], 1),
        (["--due-within", "2d"], 0),
        (["--since", "2026-03-02", "--until", "2026-03-03"], 1),
        (["--until", "2026-03-02"], 0),
    ],
)
def test_disputes_are_filtered(
    azpay: Azpay, disputed: payments.Payment, words: list[str], found: int
) -> None:
    told = answer(azpay, "disputes", "list", *words, schema="azpay.disputes/1")

    assert len(told["disputes"]) == found


@pytest.mark.parametrize(
    ("words", "advice"),
    [
        (["list", "--status", "angry"], "Choose one of: open, warning_needs_response"),
        (["list", "--due-within", "soon"], "Write it as 30d, 2w or 24h."),
        (["list", "--cursor", "du_nobody"], "Use the `next` of the page before"),
        (["list", "--limit", "0"], "Use --cursor for the next page."),
        (["list", "--due-within", "7d", "--cursor", "du_1"], "Leave --cursor out"),
        (["list", "--json", "--format", "csv"], "Leave one of them out."),
    ],
)
def test_a_question_about_disputes_that_cannot_be_answered(
    azpay: Azpay, words: list[str], advice: str
) -> None:
    result = run(azpay, "disputes", *words)

    assert result.exit_code == 2
    assert advice in result.stderr


def test_a_dispute_nobody_knows_is_not_found(azpay: Azpay, disputed: payments.Payment) -> None:
    nobody = run(azpay, "disputes", "show", "du_nobody", "--json")
    elsewhere = run(azpay, "disputes", "show", "du_nobody", "--refresh")
    no_payment = run(azpay, "disputes", "show", "order-9")

    assert error(nobody)["code"] == "dispute_unknown"
    assert [nobody.exit_code, elsewhere.exit_code, no_payment.exit_code] == [1, 1, 1]
    assert "No such dispute" in elsewhere.stderr


def test_disputes_that_no_webhook_told_of_are_asked_for(azpay: Azpay, stripe: Sandbox, clock: Clock) -> None:
    """Also of a payment that was made elsewhere."""
    card: Any = {"payment_method": "pm_card_createDispute", "confirm": True}
    card["automatic_payment_methods"] = {"enabled": True, "allow_redirects": "never"}
    azpay.gateway.create_payment_intent({"amount": 2000, "currency": "usd", **card}, key="elsewhere")
    clock.advance(seconds=10)
    stripe.tick()

    before = answer(azpay, "disputes", "list", schema="azpay.disputes/1")["disputes"]
    asked = run(azpay, "disputes", "list", "--refresh")
    [after] = answer(azpay, "disputes", "list", schema="azpay.disputes/1")["disputes"]
    [payment] = answer(azpay, "history", schema="azpay.payments/1")["payments"]

    assert before == []
    assert "Stripe has 1 disputes and warnings of that time." in asked.stderr
    assert (after["payment"], after["taken"]) == (payment["id"], 3500)
    assert (payment["origin"], payment["dispute"]) == ("elsewhere", "needs_response")


def test_one_dispute_is_asked_for_anew(
    azpay: Azpay, stripe: Sandbox, clock: Clock, disputed: payments.Payment
) -> None:
    clock.advance(days=40)
    stripe.tick()

    result = run(azpay, "disputes", "show", "order-1", "--refresh")

    assert result.stdout.startswith("lost  USD 20.00")
    assert "there is nothing left to refund" in result.stdout


def test_an_early_fraud_warning_stands_beside_the_disputes(
    azpay: Azpay, clock: Clock, webhooks: Webhooks
) -> None:
    request = a_charge(2000, reference="order-3", payment_method="pm_card_createIssuerFraudRecord")
    payment = payments.charge(azpay.db, azpay.gateway, request, now=azpay.now())
    clock.advance(seconds=10)
    webhooks.arrive()

    listed = run(azpay, "disputes", "list").stdout
    story = run(azpay, "history", "order-3").stdout
    told = answer(azpay, "history", "order-3", schema="azpay.payment_story/1")

    assert "No disputes." in listed
    assert "Early fraud warnings" in listed
    assert "misc" in listed
    assert payment.id in listed
    assert "radar.early_fraud_warning.created" in story
    assert [warning["actionable"] for warning in told["early_fraud_warnings"]] == [True]


def test_the_history_of_a_disputed_payment_says_so(azpay: Azpay, disputed: payments.Payment) -> None:
    listed = run(azpay, "history").stdout
    story = run(azpay, "history", "order-1").stdout
    told = answer(azpay, "history", "order-1", schema="azpay.payment_story/1")

    assert "USD 20.00  disputed" in listed
    assert story.startswith("disputed  USD 20.00")
    assert f"Disputed   needs_response: azpay disputes show {disputed.id}" in story
    assert [dispute["status"] for dispute in told["disputes"]] == ["needs_response"]
    assert told["payment"]["dispute"] == "needs_response"


def test_the_review_of_a_payment_is_in_its_history(azpay: Azpay, webhooks: Webhooks) -> None:
    request = a_charge(2000, reference="order-4", payment_method="pm_card_riskLevelElevated")
    payments.charge(azpay.db, azpay.gateway, request, now=azpay.now())
    webhooks.arrive()

    told = answer(azpay, "history", "order-4", schema="azpay.payment_story/1")

    assert [(review["open"], review["reason"]) for review in told["reviews"]] == [(True, "rule")]
    assert "Reviews" in run(azpay, "history", "order-4").stdout


def test_a_payout_is_listed_with_its_trace_id(azpay: Azpay, paid_out: payments.Payment) -> None:
    [payout] = answer(azpay, "payouts", "list", schema="azpay.payouts/1")["payouts"]
    result = run(azpay, "payouts", "list", "--status", "paid")
    sheet = run(azpay, "payouts", "list", "--format", "csv").stdout

    [row] = csv.DictReader(io.StringIO(sheet.removeprefix("\ufeff")))
    assert (payout["status"], payout["automatic"]) == ("paid", True)
    assert payout["trace_status"] == "supported"
    assert payout["trace_id"] in result.stdout
    assert (row["id"], row["amount"]) == (payout["id"], "48.25")


def test_a_payout_is_found_by_the_trace_id_on_the_bank_s_statement(
    azpay: Azpay, paid_out: payments.Payment
) -> None:
    [payout] = answer(azpay, "payouts", "list", schema="azpay.payouts/1")["payouts"]

    told = answer(azpay, "payouts", "show", payout["trace_id"], schema="azpay.payout/1")
    shown = run(azpay, "payouts", "show", payout["id"]).stdout

    assert (told["id"], told["made_of"]) == (payout["id"], 2)
    assert shown.startswith("paid  USD 48.25\nPayout       po_")
    assert "Made of      2 lines of Stripe's ledger, its own included" in shown
    assert "payout.reconciliation_completed" in shown


def test_a_payment_s_history_names_the_payout_that_brought_its_money(
    azpay: Azpay, paid_out: payments.Payment
) -> None:
    told = answer(azpay, "history", "order-2", schema="azpay.payment_story/1")

    [payout] = told["payouts"]
    assert payout["status"] == "paid"
    assert [line["payout"] for line in told["balance_transactions"]] == [payout["id"]]
    assert "Paid out" in run(azpay, "history", "order-2").stdout


def test_a_payout_that_came_back_says_why(
    azpay: Azpay, stripe: Sandbox, webhooks: Webhooks, paid_out: payments.Payment
) -> None:
    [payout] = answer(azpay, "payouts", "list", schema="azpay.payouts/1")["payouts"]
    order(stripe, "payouts", payout=payout["id"], fail="account_closed")

    webhooks.arrive()
    shown = run(azpay, "payouts", "show", payout["id"]).stdout
    page = payouts.listing(azpay.db, payouts.PayoutQuery())

    assert shown.startswith("failed  USD 48.25")
    assert "Why          The bank account has been closed." in shown
    assert "The money is back in the balance." in shown
    assert at_80_columns(payout_views.table(page.payouts, azpay.settings.zone)) == [
        "Made        Payout                          Amount  Status  Arrives",
        f"2026-03-03  {payout['id']}  USD 48.25  failed  2026-03-04",
    ]


def test_payouts_that_no_webhook_told_of_are_asked_for(azpay: Azpay, stripe: Sandbox, clock: Clock) -> None:
    stripe.agree(stripe.policy.changed({"payouts": "daily"}))
    request = a_charge(5000, payment_method="pm_card_bypassPending")
    payments.charge(azpay.db, azpay.gateway, request, now=azpay.now())
    clock.advance(days=4)
    stripe.tick()

    run(azpay, "payouts", "list", "--refresh")
    [payout] = answer(azpay, "payouts", "list", schema="azpay.payouts/1")["payouts"]
    told = answer(azpay, "payouts", "show", payout["id"], "--refresh", schema="azpay.payout/1")

    assert (told["status"], told["made_of"]) == ("paid", 2)


def test_the_balance_is_shown_as_it_was_last_told(
    azpay: Azpay, stripe: Sandbox, paid_out: payments.Payment
) -> None:
    nothing_left = answer(azpay, "balance", "--refresh", schema="azpay.balance/1")

    assert nothing_left == [
        {"currency": "usd", "available": 0, "pending": 0, "as_of": "2026-03-06T12:00:00Z"}
    ]
    assert "USD 0.00  USD 0.00  2026-03-06 12:00" in run(azpay, "balance").stdout


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["payouts", "show", "po_nobody"], "payout_unknown"),
        (["payouts", "list", "--cursor", "po_nobody"], "cursor_invalid"),
        (["payouts", "list", "--status", "lost"], "usage"),
        (["payouts", "show", "po_nobody", "--refresh"], "no_such_object"),
    ],
)
def test_a_question_about_payouts_that_cannot_be_answered(azpay: Azpay, words: list[str], code: str) -> None:
    result = run(azpay, *words, "--json")

    assert error(result)["code"] == code


def test_deadlines_are_told_in_words() -> None:
    told = [
        dispute_views.deadline(NOON + timedelta(seconds=seconds), NOON)
        for seconds in (3 * DAY + 5, DAY + 1, DAY - 1, 3600, 60, -3600, -2 * DAY)
    ]

    assert told == [
        "3 days left", "1 day left", "23 hours left", "1 hour left", "0 hours left", "1 hour late",
        "2 days late",
    ]  # fmt: skip
