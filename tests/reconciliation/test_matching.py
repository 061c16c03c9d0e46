"""The comparison itself, on any two books."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azpay.reconciliation import DriftKind, ObjectType, Period
from azpay.reconciliation.books import windows
from azpay.reconciliation.lines import Line
from azpay.reconciliation.matching import differences, in_words, pairs

if TYPE_CHECKING:
    from collections.abc import Mapping

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
MIRRORED = {
    DriftKind.MISSING_HERE: DriftKind.MISSING_THERE,
    DriftKind.MISSING_THERE: DriftKind.MISSING_HERE,
}


def a_line(number: int = 1, **other: object) -> Line:
    line = Line(
        object_type=ObjectType.PAYMENT_INTENT,
        ours=f"pay_{number}",
        theirs=f"pi_{number}",
        status="succeeded",
        currency="usd",
        amount=500,
        moved=500,
        created=NOON,
    )
    return replace(line, **other)  # type: ignore[arg-type]  # whatever a test wants to be different


facts = st.builds(
    a_line,
    status=st.sampled_from(["succeeded", "authorized", "canceled"]),
    currency=st.sampled_from(["usd", "jpy"]),
    amount=st.integers(1, 3),
    moved=st.integers(0, 2),
)
books = st.dictionaries(st.integers(1, 12), facts, max_size=8)


def book(drawn: Mapping[int, Line]) -> list[Line]:
    return [replace(line, ours=f"pay_{number}", theirs=f"pi_{number}") for number, line in drawn.items()]


@given(books)
def test_a_book_agrees_with_itself(drawn: dict[int, Line]) -> None:
    assert differences(book(drawn), book(drawn)) == []


@given(books, books)
def test_whatever_differs_is_named_and_nothing_else(ours: dict[int, Line], theirs: dict[int, Line]) -> None:
    found = differences(book(ours), book(theirs))

    named = sorted((each.pair.here or each.pair.there or a_line()).theirs or "" for each in found)
    differ = {number for number in ours.keys() | theirs.keys() if ours.get(number) != theirs.get(number)}
    assert named == sorted(f"pi_{number}" for number in differ)


@given(books, books)
def test_the_other_side_finds_the_same_the_other_way_round(
    ours: dict[int, Line], theirs: dict[int, Line]
) -> None:
    seen_from_here = differences(book(ours), book(theirs))
    seen_from_there = differences(book(theirs), book(ours))

    mirrored = [
        (MIRRORED.get(each.kind, each.kind), each.amount, each.said_there, each.said_here)
        for each in seen_from_there
    ]
    direct = [(each.kind, each.amount, each.said_here, each.said_there) for each in seen_from_here]
    assert sorted(map(str, direct)) == sorted(map(str, mirrored))


@given(books, books)
def test_every_line_is_paired_exactly_once(ours: dict[int, Line], theirs: dict[int, Line]) -> None:
    found = list(pairs(book(ours), book(theirs)))

    assert sorted(str(pair.here) for pair in found if pair.here) == sorted(map(str, book(ours)))
    assert sorted(str(pair.there) for pair in found if pair.there) == sorted(map(str, book(theirs)))


@given(books, books)
def test_something_is_always_in_question(ours: dict[int, Line], theirs: dict[int, Line]) -> None:
    assert all(each.amount > 0 for each in differences(book(ours), book(theirs)))


def test_a_payment_without_an_answer_is_found_by_our_mark() -> None:
    here = a_line(theirs=None, status="unknown", moved=0)

    [found] = differences([here], [a_line()])

    assert found.kind is DriftKind.UNRESOLVED
    assert found.pair.there == a_line()


def test_our_mark_does_not_bind_a_payment_that_has_its_answer() -> None:
    other = a_line(theirs="pi_other")

    found = differences([a_line()], [a_line(), other])

    assert [(each.kind, each.pair.there) for each in found] == [(DriftKind.MISSING_HERE, other)]


def test_of_two_with_one_mark_only_the_first_is_bound() -> None:
    here = a_line(theirs=None, status="unknown", moved=0)

    found = differences([here], [a_line(1), replace(a_line(1), theirs="pi_2")])

    assert [each.kind for each in found] == [DriftKind.UNRESOLVED, DriftKind.MISSING_HERE]


def test_a_charge_that_was_refused_before_it_began_is_not_missed_at_stripe() -> None:
    assert differences([a_line(theirs=None, status="failed", moved=0)], []) == []


def test_a_refund_of_a_charge_without_a_payment_intent_is_not_expected_here() -> None:
    assert differences([], [a_line(object_type=ObjectType.REFUND, bookable=False)]) == []


@pytest.mark.parametrize(("our_refunds", "at_stripe"), [(200, 0), (0, 200)])
def test_a_refunded_total_is_right_when_our_refunds_or_stripe_explain_it(
    our_refunds: int, at_stripe: int
) -> None:
    here = a_line(refunded=200, returned=our_refunds)
    there = a_line(refunded=at_stripe, returned=at_stripe)

    assert differences([here], [there]) == []


def test_a_currency_we_have_no_decimals_for_is_shown_in_minor_units() -> None:
    assert in_words(12_345, "xyz") == "12345 minor units of XYZ"


# windows


@given(st.lists(st.integers(0, 30), max_size=40), st.integers(1, 7))
def test_windows_cover_the_period_without_gap_or_overlap(ages: list[int], size: int) -> None:
    period = Period(NOON - timedelta(seconds=31), NOON)
    newest_first = [
        a_line(place, created=NOON - timedelta(seconds=age + 1)) for place, age in enumerate(sorted(ages))
    ]

    found = list(windows(newest_first, period, size=size))

    assert [line for _, lines in found for line in lines] == newest_first
    assert [window.since for window, _ in found][:-1] == [window.until for window, _ in found][1:]
    assert (found[0][0].until, found[-1][0].since) == (period.until, period.since)
    assert all(window.since <= line.created < window.until for window, lines in found for line in lines)
