from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from azpay.logs import looks_like_card_number, printable, redact


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("key sk_live_4eC39HqLyjWDarjtT1zdp7dc.", "key [stripe-key]."),
        ("rk_test_azpay_sandbox", "[stripe-key]"),
        ("desk_test_x", "de[stripe-key]"),
        ("whsec_aB1+/=,whsec_b2", "[webhook-secret],[webhook-secret]"),
        ("key AZPAY" + "-1A2B3C4" * 8 + ".", "key [recovery-key]."),
        ("pi_3NcX_secret_aB1cD2", "pi_3NcX_secret_[client-secret]"),
        ("seti_1_secret_9", "seti_1_secret_[client-secret]"),
        ("Authorization: Bearer abc", "Authorization: [authorization]"),
        ("{'authorization': 'Basic dXNlcjpw'}", "{'authorization': '[authorization]'}"),
        ("(b'Authorization', b'Bearer x.y')", "(b'Authorization', b'[authorization]')"),
        ("curl -H 'bearer 0123456789abcdef'", "curl -H 'bearer [authorization]'"),
        ("jwt eyJhbGciOi.eyJzdWIiOi.c2lnbmF0dXJl", "jwt [token]"),
        ("postgresql://azpay:p@ss:w@db/azpay", "postgresql://azpay:[password]@db/azpay"),
        ("to Jo <jo.e+x@ex-ample.co.uk>, zoë@exämple.fr", "to Jo <[e-mail]>, [e-mail]"),
        ("/v1/customers?email=jo%40example.com&limit=1", "/v1/customers?email=[e-mail]&limit=1"),
        ("jo@localhost", "[e-mail]"),
        ("x" * 100 + "@example.com", "[e-mail]"),
    ],
)
def test_secrets_and_addresses_are_found_by_their_shape(text: str, redacted: str) -> None:
    assert redact(text) == redacted


@pytest.mark.parametrize(
    "text",
    [
        "webhook_secret_missing",
        "payment pi_3NcXAB2eZvKYlo2C succeeded for acct_1032D82eZvKYlo2C",
        "2026-11-23T02:55:31.123456Z took 0.001234567890123 s",
        "pk_test_TYooMQauvdEDq54NiTphI7jx",
        "req_aBc1, evt_1NG8Du2eZvKYlo2CUI79vXWy",
        "EUR 1,234.50 (123450 minor units)",
        "basic needs, bearer of news",
        "@handle at 10 @ 5",
        "1764000000008",
    ],
)
def test_what_operators_need_to_read_stays(text: str) -> None:
    assert redact(text) == text


CARDS = [
    "4242424242424242",
    "4242 4242 4242 4242",
    "4242-4242-4242-4242",
    "4242\u00a04242\u20114242\u20134242",
    "4242  4242 - 4242 4242",
    "378282246310005",
    "3782 822463 10005",
    "30569309025904",
    "6011111111111117",
    "3566002020360505",
    "2223003122003222",
    "4222222222222",
    "6304000000000000",
    "8171999900000000021",
    "\uff14\uff12\uff14\uff12" * 4,
]


@pytest.mark.parametrize("card", CARDS)
@pytest.mark.parametrize("template", ["{}", "order 12 {} exp 12/34", "n={},", "a{}b", "{} 5555555555554444"])
def test_a_card_number_is_seen_however_it_is_typed(card: str, template: str) -> None:
    text = template.format(card)

    assert looks_like_card_number(text)
    assert card not in redact(text)
    assert "[card]" in redact(text)


def test_what_stands_around_a_card_number_stays() -> None:
    assert redact("order 12 4242 4242 4242 4242 exp 12/34") == "order 12 [card] exp 12/34"
    assert redact("4242424242424242 5555555555554444") == "[card] [card]"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "4242424242424241",
        "424242424242",
        "42424242424242424242",
        "1764000000008",
        "pi_3NcXAB2eZvKYlo2C",
        "2026-11-23 02:55",
        "4242 4242 4242",
        "+44 20 7946 0958",
    ],
)
def test_other_numbers_are_not_card_numbers(text: str) -> None:
    assert not looks_like_card_number(text)
    assert redact(text) == text


def luhn_valid(payload: str) -> str:
    doubled = [sum(divmod(int(digit) * 2, 10)) for digit in payload[::-2]]
    plain = [int(digit) for digit in payload[-2::-2]]
    return f"{payload}{-(sum(doubled) + sum(plain)) % 10}"


@settings(deadline=None)
@given(st.from_regex(r"[2-6][0-9]{11,17}", fullmatch=True), st.integers(0, 9))
def test_exactly_the_right_check_digit_makes_a_card_number(payload: str, digit: int) -> None:
    number = luhn_valid(payload)

    assert looks_like_card_number(number)
    assert looks_like_card_number(f"{payload}{digit}") == (f"{payload}{digit}" == number)


@settings(deadline=None)
@given(st.text(alphabet="4 2-@a_%.:/seyJk1\n", max_size=200))
def test_redacting_twice_changes_nothing_more(text: str) -> None:
    once = redact(text)

    assert not looks_like_card_number(once)
    assert redact(once) == once


MALICE = [
    "a", "@", "a@", ".@", "a%40", "4", "4 ", "4242 ", "4-", "sk_test_", "whsec_", "eyJ", "eyJa.",
    "_secret_", "_secret_a", "://", "://a:", "://:@", ":", " ", "authorization ", "authorization:",
    "authorization: a ", "bearer ", "basic a", "\x00", "\u202e",
]  # fmt: skip


@pytest.mark.parametrize("piece", MALICE)
@pytest.mark.parametrize("before", ["", "eyJ_secret_ bearer ://:"])
def test_no_text_is_slow_to_read(before: str, piece: str) -> None:
    text = before + piece * (100_000 // len(piece)) + "@"

    began = time.process_time()
    printable(redact(text))

    assert time.process_time() - began < 15, "linear takes a tenth of a second, quadratic takes minutes"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\r\nb", "a\\r\\nb"),
        ("\x1b[31mred\x07", "\\x1b[31mred\\x07"),
        ("\x9b31m", "\\x9b31m"),
        ("safe\u202etxt.exe", "safe\\u202etxt.exe"),
        ("zero\u200bwidth\ufeff", "zero\\u200bwidth\\ufeff"),
        ("lone\ud800", "lone\\ud800"),
        ("nul\x00 tab\t", "nul\\x00 tab\\t"),
        ("Zoë 日本 ₹ 🙂", "Zoë 日本 ₹ 🙂"),
    ],
)
def test_nothing_a_terminal_would_obey_is_left(text: str, shown: str) -> None:
    assert printable(text) == shown
