from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import stripe

from azpay.sandbox import Sandbox
from tests.sandbox.conftest import NOON
from tests.sandbox.orders import order, refusal
from tests.sandbox.payments import get, pay, post, sums, types

if TYPE_CHECKING:
    from stripe._v1_services import V1Services

DAY = 24 * 60 * 60


def disputed(
    client: V1Services, sandbox: Sandbox, card: str = "createDispute", **params: Any
) -> stripe.Dispute:
    """The dispute that a test card stands for: of 20.00 USD, less 0.88 fees."""
    paid = pay(client, f"pm_card_{card}")
    sandbox.advance(5)
    return client.disputes.list({"payment_intent": paid.id}).data[0]


def answer(client: V1Services, dispute: stripe.Dispute, words: str) -> stripe.Dispute:
    return client.disputes.update(dispute.id, {"evidence": {"uncategorized_text": words}})


def test_a_dispute_takes_the_money_and_a_fee(client: V1Services, sandbox: Sandbox) -> None:
    dispute = disputed(client, sandbox)

    [taken] = dispute.balance_transactions
    assert (dispute.status, dispute.reason, dispute.amount) == ("needs_response", "fraudulent", 2000)
    assert (taken.type, taken.reporting_category, taken.source) == ("adjustment", "dispute", dispute.id)
    assert (taken.amount, taken.fee, taken.net) == (-2000, 1500, -3500)
    assert taken.fee_details[0].description == "Dispute fee"
    assert sandbox.charges[0]["disputed"] is True
    assert types(sandbox)[-2:] == ["charge.dispute.created", "charge.dispute.funds_withdrawn"]
    assert sums(sandbox) == ({"usd": 1912 - 3500}, {"usd": 1912 - 3500})


@pytest.mark.parametrize(
    ("card", "statuses", "reason"),
    [
        ("createDisputeProductNotReceived", ["needs_response"], "product_not_received"),
        ("createDisputeInquiry", ["warning_needs_response"], "general"),
        ("createMultipleDisputes", ["needs_response", "needs_response"], "fraudulent"),
        ("createCe3EligibleDispute", ["needs_response"], "fraudulent"),
        ("createComplianceDispute", ["needs_response"], "noncompliant"),
        ("createMastercardComplianceDispute", ["needs_response"], "noncompliant"),
        ("createRapidDisputeResolutionDispute", ["needs_response"], "fraudulent"),
    ],
)
def test_cards_bring_the_disputes_that_they_stand_for(
    client: V1Services, sandbox: Sandbox, card: str, statuses: list[str], reason: str
) -> None:
    paid = pay(client, f"pm_card_{card}")
    sandbox.advance(5)

    found = client.disputes.list({"charge": str(paid.latest_charge)}).data

    assert [dispute.status for dispute in found] == statuses
    assert {dispute.reason for dispute in found} == {reason}
    assert sum(dispute.amount for dispute in found) == 2000


def test_winning_brings_the_money_back_and_keeps_the_fee(client: V1Services, sandbox: Sandbox) -> None:
    dispute = disputed(client, sandbox)
    waiting = answer(client, dispute, "winning_evidence")
    assert (waiting.status, waiting.evidence_details.submission_count) == ("under_review", 1)

    sandbox.advance(5)

    won = client.disputes.retrieve(dispute.id)
    assert (won.status, won.is_charge_refundable) == ("won", True)
    assert [(row.amount, row.fee) for row in won.balance_transactions] == [(-2000, 1500), (2000, 0)]
    assert won.balance_transactions[1].reporting_category == "dispute_reversal"
    assert types(sandbox)[-2:] == ["charge.dispute.funds_reinstated", "charge.dispute.closed"]
    assert sums(sandbox) == ({"usd": 1912 - 1500}, {"usd": 1912 - 1500})


def test_where_fees_come_back_they_come_back_with_the_money(client: V1Services, sandbox: Sandbox) -> None:
    order(sandbox, "policy", dispute_fee_returned=True, counter_fee=1000)
    dispute = disputed(client, sandbox)
    answer(client, dispute, "winning_evidence")
    assert sums(sandbox)[0] == {"usd": 1912 - 3500 - 1000}

    sandbox.advance(5)

    assert sums(sandbox) == ({"usd": 1912}, {"usd": 1912})


