"""What people type for an amount, and what to tell them when it is not one.

`Decimal` and `int` read NaN, 1_000, 1e3 and full-width digits; a payment must not. So: ASCII digits, one
dot, ASCII digits, and nothing else.
"""

from __future__ import annotations

import re

MAJOR = re.compile(r"(?P<whole>[0-9]{1,19})(?:\.(?P<fraction>[0-9]{1,3}))?")
MINOR = re.compile(r"[0-9]{1,19}")

_LONGEST_QUOTE = 30

# The first pattern found explains what was typed.
_MISTAKES = (
    (r"^\s*$", "Type an amount such as {example}."),
    (r"^\s|\s$|[0-9]\s+[0-9]", "Leave out the spaces, as in {example}."),
    (r"^[+-]", "Leave out the sign, as in {example}: the command says which way the money goes."),
    (r"^[0-9.]*,[0-9.,]*$", "Use a dot for decimals and nothing between thousands, as in {example}."),
    (r"_", "Leave out the underscores, as in {example}."),
    (r"(?i)^[0-9.]+e[0-9+-]+$", "Write the number out, as in {example}."),
    (r"[^\x00-\x7f]", "Use the digits 0 to 9 and a dot, as in {example}; the currency is a word of its own."),
    (r"[^0-9.]", "Type the number alone, as in {example}; the currency is a word of its own."),
    (r"\..*\.", "Use one dot at most, as in {example}."),
    (r"^\.|\.$", "Put digits on both sides of the dot, as in {example}."),
    (r"^[0-9]{20}", "Check the number of digits."),
    (r"", "This currency has {decimals}: type it as in {example}. azpay never rounds."),
)
_DECIMALS = {0: "no decimals", 2: "two decimals", 3: "three decimals"}
_EXAMPLES = {0: "1250", 2: "1250.50", 3: "1250.500"}


def hint(text: str, decimals: int) -> str:
    """What to type instead, in a currency of so many decimals."""
    advice = next(advice for pattern, advice in _MISTAKES if re.search(pattern, text))
    return advice.format(decimals=_DECIMALS[decimals], example=_EXAMPLES[decimals])


def quoted(text: str) -> str:
    """What was typed, short and in ASCII, so that an error cannot carry an escape sequence."""
    return ascii(text if len(text) <= _LONGEST_QUOTE else text[:_LONGEST_QUOTE] + "...")
