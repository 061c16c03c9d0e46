"""Statuses and totals: whatever order the news come in, they end in the truth, and nothing goes backwards."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from azpay.payments.models import PaymentStatus, RefundStatus
from azpay.payments.transitions import (
    CLOCKS_APART,
    TERMINAL,
    OnlyStripeKnows,
    Standing,
    advance,
    advance_on_answer,
    advance_refund,
    advance_refund_on_answer,
    restate,
    restate_refund,
)
from tests.support.clock import NOON

P, R = PaymentStatus, RefundStatus
AMOUNT = 1000

LIVES = [
    [P.INCOMPLETE, P.SUCCEEDED],
    [P.INCOMPLETE, P.REQUIRES_ACTION, P.SUCCEEDED],
    [P.INCOMPLETE, P.FAILED, P.REQUIRES_ACTION, P.FAILED, P.PROCESSING, P.SUCCEEDED],
    [P.INCOMPLETE, P.AUTHORIZED, P.SUCCEEDED],
    [P.INCOMPLETE, P.REQUIRES_ACTION, P.AUTHORIZED, P.CANCELED],
    [P.INCOMPLETE, P.PROCESSING, P.FAILED],
    [P.INCOMPLETE, P.FAILED, P.CANCELED],
    [P.INCOMPLETE, P.REQUIRES_ACTION],
]
REFUND_LIVES = [
    [R.PENDING, R.SUCCEEDED],
    [R.SUCCEEDED, R.FAILED],
    [R.PENDING, R.SUCCEEDED, R.FAILED],
    [R.REQUIRES_ACTION, R.PENDING, R.SUCCEEDED],
    [R.REQUIRES_ACTION, R.CANCELED],
    [R.PENDING, R.FAILED],
    [R.SUCCEEDED],
]

gaps = st.sampled_from([0, 0, 1, 2, 60, 299, 300, 301, 86_400])
statuses = st.sampled_from(list(P))
standings = st.builds(
    Standing,
    statuses,
    st.integers(0, AMOUNT),
    st.integers(-86_400, 86_400).map(lambda seconds: NOON + timedelta(seconds=seconds)),
)


def captured(status: PaymentStatus) -> int:
    return AMOUNT if status is P.SUCCEEDED else 0


@st.composite
def lives(draw: st.DrawFn) -> list[Standing]:
    """What truly happened, with the moments that Stripe's clock gave it, in whole seconds."""
    at, life = NOON, []
    for status in draw(st.sampled_from(LIVES)):
        at += timedelta(seconds=draw(gaps))
        life.append(Standing(status, captured(status), at))
    return life


def learn(known: Standing, reported: Standing, there: Standing, *, skew: timedelta) -> Standing:
    """What the worker does with an event: where it cannot tell, it asks; our clock dates the answer."""
    try:
        return advance(known, reported)
    except OnlyStripeKnows:
        return advance_on_answer(known, replace(there, at=there.at + skew))


@given(life=lives(), data=st.data(), skew=st.integers(-299, 299))
def test_news_in_any_order_end_in_the_truth(life: list[Standing], data: st.DataObject, skew: int) -> None:
    """An event is told after it happened, so who asks Stripe then hears of that or of something later."""
    told = [
        *data.draw(st.permutations(range(len(life)))),
        *data.draw(st.lists(st.integers(0, len(life) - 1), max_size=4)),
    ]
    known = Standing(P.UNKNOWN, 0, NOON + timedelta(seconds=skew))
    there = 0

    for index in told:
        there = data.draw(st.integers(max(there, index), len(life) - 1))
        before, known = known, learn(known, life[index], life[there], skew=timedelta(seconds=skew))
        assert known.captured >= before.captured
        assert before.status not in TERMINAL or known.status is before.status

    assert (known.status, known.captured) == (life[-1].status, life[-1].captured)


@given(life=lives(), data=st.data(), skew=st.integers(-299, 299))
def test_an_answer_among_the_news_is_not_undone_by_them(
    life: list[Standing], data: st.DataObject, skew: int
) -> None:
    """The command's own answer comes first, dated by a clock that is minutes away from Stripe's."""
    known = advance_on_answer(
        Standing(P.UNKNOWN, 0, NOON), replace(life[-1], at=life[-1].at + timedelta(seconds=skew))
    )

    for report in data.draw(st.permutations(life)):
        known = learn(known, report, life[-1], skew=timedelta(seconds=skew))

    assert (known.status, known.captured) == (life[-1].status, life[-1].captured)


