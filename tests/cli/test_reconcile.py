"""`azpay reconcile` as cron and people meet it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from typer.testing import CliRunner, Result

from azpay.cli.app import build
from azpay.cli.table import Group, Row
from azpay.reconciliation import plans
from tests.reconciliation.scenes import charged, paid_elsewhere, refunded, tampered

if TYPE_CHECKING:
    from pathlib import Path

    from azpay.bootstrap import Azpay
    from azpay.sandbox import Sandbox
    from tests.support.clock import Clock

APP = build(
    [
        Group(
            "reconcile",
            "Compare our book with Stripe's.",
            (Row("apply", "azpay.cli.reconcile:apply", "Make the repairs of a reviewed plan."),),
            target="azpay.cli.reconcile:reconcile",
        ),
    ]
)


def run(azpay: Azpay, *words: object) -> Result:
    """A little later, when news of what just happened would have come."""
    later = replace(azpay, now=lambda: azpay.now() + timedelta(minutes=1))
    return CliRunner().invoke(APP, ["reconcile", *map(str, words)], obj=later)


def answer(azpay: Azpay, *words: object) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(run(azpay, *words, "--json").stdout)
    return document


def test_agreement_has_status_0_and_a_certificate(azpay: Azpay) -> None:
    refunded(azpay, charged(azpay, 2000), 500)
    charged(azpay, 1999, "jpy")

    result = run(azpay)

    assert result.exit_code == 0
    assert "3 here, 3 at Stripe" in result.stdout
    assert "JPY 1,999" in result.stdout
    assert result.stdout.endswith("Complete. Nothing differs.\n")


def test_a_difference_has_status_9_its_amount_and_the_next_command(azpay: Azpay) -> None:
    intent = paid_elsewhere(azpay, 123_456)

    result = run(azpay)

    assert result.exit_code == 9
    assert intent.id in result.stdout
    assert "Complete. 1 thing differs: USD 1,234.56 in question." in result.stdout
    assert "azpay reconcile --plan repairs.json" in result.stdout


def test_a_run_cut_short_has_status_10_even_when_something_differs(azpay: Azpay, stripe: Sandbox) -> None:
    paid_elsewhere(azpay)
    stripe.fail_next(503, path="/v1/refunds", times=4)

    result = run(azpay)

    assert result.exit_code == 10
    assert "INCOMPLETE" in result.stdout
    assert "Stripe answered 503" in result.stderr
    assert "missing_here" in result.stdout


def test_a_run_cut_short_never_says_complete_to_programs(azpay: Azpay, stripe: Sandbox) -> None:
    stripe.fail_next(429, path="/v1/payment_intents", times=4)

    data = answer(azpay)["data"]

    assert data["state"] == "incomplete"
    assert data["trouble"]["code"] == "stripe_unavailable"
    assert data["drifts"] == []


def test_programs_get_sums_drifts_and_what_is_in_question(azpay: Azpay) -> None:
    charged(azpay, 800)
    intent = paid_elsewhere(azpay, 1234)

    document = answer(azpay)

    data = document["data"]
    assert document["schema"] == "azpay.reconciliation/1"
    assert data["totals"] == [
        {
            "object": "payment_intent",
            "currency": "usd",
            "here": {"count": 1, "amount": 800, "moved": 800},
            "at_stripe": {"count": 2, "amount": 2034, "moved": 2034},
        }
    ]
    assert data["in_question"] == [{"currency": "usd", "amount": 1234, "display": "USD 12.34"}]
    assert [(drift["kind"], drift["stripes"]) for drift in data["drifts"]] == [("missing_here", intent.id)]
    assert data["run"].startswith("run_")


def test_without_dates_it_takes_the_thirty_days_up_to_this_second(azpay: Azpay, clock: Clock) -> None:
    charged(azpay)
    clock.advance(days=29, hours=23)

    data = answer(azpay)["data"]

    assert (data["since"], data["until"]) == ("2026-03-02T11:01:01Z", "2026-04-01T11:01:01Z")
    assert data["totals"][0]["here"]["count"] == 1


def test_without_a_beginning_it_takes_the_thirty_days_before_the_end(azpay: Azpay) -> None:
    data = answer(azpay, "--until", "2026-02-01")["data"]

    assert (data["since"], data["until"]) == ("2026-01-02T00:00:00Z", "2026-02-01T00:00:00Z")


def test_the_period_is_said(azpay: Azpay) -> None:
    result = run(azpay, "--since", "yesterday", "--until", "today")

    assert "2026-03-01 00:00 up to 2026-03-02 00:00 (UTC)" in result.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--since", "today", "--until", "yesterday"], "The period is empty"),
        (["--since", "2027-01-01"], "The period is empty"),
        (["--since", "soon"], "is not a date"),
        (["--only", "charge"], "'charge' is not compared"),
        (["--plan", "/no/such/folder/plan.json"], "cannot be written"),
        (["apply", "/no/such/plan.json"], "There is no file"),
        (["apply"], "Missing argument"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_status_2(azpay: Azpay, words: list[str], said: str) -> None:
    result = run(azpay, *words)

    assert result.exit_code == 2
    assert said in result.stderr


def test_only_may_be_repeated(azpay: Azpay) -> None:
    refunded(azpay, charged(azpay), 100)

    both = answer(azpay, "--only", "refund", "--only", "payment_intent")["data"]["totals"]
    one = answer(azpay, "--only", "refund")["data"]["totals"]

    assert [total["object"] for total in both] == ["payment_intent", "refund"]
    assert [total["object"] for total in one] == ["refund"]


def test_a_plan_is_written_for_its_owner_reviewed_and_applied(azpay: Azpay, tmp_path: Path) -> None:
    charged(azpay, 1000)
    paid_elsewhere(azpay)
    tampered(azpay, "UPDATE payments SET status = 'processing'")
    plan = tmp_path / "repairs.json"

    found = run(azpay, "--plan", plan)
    applied = run(azpay, "apply", plan)
    after = run(azpay)

    assert (found.exit_code, applied.exit_code, after.exit_code) == (9, 0, 0)
    assert f"azpay reconcile apply {plan}" in found.stdout
    assert plan.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.glob(".repairs*")) == []
    assert "2 repaired, 0 already right, 0 failed. No money was moved." in applied.stdout


def test_a_plan_applied_twice_is_already_right(azpay: Azpay, tmp_path: Path) -> None:
    paid_elsewhere(azpay)
    plan = tmp_path / "repairs.json"
    run(azpay, "--plan", plan)
    run(azpay, "apply", plan)

    document = answer(azpay, "apply", plan)

    assert document["schema"] == "azpay.repairs/1"
    assert [result["outcome"] for result in document["data"]["results"]] == ["already_right"]


def test_a_repair_that_fails_has_status_1_and_says_why(azpay: Azpay, stripe: Sandbox, tmp_path: Path) -> None:
    intent = paid_elsewhere(azpay)
    plan = tmp_path / "repairs.json"
    run(azpay, "--plan", plan)
    stripe.fail_next(503, path=f"/v1/payment_intents/{intent.id}", times=4)

    result = run(azpay, "apply", plan)

    assert result.exit_code == 1
    assert "Stripe answered 503" in result.stdout


def test_what_no_answer_can_repair_is_named(azpay: Azpay, tmp_path: Path) -> None:
    charged(azpay)
    tampered(azpay, "UPDATE payments SET payment_intent = 'pi_invented'")
    plan = tmp_path / "repairs.json"
    run(azpay, "--plan", plan)

    result = run(azpay, "apply", plan)

    assert "1 cannot be repaired from Stripe's word" in result.stdout


def test_an_altered_plan_changes_nothing(azpay: Azpay, tmp_path: Path) -> None:
    paid_elsewhere(azpay)
    plan = tmp_path / "repairs.json"
    run(azpay, "--plan", plan)
    plan.write_text(plan.read_text().replace('"amount": 500', '"amount": 5'))

    result = run(azpay, "apply", plan)

    assert result.exit_code == 6
    assert "was changed after it was written" in result.stderr
    assert run(azpay).exit_code == 9


def test_a_plan_of_another_account_is_refused(azpay: Azpay, tmp_path: Path) -> None:
    paid_elsewhere(azpay)
    plan = tmp_path / "repairs.json"
    run(azpay, "--plan", plan)
    made = plans.load(plan.read_bytes())
    plan.write_bytes(plans.dump(msgspec.structs.replace(made, account="acct_other")))

    result = run(azpay, "apply", plan)

    assert result.exit_code == 6
    assert "acct_other" in result.stderr


def test_a_plan_without_stripe_is_not_begun(azpay: Azpay, stripe: Sandbox, tmp_path: Path) -> None:
    stripe.fail_next(503, path="/v1/account", times=4)

    result = run(azpay, "--plan", tmp_path / "repairs.json")

    assert result.exit_code == 5
    assert list(tmp_path.glob("*.json")) == []


def test_hostile_words_from_stripe_cannot_command_a_terminal(azpay: Azpay) -> None:
    charged(azpay)
    tampered(azpay, "UPDATE payments SET payment_intent = 'pi_' || char(27) || '[31m'")

    result = run(azpay)

    assert "\x1b" not in result.stdout
