"""Answers kept under idempotency keys, for a day."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING

from azpay.sandbox import wording
from azpay.sandbox.errors import StripeError, bad_request

if TYPE_CHECKING:
    from azpay.sandbox.database import Database
    from azpay.sandbox.wire import Request

KEPT_FOR = 24 * 60 * 60
MAX_KEY = 255


@dataclass(frozen=True, slots=True)
class Answer:
    """What was said the first time, and to which request."""

    fingerprint: str
    status: int
    body: str
    request_id: str
    at: int


class Answers:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._forgotten_at = 0

    def recall(self, key: str, fingerprint: str, now: int) -> Answer | None:
        """The answer to replay. Raises when the key was first used for something else."""
        self._forget(now)
        row = self._database.row(_RECALL, (key,))
        if row is None:
            return None
        answer = Answer(*row)
        if answer.fingerprint != fingerprint:
            raise _different_request(key)
        return answer

    def keep(self, key: str, answer: Answer) -> None:
        self._database.run(_KEEP, (key, *astuple(answer)))

    def _forget(self, now: int) -> None:
        if now != self._forgotten_at:
            self._database.run("DELETE FROM answers WHERE at <= ?", (now - KEPT_FOR,))
            self._forgotten_at = now


_RECALL = "SELECT fingerprint, status, body, request_id, at FROM answers WHERE key = ?"
_KEEP = "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?, ?)"


def fingerprint(request: Request) -> str:
    """The endpoint and its parameters. Their order does not matter, only what they say."""
    pairs = b"&".join(sorted(request.body.split(b"&")))
    content = b"\0".join((request.method.encode(), request.path.encode(), request.query.encode(), pairs))
    return blake2b(content, digest_size=16).hexdigest()


def check_key(key: str) -> str:
    if not key.strip():
        raise bad_request("Idempotency Key must be a non-empty string.")
    if len(key) > MAX_KEY:
        raise bad_request(f"Idempotency keys may be at most {MAX_KEY} characters long.")
    if not (key.isascii() and key.isprintable()):
        raise bad_request("Idempotency keys must be printable ASCII.")
    return key


def in_use(key: str) -> StripeError:
    return StripeError(409, wording.key_in_use(key), kind="idempotency_error", code="idempotency_key_in_use")


def _different_request(key: str) -> StripeError:
    return StripeError(400, wording.other_request(key), kind="idempotency_error")
