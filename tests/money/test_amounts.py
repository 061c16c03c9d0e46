from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azpay.money import (
    CURRENCIES,
    AmountTooLarge,
    AmountTooSmall,
    CurrencyMismatch,
    InvalidAmount,
    Money,
    UnknownCurrency,
)

LARGEST = 2**63 - 1

codes = st.sampled_from(sorted(CURRENCIES))
amounts = st.integers(-LARGEST, LARGEST)
prices = st.builds(Money, st.integers(0, LARGEST), codes)
balances = st.builds(Money, amounts, codes)


@given(prices)
def test_an_amount_survives_being_written_and_read(money: Money) -> None:
    assert Money.parse(money.major(), money.currency) == money


@given(prices)
def test_minor_units_survive_being_written_and_read(money: Money) -> None:
    assert Money.parse_minor(str(money.amount), money.currency.upper()) == money


@given(balances)
def test_grouping_adds_commas_and_nothing_else(money: Money) -> None:
    assert money.display().replace(",", "") == str(money)


@given(balances)
def test_a_major_amount_has_the_decimals_stripe_counts(money: Money) -> None:
    _, _, fraction = money.major().partition(".")

    assert len(fraction) == CURRENCIES[money.currency].decimals


@given(codes, st.integers(-(10**12), 10**12), st.integers(-(10**12), 10**12))
def test_taking_away_undoes_adding(code: str, first: int, second: int) -> None:
    left, right = Money(first, code), Money(second, code)

    assert left + right - right == left
    assert left - right == -(right - left)


@given(codes, amounts, amounts)
def test_amounts_of_one_currency_are_ordered_as_their_minor_units(code: str, first: int, second: int) -> None:
    left, right = Money(first, code), Money(second, code)

    assert (left < right, left <= right, left > right) == (first < second, first <= second, first > second)


@pytest.mark.parametrize(
    ("money", "text", "display"),
    [
        (Money(1250, "eur"), "EUR 12.50", "EUR 12.50"),
        (Money(123450, "eur"), "EUR 1234.50", "EUR 1,234.50"),
        (Money(-123405, "usd"), "USD -1234.05", "USD -1,234.05"),
        (Money(-5, "usd"), "USD -0.05", "USD -0.05"),
        (Money(1999, "jpy"), "JPY 1999", "JPY 1,999"),
        (Money(5120, "kwd"), "KWD 5.120", "KWD 5.120"),
        (Money(500_000, "ugx"), "UGX 5000.00", "UGX 5,000.00"),
        (Money(0, "isk"), "ISK 0.00", "ISK 0.00"),
    ],
)
def test_amounts_are_shown_with_their_currency_first(money: Money, text: str, display: str) -> None:
    assert str(money) == text
    assert money.display() == display


def test_an_echo_shows_both_ways_of_counting() -> None:
    assert Money.parse("12.50", "eur").echo() == "EUR 12.50 (1250 minor units)"
    assert Money.parse("500", "jpy").echo() == "JPY 500 (500 minor units)"


@pytest.mark.parametrize(
    ("typed", "currency", "minor"),
    [
        ("19.99", "USD", 1999),
        ("19.9", "usd", 1990),
        ("19", "usd", 1900),
        ("1999", "jpy", 1999),
        ("5000", "ugx", 500_000),
        ("5000.00", "ugx", 500_000),
        ("40", "isk", 4000),
        ("5.12", "kwd", 5120),
        ("5.120", "kwd", 5120),
        ("0", "eur", 0),
    ],
)
def test_people_type_major_units(typed: str, currency: str, minor: int) -> None:
    assert Money.parse(typed, currency).amount == minor


@pytest.mark.parametrize(
    ("typed", "currency", "hint"),
    [
        ("19.999", "usd", "two decimals: type it as in 1250.50. azpay never rounds"),
        ("500.0", "jpy", "no decimals: type it as in 1250."),
        ("1.0000", "bhd", "three decimals"),
        ("12,50", "eur", "Use a dot for decimals"),
        ("1.234,56", "eur", "Use a dot for decimals"),
        ("1,234", "jpy", "nothing between thousands, as in 1250."),
        ("1e3", "usd", "Write the number out"),
        ("1E+3", "usd", "Write the number out"),
        ("NaN", "usd", "Type the number alone"),
        ("Infinity", "usd", "Type the number alone"),
        ("0x10", "usd", "Type the number alone"),
        ("$5", "usd", "Type the number alone"),
        ("5USD", "usd", "Type the number alone"),
        ("€5", "eur", "Use the digits 0 to 9"),
        ("\uff11\uff12", "usd", "Use the digits 0 to 9"),
        ("\u0661\u0662", "usd", "Use the digits 0 to 9"),
        ("\u22125", "usd", "Use the digits 0 to 9"),
        ("1_000", "usd", "Leave out the underscores"),
        ("+5", "usd", "Leave out the sign"),
        ("-1", "usd", "Leave out the sign"),
        (" 5", "usd", "Leave out the spaces"),
        ("5\n", "usd", "Leave out the spaces"),
        ("1 000", "usd", "Leave out the spaces"),
        ("", "usd", "Type an amount"),
        ("1.2.3", "usd", "Use one dot at most"),
        (".5", "usd", "both sides of the dot"),
        ("5.", "usd", "both sides of the dot"),
        ("9" * 20, "jpy", "Check the number of digits"),
        ("9" * 100_000, "jpy", "Check the number of digits"),
    ],
)
def test_anything_but_plain_digits_is_refused_with_what_to_type(typed: str, currency: str, hint: str) -> None:
    with pytest.raises(InvalidAmount) as refused:
        Money.parse(typed, currency)

    assert refused.value.hint is not None
    assert hint in refused.value.hint
    assert len(refused.value.message) < 120


