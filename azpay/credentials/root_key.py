"""The key that a book is encrypted under.

32 random bytes. Nothing is encrypted with them: the file, the columns and the blind index each have a key
derived from them. People write it down as a recovery key: `AZPAY-` and eight groups of seven characters, the
last of which check the rest, in an alphabet without I, L, O and U.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from typing import Self

from azpay.errors import NotAllowed

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_READ = str.maketrans("OIL", "011", " -\t\r\n")
_WRITTEN = re.compile(r"AZPAY([0-9A-HJKMNP-TV-Z]{56})")
_BYTES, _CHECK, _GROUP, _BITS = 32, 3, 7, 5
_SALT = b"azpay root key 1"


class RecoveryKeyUnreadable(NotAllowed):
    """What was given is no recovery key, or it has a mistake in it."""

    code = "recovery_key_unreadable"

    def __init__(self) -> None:
        super().__init__(
            "That is not a recovery key of azpay's.",
            hint="It reads AZPAY- and eight groups of seven letters and digits; look for a mistyped one.",
        )


@dataclass(frozen=True, slots=True, repr=False)
class RootKey:
    """One root key. Its `id` is public, and names it in errors and in the book."""

    secret: bytes

    def __post_init__(self) -> None:
        if len(self.secret) != _BYTES:
            raise RecoveryKeyUnreadable

    def __repr__(self) -> str:
        return f"RootKey({self.id})"

    @classmethod
    def make(cls) -> Self:
        return cls(secrets.token_bytes(_BYTES))

    @classmethod
    def read(cls, text: str) -> Self:
        """The key that somebody wrote down. Raises RecoveryKeyUnreadable, which never quotes it."""
        body = text.upper().translate(_READ).removeprefix("AZPAY")
        found = _WRITTEN.fullmatch(f"AZPAY{body}")
        if found is None:
            raise RecoveryKeyUnreadable
        number = 0
        for character in found[1]:
            number = number << _BITS | ALPHABET.index(character)
        plain = number.to_bytes(_BYTES + _CHECK, "big")
        if not hmac.compare_digest(_check(plain[:_BYTES]), plain[_BYTES:]):
            raise RecoveryKeyUnreadable
        return cls(plain[:_BYTES])

    @property
    def written(self) -> str:
        """The recovery key: the whole secret, for a person's safe and nobody's log."""
        number = int.from_bytes(self.secret + _check(self.secret), "big")
        shifts = range((_BYTES + _CHECK) * 8 - _BITS, -1, -_BITS)
        body = "".join(ALPHABET[number >> shift & 31] for shift in shifts)
        return "-".join(["AZPAY", *(body[at : at + _GROUP] for at in range(0, len(body), _GROUP))])

    @property
    def id(self) -> str:
        """Eight hexadecimal digits that say which key it is, and nothing about it."""
        return self.derive("key id")[:4].hex()

    def derive(self, purpose: str) -> bytes:
        """A key of 32 bytes for one purpose: HKDF with SHA-256 (RFC 5869)."""
        return expanded(self.secret, salt=_SALT, info=purpose.encode())


def expanded(secret: bytes, *, salt: bytes, info: bytes) -> bytes:
    """HKDF's first 32 bytes. The standard library has its parts and loads sooner than a whole one."""
    extracted = hmac.digest(salt, secret, hashlib.sha256)
    return hmac.digest(extracted, info + b"\x01", hashlib.sha256)


def _check(secret: bytes) -> bytes:
    return hashlib.sha256(b"azpay recovery key" + secret).digest()[:_CHECK]
