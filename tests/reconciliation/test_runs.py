"""Two books that agree are clean; where they do not, each difference is named once, with its amount."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from azpay import payments, reconciliation
from azpay.errors import Unavailable
from azpay.gateway import AnswerLost, CardDeclined
from azpay.payments import Payment, PaymentStatus, records
from azpay.reconciliation import ObjectType, Period, RunState
from tests.reconciliation.scenes import (
    again,
    charged,
    compared,
    paid_elsewhere,
    refunded,
    refunded_elsewhere,
    tampered,
    told,
)

if TYPE_CHECKING:
    from azpay.bootstrap import Azpay
    from azpay.sandbox import Sandbox
    from tests.support.clock import Clock
    from tests.support.webhooks import Webhooks

INTENTS = "/v1/payment_intents"


def test_an_empty_book_and_an_empty_account_agree(azpay: Azpay) -> None:
    report = compared(azpay)

    assert report.complete
    assert report.drifts == []
    assert list(report.certificate) == []


def test_a_day_of_ordinary_work_leaves_nothing_to_explain(azpay: Azpay, clock: Clock) -> None:
    taken = charged(azpay, 2000)
    with pytest.raises(CardDeclined):
        charged(azpay, 700, payment_method="pm_card_visa_chargeDeclined")
    held = charged(azpay, 900, authorize_only=True)
    payments.capture(azpay.db, azpay.gateway, held.id, 600, now=clock.now())
    let_go = charged(azpay, 800, authorize_only=True)
    payments.cancel(azpay.db, azpay.gateway, let_go.id, now=clock.now())
    charged(azpay, 300, authorize_only=True)
    yen = charged(azpay, 1999, "jpy")
    refunded(azpay, taken, 500)
    refunded(azpay, taken)
    refunded(azpay, yen)

    report = compared(azpay)

    assert report.complete
    assert told(report) == []
    assert (report.run.ours, report.run.theirs) == (9, 9)


def test_the_certificate_sums_both_sides_by_type_and_currency(azpay: Azpay) -> None:
    taken = charged(azpay, 2000)
    charged(azpay, 900, authorize_only=True)
    charged(azpay, 1999, "jpy")
    refunded(azpay, taken, 300)

    certificate = compared(azpay).certificate

    assert [
        (total.object_type, total.currency, total.here.count, total.here.amount, total.here.moved)
        for total in certificate
    ] == [
        ("payment_intent", "jpy", 1, 1999, 1999),
        ("payment_intent", "usd", 2, 2900, 2000),
        ("refund", "usd", 1, 300, 300),
    ]
    assert all(total.here == total.there for total in certificate)


def test_a_payment_made_elsewhere_whose_webhook_was_lost_is_missing_here(azpay: Azpay) -> None:
    intent = paid_elsewhere(azpay, 1234)

    [drift] = compared(azpay).drifts

    assert (drift.kind, drift.amount, drift.currency) == ("missing_here", 1234, "usd")
    assert (drift.ours, drift.theirs) == (None, intent.id)
    assert (drift.said_here, drift.said_there) == (None, "succeeded, USD 12.34")


def test_a_refund_made_elsewhere_is_one_difference_and_not_two(azpay: Azpay) -> None:
    payment = charged(azpay, 1000)
    refund = refunded_elsewhere(azpay, payment, 400)

    [drift] = compared(azpay).drifts

    assert (drift.kind, drift.object_type, drift.amount) == ("missing_here", "refund", 400)
    assert drift.theirs == refund.id


def test_a_lost_webhook_of_a_capture_is_a_difference_of_status(azpay: Azpay) -> None:
    held = charged(azpay, 900, authorize_only=True)
    assert held.payment_intent is not None
    azpay.gateway.capture_payment_intent(held.payment_intent, 900, key="elsewhere")

    report = compared(azpay)

    assert told(report) == [
        ("status", 900, "authorized, captured USD 0.00", "succeeded, captured USD 9.00"),
    ]


def test_a_webhook_that_came_and_was_applied_leaves_nothing(azpay: Azpay, webhooks: Webhooks) -> None:
    paid_elsewhere(azpay)
    webhooks.arrive()

    report = compared(azpay)

    assert report.drifts == []
    assert (report.run.ours, report.run.theirs) == (1, 1)


def test_news_that_waits_in_the_inbox_is_no_difference_and_the_run_incomplete(
    azpay: Azpay, webhooks: Webhooks
) -> None:
    paid_elsewhere(azpay)
    webhooks.keep(webhooks.new())

    report = compared(azpay)

    assert report.drifts == []
    assert report.certificate.moving == 1
    assert not report.complete


def test_news_that_is_applied_while_the_run_waits_is_judged(azpay: Azpay, webhooks: Webhooks) -> None:
    paid_elsewhere(azpay)
    webhooks.keep(webhooks.new())

    report = compared(azpay, pause=lambda _seconds: webhooks.apply())

    assert report.complete
    assert (report.drifts, report.run.ours, report.run.theirs) == ([], 1, 1)


def test_what_stripe_made_a_second_ago_gets_the_time_to_be_told(azpay: Azpay, clock: Clock) -> None:
    paid_elsewhere(azpay)
    clock.advance(seconds=1)
    waited: list[float] = []

    report = compared(
        azpay,
        clock=lambda: clock.now() + timedelta(seconds=sum(waited)),
        pause=waited.append,
    )

    assert report.complete
    assert [drift.kind for drift in report.drifts] == ["missing_here"]
    assert sum(waited) > 4


def test_news_that_has_waited_for_long_is_no_excuse(azpay: Azpay, webhooks: Webhooks, clock: Clock) -> None:
    paid_elsewhere(azpay)
    webhooks.keep(webhooks.new())
    clock.advance(minutes=6)

    report = compared(azpay)

    assert [drift.kind for drift in report.drifts] == ["missing_here"]


def test_a_row_deleted_from_our_book_is_missing_here_under_its_old_id(azpay: Azpay) -> None:
    payment = charged(azpay)
    tampered(azpay, "DELETE FROM payments")

    [drift] = compared(azpay).drifts

    assert (drift.kind, drift.ours, drift.theirs) == ("missing_here", payment.id, payment.payment_intent)


def test_a_payment_that_stripe_does_not_know_is_missing_there(azpay: Azpay) -> None:
    payment = charged(azpay, 800)
    tampered(azpay, "UPDATE payments SET payment_intent = 'pi_invented'")

    report = compared(azpay)

    assert sorted((drift.kind, drift.amount) for drift in report.drifts) == [
        ("missing_here", 800),
        ("missing_there", 800),
    ]
    [there] = [drift for drift in report.drifts if drift.kind == "missing_there"]
    assert (there.ours, there.theirs) == (payment.id, "pi_invented")


def test_a_tampered_amount_is_in_question_by_what_it_is_off(azpay: Azpay) -> None:
    charged(azpay, 1000)
    tampered(azpay, "UPDATE payments SET amount = 1300, amount_captured = 1100")

    report = compared(azpay)

    assert told(report) == [
        ("amount", 300, "USD 13.00, captured USD 11.00", "USD 10.00, captured USD 10.00"),
    ]


def test_a_tampered_currency_puts_the_whole_amount_in_question(azpay: Azpay) -> None:
    charged(azpay, 1000)
    tampered(azpay, "UPDATE payments SET currency = 'eur'")

    report = compared(azpay)

    assert told(report)[0][:2] == ("amount", 1000)


def test_a_refunded_total_that_nothing_explains_is_a_difference(azpay: Azpay) -> None:
    payment = charged(azpay, 1000)
    refunded(azpay, payment, 300)
    tampered(azpay, "UPDATE payments SET amount_refunded = 450")

    report = compared(azpay)

    assert told(report) == [("amount", 150, "refunded USD 4.50", "refunded USD 3.00")]


def test_a_tampered_refund_is_compared_one_by_one(azpay: Azpay) -> None:
    refunded(azpay, charged(azpay, 1000), 300)
    tampered(azpay, "UPDATE refunds SET amount = 200")

    report = compared(azpay)

    assert told(report) == [("amount", 100, "USD 2.00", "USD 3.00")]


def test_a_status_that_went_backwards_is_a_difference(azpay: Azpay) -> None:
    charged(azpay)
    tampered(azpay, "UPDATE payments SET status = 'processing'")

    report = compared(azpay)

    assert told(report) == [("status", 500, "processing", "succeeded")]


def test_an_answer_that_was_lost_is_unresolved_and_says_what_stripe_has(
    azpay: Azpay, stripe: Sandbox
) -> None:
    stripe.drop_next_answer(path=INTENTS, times=4)
    with pytest.raises(AnswerLost):
        charged(azpay, 700)

    [drift] = compared(azpay).drifts

    assert (drift.kind, drift.amount) == ("unresolved", 700)
    assert drift.theirs == stripe.payment_intents[0]["id"]
    assert (drift.said_here, drift.said_there) == (
        "unknown, captured USD 0.00",
        "succeeded, captured USD 7.00",
    )


def test_a_request_that_never_arrived_is_unresolved_with_nothing_at_stripe(
    azpay: Azpay, stripe: Sandbox
) -> None:
    stripe.drop_next_request(path=INTENTS, times=4)
    with pytest.raises(AnswerLost):
        charged(azpay, 700)

    report = compared(azpay)

    assert told(report) == [("unresolved", 700, "unknown, USD 7.00", None)]
    assert report.drifts[0].theirs is None


def test_a_call_under_way_is_left_out_until_it_was_plainly_cut_short(azpay: Azpay, clock: Clock) -> None:
    charged(azpay)
    tampered(azpay, "UPDATE payments SET status = 'unknown', payment_intent = NULL, amount_captured = 0")
    tampered(azpay, "UPDATE operations SET state = 'sent'")

    soon = compared(azpay)
    clock.advance(minutes=6)
    later = compared(azpay)

    assert (soon.drifts, soon.certificate.moving, soon.complete) == ([], 1, False)
    assert later.complete
    assert [drift.kind for drift in later.drifts] == ["unresolved"]


def test_two_payments_with_one_mark_are_told_apart(azpay: Azpay, stripe: Sandbox) -> None:
    payment = charged(azpay, 500)
    params = {
        "amount": 500,
        "currency": "usd",
        "payment_method": "pm_card_visa",
        "confirm": True,
        "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        "metadata": {records.PAYMENT_KEY: payment.id},
    }
    double = azpay.gateway.create_payment_intent(params, key="a-key-sent-after-a-day")

    [drift] = compared(azpay).drifts

    assert (drift.kind, drift.theirs) == ("missing_here", double.id)


# periods


@pytest.mark.parametrize("ours_is_earlier", [timedelta(milliseconds=300), timedelta(hours=9)])
def test_a_payment_at_the_edge_of_the_period_belongs_where_stripe_says(
    azpay: Azpay, clock: Clock, ours_is_earlier: timedelta
) -> None:
    midnight = clock.now()
    payment = charged(azpay)
    with azpay.db.writing() as session:
        session.get_one(Payment, payment.id).created_at = midnight - ours_is_earlier
    day = timedelta(days=1)

    before = compared(azpay, period=Period(midnight - day, midnight))
    after = compared(azpay, period=Period(midnight, midnight + day))

    assert (before.drifts, before.run.ours, before.run.theirs) == ([], 0, 0)
    assert (after.drifts, after.run.ours, after.run.theirs) == ([], 1, 1)


def test_a_clock_that_is_ahead_makes_no_difference(azpay: Azpay, clock: Clock) -> None:
    payment = charged(azpay)
    with azpay.db.writing() as session:
        session.get_one(Payment, payment.id).created_at = clock.now() + timedelta(seconds=90)

    report = compared(azpay)

    assert (report.drifts, report.run.ours, report.run.theirs) == ([], 1, 1)


def test_what_lies_outside_the_period_is_not_judged(azpay: Azpay, clock: Clock) -> None:
    paid_elsewhere(azpay)
    clock.advance(days=3)

    report = compared(azpay, period=Period(clock.now() - timedelta(days=2), clock.now()))

    assert report.drifts == []
    assert report.run.theirs == 0


def test_a_period_counts_in_whole_seconds_as_stripe_does(clock: Clock) -> None:
    late = clock.now() + timedelta(milliseconds=400)

    period = Period(late, late + timedelta(days=1))

    assert period == Period(clock.now(), clock.now() + timedelta(days=1, seconds=1))


def test_only_what_is_asked_for_is_compared(azpay: Azpay) -> None:
    payment = charged(azpay)
    refunded_elsewhere(azpay, payment, 100)
    paid_elsewhere(azpay)

    report = compared(azpay, only=[ObjectType.REFUND])

    assert [drift.object_type for drift in report.drifts] == ["refund"]
    assert report.run.theirs == 1


# incomplete runs


def test_a_run_that_stripe_cut_short_is_incomplete_and_keeps_what_it_found(
    azpay: Azpay, stripe: Sandbox
) -> None:
    for number in range(110):
        paid_elsewhere(azpay, key=f"elsewhere-{number}")

    def break_the_second_page(read: int) -> None:
        if read == 100:
            stripe.fail_next(503, path=INTENTS, times=4)

    report = compared(azpay, progress=break_the_second_page)

    run, _ = reconciliation.find(azpay.db, report.run.id)
    assert isinstance(report.trouble, Unavailable)
    assert not report.complete
    assert run.state is RunState.INCOMPLETE
    assert run.finished_at is not None


def test_a_throttled_run_is_incomplete(azpay: Azpay, stripe: Sandbox) -> None:
    charged(azpay)
    stripe.fail_next(429, path="/v1/refunds", times=4)

    report = compared(azpay)

    assert not report.complete
    assert report.drifts == []
    assert report.run.state is RunState.INCOMPLETE


def test_an_interrupted_run_does_not_look_as_if_it_were_still_going(azpay: Azpay) -> None:
    charged(azpay)

    def interrupt(_read: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compared(azpay, progress=interrupt)

    with azpay.db.reading() as session:
        state = session.connection().exec_driver_sql("SELECT state FROM reconciliation_runs").scalar_one()
    assert state == "incomplete"


def test_a_moment_of_throttling_does_not_spoil_a_run(azpay: Azpay, stripe: Sandbox) -> None:
    charged(azpay)
    stripe.fail_next(429, path=INTENTS, times=2)

    assert compared(azpay).complete


def test_a_run_and_its_drifts_can_be_found_again(azpay: Azpay) -> None:
    paid_elsewhere(azpay)
    report = compared(azpay)

    run, drifts = reconciliation.find(azpay.db, report.run.id)

    assert run.state is RunState.COMPLETE
    assert [drift.id for drift in drifts] == [drift.id for drift in report.drifts]


def test_a_run_that_never_was_is_not_found(azpay: Azpay) -> None:
    with pytest.raises(reconciliation.RunUnknown):
        reconciliation.find(azpay.db, "run_of_nobody")


def test_a_run_changes_no_payment(azpay: Azpay) -> None:
    payment = charged(azpay)
    tampered(azpay, "UPDATE payments SET status = 'processing'")

    compared(azpay)

    assert again(azpay, payment).status is PaymentStatus.PROCESSING
