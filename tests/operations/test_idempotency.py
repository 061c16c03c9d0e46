"""The same key, the same answer, for a day; another request under it is refused before anything is sent."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlmodel import select

from azpay.operations import idempotency
from azpay.operations.idempotency import AnotherRequest, IdempotencyKey
from tests.support.clock import NOON

if TYPE_CHECKING:
    from datetime import datetime

    from azpay.db import Database

ANSWER = {"id": "pay_1", "email": "canary@example.com"}
DAY = timedelta(hours=24)


def asked(
    db: Database, digest: str = "d", *, key: str = "k", scope: str = "cli:charge", now: datetime = NOON
) -> dict[str, Any] | None:
    return db.write(lambda session: idempotency.replayed(session, scope, key, digest, now))


def answered(db: Database, answer: dict[str, Any], *, now: datetime = NOON) -> None:
    db.write(lambda session: idempotency.keep(session, "cli:charge", "k", answer, now))


def test_what_was_answered_is_answered_again(db: Database) -> None:
    first = asked(db)
    answered(db, ANSWER)

    assert (first, asked(db)) == (None, ANSWER)


def test_the_first_answer_stays(db: Database) -> None:
    asked(db)
    answered(db, ANSWER)

    answered(db, {"id": "pay_2"})

    assert asked(db) == ANSWER


@pytest.mark.parametrize("is_answered", [True, False])
def test_another_request_under_the_key_is_refused(db: Database, is_answered: bool) -> None:
    asked(db)
    if is_answered:
        answered(db, ANSWER)

    with pytest.raises(AnotherRequest, match="'k'"):
        asked(db, "other")


def test_a_key_means_something_else_in_another_scope(db: Database) -> None:
    asked(db)
    answered(db, ANSWER)

    assert asked(db, "other", scope="http:ann") is None


def test_an_answer_is_forgotten_after_a_day(db: Database) -> None:
    asked(db)
    answered(db, ANSWER)

    before, after = asked(db, now=NOON + DAY - timedelta(seconds=1)), asked(db, "other", now=NOON + DAY)

    assert (before, after) == (ANSWER, None)


def test_a_key_that_nothing_came_of_is_free_again(db: Database) -> None:
    asked(db)
    db.write(lambda session: idempotency.release(session, "cli:charge", "k"))

    assert asked(db, "other") is None


def test_an_answer_is_not_taken_back(db: Database) -> None:
    asked(db)
    answered(db, ANSWER)

    db.write(lambda session: idempotency.release(session, "cli:charge", "k"))

    assert asked(db) == ANSWER


def test_an_answer_to_a_key_that_nobody_took_is_not_kept(db: Database) -> None:
    answered(db, ANSWER)

    assert asked(db) is None


def test_old_answers_are_removed(db: Database) -> None:
    asked(db)
    asked(db, key="later", now=NOON + timedelta(hours=1))

    idempotency.purge(db, now=NOON + DAY)

    with db.reading() as session:
        assert len(session.exec(select(IdempotencyKey)).all()) == 1


def test_neither_key_nor_answer_can_be_read_in_the_book(db: Database) -> None:
    asked(db, key="invoice of ada@example.com")
    answered(db, ANSWER)

    with db.engine.connect() as connection:
        rows = str(connection.exec_driver_sql("SELECT * FROM idempotency_keys").all())

    assert "ada@example.com" not in rows
    assert "canary" not in rows


def test_of_many_at_once_with_different_requests_one_gets_the_key(db: Database) -> None:
    def ask(number: int) -> bool:
        try:
            asked(db, str(number))
        except AnotherRequest:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(ask, range(8)))

    assert taken.count(True) == 1
