"""Ids that we make: a prefix that says what it is, then the time, then chance.

`pay_1m836k765br9nv7pb6`: nine characters after the prefix count milliseconds in Crockford's base 32, until
the year 3084, so ids sort by age and new rows land together at the end of an index.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
TIME_DIGITS = 9
CHANCE_DIGITS = 9


def new_id(prefix: str, now: datetime) -> str:
    """An id such as `pay_1m836k765br9nv7pb6`; 45 bits of chance keep two of one millisecond apart."""
    milliseconds = int(now.timestamp() * 1000)
    chance = secrets.randbits(5 * CHANCE_DIGITS)
    return f"{prefix}_{_base32(milliseconds, TIME_DIGITS)}{_base32(chance, CHANCE_DIGITS)}"


def _base32(number: int, digits: int) -> str:
    shifts = range(5 * (digits - 1), -1, -5)
    return "".join(ALPHABET[(number >> shift) & 31] for shift in shifts)
