"""Values that only the holder of a key can read, each bound to its place.

A ciphertext begins with its format (one byte) and the id of its key (four), then a random nonce and what
AES-256-GCM made of the value. Format, key, table, column and primary key are authenticated with it, so a
value that was changed, or copied to another row, does not open.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import unicodedata
from functools import cached_property
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from azpay.errors import Failed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from azpay.credentials import RootKey

    Opener = Callable[[bytes, str], bytes | None]
    """From a ciphertext and its row's key to the value; None when it was changed or belongs elsewhere."""

FORMAT = b"\x01"
ID_BYTES, NONCE_BYTES = 4, 12
NONCE_AT = len(FORMAT) + ID_BYTES
TEXT_AT = NONCE_AT + NONCE_BYTES
TOKEN_BYTES, WORD_BYTES = 16, 8


class ValueTampered(Failed):
    """A value of the book was changed, or moved to another row, by something other than azpay."""

    code = "value_tampered"

    def __init__(self, table: str, column: str, key: str) -> None:
        self.table, self.key = table, key
        super().__init__(
            f"{column} of {key} in {table} was changed or moved by something other than azpay.",
            hint="Run `azpay db check`, and restore a backup from before: see the runbook on damaged books.",
        )


def place(table: str, column: str, key: str) -> bytes:
    """Where a value belongs, as it is authenticated with it. No name or key holds a NUL."""
    return f"{table}\0{column}\0{key}".encode()


class Cipher:
    """What one root key can do for the columns of a book. Safe to share between threads."""

    def __init__(self, root: RootKey) -> None:
        self.root = root
        self.id = root.id
        self._head = FORMAT + bytes.fromhex(self.id)
        self._aead = AESGCM(root.derive("columns"))

    def seal(self, plain: bytes, where: bytes) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        return self._head + nonce + self._aead.encrypt(nonce, plain, self._head + where)

    def seal_all(self, places: Iterable[bytes], plain: Sequence[bytes]) -> list[bytes]:
        """Each value for its place. Chance is asked once: it lets other threads go first every time."""
        head, encrypt = self._head, self._aead.encrypt
        chance = os.urandom(NONCE_BYTES * len(plain))
        nonces = (chance[start : start + NONCE_BYTES] for start in range(0, len(chance), NONCE_BYTES))
        return [
            head + nonce + encrypt(nonce, value, head + where)
            for where, value, nonce in zip(places, plain, nonces, strict=True)
        ]

    def opener(self, table: str, column: str) -> Opener:
        """What opens the values of one column: what their places share is spelled once for all of them."""
        head, decrypt = self._head, self._aead.decrypt
        shared = head + place(table, column, "")

        def opened(ciphertext: bytes, key: str) -> bytes | None:
            if ciphertext[:NONCE_AT] != head:
                return None
            try:
                return decrypt(ciphertext[NONCE_AT:TEXT_AT], ciphertext[TEXT_AT:], shared + key.encode())
            except (InvalidTag, ValueError):  # the latter for a nonce that is cut short
                return None

        return opened

    def token(self, purpose: str, text: str) -> bytes:
        """The same bytes for the same text, and no way back: to find equal values without reading them."""
        found = hmac.digest(self._blind, f"{purpose}\0{normal(text)}".encode(), hashlib.sha256)
        return found[:TOKEN_BYTES]

    def word(self, word: str) -> bytes:
        """A shorter token, for the many words that a search looks through."""
        return self.token("word", word)[:WORD_BYTES]

    @cached_property
    def _blind(self) -> bytes:
        return self.root.derive("blind index")


def normal(text: str) -> str:
    """The same for all spellings that people take for one: case, width, composed or not, space around it."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()).strip()
