"""The same key, the same answer, for a day; and never an answer to somebody else's question.

That nothing moves twice is the operation's business, for ever. This table is about answers: what was said
under a caller's key is said again without asking anybody, and the same key with another request is refused
before anything is sent.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete
from sqlmodel import Field, col

from azpay.db import Row, sealed, timestamp
from azpay.db.book_keys import peppered
from azpay.db.upsert import keep_new
from azpay.errors import Conflict

if TYPE_CHECKING:
    from sqlmodel import Session

    from azpay.db import Database

KEPT = timedelta(hours=24)
PURGE, PURGE_EVERY = "idempotency_purge", timedelta(hours=1)


class AnotherRequest(Conflict):
    """The idempotency key was used for a request with other parameters."""

    code = "idempotency_key_taken"

    def __init__(self, key: str) -> None:
        super().__init__(
            f"The idempotency key {key!r} was used for another request.",
            hint="Use another key for a different request.",
        )


class IdempotencyKey(Row, table=True):
    """A caller's key in one scope, what it was used for, and the answer once there is one.

    Its id is a digest of scope and key: what callers call their keys is nobody's business.
    """

    __tablename__ = "idempotency_keys"

    id: str = Field(primary_key=True)
    scope: str
    request_hash: str
    answer: dict[str, Any] | None = Field(default=None, sa_type=sealed("json"))
    expires_at: datetime = Field(sa_type=timestamp(), index=True)


def replayed(session: Session, scope: str, key: str, digest: str, now: datetime) -> dict[str, Any] | None:
    """The answer that was given under this key; None when there is none yet, and the key is now taken.

    Runs in the caller's transaction, before anything is sent. Raises AnotherRequest.
    """
    connection = session.connection()
    asked = peppered(connection, digest)
    mine = IdempotencyKey(
        id=_identity(session, scope, key), scope=scope, request_hash=asked, expires_at=now + KEPT
    )
    keep_new(session, [mine])
    standing = session.get_one(IdempotencyKey, mine.id, with_for_update=True)
    if standing.expires_at <= now:
        standing.request_hash, standing.answer, standing.expires_at = asked, None, now + KEPT
    if standing.request_hash != asked:
        raise AnotherRequest(key)
    return standing.answer


def keep(
    session: Session, scope: str, key: str, answer: dict[str, Any], now: datetime
) -> dict[str, Any] | None:
    """Say the same from now on, for a day. The first answer stays, and is returned; None for no such key."""
    standing = session.get(IdempotencyKey, _identity(session, scope, key), with_for_update=True)
    if standing is not None and standing.answer is None:
        standing.answer, standing.expires_at = answer, now + KEPT
    return standing.answer if standing is not None else None


def release(session: Session, scope: str, key: str) -> None:
    """Nothing came of the request, and the key may be used for another one."""
    standing = session.get(IdempotencyKey, _identity(session, scope, key), with_for_update=True)
    if standing is not None and standing.answer is None:
        session.delete(standing)


def purge(db: Database, *, now: datetime) -> None:
    """Remove what is said no more."""
    old = delete(IdempotencyKey).where(col(IdempotencyKey.expires_at) <= now)
    db.write(lambda session: session.execute(old.execution_options(synchronize_session=False)))


def _identity(session: Session, scope: str, key: str) -> str:
    return peppered(session.connection(), named(scope, key))


def named(scope: str, key: str) -> str:
    """A key in its scope. Neither holds a line break."""
    return f"{scope}\n{key}"
