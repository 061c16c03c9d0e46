"""Sums that must hold: that they do, and that they say so when they do not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from azpay.payments import charge, checks, refund
from tests.support.builders import a_charge, a_refund

if TYPE_CHECKING:
    from azpay.bootstrap import Azpay


def problems(azpay: Azpay) -> dict[str, list[str]]:
    return {check.name: check.problems for check in checks.sums(azpay.db) if check.problems}


@pytest.fixture
def shop(azpay: Azpay) -> Azpay:
    payment = charge(azpay.db, azpay.gateway, a_charge(1000), now=azpay.now())
    for amount in (300, 200):
        refund(azpay.db, azpay.gateway, a_refund(payment.id, amount), now=azpay.now())
    charge(azpay.db, azpay.gateway, a_charge(700), now=azpay.now())
    return azpay


def test_a_book_that_adds_up_has_no_problems(shop: Azpay) -> None:
    assert problems(shop) == {}


@pytest.mark.parametrize(
    ("tampered", "said"),
    [
        ("UPDATE payments SET amount_refunded = 400 WHERE amount = 1000", "USD 4.00 refunded"),
        ("UPDATE refunds SET amount = 299 WHERE amount = 300", "add up to USD 4.99"),
        ("UPDATE refunds SET status = 'failed' WHERE amount = 300", "add up to USD 2.00"),
        ("UPDATE payments SET amount_refunded = 1 WHERE amount = 700", "add up to USD 0.00"),
    ],
)
def test_a_sum_that_does_not_hold_is_named(shop: Azpay, tampered: str, said: str) -> None:
    with shop.db.writing() as session:
        session.connection().exec_driver_sql(tampered)

    found = problems(shop)

    assert list(found) == ["refund sums"]
    assert len(found["refund sums"]) == 1
    assert said in found["refund sums"][0]


@pytest.mark.parametrize(
    ("tampered", "said"),
    [
        (
            "UPDATE usage SET amount = 1 WHERE kind = 'charge'",
            "2, USD 0.01; its operations add up to 2, USD 17.00",
        ),
        (
            "UPDATE usage SET count = 3 WHERE kind = 'refund'",
            "3, USD 5.00; its operations add up to 2, USD 5.00",
        ),
        ("DELETE FROM spendings WHERE amount = 700", "2, USD 17.00; its operations add up to 1, USD 10.00"),
    ],
)
def test_a_budget_that_miscounts_is_named(shop: Azpay, tampered: str, said: str) -> None:
    with shop.db.writing() as session:
        session.connection().exec_driver_sql(tampered)

    [problem] = problems(shop).pop("budgets")

    assert said in problem


def test_a_success_without_its_effect_is_named(shop: Azpay) -> None:
    with shop.db.writing() as session:
        session.connection().exec_driver_sql("UPDATE payments SET status = 'unknown' WHERE amount = 700")

    assert list(problems(shop)) == ["operations"]
