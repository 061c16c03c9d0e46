"""How much in a day and in a run: exact, however many ask, and given back where nothing moved."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from azpay import operations
from azpay.access import Guards, Kind, OverBudget, Usage, give_back, take_again
from azpay.errors import AzpayError, Failed, Refused
from azpay.gateway import AnswerLost, CardDeclined
from azpay.payments import checks
from azpay.settings.permissions import Grant, Limits, Permissions
from tests.access.scenes import AT_ONCE, all_at_once, charged, held_to, refunded, used
from tests.operations.journals import the_operations
from tests.support.crowds import crowded_gateway

if TYPE_CHECKING:
    from azpay.bootstrap import Azpay
    from azpay.sandbox import Sandbox
    from tests.support.clock import Clock

DECLINED = "pm_card_visa_chargeDeclinedInsufficientFunds"
ANN = "2026-03-02 cli:ann charge usd"


def a_day_of(**limits: object) -> Guards:
    return Guards(Permissions(charges=Limits(**limits)))  # type: ignore[arg-type]


def test_what_is_moved_is_counted_by_day_actor_kind_and_currency_without_any_budget(azpay: Azpay) -> None:
    ann, bob = azpay.by("cli:ann"), azpay.by("cli:bob")

    payment = charged(ann, 500)
    charged(ann, 700)
    charged(ann, 900, "eur")
    charged(bob, 1100)
    refunded(bob, payment, 200)

    assert used(azpay) == {
        "2026-03-02 cli:ann charge usd": (2, 1200),
        "2026-03-02 cli:ann charge eur": (1, 900),
        "2026-03-02 cli:bob charge usd": (1, 1100),
        "2026-03-02 cli:bob refund usd": (1, 200),
    }


def test_up_to_the_budget_is_let_through_and_a_minor_unit_more_is_not(azpay: Azpay, stripe: Sandbox) -> None:
    ann = held_to(azpay, a_day_of(day={"usd": 1000}))
    charged(ann, 400)

    with pytest.raises(OverBudget) as over:
        charged(ann, 601)
    charged(ann, 600)

    assert isinstance(over.value, Refused)
    assert over.value.message == (
        "A charge of USD 6.01 is over cli:ann's budget for this day: 1 of charges, USD 4.00 so far, "
        "of USD 10.00. Nothing was moved."
    )
    assert [each["amount"] for each in stripe.charges] == [400, 600]
    assert used(azpay) == {ANN: (2, 1000)}


def test_what_was_refused_by_a_budget_leaves_nothing_behind(azpay: Azpay) -> None:
    ann = held_to(azpay, a_day_of(day={"usd": 100}))

    with pytest.raises(OverBudget):
        charged(ann, 500)

    assert the_operations(azpay.db) == []
    assert used(azpay) == {}


def test_a_budget_that_does_not_name_a_currency_holds_nothing_of_it(azpay: Azpay) -> None:
    ann = held_to(azpay, a_day_of(day={"eur": 100000}))

    with pytest.raises(OverBudget, match=r"of USD 0\.00"):
        charged(ann, 500)


def test_a_count_is_a_budget_too(azpay: Azpay) -> None:
    ann = held_to(azpay, a_day_of(day_count=2, day={"usd": 90000}))
    charged(ann), charged(ann)

    with pytest.raises(OverBudget, match=r"2 of charges, USD 10\.00 so far, of 2 in number and USD 900\.00"):
        charged(ann)


def test_the_next_day_of_utc_begins_anew(azpay: Azpay, clock: Clock) -> None:
    ann = held_to(azpay, a_day_of(day_count=1))
    charged(ann)
    clock.advance(hours=11, minutes=59)
    still = used_up(ann)
    clock.advance(minutes=1)

    charged(ann)

    assert still
    assert sorted(used(azpay)) == [ANN, "2026-03-03 cli:ann charge usd"]


def used_up(azpay: Azpay) -> bool:
    try:
        charged(azpay)
    except OverBudget:
        return True
    return False


def test_one_actors_day_is_not_anothers(azpay: Azpay) -> None:
    guards = Guards(
        Permissions(charges=Limits(day_count=1), actors={"cli:bob": Grant(charges=Limits(day_count=2))})
    )
    ann, bob = held_to(azpay, guards), held_to(azpay, guards, "cli:bob")
    charged(ann), charged(bob), charged(bob)

    assert used_up(ann)
    assert used_up(bob)


def test_a_budget_that_is_set_at_noon_knows_the_morning(azpay: Azpay) -> None:
    charged(azpay.by("cli:ann"), 900)

    with pytest.raises(OverBudget):
        charged(held_to(azpay, a_day_of(day={"usd": 1000})), 101)


def test_all_of_one_run_shares_its_budget_and_another_run_has_its_own(azpay: Azpay) -> None:
    guards = replace(a_day_of(run={"usd": 1000}, run_count=2), run="do_1")
    first, second = held_to(azpay, guards), held_to(azpay, replace(guards, run="do_2"))
    charged(first, 400)

    with pytest.raises(OverBudget, match="budget for this run: 1 of charges"):
        charged(first, 601)
    charged(second, 1000)

    assert used(azpay) == {
        ANN: (2, 1400),
        "do_1 cli:ann charge usd": (1, 400),
        "do_2 cli:ann charge usd": (1, 1000),
    }


def test_a_decline_is_given_back_to_the_day_and_the_run(azpay: Azpay) -> None:
    ann = held_to(azpay, a_day_of(day_count=1, run_count=1))
    with pytest.raises(CardDeclined):
        charged(ann, payment_method=DECLINED)

    charged(ann)

    assert used(azpay) == {ANN: (1, 500), "run cli:ann charge usd": (1, 500)}
    assert not any(check.problems for check in checks.sums(azpay.db))


def test_a_refund_that_stripe_refuses_is_given_back(azpay: Azpay, stripe: Sandbox) -> None:
    payment = charged(azpay)
    stripe.fail_next(400)
    ann = held_to(azpay, Guards(Permissions(refunds=Limits(day_count=1))))
    with pytest.raises(AzpayError):
        refunded(ann, payment, 200)

    refunded(ann, payment, 100)

    assert used(azpay)["2026-03-02 cli:ann refund usd"] == (1, 100)


def test_an_outcome_that_is_not_known_stays_counted_and_going_on_counts_it_once(
    azpay: Azpay, stripe: Sandbox
) -> None:
    ann = held_to(azpay, a_day_of(day_count=1))
    stripe.drop_next_answer(times=4)
    with pytest.raises(AnswerLost):
        charged(ann)
    meanwhile = used(azpay)

    charged(ann)

    assert meanwhile == used(azpay) == {ANN: (1, 500)}
    assert len(stripe.charges) == 1


def test_an_operation_is_given_back_once_and_may_be_counted_again(azpay: Azpay) -> None:
    charged(azpay.by("cli:ann"), 500)
    (operation,) = the_operations(azpay.db)
    seen = []

    for _ in range(2):
        azpay.db.write(lambda session: give_back(session, operation.id, now=azpay.now()))
        seen.append(used(azpay)[ANN])
    for _ in range(2):
        azpay.db.write(lambda session: take_again(session, operation.id))
        seen.append(used(azpay)[ANN])

    assert seen == [(0, 0), (0, 0), (1, 500), (1, 500)]


def test_a_yes_after_a_no_counts_again(azpay: Azpay) -> None:
    charged(azpay.by("cli:ann"), 500)
    (operation,) = the_operations(azpay.db)
    with azpay.db.writing() as session:
        session.get_one(operations.Operation, operation.id).state = operations.State.SENT
    with azpay.db.writing() as session:
        operations.fail(session, operation.id, Failed("no"), now=azpay.now())
    given_back = used(azpay)[ANN]

    with azpay.db.writing() as session:
        operations.succeed(session, operation.id, "pi_1", now=azpay.now())

    assert (given_back, used(azpay)[ANN]) == ((0, 0), (1, 500))


def test_what_nobody_counted_is_given_back_without_trouble(azpay: Azpay) -> None:
    with azpay.db.writing() as session:
        give_back(session, "op_of_before", now=azpay.now())

    assert used(azpay) == {}


@pytest.mark.slow
def test_many_at_a_budgets_edge_are_let_through_exactly(azpay: Azpay, stripe: Sandbox) -> None:
    ann = replace(held_to(azpay, a_day_of(day={"usd": 2999})), gateway=crowded_gateway(stripe))

    outcome = all_at_once(lambda number: charged(ann, 500, reference=f"order-{number}"))

    assert outcome == {"done": 5, "over_budget": AT_ONCE - 5}
    assert used(azpay) == {ANN: (5, 2500)}
    assert len(stripe.charges) == 5
    assert not any(check.problems for check in checks.sums(azpay.db))


@pytest.mark.slow
def test_many_that_are_declined_at_once_leave_the_whole_budget(azpay: Azpay, stripe: Sandbox) -> None:
    guards = a_day_of(day_count=4, run_count=4)
    ann = replace(held_to(azpay, guards), gateway=crowded_gateway(stripe))

    outcome = all_at_once(
        lambda number: charged(ann, 500, reference=f"order-{number}", payment_method=DECLINED), threads=4
    )

    assert outcome == {"card_declined": 4}
    assert set(used(azpay).values()) == {(0, 0)}


def test_usage_never_falls_below_nothing(azpay: Azpay) -> None:
    with pytest.raises(Exception, match="count_not_negative"), azpay.db.writing() as session:
        session.add(Usage(id="1", period="2026-03-02", actor="a", kind=Kind.CHARGE, currency="usd", count=-1))
