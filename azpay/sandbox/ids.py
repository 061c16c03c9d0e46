"""Identifiers that look like Stripe's and are the same every time for the same seed."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from azpay.sandbox.wire import Json

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_LENGTHS = {"cus": 14, "req": 14, "whsec": 32, "secret": 25}
_GENERATION = {
    "pi": "3",
    "ch": "3",
    "re": "3",
    "evt": "1",
    "pm": "1",
    "txn": "3",
    "we": "1",
    "py": "3",
    "seti": "1",
    "setatt": "1",
    "mandate": "1",
}


class Ids:
    """A counter, scrambled. It continues where it was after a restore."""

    def __init__(self, seed: int, made: int = 0) -> None:
        self._seed = seed
        self._made = made

    def new(self, prefix: str) -> str:
        self._made += 1
        first = _GENERATION.get(prefix, "")
        tail = scramble(f"{self._seed}:{prefix}:{self._made}", _LENGTHS.get(prefix, 24) - len(first))
        return f"{prefix}_{first}{tail}"

    def dump(self) -> Json:
        return {"seed": self._seed, "made": self._made}


def scramble(text: str, length: int) -> str:
    """Letters and digits that depend on `text` alone."""
    number = int.from_bytes(blake2b(text.encode(), digest_size=32).digest(), "big")
    letters = []
    for _ in range(length):
        number, digit = divmod(number, 62)
        letters.append(_ALPHABET[digit])
    return "".join(letters)
