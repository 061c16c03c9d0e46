"""`azpay refund` as people and scripts meet it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from azpay import payments
from tests.support.builders import a_charge

from .running import answer, error, run, run_at_terminal

if TYPE_CHECKING:
    from azpay.bootstrap import Azpay
    from azpay.payments import Payment
    from azpay.sandbox import Sandbox


@pytest.fixture
def paid(azpay: Azpay) -> Payment:
    """19.99 USD, for order-1."""
    return payments.charge(azpay.db, azpay.gateway, a_charge(1999, reference="order-1"), now=azpay.now())


def test_a_refund_says_what_went_back_and_what_is_left(azpay: Azpay, paid: Payment) -> None:
    result = run(
        azpay, "refund", "order-1", "5.00", "--reason", "requested_by_customer", "--note", "late", "--yes"
    )

    (refund,) = payments.story(azpay.db, "order-1").refunds
    assert result.exit_code == 0
    assert result.stderr == f"Refund USD 5.00 (500 minor units) of {paid.id} (USD 19.99)\n"
    assert result.stdout.splitlines() == [
        "succeeded  USD 5.00",
        f"Refund          {refund.id}",
        f"Payment         {paid.id}",
        "Left to refund  USD 14.99",
        "Reason          requested_by_customer",
        "Note            late",
        "Made            2026-03-02 12:00",
        f"At Stripe       {refund.refund}",
    ]


def test_programs_get_the_refund_and_what_is_left(azpay: Azpay, paid: Payment) -> None:
    data = answer(azpay, "refund", paid.id, "500", "--amount-minor", "--yes", schema="azpay.refund/1")

    assert (data["amount"], data["left"], data["currency"]) == (500, 1499, "usd")
    assert (data["status"], data["payment"], data["origin"]) == ("succeeded", paid.id, "azpay")


@pytest.mark.parametrize("name", ["id", "payment_intent", "charge", "reference"])
def test_without_an_amount_everything_that_is_left_goes_back(
    azpay: Azpay, stripe: Sandbox, paid: Payment, name: str
) -> None:
    run(azpay, "refund", paid.id, "5", "--yes")

    result = run(azpay, "refund", getattr(paid, name), "--yes")

    assert result.stdout.startswith("succeeded  USD 14.99\n")
    assert stripe.summary()["refunds"] == {"usd": 1999}
    assert run(azpay, "history").stdout.count("refunded") == 1


@pytest.mark.parametrize(
    ("words", "status", "advice"),
    [
        (["order-1", "20", "--yes"], 7, "Leave AMOUNT out to refund the rest"),
        (["order-1", "0", "--yes"], 2, "Leave AMOUNT out to refund the rest"),
        (["order-1", "", "--yes"], 2, "Type an amount"),
        (["order-1", "-5", "--yes"], 2, "Leave out the sign"),
        (["order-1", "5,00", "--yes"], 2, "Use a dot for decimals"),
        (["order-1", "5.001", "--yes"], 2, "two decimals"),
        (["order-1", "--reason", "boredom", "--yes"], 2, "Choose one of: duplicate"),
        (["order-9", "--yes"], 1, "List them with `azpay history`"),
        (["pay_unheard_of", "--yes"], 1, "List them with `azpay history`"),
        (["order-1"], 6, "Pass --yes to go on."),
    ],
)
def test_a_refund_that_cannot_be_is_refused_with_advice(
    azpay: Azpay, stripe: Sandbox, paid: Payment, words: list[str], status: int, advice: str
) -> None:
    result = run(azpay, "refund", *words)

    assert result.exit_code == status
    assert advice in result.stderr.split("Next: ")[1]
    assert stripe.refunds == []


def test_errors_are_documents_for_programs(azpay: Azpay, paid: Payment) -> None:
    result = run(azpay, "refund", "order-1", "20", "--yes", "--json")

    assert error(result)["code"] == "refund_exceeds_payment"


def test_a_reference_of_several_payments_is_not_guessed_about(azpay: Azpay, paid: Payment) -> None:
    other = payments.charge(azpay.db, azpay.gateway, a_charge(900, reference="order-1"), now=azpay.now())

    result = run(azpay, "refund", "order-1", "--yes")

    assert result.exit_code == 2
    assert all(f"{each.id} (succeeded)" in result.stderr for each in (paid, other))
    assert "`azpay history --reference order-1` shows them" in result.stderr


def test_what_went_back_already_cannot_go_back_again(azpay: Azpay, stripe: Sandbox, paid: Payment) -> None:
    run(azpay, "refund", "order-1", "--yes")

    result = run(azpay, "refund", "order-1", "--yes")

    assert result.exit_code == 7
    assert result.stderr.startswith(f"Error: {paid.id} was refunded already (USD 19.99).\n")
    assert len(stripe.refunds) == 1


def test_what_is_only_held_is_let_go_rather_than_refunded(azpay: Azpay) -> None:
    held = a_charge(reference="order-2", authorize_only=True)
    payment = payments.charge(azpay.db, azpay.gateway, held, now=azpay.now())

    result = run(azpay, "refund", "order-2", "--yes")

    assert result.exit_code == 7
    assert f"Release it with `azpay cancel {payment.id}`." in result.stderr


def test_a_second_identical_refund_is_stopped_unless_it_is_meant(
    azpay: Azpay, stripe: Sandbox, paid: Payment
) -> None:
    words = ["refund", "order-1", "5", "--yes"]
    run(azpay, *words)

    stopped = run(azpay, *words)
    meant = run(azpay, *words, "--allow-duplicate")

    assert stopped.exit_code == 6
    assert "--allow-duplicate refunds again" in stopped.stderr
    assert meant.exit_code == 0
    assert stripe.summary()["refunds"] == {"usd": 1000}


@pytest.mark.parametrize(("amount", "shown"), [([], "19.99"), (["5"], "5.00")], ids=["all", "part"])
def test_the_same_refund_again_goes_on_with_the_one_whose_answer_was_lost(
    azpay: Azpay, stripe: Sandbox, paid: Payment, amount: list[str], shown: str
) -> None:
    stripe.drop_next_answer(times=4)
    lost = run(azpay, "refund", "order-1", *amount, "--yes")
    (refund,) = payments.story(azpay.db, "order-1").refunds

    again = run(azpay, "refund", "order-1", *amount, "--yes")

    assert lost.exit_code == 8
    assert again.exit_code == 0
    assert f"Going on with {refund.id}, USD {shown}" in again.stderr
    assert again.stdout.startswith(f"succeeded  USD {shown}\n")
    assert len(stripe.refunds) == 1


def test_a_refund_that_the_bank_has_not_decided_is_pending(azpay: Azpay) -> None:
    slow = a_charge(reference="order-2", payment_method="pm_card_pendingRefund")
    payments.charge(azpay.db, azpay.gateway, slow, now=azpay.now())

    result = run(azpay, "refund", "order-2", "--yes")

    assert result.exit_code == 8
    assert result.stdout.startswith("pending  USD 5.00\n")
    assert "Not over.\n  Next: azpay history pay_" in result.stderr


@pytest.mark.parametrize(("typed", "status"), [("y\n", 0), ("yes\n", 0), ("\n", 6), ("n\n", 6)])
def test_a_person_is_asked_before_money_goes_back(
    azpay: Azpay,
    stripe: Sandbox,
    paid: Payment,
    monkeypatch: pytest.MonkeyPatch,
    typed: str,
    status: int,
) -> None:
    ended, asked = run_at_terminal(monkeypatch, azpay, "refund", "order-1", "5", typed=typed)

    assert ended == status
    assert "Give back USD 5.00? [y/N] " in asked
    assert len(stripe.refunds) == (0 if status else 1)


def test_help_begins_with_examples() -> None:
    lines = [line.strip() for line in run(None, "refund", "--help").stdout.splitlines() if line.strip()]

    assert lines[2:4] == ["Examples", "azpay refund order-1001                    # everything that is left"]
