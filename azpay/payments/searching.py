"""Finding payments by words that somebody remembers: of the description, reference or metadata, or an e-mail.

What is searched is encrypted, so its words stand beside it as blind tokens: the same word gives the same
token under the book's key, and nobody else can tell which word that is. Whole words are found, in whatever
case, and an e-mail by the whole address.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import LargeBinary, and_, delete, exists, func
from sqlmodel import Field, Session, col, select

from azpay.db import Row
from azpay.db.book_keys import in_use
from azpay.db.bulk import insert_new
from azpay.db.ciphers import normal
from azpay.db.drafts import table_of
from azpay.db.sealing import current
from azpay.db.upsert import keep_new
from azpay.errors import Usage
from azpay.payments.models import Payment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import ColumnElement, Connection

    from azpay.db.ciphers import Cipher

RARE = 2000
"""A word in fewer payments than this is looked up first; others are looked for in each payment in turn."""

_WORD = re.compile(r"\w+")


class NothingToSearch(Usage):
    """The text has no word in it."""

    code = "nothing_to_search"

    def __init__(self) -> None:
        super().__init__(
            "There is no word to search for.", hint="Give words or numbers, or a whole e-mail address."
        )


class PaymentWord(Row, table=True):
    """A word of a payment, as a blind token."""

    __tablename__ = "payment_words"
    __table_args__ = ({"sqlite_with_rowid": False},)

    word: bytes = Field(primary_key=True, sa_type=LargeBinary)
    payment_id: str = Field(primary_key=True, foreign_key="payments.id", ondelete="CASCADE")


def words_in(
    description: str | None, reference: str | None, email: str | None, metadata: Mapping[str, str]
) -> set[str]:
    """The words that a payment is found by."""
    texts = (description, reference, *metadata.values())
    return {word for text in texts if text for word in _words(text)} | ({normal(email)} if email else set())


def index(session: Session, payment: Payment) -> None:
    """Write down a new payment's words, so that they find it."""
    cipher = current(session.connection())
    keep_new(session, [PaymentWord(word=token, payment_id=payment.id) for token in _tokens(cipher, payment)])


def index_rows(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write down the words of payments that come as they are, from another book."""
    token = cache(current(connection).word)  # payments of one shop have many words in common
    found = [
        (token(word), row["id"])
        for row in rows
        for word in words_in(row["description"], row["reference"], row["receipt_email"], row["metadata"])
    ]
    if found:
        words, payments = zip(*found, strict=True)
        insert_new(connection, table_of(PaymentWord), {"word": words, "payment_id": payments})


def reindex(session: Session, payments: Sequence[str], before: Sequence[Cipher], after: Cipher) -> None:
    """Move the words of these payments from other keys to this one."""
    for payment in session.exec(select(Payment).where(col(Payment.id).in_(payments))):
        stale = [token for cipher in before for token in _tokens(cipher, payment)]
        ours = col(PaymentWord.payment_id) == payment.id
        session.execute(delete(PaymentWord).where(ours, col(PaymentWord.word).in_(stale)))
        fresh = [PaymentWord(word=token, payment_id=payment.id) for token in _tokens(after, payment)]
        keep_new(session, fresh)


def mentions(session: Session, text: str) -> ColumnElement[bool]:
    """The condition that a payment has every word of the text.

    A rare word is looked up first; where all are common, each payment of the listing is asked for them.
    """
    ciphers = in_use(session.connection())
    wanted = [[cipher.word(word) for cipher in ciphers] for word in sorted(_asked(text))]
    rare = next((tokens for tokens in wanted if _is_rare(session, tokens)), None)
    return and_(*(_listed(tokens) if tokens is rare else _has(tokens) for tokens in wanted))


def require_words(text: str) -> None:
    """Raises NothingToSearch."""
    if not _asked(text):
        raise NothingToSearch


def _asked(text: str) -> set[str]:
    pieces = normal(text).split()
    return {word for piece in pieces for word in ([piece] if "@" in piece else _words(piece))}


def _words(text: str) -> list[str]:
    return _WORD.findall(normal(text))


def _tokens(cipher: Cipher, payment: Payment) -> list[bytes]:
    found = words_in(payment.description, payment.reference, payment.receipt_email, payment.metadata_)
    return sorted(cipher.word(word) for word in found)


def _is_rare(session: Session, tokens: list[bytes]) -> bool:
    some = select(col(PaymentWord.payment_id)).where(col(PaymentWord.word).in_(tokens)).limit(RARE)
    return session.exec(select(func.count()).select_from(some.subquery())).one() < RARE


def _listed(tokens: list[bytes]) -> ColumnElement[bool]:
    return col(Payment.id).in_(select(col(PaymentWord.payment_id)).where(col(PaymentWord.word).in_(tokens)))


def _has(tokens: list[bytes]) -> ColumnElement[bool]:
    return exists().where(col(PaymentWord.payment_id) == col(Payment.id), col(PaymentWord.word).in_(tokens))
