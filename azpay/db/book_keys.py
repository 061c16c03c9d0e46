"""What the book itself says of its keys: which one is written with, and which others are still in it."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import TYPE_CHECKING, Any

from sqlmodel import Field, LargeBinary

from azpay.db.ciphers import normal, place
from azpay.db.ring import ring_of
from azpay.db.tables import Row

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from azpay.db.ciphers import Cipher
    from azpay.db.ring import Ring

TABLE, PEPPER = "book_keys", "pepper"
PEPPER_BYTES, NAME_DIGITS = 32, 18

KEYS_IN_USE = "SELECT key_id FROM book_keys ORDER BY current DESC"
CURRENT_PEPPER = "SELECT key_id, pepper FROM book_keys WHERE current"
CURRENT_KEY = "SELECT key_id FROM book_keys WHERE current"


class BookKey(Row, table=True):
    """One root key in use. There are two while a book is moved from one to the other."""

    __tablename__ = "book_keys"

    key_id: str = Field(primary_key=True)
    current: bool
    pepper: bytes = Field(sa_type=LargeBinary)
    """The book's own secret for digests that must outlive a key, encrypted under this one."""


def row_for(cipher: Cipher, pepper: bytes, *, current: bool) -> dict[str, Any]:
    """A row that says that this key is in use."""
    where = place(TABLE, PEPPER, cipher.id)
    return {"key_id": cipher.id, "current": current, PEPPER: cipher.seal(pepper, where)}


def in_use(connection: Connection) -> list[Cipher]:
    """Every key that something in the book may stand under. Raises KeyMissing."""
    ring = ring_of(connection)
    return [ring.cipher(key_id) for (key_id,) in connection.exec_driver_sql(KEYS_IN_USE)]


def new_pepper() -> bytes:
    return secrets.token_bytes(PEPPER_BYTES)


def peppered(connection: Connection, text: str) -> str:
    """A digest that only the holder of the book's key can make, the same under the next key too."""
    return peppered_with(pepper_of(connection), text)


def peppered_with(pepper: bytes, text: str) -> str:
    """The same, by who has read the book's secret."""
    return hmac.digest(pepper, text.encode(), hashlib.sha256).hex()


def blind_name(connection: Connection, prefix: str, text: str) -> str:
    """A name for something that must not be named: the same for the same text, as long as the book lives."""
    return f"{prefix}_{peppered(connection, normal(text))[:NAME_DIGITS]}"


def pepper_of(connection: Connection) -> bytes:
    ring = ring_of(connection)
    if ring.pepper is None:
        ring.pepper = _read(connection, ring)
    return ring.pepper


def _read(connection: Connection, ring: Ring) -> bytes:
    key_id, ciphertext = connection.exec_driver_sql(CURRENT_PEPPER).one()
    return ring.open(bytes(ciphertext), TABLE, PEPPER, key_id)