def test_losing_words_lose(client: V1Services, sandbox: Sandbox) -> None:
    dispute = disputed(client, sandbox)
    answer(client, dispute, "losing_evidence")

    sandbox.advance(5)

    assert client.disputes.retrieve(dispute.id).status == "lost"
    assert types(sandbox)[-1] == "charge.dispute.closed"


def test_no_answer_in_time_is_a_loss(client: V1Services, sandbox: Sandbox) -> None:
    dispute = disputed(client, sandbox)
    due = dispute.evidence_details.due_by
    assert due is not None
    sandbox.advance(due - int(sandbox.time.timestamp()))
    assert client.disputes.retrieve(dispute.id).status == "needs_response"

    sandbox.advance(1)

    assert client.disputes.retrieve(dispute.id).status == "lost"


def test_stripe_answers_for_those_who_asked_it_to(client: V1Services, sandbox: Sandbox) -> None:
    dispute = disputed(client, sandbox, "createAutoRepresentmentEligibleDispute")
    assert dispute.intended_submission_method == "smart_disputes"

    sandbox.advance(9 * DAY)

    assert client.disputes.retrieve(dispute.id).status == "under_review"


def test_evidence_is_collected_before_it_is_submitted(client: V1Services, sandbox: Sandbox) -> None:
    dispute = disputed(client, sandbox)

    staged = client.disputes.update(
        dispute.id, {"evidence": {"product_description": "hats"}, "submit": False}
    )
    assert (staged.status, staged.evidence_details.has_evidence) == ("needs_response", True)
    assert types(sandbox)[-1] == "charge.dispute.updated"

    sent = client.disputes.update(dispute.id, {"submit": True})
    assert (sent.status, sent.evidence.product_description) == ("under_review", "hats")
    with pytest.raises(stripe.InvalidRequestError, match="has been submitted"):
        answer(client, dispute, "more")


def test_metadata_submits_nothing(client: V1Services, sandbox: Sandbox) -> None:
    dispute = disputed(client, sandbox)

    changed = client.disputes.update(dispute.id, {"metadata": {"case": "7"}})

    assert (changed.status, changed.metadata.to_dict()) == ("needs_response", {"case": "7"})


def test_a_loss_can_be_accepted_once(client: V1Services, sandbox: Sandbox) -> None:
    dispute = disputed(client, sandbox)

    assert client.disputes.close(dispute.id).status == "lost"

    for late in (client.disputes.close, lambda known: answer(client, dispute, known)):
        with pytest.raises(stripe.InvalidRequestError, match="already closed"):
            late(dispute.id)


def test_what_is_charged_back_cannot_be_refunded_until_it_is_won(
    client: V1Services, sandbox: Sandbox
) -> None:
    dispute = disputed(client, sandbox)
    with pytest.raises(stripe.InvalidRequestError, match="has been charged back") as refused:
        client.refunds.create({"charge": str(dispute.charge)})
    assert refused.value.code == "charge_disputed"

    answer(client, dispute, "winning_evidence")
    sandbox.advance(5)

    assert client.refunds.create({"charge": str(dispute.charge)}).status == "succeeded"


def test_an_inquiry_moves_nothing_and_ends_by_itself(client: V1Services, sandbox: Sandbox) -> None:
    inquiry = disputed(client, sandbox, "createDisputeInquiry")
    assert (inquiry.balance_transactions, inquiry.is_charge_refundable) == ([], True)

    sandbox.advance(121 * DAY)

    assert client.disputes.retrieve(inquiry.id).status == "warning_closed"
    assert sums(sandbox) == ({"usd": 1912}, {"usd": 1912})


def test_a_full_refund_ends_an_inquiry(client: V1Services, sandbox: Sandbox) -> None:
    inquiry = disputed(client, sandbox, "createDisputeInquiry")
    client.refunds.create({"charge": str(inquiry.charge), "amount": 1999})
    assert client.disputes.retrieve(inquiry.id).status == "warning_needs_response"

    client.refunds.create({"charge": str(inquiry.charge)})

    assert client.disputes.retrieve(inquiry.id).status == "warning_closed"
    assert types(sandbox)[-1] == "charge.dispute.closed"


