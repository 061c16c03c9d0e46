"""Identifiers that look like Stripe's and are the same every time for the same seed."""

from __future__ import annotations

from hashlib import blake2b, shake_128
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from azpay.sandbox.wire import Json

_ALPHABET = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_LETTERS = bytes(_ALPHABET[byte % len(_ALPHABET)] for byte in range(256))
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

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._made = 0

    def new(self, prefix: str) -> str:
        self._made += 1
        return spelled(prefix, f"{self._seed}:{prefix}:{self._made}")

    def dump(self) -> Json:
        return {"seed": self._seed, "made": self._made}

    def recall(self, data: Json) -> None:
        self._seed, self._made = data["seed"], data["made"]


def spelled(prefix: str, text: str) -> str:
    """The identifier that `text` makes, as long as Stripe's are with this prefix."""
    begins, length = letters_after(prefix)
    return begins + scramble(text, length)


def letters_after(prefix: str) -> tuple[str, int]:
    """How an identifier with this prefix begins, and how many letters follow."""
    first = _GENERATION.get(prefix, "")
    return f"{prefix}_{first}", _LENGTHS.get(prefix, 24) - len(first)


def stream(text: str, length: int) -> str:
    """As many letters and digits as one likes, that depend on `text` alone."""
    return shake_128(text.encode()).digest(length).translate(_LETTERS).decode()


def scramble(text: str, length: int) -> str:
    """Letters and digits that depend on `text` alone; 64 of them at most."""
    return blake2b(text.encode()).digest().translate(_LETTERS)[:length].decode()
