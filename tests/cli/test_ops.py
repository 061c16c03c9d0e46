"""Operations without an outcome, as an operator sees and settles them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.cli.running import answer, error, run
from tests.operations.journals import the_operations

if TYPE_CHECKING:
    from azpay.bootstrap import Azpay
    from azpay.sandbox import Sandbox
    from tests.support.clock import Clock

CHARGE = ("charge", "5", "usd", "--method", "pm_card_visa")


@pytest.fixture
def lost(azpay: Azpay, stripe: Sandbox) -> str:
    """The operation of a charge whose answers never came back."""
    stripe.drop_next_answer(times=4)
    assert run(azpay, *CHARGE).exit_code == 8
    return the_operations(azpay.db)[0].id


@pytest.fixture
def never_sent(azpay: Azpay, stripe: Sandbox) -> str:
    """The operation of a charge that never reached Stripe."""
    stripe.drop_next_request(times=4)
    assert run(azpay, *CHARGE).exit_code == 8
    return the_operations(azpay.db)[0].id


def test_an_unknown_outcome_names_the_command_that_settles_it(azpay: Azpay, stripe: Sandbox) -> None:
    stripe.drop_next_answer(times=4)

    told = error(run(azpay, *CHARGE, "--json"))

    assert told["hint"].startswith(f"`azpay ops resolve {told['operation']}`.")


def test_open_operations_are_listed(azpay: Azpay, lost: str) -> None:
    run(azpay, "charge", "6", "usd", "--method", "pm_card_visa")

    listed = answer(azpay, "ops", "list", schema="azpay.operations/1")
    everything = answer(azpay, "ops", "list", "--all", schema="azpay.operations/1")
    shown = run(azpay, "ops", "list")

    assert [(each["id"], each["state"]) for each in listed["operations"]] == [(lost, "unknown")]
    assert listed["operations"][0]["due"] == "2026-03-02T12:01:00Z"
    assert len(everything["operations"]) == 2
    assert lost in shown.stdout


def test_the_list_is_filtered_and_paged(azpay: Azpay, lost: str) -> None:
    run(azpay, "charge", "6", "usd", "--method", "pm_card_visa")

    first = run(azpay, "ops", "list", "--all", "--limit", "1")
    cursor = first.stderr.split("--cursor ")[1].strip()
    second = answer(azpay, "ops", "list", "--all", "--cursor", cursor, schema="azpay.operations/1")
    refunds = run(azpay, "ops", "list", "--all", "--kind", "refund")
    succeeded = answer(azpay, "ops", "list", "--state", "succeeded", schema="azpay.operations/1")
    nobody = run(azpay, "ops", "list", "--needs-person")

    assert len(second["operations"]) == 1
    assert refunds.stdout == nobody.stdout == "No operations.\n"
    assert [each["state"] for each in succeeded["operations"]] == ["succeeded"]


@pytest.mark.parametrize("words", [("--state", "odd"), ("--kind", "odd"), ("--cursor", "odd")])
def test_a_filter_that_is_none_is_refused(azpay: Azpay, words: tuple[str, str]) -> None:
    assert run(azpay, "ops", "list", *words).exit_code == 2


def test_the_list_is_written_for_other_programs(
    azpay: Azpay, lost: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("azpay.cli.ops.AT_ONCE", 1)
    run(azpay, "charge", "6", "usd", "--method", "pm_card_visa")

    lines = run(azpay, "ops", "list", "--all", "--format", "ndjson").stdout.splitlines()
    page = run(azpay, "ops", "list", "--all", "--limit", "1", "--format", "ndjson").stdout.splitlines()
    sheet = run(azpay, "ops", "list", "--format", "csv").stdout.splitlines()
    document = json.loads(run(azpay, "ops", "list", "--format", "json").stdout)
    both = run(azpay, "ops", "list", "--json", "--format", "csv")

    assert (len(lines), len(page)) == (2, 1)
    assert sheet[0].startswith("\ufeffid,kind,state,about")
    assert sheet[1].startswith(f"{lost},charge,unknown,pay_")
    assert document["schema"] == "azpay.operations/1"
    assert both.exit_code == 2


def test_one_operation_is_shown_with_its_attempts_and_what_comes_next(azpay: Azpay, lost: str) -> None:
    shown = run(azpay, "ops", "show", lost).stdout
    data = answer(azpay, "ops", "show", lost, schema="azpay.operation/1")

    assert "USD 5.00, unknown" in shown
    assert "answer_lost" in shown
    assert "a worker asks Stripe again under the same key, from 2026-03-02 12:01 on (try 1 of 5)" in shown
    assert [(each["step"], each["outcome"]) for each in data["tries"]] == [("ask", "unknown")]
    assert data["said"] == "USD 5.00, unknown"


def test_what_comes_next_changes_with_age(azpay: Azpay, lost: str, clock: Clock) -> None:
    clock.advance(hours=24)
    old = answer(azpay, "ops", "show", lost, schema="azpay.operation/1")["next"]
    run(azpay, "ops", "resolve", lost)

    settled = answer(azpay, "ops", "show", lost, schema="azpay.operation/1")["next"]

    assert "looks at Stripe" in old
    assert settled == "nothing: it is settled"


def test_an_operation_that_is_not_there_is_named(azpay: Azpay) -> None:
    shown, resolved = run(azpay, "ops", "show", "op_nowhere"), run(azpay, "ops", "resolve", "op_nowhere")

    assert (shown.exit_code, resolved.exit_code) == (1, 1)
    assert "op_nowhere" in shown.stderr


def test_resolving_ends_with_0_when_it_took_effect(azpay: Azpay, stripe: Sandbox, lost: str) -> None:
    result = run(azpay, "ops", "resolve", lost)
    again = run(azpay, "ops", "resolve", lost)
    nothing_left = run(azpay, "ops", "resolve", "--all")

    assert (result.exit_code, again.exit_code, nothing_left.exit_code) == (0, 0, 0)
    assert "succeeded" in result.stdout
    assert nothing_left.stdout == "No operations are open.\n"
    assert len(stripe.charges) == 1


def test_resolving_ends_with_1_when_nothing_happened(azpay: Azpay, never_sent: str, clock: Clock) -> None:
    clock.advance(hours=24)

    result = run(azpay, "ops", "resolve", "--all")

    assert result.exit_code == 1
    assert "never reached Stripe" in result.stdout


def test_resolving_ends_with_8_while_it_is_unknown(azpay: Azpay, stripe: Sandbox, never_sent: str) -> None:
    stripe.fail_next(503, times=4)

    result = run(azpay, "ops", "resolve", never_sent, "--json")

    assert result.exit_code == 8
    [operation] = json.loads(result.stdout)["data"]["operations"]
    assert (operation["state"], operation["heard"]) == ("unknown", "answer_lost")


@pytest.mark.parametrize(
    "words", [(), ("op_1", "--all"), ("--give-up", "op_1"), ("op_1", "--reason", "cash")]
)
def test_resolving_needs_one_choice(azpay: Azpay, words: tuple[str, ...]) -> None:
    assert run(azpay, "ops", "resolve", *words).exit_code == 2


def test_giving_up_is_a_persons_word_about_what_is_old(azpay: Azpay, never_sent: str, clock: Clock) -> None:
    words = ("ops", "resolve", "--give-up", never_sent, "--reason", "paid in cash")
    unasked, early = run(azpay, *words), run(azpay, *words, "--yes")
    clock.advance(hours=24)

    result = run(azpay, *words, "--yes")

    assert (unasked.exit_code, early.exit_code, result.exit_code) == (6, 6, 0)
    assert "Given up: paid in cash" in result.stdout


def test_what_stripe_has_is_not_given_up(azpay: Azpay, lost: str, clock: Clock) -> None:
    clock.advance(hours=24)

    result = run(azpay, "ops", "resolve", "--give-up", lost, "--reason", "cash", "--yes")

    assert result.exit_code == 0
    assert "Stripe has it" in result.stderr


def test_giving_up_waits_while_stripe_cannot_be_asked(
    azpay: Azpay, stripe: Sandbox, never_sent: str, clock: Clock
) -> None:
    clock.advance(hours=24)
    stripe.fail_next(503, times=4)

    result = run(azpay, "ops", "resolve", "--give-up", never_sent, "--reason", "cash", "--yes")

    assert result.exit_code == 8


def test_a_worker_that_runs_once_settles_what_is_due(azpay: Azpay, lost: str, clock: Clock) -> None:
    clock.advance(minutes=2)

    worked = answer(azpay, "worker", "--once", schema="azpay.worked/1")

    assert (worked["operations_tried"], worked["operations_settled"]) == (1, 1)