def test_an_inquiry_may_become_a_chargeback(client: V1Services, sandbox: Sandbox) -> None:
    inquiry = disputed(client, sandbox, "createDisputeInquiry")
    assert answer(client, inquiry, "escalate_inquiry_evidence").status == "warning_under_review"

    sandbox.advance(5)

    escalated = client.disputes.retrieve(inquiry.id)
    assert (escalated.status, escalated.is_charge_refundable) == ("needs_response", False)
    assert escalated.balance_transactions[0].net == -3500
    assert types(sandbox)[-2:] == ["charge.dispute.updated", "charge.dispute.funds_withdrawn"]


def test_late_evidence_is_said_to_be_late(client: V1Services, sandbox: Sandbox) -> None:
    inquiry = disputed(client, sandbox, "createDisputeInquiry")
    sandbox.advance(30 * DAY)

    late = answer(client, inquiry, "sorry")

    assert late.evidence_details.past_due is True


def test_prevented_disputes_never_begin(client: V1Services, sandbox: Sandbox) -> None:
    order(sandbox, "policy", disputes_prevented=True)

    settled = disputed(client, sandbox, "createRapidDisputeResolutionDispute")
    blocked = disputed(client, sandbox, "createCe3BlockDispute")

    assert (settled.status, blocked.status) == ("prevented", "prevented")
    assert [row.net for row in settled.balance_transactions] == [-2000]
    assert blocked.balance_transactions == []


def test_an_appeal_reopens_what_was_won(client: V1Services, sandbox: Sandbox) -> None:
    dispute = disputed(client, sandbox)
    answer(client, dispute, "winning_evidence")
    sandbox.advance(5)

    order(sandbox, "appeals", dispute=dispute.id)

    assert client.disputes.retrieve(dispute.id).status == "appeal_needs_response"
    older = json.loads(get(sandbox, f"/v1/disputes/{dispute.id}", stripe_version="2026-05-27.dahlia").body)
    assert older["status"] == "needs_response"
    assert answer(client, dispute, "losing_evidence").status == "appeal_under_review"
    sandbox.advance(5)
    assert client.disputes.retrieve(dispute.id).status == "lost"
    assert sums(sandbox) == ({"usd": 1912 - 3500}, {"usd": 1912 - 3500})


def test_a_compliance_dispute_wants_its_fee_acknowledged(client: V1Services, sandbox: Sandbox) -> None:
    dispute = disputed(client, sandbox, "createComplianceDispute")
    with pytest.raises(stripe.InvalidRequestError, match="Acknowledge"):
        answer(client, dispute, "winning_evidence")

    sent = client.disputes.update(
        dispute.id,
        {"evidence": {"enhanced_evidence": {"visa_compliance": {"fee_acknowledged": True}}}},
    )

    assert sent.status == "under_review"
    assert sent.evidence_details.enhanced_eligibility.visa_compliance is not None
    assert sent.evidence_details.enhanced_eligibility.visa_compliance.status == "fee_acknowledged"


def test_compelling_evidence_qualifies_once_it_is_complete(client: V1Services, sandbox: Sandbox) -> None:
    dispute = disputed(client, sandbox, "createCe3EligibleDispute")
    earlier = [str(pay(client).latest_charge) for _ in range(2)]
    compelling: Any = {
        "disputed_transaction": {
            "customer_purchase_ip": "192.0.2.1",
            "merchandise_or_services": "merchandise",
            "product_description": "hats",
        },
        "prior_undisputed_transactions": [{"charge": charge} for charge in earlier],
    }

    known = client.disputes.update(
        dispute.id,
        {"submit": False, "evidence": {"enhanced_evidence": {"visa_compelling_evidence_3": compelling}}},
    )

    eligible = known.evidence_details.enhanced_eligibility.visa_compelling_evidence_3
    assert eligible is not None
    assert (eligible.status, eligible.required_actions) == ("qualified", [])


def test_documents_have_to_be_uploaded_before(client: V1Services, sandbox: Sandbox) -> None:
    dispute = disputed(client, sandbox)

    with pytest.raises(stripe.InvalidRequestError, match="No such file upload") as refused:
        client.disputes.update(dispute.id, {"evidence": {"receipt": "file_no"}})

    assert refused.value.param == "evidence[receipt]"


