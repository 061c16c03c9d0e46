"""What is said of a decline, to whom, and what a next attempt needs."""

from __future__ import annotations

import re

import pytest

from azpay.gateway import Again, CardDeclined, decline_of
from azpay.gateway.declines import DECLINES, GENERIC, HIDDEN
from azpay.gateway.objects import StripeError
from azpay.sandbox import cards

TELLING = re.compile(r"fraud|lost|stolen|block|list|risk|radar|report", re.IGNORECASE)


@pytest.mark.parametrize("code", HIDDEN)
def test_a_customer_is_not_told_what_stripe_says_to_hide(code: str) -> None:
    said = StripeError(code="card_declined", decline_code=code, message=f"It is {code}.")

    declined = CardDeclined(said)

    assert declined.decline_code == code
    assert TELLING.search(declined.for_customer) is None
    assert declined.for_customer == decline_of(StripeError(decline_code="generic_decline")).customer
    assert "Do not tell the customer" in str(declined.hint)
    assert declined.again is Again.OTHER


@pytest.mark.parametrize("code", DECLINES)
def test_every_row_has_a_sentence_for_the_customer_and_one_for_us(code: str) -> None:
    row = DECLINES[code]

    assert row.customer.endswith(".")
    assert row.operator.endswith(".")
    assert row.customer != row.operator
    assert code not in row.customer


@pytest.mark.parametrize(
    ("code", "again"),
    [
        ("insufficient_funds", Again.LATER),
        ("issuer_not_available", Again.LATER),
        ("incorrect_cvc", Again.CORRECTED),
        ("expired_card", Again.CORRECTED),
        ("authentication_required", Again.PRESENT),
        ("do_not_try_again", Again.OTHER),
        ("account_closed", Again.OTHER),
        ("generic_decline", Again.OTHER),
    ],
)
def test_a_row_says_what_a_next_attempt_needs(code: str, again: Again) -> None:
    assert decline_of(StripeError(decline_code=code)).again is again


def test_stripes_advice_for_this_attempt_counts_more_than_the_table() -> None:
    advised = decline_of(StripeError(decline_code="insufficient_funds", advice_code="do_not_try_again"))

    assert advised.again is Again.OTHER
    assert "Do not try this card again" in advised.operator
    assert advised.customer == DECLINES["insufficient_funds"].customer


def test_advice_never_gives_a_hidden_reason_away() -> None:
    advised = decline_of(StripeError(decline_code="fraudulent", advice_code="try_again_later"))

    assert advised == HIDDEN["fraudulent"]


def test_the_error_code_speaks_where_there_is_no_decline_code() -> None:
    assert decline_of(StripeError(code="expired_card")) == DECLINES["expired_card"]


@pytest.mark.parametrize("code", [None, "something_new"])
def test_a_code_that_nobody_knows_is_a_plain_decline(code: str | None) -> None:
    assert decline_of(StripeError(decline_code=code)) == GENERIC


def test_every_decline_of_the_sandbox_has_a_row() -> None:
    codes = {known.decline_code for known in vars(cards).values() if isinstance(known, cards.Decline)}

    assert codes
    assert codes <= DECLINES.keys()
