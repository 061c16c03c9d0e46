"""The bank's page for 3D Secure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from azpay.sandbox.hosted import hosted_page
from tests.sandbox.payments import NO_REDIRECTS, pay

if TYPE_CHECKING:
    from stripe._v1_services import V1Services

    from azpay.sandbox import Response, Sandbox

CARD = "pm_card_authenticationRequired"


def ask(sandbox: Sandbox, intent: str) -> Response:
    return hosted_page(sandbox, "GET", f"/_3ds/{intent}", b"")


def answer(sandbox: Sandbox, intent: str, body: bytes) -> Response:
    return hosted_page(sandbox, "POST", f"/_3ds/{intent}", body)


def test_the_page_names_the_amount_and_the_card(client: V1Services, sandbox: Sandbox) -> None:
    asked = pay(client, CARD, amount=123_456, currency="eur")

    page = ask(sandbox, asked.id)

    assert page.status == 200
    assert b"EUR 1,234.56" in page.body
    assert b"Visa ending in 3184" in page.body
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]


def test_the_page_of_a_setup_names_no_amount(client: V1Services, sandbox: Sandbox) -> None:
    asked = client.setup_intents.create(
        {"payment_method": CARD, "confirm": True, "automatic_payment_methods": NO_REDIRECTS}
    )

    assert b"Save this card" in ask(sandbox, asked.id).body


@pytest.mark.parametrize(
    ("decision", "status", "told"),
    [(b"approve", "succeeded", "succeeded"), (b"fail", "requires_payment_method", "failed")],
)
def test_an_answer_sends_the_customer_back(
    client: V1Services, sandbox: Sandbox, decision: bytes, status: str, told: str
) -> None:
    asked = pay(client, CARD, return_url="https://shop.example/done")

    sent = answer(sandbox, asked.id, b"decision=" + decision)

    assert sent.status == 303
    assert sent.headers["Location"].startswith(f"https://shop.example/done?payment_intent={asked.id}")
    assert sent.headers["Location"].endswith(f"redirect_status={told}")
    assert client.payment_intents.retrieve(asked.id).status == status


def test_without_a_way_back_the_page_says_that_it_is_done(client: V1Services, sandbox: Sandbox) -> None:
    asked = pay(client, CARD)

    done = answer(sandbox, asked.id, b"decision=approve")

    assert done.status == 200
    assert b"Approved" in done.body


@pytest.mark.parametrize("body", [b"", b"decision=maybe", b"decision[]=approve", b"%ff=1", b"decision"])
def test_no_answer_is_not_a_refusal(client: V1Services, sandbox: Sandbox, body: bytes) -> None:
    asked = pay(client, CARD)

    unclear = answer(sandbox, asked.id, body)

    assert unclear.status == 400
    assert client.payment_intents.retrieve(asked.id).status == "requires_action"


@pytest.mark.parametrize("intent", ["pi_nothing", "seti_nothing", "", "<script>", "ch_1/../x"])
def test_a_page_for_nobody_is_not_found_and_repeats_nothing_unescaped(sandbox: Sandbox, intent: str) -> None:
    page = ask(sandbox, intent)

    assert page.status == 404
    assert b"<script>" not in page.body


def test_a_page_is_answered_once(client: V1Services, sandbox: Sandbox) -> None:
    asked = pay(client, CARD)
    answer(sandbox, asked.id, b"decision=approve")

    again = answer(sandbox, asked.id, b"decision=fail")

    assert again.status == 400
    assert client.payment_intents.retrieve(asked.id).status == "succeeded"
