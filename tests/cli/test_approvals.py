"""`azpay refund pending`, `approve` and `reject` as people and scripts meet them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from azpay import payments
from azpay.access import Guards
from azpay.settings.permissions import Permissions
from tests.support.builders import a_charge

from .running import answer, error, run, run_at_terminal

if TYPE_CHECKING:
    from azpay.bootstrap import Azpay
    from azpay.payments import Payment
    from azpay.sandbox import Sandbox

GUARDS = Guards(approval_above=({"usd": 50000},))
LARGE = ["refund", "order-1", "600", "--note", "late", "--yes"]


@pytest.fixture
def ann(azpay: Azpay) -> Azpay:
    return replace(azpay, guards=GUARDS).by("cli:ann")


@pytest.fixture
def bob(ann: Azpay) -> Azpay:
    return ann.by("cli:bob")


@pytest.fixture
def paid(azpay: Azpay) -> Payment:
    """900.00 USD, for order-1."""
    return payments.charge(azpay.db, azpay.gateway, a_charge(90000, reference="order-1"), now=azpay.now())


@pytest.fixture
def approval(ann: Azpay, paid: Payment) -> str:
    """The id of Ann's refund of 600.00 USD, which waits."""
    run(ann, *LARGE)
    [waiting] = payments.refunds_waiting(ann.db, now=ann.now())
    return waiting.id


def test_a_large_refund_says_that_it_waits_and_for_what_and_ends_with_8(
    ann: Azpay, paid: Payment, stripe: Sandbox
) -> None:
    result = run(ann, *LARGE)

    [waiting] = payments.refunds_waiting(ann.db, now=ann.now())
    assert result.exit_code == 8
    assert result.stdout.splitlines() == [
        "waiting  refund of USD 600.00",
        f"Approval  {waiting.id}",
        f"Payment   {paid.id}",
        "Asked by  cli:ann",
        "Asked     2026-03-02 12:00",
        "Until     2026-03-05 12:00",
        "Note      late",
    ]
    assert f"Next: Another admin runs `azpay refund approve {waiting.id}`." in result.stderr
    assert stripe.refunds == []


def test_programs_get_what_waits(ann: Azpay, paid: Payment) -> None:
    result = run(ann, *LARGE, "--json")

    document = json.loads(result.stdout)
    assert (result.exit_code, document["schema"]) == (8, "azpay.approval/1")
    assert (document["data"]["state"], document["data"]["amount"]) == ("waiting", 60000)
    assert answer(ann, "refund", "pending", schema="azpay.approvals/1") == [document["data"]]


def test_pending_lists_what_waits(ann: Azpay, approval: str, paid: Payment) -> None:
    assert run(ann, "refund", "pending").stdout.splitlines() == [
        "Approval                    Amount  Payment                 Asked by  Until             Note",
        f"{approval}  USD 600.00  {paid.id}  cli:ann   2026-03-05 12:00  late",
    ]


def test_nothing_may_wait(ann: Azpay) -> None:
    assert run(ann, "refund", "pending").stdout == "Nothing waits for a second person.\n"


def test_another_approves_and_sees_the_refund(
    bob: Azpay, approval: str, paid: Payment, stripe: Sandbox
) -> None:
    result = run(bob, "refund", "approve", approval, "--yes")

    assert result.exit_code == 0
    assert result.stderr == f"Refund USD 600.00 (60000 minor units) of {paid.id}, asked for by cli:ann\n"
    assert result.stdout.startswith("succeeded  USD 600.00\n")
    assert [each["amount"] for each in stripe.refunds] == [60000]


@pytest.mark.parametrize(("typed", "status"), [("y\n", 0), ("n\n", 6)])
def test_a_person_is_asked_before_they_approve(
    bob: Azpay, approval: str, stripe: Sandbox, monkeypatch: pytest.MonkeyPatch, typed: str, status: int
) -> None:
    ended, asked = run_at_terminal(monkeypatch, bob, "refund", "approve", approval, typed=typed)

    assert ended == status
    assert "Give back USD 600.00? [y/N] " in asked
    assert len(stripe.refunds) == (0 if status else 1)


def test_a_script_that_approves_in_live_mode_names_the_account(
    bob: Azpay, approval: str, stripe: Sandbox
) -> None:
    live = replace(bob, settings=replace(bob.settings, live=True))

    refused = run(live, "refund", "approve", approval, "--yes")
    done = run(live, "refund", "approve", approval, "--yes", "--live", stripe.account_id)

    assert (refused.exit_code, done.exit_code) == (6, 0)
    assert "Add --live ACCOUNT_ID" in refused.stderr


def test_who_may_not_is_refused_with_the_statuses_of_the_reference(
    ann: Azpay, bob: Azpay, approval: str, stripe: Sandbox
) -> None:
    operator = replace(bob, guards=replace(GUARDS, permissions=Permissions(default_role="operator")))

    own = run(ann, "refund", "approve", approval, "--yes", "--json")
    no_role = run(operator, "refund", "approve", approval, "--yes", "--json")
    unknown = run(bob, "refund", "approve", "apr_none", "--yes", "--json")
    run(bob, "refund", "reject", approval)
    decided = run(bob, "refund", "approve", approval, "--yes", "--json")

    told: Any = [(error(each)["code"], each.exit_code) for each in (own, no_role, unknown, decided)]
    assert told == [("own_approval", 6), ("role_missing", 4), ("approval_unknown", 1), ("already_decided", 7)]
    assert stripe.refunds == []


def test_a_rejection_says_who_and_why(bob: Azpay, approval: str) -> None:
    result = run(bob, "refund", "reject", approval, "--reason", "ask first")

    assert result.exit_code == 0
    assert result.stdout.startswith("rejected  refund of USD 600.00\n")
    assert result.stdout.splitlines()[-2:] == ["Decided by  cli:bob", "Reason      ask first"]


def test_a_reference_may_be_called_as_a_command_is(azpay: Azpay, stripe: Sandbox) -> None:
    payments.charge(azpay.db, azpay.gateway, a_charge(500, reference="pending"), now=azpay.now())

    result = run(azpay, "refund", "--yes", "--", "pending")

    assert result.exit_code == 0
    assert len(stripe.refunds) == 1


def test_help_of_refund_names_the_others() -> None:
    told = run(None, "refund", "--help").stdout

    assert all(f"azpay refund {word}" in told for word in ("pending", "approve", "reject"))


@pytest.mark.parametrize("command", ["pending", "approve", "reject"])
def test_help_begins_with_examples(command: str) -> None:
    told = run(None, "refund", command, "--help").stdout
    lines = [line.strip() for line in told.splitlines() if line.strip()]

    assert lines[2] == "Examples"
    assert lines[3].startswith(f"azpay refund {command}")
