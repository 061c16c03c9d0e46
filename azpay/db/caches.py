"""What is quick to ask again. Losing a cache costs time, and nothing else."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol

from azpay.errors import NotAllowed
from azpay.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Callable

ANSWERS_WITHIN = timedelta(milliseconds=250)
LEFT_ALONE = timedelta(seconds=30)
"""How long a cache that failed is not asked again."""

log = get_logger(__name__)


class RedisMissing(NotAllowed):
    """A Redis is configured, and what talks to it is not installed."""

    code = "redis_missing"

    def __init__(self) -> None:
        super().__init__(
            "AZPAY_REDIS_URL is set, and the Redis client is not installed.",
            hint="Install azpay[redis], or take the setting out.",
        )


class Cache(Protocol):
    """Bytes by name, for a while at most. Never raises."""

    def get(self, name: str) -> bytes | None: ...

    def put(self, name: str, value: bytes, *, seconds: int) -> None: ...


class RedisCache:
    """In a Redis or Valkey, which may go away at any time."""

    def __init__(self, address: str, *, timer: Callable[[], float] = time.monotonic) -> None:
        try:
            import redis
        except ImportError:
            raise RedisMissing from None
        seconds = ANSWERS_WITHIN.total_seconds()
        self._failures = (redis.RedisError, OSError)
        self._redis: Any = redis.Redis.from_url(
            address, socket_timeout=seconds, socket_connect_timeout=seconds, retry=None
        )
        self._timer = timer
        self._again_at = timer()

    def get(self, name: str) -> bytes | None:
        found = self._tried(lambda: self._redis.get(name))
        return found if isinstance(found, bytes) else None

    def put(self, name: str, value: bytes, *, seconds: int) -> None:
        self._tried(lambda: self._redis.set(name, value, ex=max(seconds, 1)))

    def close(self) -> None:
        self._tried(self._redis.close)

    def _tried(self, ask: Callable[[], Any]) -> Any:
        if self._timer() < self._again_at:
            return None
        try:
            return ask()
        except self._failures as error:
            self._again_at = self._timer() + LEFT_ALONE.total_seconds()
            log.warning("cache_failed", reason=type(error).__name__)
            return None