def test_too_much_evidence_is_refused(sandbox: Sandbox, client: V1Services) -> None:
    dispute = disputed(client, sandbox)
    texts = ("access_activity_log", "cancellation_rebuttal", "product_description", "uncategorized_text")
    most = {f"evidence[{name}]": "x" * 20_000 for name in texts}

    one = post(sandbox, f"/v1/disputes/{dispute.id}", {"evidence[product_description]": "x" * 20_001})
    all_of_it = post(sandbox, f"/v1/disputes/{dispute.id}", most)

    assert (one.status, all_of_it.status) == (400, 200)


@pytest.mark.parametrize("name", ["fraudulent", "duplicate", "inquiry", "visa_ce3", "debit_not_authorized"])
def test_any_charge_can_be_disputed_on_order(client: V1Services, sandbox: Sandbox, name: str) -> None:
    paid = pay(client)

    raised = order(sandbox, "disputes", charge=paid.id, kind=name, amount=700)

    assert client.disputes.retrieve(raised["id"]).amount == 700
    assert sums(sandbox)[0] == sums(sandbox)[1]


def test_what_cannot_be_answered_is_lost_at_once(client: V1Services, sandbox: Sandbox) -> None:
    raised = order(sandbox, "disputes", charge=pay(client).id, kind="debit_not_authorized")

    assert (raised["status"], raised["evidence_details"]["due_by"]) == ("lost", 0)


def test_what_is_disputed_is_not_disputed_again(client: V1Services, sandbox: Sandbox) -> None:
    paid = pay(client)
    order(sandbox, "disputes", charge=paid.id, amount=1500)

    rest = order(sandbox, "disputes", charge=paid.id)

    assert rest["amount"] == 500
    assert "0 can be disputed" in refusal(sandbox, "disputes", charge=paid.id)


def test_a_bank_debit_can_be_asked_about_too(client: V1Services, sandbox: Sandbox) -> None:
    paid = pay(client, "pm_usBankAccount_success", mandate_data={"customer_acceptance": {"type": "offline"}})
    sandbox.advance(60)
    asked = order(sandbox, "disputes", charge=paid.id, kind="inquiry")
    answer(client, client.disputes.retrieve(asked["id"]), "escalate_inquiry_evidence")

    sandbox.advance(5)

    assert client.disputes.retrieve(asked["id"]).status == "needs_response"


def test_an_appeal_without_an_answer_is_lost(client: V1Services, sandbox: Sandbox) -> None:
    dispute = disputed(client, sandbox)
    answer(client, dispute, "winning_evidence")
    sandbox.advance(6 * DAY)
    order(sandbox, "appeals", dispute=dispute.id)

    sandbox.advance(3 * DAY)
    assert client.disputes.retrieve(dispute.id).status == "appeal_needs_response"
    sandbox.advance(6 * DAY)

    assert client.disputes.retrieve(dispute.id).status == "lost"


def test_orders_that_cannot_be_are_explained(client: V1Services, sandbox: Sandbox) -> None:
    held, paid = pay(client, capture_method="manual"), pay(client)

    assert "was not paid" in refusal(sandbox, "disputes", charge=held.id)
    assert "No such charge" in refusal(sandbox, "disputes", charge="ch_no")
    assert "There is no 'boredom'" in refusal(sandbox, "disputes", charge=paid.id, kind="boredom")
    assert "There is no 'boredom'" in refusal(sandbox, "disputes", charge=paid.id, reason="boredom")
    assert "2000 can be disputed" in refusal(sandbox, "disputes", charge=paid.id, amount=2001)
    assert "No such dispute" in refusal(sandbox, "appeals", dispute="du_no")


def test_a_dispute_fails_the_refund_that_was_on_its_way(client: V1Services, sandbox: Sandbox) -> None:
    paid = pay(client, "pm_card_pendingRefund")
    refund = client.refunds.create({"payment_intent": paid.id, "amount": 500})

    order(sandbox, "disputes", charge=paid.id)

    failed = client.refunds.retrieve(refund.id)
    assert (failed.status, failed.failure_reason) == ("failed", "charge_for_pending_refund_disputed")
    assert sums(sandbox)[0] == sums(sandbox)[1]


def test_a_dispute_survives_a_restart(client: V1Services, sandbox: Sandbox) -> None:
    dispute = disputed(client, sandbox)
    answer(client, dispute, "winning_evidence")

    copy = Sandbox.restore(sandbox.snapshot(), now=lambda: NOON)
    copy.advance(5)

    assert json.loads(get(copy, f"/v1/disputes/{dispute.id}").body)["status"] == "won"
