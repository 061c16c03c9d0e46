"""Answers by key, as edges use them: the table decides, and a cache saves the look-up.

In the cache an answer stands encrypted under the book's key, and bound to its name.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from azpay.db.book_keys import pepper_of, peppered_with
from azpay.db.ciphers import place
from azpay.errors import AzpayError
from azpay.operations import idempotency
from azpay.operations.idempotency import KEPT, IdempotencyKey

if TYPE_CHECKING:
    from azpay.db import Database
    from azpay.db.caches import Cache

TABLE, COLUMN = str(IdempotencyKey.__tablename__), "answer"


class Cached(msgspec.Struct, frozen=True):
    request_hash: str
    answer: dict[str, Any]
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Answers:
    """What was answered under callers' keys. `digest` says what is asked: see `operations.fingerprint`."""

    db: Database
    cache: Cache | None = None

    def replayed(self, scope: str, key: str, digest: str, *, now: datetime) -> dict[str, Any] | None:
        """The answer that was given; None when there is none yet, and the key is taken for this request.

        Raises AnotherRequest, before anything is sent.
        """
        known = self._known(scope, key)
        if known is not None and known.expires_at > now and known.request_hash == self._peppered(digest):
            return known.answer
        return self.db.write(lambda session: idempotency.replayed(session, scope, key, digest, now))

    def keep(self, scope: str, key: str, digest: str, answer: dict[str, Any], *, now: datetime) -> None:
        """Say the same from now on, for a day. The first answer stays."""
        first = self.db.write(lambda session: idempotency.keep(session, scope, key, answer, now))
        if self.cache is not None and first is not None:
            kept = Cached(self._peppered(digest), first, now + KEPT)
            seconds = int(KEPT.total_seconds())
            self.cache.put(self._name(scope, key), self._sealed(scope, key, kept), seconds=seconds)

    def release(self, scope: str, key: str) -> None:
        """Nothing came of the request, and the key may be used for another one."""
        self.db.write(lambda session: idempotency.release(session, scope, key))

    def _known(self, scope: str, key: str) -> Cached | None:
        """What cannot be opened or read was put there under another key, or by somebody else."""
        ciphertext = self.cache.get(self._name(scope, key)) if self.cache is not None else None
        if ciphertext is None:
            return None
        try:
            plain = self.db.ring.open(ciphertext, TABLE, COLUMN, self._identity(scope, key))
            return msgspec.json.decode(plain, type=Cached)
        except (AzpayError, msgspec.DecodeError):
            return None

    def _sealed(self, scope: str, key: str, kept: Cached) -> bytes:
        where = place(TABLE, COLUMN, self._identity(scope, key))
        return self.db.ring.newest.seal(msgspec.json.encode(kept), where)

    def _name(self, scope: str, key: str) -> str:
        return f"azpay:answer:{self._identity(scope, key)}"

    def _identity(self, scope: str, key: str) -> str:
        return self._peppered(idempotency.named(scope, key))

    def _peppered(self, text: str) -> str:
        """Without asking the book, once its secret is known."""
        pepper = self.db.ring.pepper
        if pepper is None:
            with self.db.reading() as session:
                pepper = pepper_of(session.connection())
        return peppered_with(pepper, text)
