"""Refunds that do not simply succeed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import stripe

from azpay.sandbox import Sandbox
from tests.sandbox.conftest import NOON
from tests.sandbox.orders import order, refusal
from tests.sandbox.payments import get, pay, sums, types

if TYPE_CHECKING:
    from stripe._v1_services import V1Services

DAY = 24 * 60 * 60
MANDATE = {"customer_acceptance": {"type": "offline"}}


def asked_for_account(client: V1Services, sandbox: Sandbox) -> stripe.Refund:
    """A refund of 5.00 USD that waits until the customer names an account."""
    order(sandbox, "policy", refunds_by_instruction=True)
    paid = pay(client, capture_method="automatic", receipt_email="ada@example.com")
    return client.refunds.create({"payment_intent": paid.id, "amount": 500})


def test_without_money_a_refund_waits(client: V1Services, sandbox: Sandbox) -> None:
    order(sandbox, "policy", refunds_draw_on="available")
    paid = pay(client, capture_method="automatic")
    waiting = client.refunds.create({"payment_intent": paid.id})
    assert (waiting.status, waiting.pending_reason) == ("pending", "insufficient_funds")
    assert waiting.balance_transaction is None
    assert sandbox.charges[0]["refunded"] is True

    sandbox.advance(3 * DAY)
    assert client.refunds.retrieve(waiting.id).status == "pending"
    pay(client, "pm_card_bypassPending", capture_method="automatic")
    sandbox.advance(1)

    paid_back = client.refunds.retrieve(waiting.id)
    assert paid_back.status == "succeeded"
    assert "pending_reason" not in paid_back
    assert paid_back.balance_transaction is not None
    assert sums(sandbox) == ({"usd": 1912 * 2 - 2000}, {"usd": 1912 * 2 - 2000})


def test_money_that_is_pending_counts_where_that_was_agreed(client: V1Services, sandbox: Sandbox) -> None:
    order(sandbox, "policy", refunds_draw_on="available_and_pending")
    paid = pay(client, capture_method="automatic")

    part = client.refunds.create({"payment_intent": paid.id, "amount": 1912})
    rest = client.refunds.create({"payment_intent": paid.id, "amount": 88})

    assert (part.status, rest.status) == ("succeeded", "pending")


def test_refunds_that_wait_are_paid_oldest_first(client: V1Services, sandbox: Sandbox) -> None:
    order(sandbox, "policy", refunds_draw_on="available")
    one, two = pay(client, capture_method="automatic"), pay(client, capture_method="automatic")
    older = client.refunds.create({"payment_intent": one.id})
    newer = client.refunds.create({"payment_intent": two.id})

    sandbox.advance(3 * DAY)

    assert client.refunds.retrieve(older.id).status == "succeeded"
    assert client.refunds.retrieve(newer.id).status == "pending"


def test_a_refund_waits_no_longer_once_the_balance_may_be_negative(
    client: V1Services, sandbox: Sandbox
) -> None:
    order(sandbox, "policy", refunds_draw_on="available")
    paid = pay(client, capture_method="automatic")
    waiting = client.refunds.create({"payment_intent": paid.id})

    order(sandbox, "policy", refunds_draw_on="anything")

    assert client.refunds.retrieve(waiting.id).status == "succeeded"


def test_without_money_other_methods_fail(client: V1Services, sandbox: Sandbox) -> None:
    order(sandbox, "policy", refunds_draw_on="available")
    paid = pay(client, "pm_usBankAccount_success", mandate_data=MANDATE)
    sandbox.advance(10)

    failed = client.refunds.create({"payment_intent": paid.id})

    assert (failed.status, failed.failure_reason) == ("failed", "insufficient_funds")
    assert sandbox.charges[0]["amount_refunded"] == 0


def test_a_debit_goes_back_by_a_transfer(client: V1Services, sandbox: Sandbox) -> None:
    paid = pay(client, "pm_usBankAccount_success", mandate_data=MANDATE)
    sandbox.advance(10)

    refund = client.refunds.create({"payment_intent": paid.id, "expand": ["balance_transaction"]})
    sandbox.advance(5)

    assert isinstance(refund.balance_transaction, stripe.BalanceTransaction)
    booked = refund.balance_transaction
    assert (booked.type, booked.reporting_category) == ("payment_refund", "refund")
    details = client.refunds.retrieve(refund.id).destination_details
    assert details is not None
    assert details.type == "us_bank_transfer"
    assert details.us_bank_transfer is not None
    assert details.us_bank_transfer.reference_status == "available"


def test_a_customer_is_asked_where_to(client: V1Services, sandbox: Sandbox) -> None:
    asked = asked_for_account(client, sandbox)
    assert asked.status == "requires_action"
    assert asked.next_action is not None
    assert asked.next_action.display_details is not None
    assert asked.next_action.display_details.email_sent.email_sent_to == "ada@example.com"
    assert sums(sandbox)[0] == {"usd": 1412}

    order(sandbox, "refunds", refund=asked.id)
    assert client.refunds.retrieve(asked.id).status == "pending"
    sandbox.advance(5)

    paid_back = client.refunds.retrieve(asked.id)
    assert paid_back.status == "succeeded"
    assert "next_action" not in paid_back
    assert "it is succeeded" in refusal(sandbox, "refunds", refund=asked.id)


def test_what_waits_for_the_customer_can_be_canceled(client: V1Services, sandbox: Sandbox) -> None:
    asked = asked_for_account(client, sandbox)

    canceled = client.refunds.cancel(asked.id, {"expand": ["failure_balance_transaction"]})

    assert (canceled.status, canceled.failure_reason) == ("canceled", "merchant_request")
    assert isinstance(canceled.failure_balance_transaction, stripe.BalanceTransaction)
    assert canceled.failure_balance_transaction.type == "refund_failure"
    assert sandbox.charges[0]["amount_refunded"] == 0
    assert "refund.failed" not in types(sandbox)
    assert sums(sandbox) == ({"usd": 1912}, {"usd": 1912})
    with pytest.raises(stripe.InvalidRequestError, match="unsupported"):
        client.refunds.cancel(asked.id)


def test_a_customer_who_never_answers_is_not_paid(client: V1Services, sandbox: Sandbox) -> None:
    asked = asked_for_account(client, sandbox)

    sandbox.advance(46 * DAY)

    assert client.refunds.retrieve(asked.id).status == "failed"
    assert types(sandbox)[-1] == "refund.failed"
    assert sums(sandbox) == ({"usd": 1912}, {"usd": 1912})


def test_a_customer_has_to_be_reachable(client: V1Services, sandbox: Sandbox) -> None:
    order(sandbox, "policy", refunds_by_instruction=True)
    paid = pay(client)

    with pytest.raises(stripe.InvalidRequestError, match="instructions_email") as refused:
        client.refunds.create({"payment_intent": paid.id})
    asked = client.refunds.create({"payment_intent": paid.id, "instructions_email": "ada@example.com"})

    assert refused.value.param == "instructions_email"
    assert asked.instructions_email == "ada@example.com"


def test_any_refund_may_fail_late(client: V1Services, sandbox: Sandbox) -> None:
    paid = pay(client, capture_method="automatic")
    refund = client.refunds.create({"payment_intent": paid.id})
    sandbox.advance(30 * DAY)

    order(sandbox, "refunds", refund=refund.id, fail="lost_or_stolen_card")

    failed = client.refunds.retrieve(refund.id)
    assert (failed.status, failed.failure_reason) == ("failed", "lost_or_stolen_card")
    assert (sandbox.charges[0]["amount_refunded"], sandbox.charges[0]["refunded"]) == (0, False)
    assert sums(sandbox) == ({"usd": 1912}, {"usd": 1912})
    assert "cannot fail" in refusal(sandbox, "refunds", refund=refund.id, fail="declined")
    assert client.refunds.create({"payment_intent": paid.id}).status == "succeeded"


def test_a_refund_that_failed_on_order_does_not_fail_again(client: V1Services, sandbox: Sandbox) -> None:
    paid = pay(client, "pm_card_refundFail", capture_method="automatic")
    refund = client.refunds.create({"payment_intent": paid.id})
    order(sandbox, "refunds", refund=refund.id, fail="declined")

    sandbox.advance(10)

    assert client.refunds.retrieve(refund.id).failure_reason == "declined"
    assert sums(sandbox) == ({"usd": 1912}, {"usd": 1912})


def test_what_waits_still_waits_after_a_restart(client: V1Services, sandbox: Sandbox) -> None:
    order(sandbox, "policy", refunds_draw_on="available")
    paid = pay(client, capture_method="automatic")
    refund = client.refunds.create({"payment_intent": paid.id, "amount": 1000})

    copy = Sandbox.restore(sandbox.snapshot(), now=lambda: NOON)
    copy.advance(3 * DAY)

    assert json.loads(get(copy, f"/v1/refunds/{refund.id}").body)["status"] == "succeeded"
    assert sums(copy) == ({"usd": 912}, {"usd": 912})
