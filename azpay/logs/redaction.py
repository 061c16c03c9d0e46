"""What must not be read in a log, found by its shape.

Every pattern is linear: it can start only where a run of its characters starts, or reaches a bounded number
of characters, so no text is slow to read however it was made.
"""

from __future__ import annotations

import re
from itertools import accumulate

_WORD = r"[^\s@\"'<>()\[\]{},:;=&?/\\|`]"

_SHAPES = (
    (r"(?:sk|rk|ek)_(?:test|live)_[A-Za-z0-9_]+", "[stripe-key]"),
    (r"whsec_[A-Za-z0-9_+/=]+", "[webhook-secret]"),
    (r"(?i)AZPAY(?:-[0-9A-Z]{7}){8}", "[recovery-key]"),
    (r"_secret_(?=[a-z]*[A-Z0-9])[A-Za-z0-9]+", "_secret_[client-secret]"),
    (r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*){1,4}", "[token]"),
    (
        r"(?i)(authorization[\"']?\s{0,8}[:=,]\s{0,8}(?:b?[\"'])?)(?:[a-z]{1,20}\s{1,8})?[^\s\"',;]+",
        r"\1[authorization]",
    ),
    (r"(?i)\b(bearer|basic)\s{1,8}[A-Za-z0-9._~+/=-]{8,}", r"\1 [authorization]"),
    (r"(://[^\s/@:]{0,100}:)[^\s/]{1,200}@", r"\1[password]@"),
    (rf"(?<!{_WORD}){_WORD}+(?:@|%40){_WORD}+", "[e-mail]"),
)
_PATTERNS = tuple((re.compile(shape), instead) for shape, instead in _SHAPES)

# Digits in a row, or in groups as cards are printed, with a few spaces or dashes of any kind between.
_DIGITS = re.compile(r"\d(?:[ \-\u00a0\u2007\u2009\u200b\u2010-\u2015\u202f]{0,3}\d)+")
_SHORTEST, _LONGEST = 13, 19
_FIRST_DIGITS = frozenset({2, 3, 4, 5, 6, 8})  # of the card networks; times in milliseconds begin with 1
_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)

# Control characters, and those that change how the rest of a line is shown.
_UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
)


def redact(text: str) -> str:
    """The same text without keys, tokens, passwords, e-mail addresses and card numbers."""
    for pattern, instead in _PATTERNS:
        text = pattern.sub(instead, text)
    return _DIGITS.sub(_without_cards, text)


def looks_like_card_number(text: str) -> bool:
    """Whether a card number stands anywhere in the text, in groups or in one row."""
    return any(_card_spans(run[0]) for run in _DIGITS.finditer(text))


def printable(text: str) -> str:
    """The same text on one line, with nothing a terminal would obey: ESC is shown as \\x1b."""
    return _UNPRINTABLE.sub(lambda found: ascii(found[0])[1:-1], text)


def _without_cards(run: re.Match[str]) -> str:
    kept, at = [], 0
    for start, end in _card_spans(run[0]):
        if start >= at:
            kept += [run[0][at:start], "[card]"]
            at = end
    return "".join([*kept, run[0][at:]])


def _card_spans(run: str) -> list[tuple[int, int]]:
    """Where card numbers stand in a run of digits and what separates them.

    One begins and ends where a group does, so that an order number before it does not hide it and a slice of
    a longer number is not taken for one. Sums up to each digit make every slice cost the same.
    """
    places = [at for at, char in enumerate(run) if char.isdecimal()]
    digits = [int(run[at]) for at in places]
    sums = [_luhn_sums(digits, parity) for parity in (0, 1)]
    ends = {at for at, place in enumerate(places, 1) if at == len(places) or places[at] > place + 1}
    return [
        (places[begin], places[end - 1] + 1)
        for begin in sorted({0} | ends - {len(places)})
        if digits[begin] in _FIRST_DIGITS
        for end in range(begin + _SHORTEST, begin + _LONGEST + 1)
        if end in ends and (sums[end % 2][end] - sums[end % 2][begin]) % 10 == 0
    ]


def _luhn_sums(digits: list[int], parity: int) -> list[int]:
    """ISO/IEC 7812: from the check digit leftwards, every second digit is doubled."""
    counted = (_DOUBLED[digit] if at % 2 == parity else digit for at, digit in enumerate(digits))
    return list(accumulate(counted, initial=0))
