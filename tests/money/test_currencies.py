from __future__ import annotations

import pytest

from azpay.money import CURRENCIES, UnknownCurrency, currency

HUNDREDFOLD = ["afn", "all", "isk", "lak", "lbp", "mmk", "mro", "rsd", "sll", "sos", "std", "ugx", "yer"]


def test_decimals_are_stripes_and_not_iso_4217s() -> None:
    zero = {code for code, known in CURRENCIES.items() if known.decimals == 0}
    three = {code for code, known in CURRENCIES.items() if known.decimals == 3}

    assert " ".join(sorted(zero)) == "bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf"
    assert three == {"bhd", "jod", "kwd", "omr", "tnd"}


@pytest.mark.parametrize("code", HUNDREDFOLD)
def test_where_cldr_is_a_hundredfold_wrong_we_follow_stripe(code: str) -> None:
    assert currency(code).unit == 100


def test_whole_krona_and_shillings_travel_with_two_decimals() -> None:
    stepped = {code: known.step for code, known in CURRENCIES.items() if known.step > 1}

    assert stepped == {"isk": 100, "ugx": 100, "bhd": 10, "jod": 10, "kwd": 10, "omr": 10, "tnd": 10}


def test_only_currencies_with_a_longer_limit_for_every_method_pass_eight_digits() -> None:
    longer = {code: known.maximum for code, known in CURRENCIES.items() if known.maximum != 99_999_999}

    assert longer == {"idr": 999_999_999_999, "cop": 9_999_999_999, "inr": 999_999_999}


@pytest.mark.parametrize(
    ("code", "minimum"),
    [
        ("usd", 50),
        ("gbp", 30),
        ("jpy", 50),
        ("czk", 1500),
        ("huf", 17500),
        ("pen", 1),
        ("isk", 100),
        ("kwd", 10),
    ],
)
def test_a_minimum_is_in_minor_units_and_at_least_one_step(code: str, minimum: int) -> None:
    assert currency(code).minimum == minimum


def test_every_minimum_can_itself_be_charged() -> None:
    assert [code for code, known in CURRENCIES.items() if known.minimum % known.step] == []


def test_symbols_name_one_currency_each() -> None:
    symbols = [known.symbol for known in CURRENCIES.values() if known.symbol]

    assert len(symbols) == len(set(symbols))
    assert currency("eur").symbol == "€"
    assert currency("usd").symbol == ""


def test_a_code_is_read_in_either_case() -> None:
    assert currency("EUR") is currency("eur")
    assert currency("eur").name == "euro"


@pytest.mark.parametrize(
    ("code", "hint"),
    [
        ("euro", "EUR"),
        ("usdd", "USD"),
        ("", "three-letter code"),
        ("\u212arw", "KRW"),
        ("x" * 100_000, "three-letter code"),
        ("\x1b[31m", "three-letter code"),
    ],
)
def test_an_unknown_code_is_answered_with_the_nearest_known(code: str, hint: str) -> None:
    with pytest.raises(UnknownCurrency) as unknown:
        currency(code)

    assert hint in (unknown.value.hint or "")
    assert len(unknown.value.message) < 150
    assert unknown.value.message.isprintable()


def test_the_table_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        CURRENCIES["xxx"] = currency("eur")  # type: ignore[index]
