"""Writing down what we are about to do: once for a request, once for a key."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy.exc import IntegrityError

from azpay import operations
from azpay.gateway import StripeRefused
from azpay.operations import Kind, Operation, State
from tests.operations.journals import planned, the_operations
from tests.support.books import a_book
from tests.support.clock import NOON

if TYPE_CHECKING:
    from azpay.db import Database


def test_the_same_request_while_open_is_the_same_operation(db: Database) -> None:
    first = planned(db, now=NOON)

    again = planned(db, now=NOON)

    assert again.id == first.id
    assert [operation.state for operation in the_operations(db)] == [State.PLANNED]


def test_the_same_request_after_an_end_is_a_new_operation(db: Database) -> None:
    first = planned(db, now=NOON)
    with db.writing() as session:
        operations.succeed(session, first.id, "pi_1", now=NOON)

    again = planned(db, now=NOON)

    assert again.id != first.id


def test_a_key_serves_one_operation_for_ever(db: Database) -> None:
    first = planned(db, now=NOON, key="k")
    with db.writing() as session:
        operations.succeed(session, first.id, "pi_1", now=NOON)

    again = planned(db, now=NOON + timedelta(days=400), key="k")

    assert again.id == first.id


@pytest.mark.parametrize("settled", [True, False])
def test_a_key_with_another_request_is_refused(db: Database, settled: bool) -> None:
    first = planned(db, now=NOON, key="k")
    with db.writing() as session:
        if settled:
            operations.succeed(session, first.id, "pi_1", now=NOON)

    with pytest.raises(operations.KeyTaken) as taken:
        planned(db, now=NOON, digest="other", key="k")

    assert taken.value.operation == first.id
    assert len(the_operations(db)) == 1


def test_keys_of_our_own_differ(db: Database) -> None:
    keys = {planned(db, now=NOON, digest=str(number)).idempotency_key for number in range(50)}

    assert len(keys) == 50


@pytest.mark.parametrize("key", [None, "k"])
def test_64_threads_that_ask_at_once_share_one_operation(db: Database, key: str | None) -> None:
    with ThreadPoolExecutor(64) as pool:
        operations_seen = set(pool.map(lambda _: planned(db, now=NOON, key=key).id, range(64)))

    assert len(operations_seen) == len(the_operations(db)) == 1


def plan_in_a_process(address: str) -> str:
    db = a_book(address)
    identity = planned(db, now=NOON).id
    db.close()
    return identity


def test_four_processes_that_ask_at_once_share_one_operation(db: Database) -> None:
    address = str(db.engine.url)

    with ProcessPoolExecutor(4, mp_context=multiprocessing.get_context("spawn")) as pool:
        operations_seen = set(pool.map(plan_in_a_process, [address] * 8))

    assert len(operations_seen) == len(the_operations(db)) == 1


def test_the_database_itself_refuses_a_second_open_operation_for_a_request(db: Database) -> None:
    first = planned(db, now=NOON)
    second = Operation(
        id="op_2",
        kind=Kind.CHARGE,
        state=State.UNKNOWN,
        idempotency_key="other",
        fingerprint=first.fingerprint,
        subject="subject",
        created_at=NOON,
    )

    with pytest.raises(IntegrityError), db.writing() as session:
        session.add(second)


def test_a_fingerprint_depends_on_what_is_asked_and_not_on_its_order() -> None:
    asked = operations.fingerprint(Kind.CHARGE, amount=5, metadata={"a": "1", "b": "2"})

    same = operations.fingerprint(Kind.CHARGE, metadata={"b": "2", "a": "1"}, amount=5)
    others = {
        operations.fingerprint(Kind.REFUND, amount=5, metadata={"a": "1", "b": "2"}),
        operations.fingerprint(Kind.CHARGE, amount=5, metadata={"a": "1", "b": "3"}),
        operations.fingerprint(Kind.CHARGE, amount="5", metadata={"a": "1", "b": "2"}),
    }

    assert same == asked
    assert asked not in others
    assert len(others) == 3


def test_a_no_does_not_undo_a_yes(db: Database) -> None:
    operation = planned(db, now=NOON)
    with db.writing() as session:
        operations.succeed(session, operation.id, "pi_1", now=NOON)

    with db.writing() as session:
        operations.fail(session, operation.id, StripeRefused("No."), now=NOON)

    assert [(each.state, each.error_code) for each in the_operations(db)] == [(State.SUCCEEDED, None)]


def test_open_operations_are_listed_oldest_first(db: Database) -> None:
    late = planned(db, now=NOON + timedelta(hours=1), digest="late")
    early = planned(db, now=NOON, digest="early")
    settled = planned(db, now=NOON, digest="settled")
    with db.writing() as session:
        operations.succeed(session, settled.id, "pi_1", now=NOON)

    with db.reading() as session:
        found = [operation.id for operation in operations.open_now(session)]

    assert found == [early.id, late.id]


def test_an_old_attempt_that_moves_no_money_is_given_up_and_made_anew(db: Database) -> None:
    old = planned(db, now=NOON, kind=Kind.ATTACH)

    new = planned(db, now=NOON + timedelta(hours=24), kind=Kind.ATTACH)

    assert new.id != old.id
    assert {each.id: each.state for each in the_operations(db)} == {
        old.id: State.FAILED,
        new.id: State.PLANNED,
    }


def test_an_old_attempt_that_moves_money_stands_until_its_outcome_is_known(db: Database) -> None:
    old = planned(db, now=NOON, kind=Kind.REFUND)

    again = planned(db, now=NOON + timedelta(hours=24), kind=Kind.REFUND)

    assert again.id == old.id


def test_what_asking_again_would_go_on_with_is_known_before_asking(db: Database) -> None:
    first = planned(db, now=NOON)

    with db.reading() as session:
        going_on = operations.underway(session, "d")
        not_yet = operations.underway(session, "other")

    assert going_on is not None
    assert (going_on.id, not_yet) == (first.id, None)
