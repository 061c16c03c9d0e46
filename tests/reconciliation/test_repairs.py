"""A repair records what Stripe says, once, and moves no money."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from azpay import operations
from azpay.gateway import AnswerLost
from azpay.payments import Payment, PaymentStatus, checks
from tests.reconciliation.scenes import (
    again,
    charged,
    compared,
    paid_elsewhere,
    refunded,
    refunded_elsewhere,
    repaired,
    tampered,
    told,
)

if TYPE_CHECKING:
    from azpay.bootstrap import Azpay
    from azpay.reconciliation import Report
    from azpay.sandbox import Sandbox

INTENTS = "/v1/payment_intents"


def clean(azpay: Azpay, report: Report) -> bool:
    """Whether the plan of this report brings both books together, and the sums within ours."""
    outcomes = repaired(azpay, report)
    after = compared(azpay)
    sums = [problem for check in checks.sums(azpay.db) for problem in check.problems]
    return set(outcomes) == {"done"} and told(after) == [] and after.complete and sums == []


def test_payments_and_refunds_made_elsewhere_are_taken_in(azpay: Azpay, stripe: Sandbox) -> None:
    payment = charged(azpay, 1000)
    paid_elsewhere(azpay, 1234)
    refunded_elsewhere(azpay, payment, 400)
    before = (len(stripe.charges), len(stripe.refunds))

    assert clean(azpay, compared(azpay))
    assert again(azpay, payment).amount_refunded == 400
    assert (len(stripe.charges), len(stripe.refunds)) == before


def test_a_refund_whose_payment_is_missing_too_brings_it_along(azpay: Azpay) -> None:
    payment = charged(azpay, 1000)
    refunded(azpay, payment, 400)
    tampered(azpay, "DELETE FROM refunds")
    tampered(azpay, "DELETE FROM payments")
    report = compared(azpay)
    report.drifts.reverse()

    outcomes = repaired(azpay, report)

    assert outcomes == ["done", "already_right"]
    assert told(compared(azpay)) == []


def test_a_lost_row_comes_back_under_its_old_id(azpay: Azpay) -> None:
    payment = charged(azpay, reference="order-17")
    tampered(azpay, "DELETE FROM payments")

    assert clean(azpay, compared(azpay))
    assert again(azpay, payment).reference == "order-17"


@pytest.mark.parametrize(
    "tampering",
    [
        "amount = 1300, amount_captured = 1100",
        "amount = 800, amount_captured = 700",
        "currency = 'eur'",
        "status = 'processing'",
        "status = 'canceled', amount_captured = 500",
        "amount_refunded = 450",
        "amount_captured = 400, amount_refunded = 0",
    ],
)
def test_a_tampered_payment_says_again_what_stripe_says(azpay: Azpay, tampering: str) -> None:
    payment = charged(azpay, 1000)
    refunded(azpay, payment, 300)
    before = again(azpay, payment)
    tampered(azpay, f"UPDATE payments SET {tampering}")  # noqa: S608

    assert clean(azpay, compared(azpay))
    after = again(azpay, payment)
    kept = {"status", "currency", "amount", "amount_captured", "amount_refunded", "payment_intent"}
    assert after.model_dump(include=kept) == before.model_dump(include=kept)


def test_an_end_that_stripe_never_reached_is_taken_back(azpay: Azpay) -> None:
    held = charged(azpay, 900, authorize_only=True)
    tampered(azpay, "UPDATE payments SET status = 'succeeded', amount_captured = 900")

    assert clean(azpay, compared(azpay))
    assert again(azpay, held).status is PaymentStatus.AUTHORIZED


@pytest.mark.parametrize("tampering", ["amount = 200", "status = 'failed'", "currency = 'eur'"])
def test_a_tampered_refund_says_again_what_stripe_says(azpay: Azpay, tampering: str) -> None:
    payment = charged(azpay, 1000)
    refunded(azpay, payment, 300)
    tampered(azpay, f"UPDATE refunds SET {tampering}")  # noqa: S608

    assert clean(azpay, compared(azpay))
    assert again(azpay, payment).amount_refunded == 300


def test_a_lost_answer_is_bound_to_its_payment_and_nothing_is_doubled(azpay: Azpay, stripe: Sandbox) -> None:
    stripe.drop_next_answer(path=INTENTS, times=4)
    with pytest.raises(AnswerLost):
        charged(azpay, 700)

    assert clean(azpay, compared(azpay))
    with azpay.db.reading() as session:
        [(payment, intent)] = session.connection().exec_driver_sql("SELECT id, payment_intent FROM payments")
        [operation] = operations.of(session, payment)
    assert [each["id"] for each in stripe.payment_intents] == [intent]
    assert operation.state is operations.State.SUCCEEDED


def test_a_lost_decline_is_settled_as_one(azpay: Azpay, stripe: Sandbox) -> None:
    stripe.drop_next_answer(path=INTENTS, times=4)
    with pytest.raises(AnswerLost):
        charged(azpay, 700, payment_method="pm_card_visa_chargeDeclined")

    assert clean(azpay, compared(azpay))
    with azpay.db.reading() as session:
        [(state, code)] = session.connection().exec_driver_sql("SELECT state, error_code FROM operations")
    assert (state, code) == ("failed", "card_declined")


def test_a_lost_answer_to_a_refund_is_bound_to_its_refund(azpay: Azpay, stripe: Sandbox) -> None:
    payment = charged(azpay, 1000)
    stripe.drop_next_answer(path="/v1/refunds", times=4)
    with pytest.raises(AnswerLost):
        refunded(azpay, payment, 400)

    report = compared(azpay)

    assert [(drift.kind, drift.object_type, drift.amount) for drift in report.drifts] == [
        ("unresolved", "refund", 400)
    ]
    assert clean(azpay, report)
    assert again(azpay, payment).amount_refunded == 400
    assert len(stripe.refunds) == 1


def test_what_never_reached_stripe_is_left_to_the_operation(azpay: Azpay, stripe: Sandbox) -> None:
    stripe.drop_next_request(path=INTENTS, times=4)
    with pytest.raises(AnswerLost):
        charged(azpay)

    assert repaired(azpay, compared(azpay)) == []


def test_repairs_made_twice_change_nothing_more(azpay: Azpay) -> None:
    paid_elsewhere(azpay)
    report = compared(azpay)
    repaired(azpay, report)

    assert repaired(azpay, report) == ["already_right"]
    with azpay.db.reading() as session:
        count = session.connection().exec_driver_sql("SELECT count(*) FROM payments").scalar_one()
    assert count == 1


def test_a_repair_that_stripe_does_not_answer_fails_alone(azpay: Azpay, stripe: Sandbox) -> None:
    first = paid_elsewhere(azpay, key="first")
    paid_elsewhere(azpay, key="second")
    report = compared(azpay)
    stripe.fail_next(503, path=f"{INTENTS}/{first.id}", times=4)

    outcomes = repaired(azpay, report)

    assert max(outcomes) == "done"
    assert "Stripe answered 503" in min(outcomes)
    assert [drift.theirs for drift in compared(azpay).drifts] == [first.id]


def test_a_payment_with_a_call_under_way_is_not_repaired_over_it(azpay: Azpay) -> None:
    charged(azpay)
    tampered(azpay, "UPDATE payments SET status = 'processing'")
    report = compared(azpay)
    tampered(azpay, "UPDATE operations SET state = 'sent'")

    [why] = repaired(azpay, report)

    assert "changing at this moment" in why


def test_a_repair_that_the_book_contradicts_says_so(azpay: Azpay) -> None:
    payment = charged(azpay, 1000)
    refunded(azpay, payment, 300)
    tampered(azpay, "UPDATE payments SET status = 'processing'")
    report = compared(azpay)
    with azpay.db.writing() as session:
        session.connection().exec_driver_sql("UPDATE refunds SET amount = 5000")

    [why] = repaired(azpay, report)

    assert "another record" in why
    with azpay.db.reading() as session:
        assert session.get_one(Payment, payment.id).status is PaymentStatus.PROCESSING
