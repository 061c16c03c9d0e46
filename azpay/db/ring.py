"""The keys at hand for one book.

Several may hold at once: while a book is moved to a new key its values stand under the old or the new, and
every program finds the right one by the id in the value. A key that is not at hand is looked for once more,
because another process may just have made it.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Self

from azpay.db.ciphers import FORMAT, NONCE_AT, Cipher, ValueTampered
from azpay.errors import NotAllowed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy.engine import Connection

    from azpay.credentials import RootKey
    from azpay.db.ciphers import Opener

OPTION = "azpay_ring"
"""The name under which an engine, and so its connections, carry their ring."""


class KeyMissing(NotAllowed):
    """The book is encrypted under a key that is not at hand. Nothing in it was touched."""

    code = "encryption_key_missing"

    def __init__(self, wanted: str | None, *, at_hand: Sequence[str] = ()) -> None:
        here = f"; at hand is {', '.join(at_hand)}" if at_hand else ", and there is none here"
        named = f" {wanted}" if wanted else ""
        super().__init__(
            f"The book is encrypted with the key{named}{here}. Nothing was touched.",
            hint="Run `azpay db recover` with the book's recovery key, or set AZPAY_ENCRYPTION_KEY.",
        )


class Ring:
    """Root keys by id. `find` says what is at hand now, the key for new books first."""

    def __init__(self, find: Callable[[], Sequence[RootKey]]) -> None:
        self._find = find
        self._lock = threading.Lock()
        self._ciphers: dict[str, Cipher] | None = None
        self._openers: dict[tuple[bytes, str, str], Opener] = {}
        self.pepper: bytes | None = None
        """The book's own secret, once it was read."""

    @classmethod
    def of(cls, *roots: RootKey) -> Self:
        return cls(lambda: roots)

    def anew(self) -> Self:
        """The same keys, for another book."""
        return type(self)(self._find)

    @property
    def ciphers(self) -> tuple[Cipher, ...]:
        found = self._ciphers
        return tuple((self.reload() if found is None else found).values())

    @property
    def newest(self) -> Cipher:
        """The one for a book that has none yet. Raises KeyMissing."""
        for cipher in self.ciphers:
            return cipher
        raise KeyMissing(None)

    def cipher(self, key_id: str) -> Cipher:
        """Raises KeyMissing."""
        found = (self._ciphers or {}).get(key_id) or self.reload().get(key_id)
        if found is None:
            raise KeyMissing(key_id, at_hand=[each.id for each in self.ciphers])
        return found

    def reload(self) -> dict[str, Cipher]:
        with self._lock:
            before = self._ciphers or {}
            roots = self._find()
            self._ciphers = {root.id: before.get(root.id) or Cipher(root) for root in roots}
            self._openers = {}
            return self._ciphers

    def open(self, ciphertext: bytes, table: str, column: str, key: str) -> bytes:
        """The value that stands there. Raises ValueTampered, KeyMissing."""
        at = (ciphertext[:NONCE_AT], table, column)
        plain = (self._openers.get(at) or self._learned(at, key))(ciphertext, key)
        if plain is None:
            raise ValueTampered(table, column, key)
        return plain

    def open_all(
        self, ciphertexts: Sequence[bytes | None], table: str, column: str, keys: Sequence[str]
    ) -> list[bytes | None]:
        """What stands in one column of these rows. Raises ValueTampered, KeyMissing."""
        opened = self.open
        return [
            None if text is None else opened(text, table, column, key)
            for text, key in zip(ciphertexts, keys, strict=True)
        ]

    def _learned(self, at: tuple[bytes, str, str], key: str) -> Opener:
        """What opens values under this key in this column, kept for the next: a page has many of them."""
        head, table, column = at
        if not head.startswith(FORMAT) or len(head) < NONCE_AT:
            raise ValueTampered(table, column, key)
        found = self._openers[at] = self.cipher(head[len(FORMAT) :].hex()).opener(table, column)
        return found


def ring_of(connection: Connection) -> Ring:
    """The keys of the book that this connection belongs to."""
    ring: Ring = connection.get_execution_options()[OPTION]
    return ring
