"""What can be asked for: a request that exists is one that Stripe and the book could take."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azpay.errors import Usage
from azpay.money import Money
from azpay.payments import CardNumberRefused, ChargeRequest, RefundRequest, RequestInvalid
from tests.support.builders import a_charge, a_refund

CARD = "4242 4242 4242 4242"

WRONG_CHARGES: dict[str, dict[str, Any]] = {
    "nothing to charge": {"payment_method": None},
    "a method of another kind": {"payment_method": "cus_123456"},
    "a method with a path in it": {"payment_method": "pm_../../v1/refunds"},
    "a method with a line break": {"payment_method": "pm_card_visa\n"},
    "a method in another script": {"payment_method": "pm_карта"},
    "a customer of another kind": {"customer": "pm_card_visa"},
    "a customer with a path in it": {"customer": "cus_1/../../charges"},
    "two addresses for a customer": {"customer": "ada@example.com,eve@example.com"},
    "an address of half a character": {"customer": "ada\ud800@example.com"},
    "two addresses for a receipt": {"receipt_email": "ada@example.com, eve@example.com"},
    "a header in an address": {"receipt_email": "ada@example.com\r\nBcc: eve@example.com"},
    "an empty reference": {"reference": " "},
    "a reference with a line break": {"reference": "order\n1"},
    "a reference with a NUL": {"reference": "order\0"},
    "a reference of half a character": {"reference": "order\ud800"},
    "a description that is too long": {"description": "d" * 1001},
    "an empty key": {"idempotency_key": ""},
    "a key in another script": {"idempotency_key": "счёт-7"},
    "a key that ends in a space": {"idempotency_key": "invoice-7 "},
    "a key with a tab": {"idempotency_key": "invoice\t7"},
    "a key that is too long": {"idempotency_key": "k" * 201},
    "too many metadata": {"metadata": {str(number): "x" for number in range(47)}},
    "a metadata key of ours": {"metadata": {"azpay_op": "op_1"}},
    "a metadata key with brackets": {"metadata": {"a[b]": "x"}},
    "an empty metadata key": {"metadata": {"": "x"}},
    "a long metadata key": {"metadata": {"k" * 41: "x"}},
    "a long metadata value": {"metadata": {"k": "x" * 501}},
    "a metadata value with a NUL": {"metadata": {"k": "\0"}},
    "a metadata value of half a character": {"metadata": {"k": "\udc00"}},
}


@pytest.mark.parametrize("wrong", WRONG_CHARGES.values(), ids=WRONG_CHARGES.keys())
def test_a_charge_that_could_not_be_made_cannot_be_asked_for(wrong: dict[str, Any]) -> None:
    with pytest.raises(RequestInvalid):
        a_charge(**wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount": 0},
        {"amount": -1},
        {"reason": "boredom"},
        {"note": "n" * 501},
        {"note": "\0"},
        {"idempotency_key": "ключ"},
    ],
)
def test_a_refund_that_could_not_be_made_cannot_be_asked_for(wrong: dict[str, Any]) -> None:
    with pytest.raises(RequestInvalid):
        a_refund("pay_1", **wrong)


@pytest.mark.parametrize(
    "field", ["payment_method", "customer", "reference", "description", "receipt_email", "idempotency_key"]
)
@pytest.mark.parametrize("number", [CARD, CARD.replace(" ", ""), CARD.replace(" ", "-")])
def test_a_card_number_is_refused_wherever_it_is_typed(field: str, number: str) -> None:
    with pytest.raises(Usage) as refused:
        a_charge(500, "usd", **{field: number})

    assert isinstance(refused.value, CardNumberRefused)
    assert number not in refused.value.message


@pytest.mark.parametrize("metadata", [{"card": CARD}, {CARD: "x"}])
def test_a_card_number_in_metadata_is_refused(metadata: dict[str, str]) -> None:
    with pytest.raises(CardNumberRefused):
        a_charge(metadata=metadata)


@pytest.mark.parametrize(
    "fine",
    [
        {"payment_method": "pm_1NXnQ2LkdIwHu7ixabcdefgh"},
        {"payment_method": "card_1NXnQ2LkdIwHu7ix"},
        {"customer": "cus_NffrFeUfNV2Hib"},
        {"customer": "ada+shop@example.co.uk"},
        {"reference": "Größe 42/7 — 注文"},
        {"metadata": {"note": ""}},
        {"idempotency_key": "k" * 200},
        {"idempotency_key": "a b"},
    ],
)
def test_what_people_really_ask_for_is_taken(fine: dict[str, Any]) -> None:
    assert isinstance(a_charge(**fine), ChargeRequest)


@given(
    text=st.text(st.characters(exclude_categories=()), max_size=30),
    field=st.sampled_from(["reference", "description", "receipt_email", "idempotency_key", "customer"]),
)
def test_no_text_breaks_a_request(text: str, field: str) -> None:
    try:
        request = a_charge(500, "usd", **{field: text})
    except Usage:
        return

    assert str(getattr(request, field)).encode() == text.encode()


def test_a_request_is_a_value() -> None:
    assert a_charge(reference="a") == ChargeRequest(
        money=Money(500, "usd"), payment_method="pm_card_visa", reference="a"
    )
    assert a_refund("pay_1", 5) == RefundRequest(payment="pay_1", amount=5)