@given(st.text(), codes)
def test_whatever_is_typed_is_a_plain_decimal_or_refused_in_plain_words(typed: str, code: str) -> None:
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", typed):
        return

    with pytest.raises(InvalidAmount) as refused:
        Money.parse(typed, code)

    assert refused.value.message.isascii()
    assert refused.value.message.isprintable()


@pytest.mark.parametrize("typed", ["", "12.50", "-5", "1e3", "1_0", "\uff11", " 5", "5\n", "9" * 5000])
def test_minor_units_are_digits_only(typed: str) -> None:
    with pytest.raises(InvalidAmount, match="minor units"):
        Money.parse_minor(typed, "eur")


@pytest.mark.parametrize("minor", [99_999_999, 2**31, 2**53, LARGEST])
def test_large_amounts_are_kept_exactly(minor: int) -> None:
    assert Money.parse_minor(str(minor), "usd").amount == minor
    assert Money.parse(str(minor), "jpy").amount == minor


@pytest.mark.parametrize("minor", [LARGEST + 1, -LARGEST - 1])
def test_an_amount_no_database_can_hold_is_refused(minor: int) -> None:
    with pytest.raises(InvalidAmount, match="too large to keep"):
        Money(minor, "usd")


@pytest.mark.parametrize("amount", [True, "1250", None])
def test_only_an_integer_counts_minor_units(amount: int) -> None:
    with pytest.raises(InvalidAmount, match="whole number of minor units"):
        Money(amount, "usd")


@pytest.mark.parametrize("code", ["USD", "xxx", "", "us", "\u212arw"])
def test_a_currency_is_a_lower_case_code_stripe_knows(code: str) -> None:
    with pytest.raises(UnknownCurrency):
        Money(1, code)


def test_currencies_do_not_mix() -> None:
    euros, dollars = Money(100, "eur"), Money(100, "usd")

    assert euros != dollars
    with pytest.raises(CurrencyMismatch, match=r"EUR 1\.00 and USD 1\.00"):
        euros + dollars
    with pytest.raises(CurrencyMismatch):
        euros - dollars
    with pytest.raises(CurrencyMismatch):
        assert euros >= dollars


def test_a_list_of_amounts_sums_from_zero() -> None:
    parts = [Money(100, "eur"), Money(-30, "eur")]

    assert sum(parts, Money.zero("EUR")) == Money(70, "eur")


@given(codes)
def test_what_stripe_accepts_begins_at_the_minimum_and_ends_at_the_maximum(code: str) -> None:
    known = CURRENCIES[code]
    largest = known.maximum - known.maximum % known.step

    assert Money(known.minimum, code).chargeable().amount == known.minimum
    assert Money(largest, code).chargeable().amount == largest
    with pytest.raises(AmountTooSmall):
        Money(known.minimum - known.step, code).chargeable()
    with pytest.raises(AmountTooLarge):
        Money(known.maximum + 1, code).chargeable()


@pytest.mark.parametrize("amount", [0, -1, -LARGEST])
@given(code=codes)
def test_nothing_and_less_cannot_be_charged_or_paid_out(code: str, amount: int) -> None:
    with pytest.raises(AmountTooSmall):
        Money(amount, code).chargeable()
    with pytest.raises(InvalidAmount, match="cannot be paid out"):
        Money(amount, code).payable_out()


@pytest.mark.parametrize(
    ("money", "hint"),
    [
        (Money(4010, "isk"), "Use 40.00 or 41.00."),
        (Money(500_050, "ugx"), "Use 5000.00 or 5001.00."),
        (Money(5124, "kwd"), "Use 5.120 or 5.130."),
    ],
)
def test_a_fraction_stripe_refuses_to_charge_is_named_with_its_neighbours(money: Money, hint: str) -> None:
    with pytest.raises(InvalidAmount, match="in steps of") as refused:
        money.chargeable()

    assert refused.value.hint == hint


@pytest.mark.parametrize("code", ["huf", "twd"])
def test_forints_and_new_taiwan_dollars_are_charged_in_hundredths_and_paid_out_whole(code: str) -> None:
    fraction, whole = Money(20_045, code), Money(20_000, code)

    assert fraction.chargeable() is fraction
    assert whole.payable_out() is whole
    with pytest.raises(InvalidAmount, match="cannot be paid out"):
        fraction.payable_out()


def test_less_than_one_step_has_one_neighbour() -> None:
    with pytest.raises(InvalidAmount) as refused:
        Money(45, "huf").payable_out()

    assert refused.value.hint == "Use 1.00."
