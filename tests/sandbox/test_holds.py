"""Authorized and not yet taken: how long it lasts, and what becomes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import stripe

from tests.sandbox.payments import pay, sums, types

if TYPE_CHECKING:
    from stripe._v1_services import V1Services

    from azpay.sandbox import Sandbox

HOUR = 60 * 60
DAY = 24 * HOUR
EXTENDED: Any = {"card": {"request_extended_authorization": "if_available"}}


@pytest.mark.parametrize(
    ("card", "params", "lasts"),
    [
        ("pm_card_visa", {}, 7 * DAY),
        ("pm_card_visa", {"off_session": True}, 4 * DAY + 18 * HOUR),
        ("pm_card_mastercard", {"off_session": True}, 7 * DAY),
        ("pm_card_amex", {}, 7 * DAY),
        ("pm_card_discover", {}, 7 * DAY),
        ("pm_card_mastercard", {"payment_method_options": EXTENDED}, 30 * DAY),
        ("pm_card_visa", {"payment_method_options": EXTENDED}, 29 * DAY + 18 * HOUR),
        ("pm_card_jcb", {"payment_method_options": EXTENDED}, 7 * DAY),
    ],
)
def test_each_network_holds_for_its_own_time(
    client: V1Services, sandbox: Sandbox, card: str, params: Any, lasts: int
) -> None:
    held = pay(client, card, capture_method="manual", **params)
    until = sandbox.charges[0]["payment_method_details"]["card"]["capture_before"]
    assert until - held.created == lasts

    sandbox.advance(lasts - 1)
    assert client.payment_intents.retrieve(held.id).status == "requires_capture"

    sandbox.advance(1)
    assert client.payment_intents.retrieve(held.id).status == "canceled"


def test_what_ran_out_is_no_refund_and_books_nothing(client: V1Services, sandbox: Sandbox) -> None:
    held = pay(client, capture_method="manual")

    sandbox.advance(7 * DAY)

    charge = sandbox.charges[0]
    assert (charge["captured"], charge["amount_refunded"], charge["refunded"]) == (False, 0, False)
    assert sandbox.refunds == []
    assert sums(sandbox) == ({}, {})
    with pytest.raises(stripe.InvalidRequestError, match="status of canceled"):
        client.payment_intents.capture(held.id)


@pytest.mark.parametrize("reason", ["duplicate", "fraudulent", "requested_by_customer", "abandoned"])
def test_a_cancellation_keeps_its_reason(client: V1Services, sandbox: Sandbox, reason: Any) -> None:
    held = pay(client, capture_method="manual")

    canceled = client.payment_intents.cancel(held.id, {"cancellation_reason": reason})

    assert (canceled.cancellation_reason, canceled.canceled_at) == (reason, held.created)
    assert canceled.amount_capturable == 0


def test_a_canceled_hold_does_not_run_out_later(client: V1Services, sandbox: Sandbox) -> None:
    held = pay(client, capture_method="manual")
    client.payment_intents.cancel(held.id)
    known = types(sandbox)

    sandbox.advance(8 * DAY)

    assert types(sandbox) == known


def test_a_capture_may_change_what_the_customer_reads(client: V1Services, sandbox: Sandbox) -> None:
    held = pay(client, capture_method="manual", metadata={"order": "7"})

    captured = client.payment_intents.capture(
        held.id, {"statement_descriptor_suffix": "HATS", "metadata": {"box": "2"}}
    )

    assert captured.metadata.to_dict() == {"order": "7", "box": "2"}
    assert captured.statement_descriptor_suffix == "HATS"
    assert sandbox.charges[0]["calculated_statement_descriptor"] == "AZPAY* HATS"


@pytest.mark.parametrize(
    ("params", "param"),
    [
        ({"amount_to_capture": 0}, "amount_to_capture"),
        ({"amount_to_capture": 2001}, "amount_to_capture"),
        ({"final_capture": False}, "final_capture"),
        ({"statement_descriptor_suffix": "12345"}, "statement_descriptor_suffix"),
        ({"statement_descriptor": "HATS"}, "statement_descriptor"),
    ],
)
def test_a_capture_that_cannot_be_leaves_the_hold_alone(client: V1Services, params: Any, param: str) -> None:
    held = pay(client, capture_method="manual")

    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.payment_intents.capture(held.id, params)

    assert refused.value.param == param
    assert client.payment_intents.retrieve(held.id).status == "requires_capture"


def test_a_fraction_that_cannot_be_paid_cannot_be_captured(client: V1Services) -> None:
    held = pay(client, capture_method="manual", currency="kwd")

    with pytest.raises(stripe.InvalidRequestError, match="multiple of 10"):
        client.payment_intents.capture(held.id, {"amount_to_capture": 1001})


def test_a_status_is_refused_as_stripe_says_it(client: V1Services) -> None:
    open_ = client.payment_intents.create({"amount": 2000, "currency": "usd"})

    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.payment_intents.capture(open_.id)

    assert refused.value.user_message == (
        "This PaymentIntent could not be captured because it has a status of requires_payment_method. Only a "
        "PaymentIntent with one of the following statuses may be captured: requires_capture."
    )
    assert (refused.value.code, refused.value.param) == ("payment_intent_unexpected_state", None)
