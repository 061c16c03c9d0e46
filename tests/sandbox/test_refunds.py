from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import stripe

from tests.sandbox.payments import pay, sums, types

if TYPE_CHECKING:
    from stripe._v1_services import V1Services

    from azpay.sandbox import Sandbox


def test_a_refund_takes_the_whole_amount_and_keeps_the_fee(client: V1Services, sandbox: Sandbox) -> None:
    paid = pay(client)
    sandbox.advance(2)

    refund = client.refunds.create({"payment_intent": paid.id, "expand": ["balance_transaction"]})

    assert refund.status == "succeeded"
    assert isinstance(refund.balance_transaction, stripe.BalanceTransaction)
    transaction = refund.balance_transaction
    assert (transaction.type, transaction.amount, transaction.fee, transaction.net) == (
        "refund",
        -2000,
        0,
        -2000,
    )
    assert sandbox.charges[0]["refunded"] is True
    assert sums(sandbox) == ({"usd": -88}, {"usd": -88})


def test_refunds_in_parts_add_up_to_the_charge(client: V1Services, sandbox: Sandbox) -> None:
    paid = pay(client)

    client.refunds.create({"payment_intent": paid.id, "amount": 500})
    assert (sandbox.charges[0]["amount_refunded"], sandbox.charges[0]["refunded"]) == (500, False)

    client.refunds.create({"payment_intent": paid.id})
    assert (sandbox.charges[0]["amount_refunded"], sandbox.charges[0]["refunded"]) == (2000, True)


def test_more_than_is_left_cannot_be_refunded(client: V1Services) -> None:
    paid = pay(client)
    client.refunds.create({"payment_intent": paid.id, "amount": 1500})

    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.refunds.create({"payment_intent": paid.id, "amount": 501})

    assert (refused.value.code, refused.value.param) == (None, "amount")
    assert "Refund amount ($5.01) is greater than unrefunded amount on charge ($5.00)" in str(refused.value)


def test_a_charge_is_refunded_once(client: V1Services) -> None:
    paid = pay(client)
    client.refunds.create({"payment_intent": paid.id})

    with pytest.raises(stripe.InvalidRequestError, match="has already been refunded") as refused:
        client.refunds.create({"payment_intent": paid.id})

    assert refused.value.code == "charge_already_refunded"


def test_only_what_was_captured_can_be_refunded(client: V1Services) -> None:
    held = pay(client, capture_method="manual")
    with pytest.raises(stripe.InvalidRequestError, match="has not been captured"):
        client.refunds.create({"payment_intent": held.id})

    client.payment_intents.capture(held.id, {"amount_to_capture": 700})
    refund = client.refunds.create({"payment_intent": held.id})

    assert refund.amount == 700


def test_what_was_never_paid_cannot_be_refunded(client: V1Services, sandbox: Sandbox) -> None:
    with pytest.raises(stripe.CardError):
        pay(client, "pm_card_chargeDeclined")
    declined = sandbox.payment_intents[0]["id"]

    with pytest.raises(stripe.InvalidRequestError, match="does not have a successful charge to refund"):
        client.refunds.create({"payment_intent": declined})


def test_a_refund_gets_its_reference_a_moment_later(client: V1Services, sandbox: Sandbox) -> None:
    paid = pay(client)
    refund = client.refunds.create({"payment_intent": paid.id})
    before = len(sandbox.events)

    sandbox.advance(1)

    assert types(sandbox)[before:] == ["refund.updated", "charge.refund.updated"]
    assert sandbox.refunds[0]["destination_details"]["card"]["reference_status"] == "available"
    assert refund.status == "succeeded"


def test_a_pending_refund_succeeds_later(client: V1Services, sandbox: Sandbox) -> None:
    paid = pay(client, "pm_card_pendingRefund")
    refund = client.refunds.create({"payment_intent": paid.id})
    assert (refund.status, refund.pending_reason) == ("pending", "processing")

    sandbox.advance(5)

    assert client.refunds.retrieve(refund.id).status == "succeeded"
    assert sandbox.events[-1]["data"]["previous_attributes"] == {
        "pending_reason": "processing",
        "status": "pending",
    }


def test_a_refund_that_fails_gives_the_money_back(client: V1Services, sandbox: Sandbox) -> None:
    paid = pay(client, "pm_card_refundFail")
    sandbox.advance(2)
    refund = client.refunds.create({"payment_intent": paid.id})
    assert refund.status == "succeeded"

    sandbox.advance(5)

    failed = client.refunds.retrieve(refund.id, {"expand": ["failure_balance_transaction"]})
    assert (failed.status, failed.failure_reason) == ("failed", "expired_or_canceled_card")
    assert isinstance(failed.failure_balance_transaction, stripe.BalanceTransaction)
    assert failed.failure_balance_transaction.net == 2000
    assert (sandbox.charges[0]["amount_refunded"], sandbox.charges[0]["refunded"]) == (0, False)
    assert types(sandbox)[-1] == "refund.failed"
    assert sums(sandbox) == ({"usd": 1912}, {"usd": 1912})


def test_a_card_refund_cannot_be_canceled(client: V1Services) -> None:
    paid = pay(client)
    refund = client.refunds.create({"payment_intent": paid.id})

    with pytest.raises(stripe.InvalidRequestError, match="Canceling this refund is unsupported"):
        client.refunds.cancel(refund.id)


def test_refunds_are_found_by_their_charge(client: V1Services) -> None:
    first, second = pay(client), pay(client)
    client.refunds.create({"payment_intent": first.id, "amount": 100})
    wanted = client.refunds.create({"payment_intent": second.id, "amount": 200})

    found = client.refunds.list({"payment_intent": second.id})

    assert [refund.id for refund in found.data] == [wanted.id]


def test_what_a_refund_says_about_itself_can_be_changed(client: V1Services) -> None:
    paid = pay(client)
    refund = client.refunds.create({"payment_intent": paid.id, "metadata": {"a": "1", "b": "2"}})

    changed = client.refunds.update(refund.id, {"metadata": {"a": "", "c": "3"}})

    assert changed.metadata is not None
    assert changed.metadata.to_dict() == {"b": "2", "c": "3"}
