"""Disputes, warnings, reviews and setups as events tell of them, and what a dispute means for refunds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlmodel import select

from azpay.gateway import objects
from azpay.inbox import EventState, InboxEvent
from azpay.payments import Payment, PaymentDisputed, charge, checks, disputes, refund
from azpay.payments.dispute_transitions import (
    DISPUTE_ORDER,
    WEIGHT,
    advance_dispute,
    advance_dispute_on_answer,
    read,
    weightiest,
)
from azpay.payments.models import PaymentMethod, SetupIntent
from azpay.payments.objections import Dispute, DisputeStatus, EarlyFraudWarning, Review
from azpay.payments.transitions import OnlyStripeKnows
from tests.sandbox.orders import order
from tests.sandbox.payments import post
from tests.support.builders import a_charge, a_refund
from tests.support.clock import NOON
from tests.support.events import an_event

if TYPE_CHECKING:
    from azpay.bootstrap import Azpay
    from azpay.sandbox import Sandbox
    from tests.support.clock import Clock
    from tests.support.webhooks import Webhooks

UNIX = int(NOON.timestamp())


def taken(azpay: Azpay, card: str = "pm_card_createDispute", amount: int = 2000) -> Payment:
    return charge(azpay.db, azpay.gateway, a_charge(amount, payment_method=card), now=azpay.now())


def payment_of(azpay: Azpay, payment: Payment) -> Payment:
    with azpay.db.reading() as session:
        return session.get_one(Payment, payment.id)


def rows(azpay: Azpay, table: Any) -> list[Any]:
    with azpay.db.reading() as session:
        return list(session.exec(select(table)).all())


def an_open_dispute(**changed: Any) -> dict[str, Any]:
    return {
        "id": "du_1",
        "object": "dispute",
        "amount": 500,
        "currency": "usd",
        "charge": "ch_1",
        "created": UNIX,
        "status": "needs_response",
        "reason": "fraudulent",
        "payment_intent": None,
        **changed,
    }


def test_a_dispute_takes_the_amount_and_a_fee(azpay: Azpay, clock: Clock, webhooks: Webhooks) -> None:
    payment = taken(azpay)
    clock.advance(seconds=10)

    webhooks.arrive()

    told = disputes.show(azpay.db, payment.id)
    assert payment_of(azpay, payment).dispute is DisputeStatus.NEEDS_RESPONSE
    assert (told.case.dispute.status, told.case.dispute.amount) == (DisputeStatus.NEEDS_RESPONSE, 2000)
    assert (told.case.taken, told.case.fee) == (3500, 1500)


def test_of_two_disputes_the_open_one_says_how_the_payment_stands(
    azpay: Azpay, stripe: Sandbox, clock: Clock, webhooks: Webhooks
) -> None:
    payment = taken(azpay, "pm_card_createMultipleDisputes")
    clock.advance(seconds=10)
    webhooks.arrive()
    first = rows(azpay, Dispute)[0].dispute
    post(stripe, f"/v1/disputes/{first}", {"evidence[uncategorized_text]": "winning_evidence"})
    clock.advance(minutes=6)

    webhooks.arrive()

    assert sorted(row.status for row in rows(azpay, Dispute)) == ["needs_response", "won"]
    assert payment_of(azpay, payment).dispute is DisputeStatus.NEEDS_RESPONSE


@pytest.mark.parametrize(("days", "status"), [(0, "needs_response"), (30, "lost")])
def test_a_disputed_payment_is_not_refunded(
    azpay: Azpay, clock: Clock, webhooks: Webhooks, days: int, status: str
) -> None:
    payment = taken(azpay)
    clock.advance(seconds=10)
    webhooks.arrive()
    clock.advance(days=days)
    webhooks.arrive()

    with pytest.raises(PaymentDisputed, match=status) as refused:
        refund(azpay.db, azpay.gateway, a_refund(payment.id), now=azpay.now())

    assert "azpay disputes show du_" in str(refused.value.hint)
    assert payment_of(azpay, payment).amount_refunded == 0
    assert all(check.problems == [] for check in checks.sums(azpay.db))


def test_a_refund_in_full_ends_an_inquiry(azpay: Azpay, clock: Clock, webhooks: Webhooks) -> None:
    payment = taken(azpay, "pm_card_createDisputeInquiry")
    clock.advance(seconds=10)
    webhooks.arrive()
    inquired = payment_of(azpay, payment).dispute

    refund(azpay.db, azpay.gateway, a_refund(payment.id), now=azpay.now())
    clock.advance(minutes=6)
    webhooks.arrive()

    after = payment_of(azpay, payment)
    assert inquired is DisputeStatus.WARNING_NEEDS_RESPONSE
    assert (after.dispute, after.amount_refunded) == (DisputeStatus.WARNING_CLOSED, 2000)


def test_a_dispute_that_was_won_may_be_refunded_after_all(
    azpay: Azpay, stripe: Sandbox, clock: Clock, webhooks: Webhooks
) -> None:
    payment = taken(azpay)
    clock.advance(seconds=10)
    webhooks.arrive()
    dispute = disputes.show(azpay.db, payment.id).case.dispute.dispute
    post(stripe, f"/v1/disputes/{dispute}", {"evidence[uncategorized_text]": "winning_evidence"})
    clock.advance(minutes=6)
    webhooks.arrive()

    given_back = refund(azpay.db, azpay.gateway, a_refund(payment.id), now=azpay.now())

    assert payment_of(azpay, payment).dispute is DisputeStatus.WON
    assert given_back.status == "succeeded"


def test_an_appeal_reopens_what_was_won_and_the_bank_has_the_last_word(
    azpay: Azpay, stripe: Sandbox, clock: Clock, webhooks: Webhooks
) -> None:
    payment = taken(azpay)
    clock.advance(seconds=10)
    webhooks.arrive()
    dispute = disputes.show(azpay.db, payment.id).case.dispute.dispute
    post(stripe, f"/v1/disputes/{dispute}", {"evidence[uncategorized_text]": "winning_evidence"})
    clock.advance(minutes=6)
    webhooks.arrive()
    order(stripe, "appeals", dispute=dispute)
    webhooks.arrive()
    appealed = payment_of(azpay, payment).dispute

    clock.advance(days=20)
    webhooks.arrive()

    assert appealed is not None
    assert appealed is not DisputeStatus.WON
    assert payment_of(azpay, payment).dispute is DisputeStatus.LOST


def test_a_dispute_of_a_payment_made_elsewhere_brings_that_payment(
    azpay: Azpay, stripe: Sandbox, clock: Clock, webhooks: Webhooks
) -> None:
    params: Any = {
        "amount": 700,
        "currency": "usd",
        "confirm": True,
        "payment_method": "pm_card_createDispute",
    }
    params["automatic_payment_methods"] = {"enabled": True, "allow_redirects": "never"}
    intent = azpay.gateway.create_payment_intent(params, key="elsewhere")
    clock.advance(seconds=10)

    webhooks.arrive(lost=lambda event: not event["type"].startswith("charge.dispute"))

    [payment] = rows(azpay, Payment)
    assert (payment.payment_intent, payment.origin, payment.dispute) == (
        intent.id,
        "elsewhere",
        "needs_response",
    )


def test_a_dispute_of_a_charge_without_a_payment_intent_is_kept_by_itself(
    azpay: Azpay, webhooks: Webhooks
) -> None:
    event = an_event(type="charge.dispute.created", data={"object": an_open_dispute()})

    webhooks.keep([event])
    webhooks.apply()

    [dispute] = rows(azpay, Dispute)
    assert (dispute.payment_id, dispute.charge, dispute.status) == (None, "ch_1", "needs_response")


def test_a_status_that_azpay_has_no_word_for_counts_as_open(azpay: Azpay, webhooks: Webhooks) -> None:
    event = an_event(type="charge.dispute.created", data={"object": an_open_dispute(status="arbitrated")})

    webhooks.keep([event])
    webhooks.apply()

    [dispute] = rows(azpay, Dispute)
    assert dispute.status is DisputeStatus.UNHEARD_OF


def test_the_same_events_again_change_nothing(azpay: Azpay, clock: Clock, webhooks: Webhooks) -> None:
    taken(azpay)
    clock.advance(seconds=10)
    events = webhooks.new()
    webhooks.keep(events)
    webhooks.apply()
    before = [row.model_dump() for row in rows(azpay, Dispute)]

    webhooks.keep(events)
    webhooks.apply()

    assert [row.model_dump() for row in rows(azpay, Dispute)] == before


def test_a_warning_is_no_longer_actionable_once_it_was_not(
    azpay: Azpay, clock: Clock, webhooks: Webhooks
) -> None:
    payment = taken(azpay, "pm_card_createIssuerFraudRecord")
    clock.advance(seconds=10)
    webhooks.arrive()
    [first] = rows(azpay, EarlyFraudWarning)
    refund(azpay.db, azpay.gateway, a_refund(payment.id), now=azpay.now())
    events = webhooks.new()
    late = an_event("evt_late", type="radar.early_fraud_warning.created")
    late["data"] = {
        "object": {"id": first.warning, "charge": first.charge, "created": UNIX, "fraud_type": "misc"}
    }
    late["data"]["object"] |= {"actionable": True, "payment_intent": payment.payment_intent}

    webhooks.keep([*events, late])
    webhooks.apply()

    [after] = rows(azpay, EarlyFraudWarning)
    assert (first.actionable, after.actionable, after.payment_id) == (True, False, payment.id)


@pytest.mark.parametrize("newest_first", [False, True])
def test_a_review_that_was_closed_stays_closed(azpay: Azpay, webhooks: Webhooks, newest_first: bool) -> None:
    payment = taken(azpay, "pm_card_riskLevelElevated")
    refund(azpay.db, azpay.gateway, a_refund(payment.id), now=azpay.now())
    told = [event for event in webhooks.new() if event["type"].startswith("review.")]

    webhooks.keep(reversed(told) if newest_first else told)
    webhooks.apply()

    [review] = rows(azpay, Review)
    assert len(told) == 2
    assert (review.open, review.reason, review.closed_reason) == (False, "rule", "refunded")


def test_a_setup_made_elsewhere_brings_its_method(azpay: Azpay, stripe: Sandbox, webhooks: Webhooks) -> None:
    customer = azpay.gateway.create_customer({"email": "ada@example.com"}, key="customer").id
    params = {"customer": customer, "payment_method": "pm_card_visa", "confirm": True}
    params |= {"automatic_payment_methods": {"enabled": True, "allow_redirects": "never"}}
    made = azpay.gateway.create_setup_intent(params, key="setup")

    webhooks.arrive(lost=lambda event: event["type"] != "setup_intent.succeeded")

    [setup] = rows(azpay, SetupIntent)
    [method] = rows(azpay, PaymentMethod)
    assert (setup.setup_intent, setup.status, setup.origin) == (made.id, "succeeded", "elsewhere")
    assert (method.payment_method, method.customer, method.last4) == (made.method_id, customer, "4242")


def test_no_event_of_a_dispute_is_left_behind(azpay: Azpay, clock: Clock, webhooks: Webhooks) -> None:
    taken(azpay)
    clock.advance(days=30)

    webhooks.arrive()

    assert {event.state for event in rows(azpay, InboxEvent)} == {EventState.DONE}


@pytest.mark.parametrize("known", DISPUTE_ORDER)
@pytest.mark.parametrize("told", DISPUTE_ORDER)
def test_a_dispute_only_moves_forward(known: DisputeStatus, told: DisputeStatus) -> None:
    if known is not told and DISPUTE_ORDER[known] == DISPUTE_ORDER[told]:
        with pytest.raises(OnlyStripeKnows):
            advance_dispute(known, told)
    else:
        after = advance_dispute(known, told)
        assert after in {known, told}
        assert DISPUTE_ORDER[after] == max(DISPUTE_ORDER[known], DISPUTE_ORDER[told])
    answered = advance_dispute_on_answer(known, told)
    assert DISPUTE_ORDER[answered] == max(DISPUTE_ORDER[known], DISPUTE_ORDER[told])


def test_what_azpay_has_no_word_for_is_asked_for() -> None:
    unheard_of = read("arbitrated")

    with pytest.raises(OnlyStripeKnows):
        advance_dispute(DisputeStatus.NEEDS_RESPONSE, unheard_of)

    assert unheard_of is DisputeStatus.UNHEARD_OF
    assert advance_dispute_on_answer(unheard_of, DisputeStatus.NEEDS_RESPONSE) is DisputeStatus.NEEDS_RESPONSE
    assert advance_dispute_on_answer(DisputeStatus.LOST, unheard_of) is unheard_of


def test_every_status_has_its_weight() -> None:
    assert set(WEIGHT) == set(DisputeStatus)
    assert weightiest([DisputeStatus.WON, DisputeStatus.LOST]) is DisputeStatus.LOST
    assert weightiest([]) is None


def test_stripe_s_dispute_is_read_with_the_little_it_may_have() -> None:
    told = objects.Dispute(id="du_1", amount=1, currency="usd", created=1, status="won", charge="ch_1")

    assert (told.evidence_details.due_by, told.balance_transactions) == (None, [])