@given(known=standings, reported=standings)
def test_an_end_never_gives_way_and_totals_never_shrink(known: Standing, reported: Standing) -> None:
    for move in (advance, advance_on_answer):
        try:
            after = move(known, reported)
        except OnlyStripeKnows:
            continue
        assert known.status not in TERMINAL or after.status in TERMINAL
        assert after.captured == max(known.captured, reported.captured)
        assert after.at in {known.at, reported.at}


@given(known=standings, reported=standings)
def test_hearing_it_twice_is_hearing_it_once(known: Standing, reported: Standing) -> None:
    try:
        once = advance(known, reported)
    except OnlyStripeKnows:
        return

    assert advance(once, replace(reported, status=once.status)) == once


def at(status: PaymentStatus, *, seconds: float = 0) -> Standing:
    return Standing(status, 0, NOON + timedelta(seconds=seconds))


@pytest.mark.parametrize("status", list(P))
def test_the_first_report_is_believed_whatever_our_clock_says(status: PaymentStatus) -> None:
    known = at(P.UNKNOWN, seconds=86_400)

    assert advance(known, at(status)) == at(status)


@pytest.mark.parametrize("seconds", [-299.9, -1, 0, 1, 299.9])
def test_two_open_statuses_minutes_apart_are_asked_about(seconds: float) -> None:
    with pytest.raises(OnlyStripeKnows):
        advance(at(P.PROCESSING), at(P.FAILED, seconds=seconds))


def test_of_two_open_statuses_further_apart_the_newer_counts() -> None:
    apart = CLOCKS_APART.total_seconds()

    assert advance(at(P.PROCESSING), at(P.FAILED, seconds=apart)).status is P.FAILED
    assert advance(at(P.PROCESSING), at(P.FAILED, seconds=-apart)).status is P.PROCESSING


@pytest.mark.parametrize(("known", "reported"), [(P.SUCCEEDED, P.CANCELED), (P.CANCELED, P.SUCCEEDED)])
def test_two_ends_are_asked_about_and_the_answer_decides(
    known: PaymentStatus, reported: PaymentStatus
) -> None:
    with pytest.raises(OnlyStripeKnows):
        advance(at(known), at(reported, seconds=86_400))

    assert advance_on_answer(at(known), at(reported)).status is reported


@pytest.mark.parametrize("end", sorted(TERMINAL))
@pytest.mark.parametrize("open_", sorted(set(P) - TERMINAL))
def test_an_end_is_an_end_before_and_after(end: PaymentStatus, open_: PaymentStatus) -> None:
    for seconds in (-86_400, 0, 86_400):
        assert advance(at(end), at(open_, seconds=seconds)).status is end
        assert advance(at(open_), at(end, seconds=seconds)).status is end
        assert advance_on_answer(at(end), at(open_, seconds=seconds)).status is end


def test_a_repair_may_undo_an_end_and_shrink_a_total() -> None:
    wrong = Standing(P.SUCCEEDED, 900, NOON)

    assert restate(wrong, at(P.FAILED)) == at(P.FAILED)
    assert restate_refund(R.FAILED, R.PENDING) is R.PENDING


@given(life=st.sampled_from(REFUND_LIVES), data=st.data())
def test_news_of_a_refund_in_any_order_end_in_the_truth(
    life: list[RefundStatus], data: st.DataObject
) -> None:
    known = R.UNKNOWN

    for report in [
        *data.draw(st.permutations(life)),
        *data.draw(st.lists(st.sampled_from(life), max_size=3)),
    ]:
        known = advance_refund(known, report)

    assert known is life[-1]


@given(known=st.sampled_from(list(R)), reported=st.sampled_from(list(R)))
@example(R.FAILED, R.CANCELED)
def test_a_refund_goes_one_way(known: RefundStatus, reported: RefundStatus) -> None:
    ends = {R.FAILED, R.CANCELED}
    try:
        after = advance_refund(known, reported)
    except OnlyStripeKnows:
        assert {known, reported} == ends
        assert advance_refund_on_answer(known, reported) is reported
        return

    assert after is advance_refund_on_answer(known, reported)
    assert after in {known, reported}
    assert known not in ends or after is known
    assert advance_refund(after, reported) is after
