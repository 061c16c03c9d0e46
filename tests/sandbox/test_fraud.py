"""Early fraud warnings and reviews."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import stripe

from tests.sandbox.orders import order, refusal
from tests.sandbox.payments import pay, types

if TYPE_CHECKING:
    from stripe._v1_services import V1Services

    from azpay.sandbox import Sandbox


def warned(client: V1Services, sandbox: Sandbox) -> stripe.radar.EarlyFraudWarning:
    paid = pay(client, "pm_card_createIssuerFraudRecord")
    sandbox.advance(5)
    return client.radar.early_fraud_warnings.list({"payment_intent": paid.id}).data[0]


def reviewed(client: V1Services, **params: str) -> stripe.Review:
    pay(client, "pm_card_riskLevelElevated", **params)
    return client.reviews.list().data[0]


def test_an_issuer_may_warn_of_fraud(client: V1Services, sandbox: Sandbox) -> None:
    warning = warned(client, sandbox)

    assert (warning.actionable, warning.fraud_type) == (True, "misc")
    assert types(sandbox)[-1] == "radar.early_fraud_warning.created"
    assert client.radar.early_fraud_warnings.list({"charge": str(warning.charge)}).data[0].id == warning.id
    assert client.radar.early_fraud_warnings.list({"charge": "ch_other"}).data == []


def test_a_refund_in_full_answers_a_warning(client: V1Services, sandbox: Sandbox) -> None:
    warning = warned(client, sandbox)
    client.refunds.create({"charge": str(warning.charge), "amount": 1})
    assert client.radar.early_fraud_warnings.retrieve(warning.id).actionable is True

    client.refunds.create({"charge": str(warning.charge)})

    assert client.radar.early_fraud_warnings.retrieve(warning.id).actionable is False
    assert types(sandbox)[-1] == "radar.early_fraud_warning.updated"


def test_a_dispute_overtakes_a_warning(client: V1Services, sandbox: Sandbox) -> None:
    warning = warned(client, sandbox)

    order(sandbox, "disputes", charge=warning.charge)

    assert client.radar.early_fraud_warnings.retrieve(warning.id).actionable is False


def test_warnings_come_on_order(client: V1Services, sandbox: Sandbox) -> None:
    paid = pay(client)

    made = order(sandbox, "early_fraud_warnings", charge=paid.id, fraud_type="made_with_stolen_card")

    assert client.radar.early_fraud_warnings.retrieve(made["id"]).charge == paid.latest_charge
    assert "There is no 'x'" in refusal(sandbox, "early_fraud_warnings", charge=paid.id, fraud_type="x")


def test_a_risky_payment_is_looked_at(client: V1Services, sandbox: Sandbox) -> None:
    review = reviewed(client)

    assert (review.open, review.reason, review.closed_reason) == (True, "rule", None)
    charge = client.charges.retrieve(str(review.charge), {"expand": ["review"]})
    assert isinstance(charge.review, stripe.Review)
    assert charge.review.id == review.id
    assert "review.opened" in types(sandbox)


def test_a_review_is_approved_once(client: V1Services, sandbox: Sandbox) -> None:
    review = reviewed(client)

    approved = client.reviews.approve(review.id)

    assert (approved.open, approved.closed_reason, approved.reason) == (False, "approved", "approved")
    assert types(sandbox)[-1] == "review.closed"
    assert client.reviews.list().data == []
    with pytest.raises(stripe.InvalidRequestError, match="already closed"):
        client.reviews.approve(review.id)


@pytest.mark.parametrize(
    ("reason", "closed"), [("fraudulent", "refunded_as_fraud"), ("duplicate", "refunded")]
)
def test_a_refund_closes_a_review(client: V1Services, reason: str, closed: str) -> None:
    review = reviewed(client)

    client.refunds.create({"charge": str(review.charge), "reason": reason})

    assert client.reviews.retrieve(review.id).closed_reason == closed


def test_a_dispute_closes_a_review(client: V1Services, sandbox: Sandbox) -> None:
    review = reviewed(client)

    order(sandbox, "disputes", charge=review.charge)

    assert client.reviews.retrieve(review.id).closed_reason == "disputed"


def test_letting_a_hold_go_closes_its_review(client: V1Services) -> None:
    review = reviewed(client, capture_method="manual")

    client.payment_intents.cancel(str(review.payment_intent))

    assert client.reviews.retrieve(review.id).closed_reason == "canceled"


def test_colleagues_may_ask_for_a_review(client: V1Services, sandbox: Sandbox) -> None:
    made = order(sandbox, "reviews", charge=pay(client).id)

    assert (made["open"], made["opened_reason"]) == (True, "manual")
