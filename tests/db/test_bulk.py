"""Many new rows in one statement, on both stores."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy.exc import IntegrityError
from sqlmodel import select

from azpay.db import bulk
from azpay.db.drafts import table_of
from azpay.db.sealing import NotSealed
from azpay.inbox.models import EventState, InboxBody, InboxEvent
from azpay.payments import Customer
from tests.support.clock import NOON

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from azpay.db import Database

EVENTS, BODIES = table_of(InboxEvent), table_of(InboxBody)
ALIKE = {
    "type": "charge.succeeded", "livemode": False, "secret": "abcd", "state": EventState.RECEIVED,
    "attempts": 0, "received_at": NOON, "due_at": NOON,
}  # fmt: skip


def insert(db: Database, names: Sequence[str], **columns: Sequence[Any]) -> int:
    given: Mapping[str, Sequence[Any]] = {"event": names, "created_at": [NOON] * len(names), **columns}
    with db.writing() as session:
        return bulk.insert_new(session.connection(), EVENTS, given, ALIKE)


def kept(db: Database) -> dict[str, InboxEvent]:
    with db.reading() as session:
        return {row.event: row for row in session.exec(select(InboxEvent))}


def test_each_row_has_its_own_values_and_those_of_all(db: Database) -> None:
    made = [NOON, NOON - timedelta(days=1, microseconds=1)]
    new = insert(db, ["evt_1", "evt_2"], account=[None, "acct_'\"\\{}☃"], created_at=made)

    rows = kept(db)

    assert new == 2
    assert [rows[name].created_at for name in ("evt_1", "evt_2")] == made
    assert [rows[name].account for name in ("evt_1", "evt_2")] == [None, "acct_'\"\\{}☃"]
    assert {(row.state, row.livemode, row.due_at, row.error) for row in rows.values()} == {
        (EventState.RECEIVED, False, NOON, None)
    }


def test_a_column_may_be_empty_in_all_rows(db: Database) -> None:
    assert insert(db, ["evt_1", "evt_2"], account=[None, None], object_id=["pi_1", None]) == 2

    assert [(row.account, row.object_id) for _, row in sorted(kept(db).items())] == [
        (None, "pi_1"),
        (None, None),
    ]


def test_only_what_was_not_there_counts_as_new(db: Database) -> None:
    first = insert(db, ["evt_1", "evt_2"], account=["acct_1", "acct_1"])
    second = insert(db, ["evt_2", "evt_3", "evt_3"], account=["acct_2"] * 3)

    assert (first, second) == (2, 1)
    assert {name: row.account for name, row in kept(db).items()} == {
        "evt_1": "acct_1",
        "evt_2": "acct_1",
        "evt_3": "acct_2",
    }


@pytest.mark.parametrize("more", [-1, 0, 1])
def test_more_rows_than_one_statement_takes_are_all_written(db: Database, more: int) -> None:
    names = [f"evt_{number}" for number in range(2 * bulk.MOST_AT_ONCE + more)]

    assert insert(db, names) == len(names)
    assert sorted(kept(db)) == sorted(names)


def test_no_rows_are_no_statement(db: Database) -> None:
    assert insert(db, []) == 0


def test_what_is_secret_is_sealed_and_bound_to_its_row(db: Database) -> None:
    insert(db, ["evt_1", "evt_2"])
    bodies: dict[str, list[Any]] = {"event": ["evt_1", "evt_2"], "body": [b"one", b"two"]}
    with db.writing() as session:
        bulk.insert_new(session.connection(), BODIES, bodies)

    with db.reading() as session:
        opened = {row.event: row.body for row in session.exec(select(InboxBody))}
        lies = session.connection().exec_driver_sql("SELECT body FROM inbox_bodies").scalars().all()
    assert opened == {"evt_1": b"one", "evt_2": b"two"}
    assert not any(word in bytes(body) for body in lies for word in (b"one", b"two"))


def test_a_column_with_a_blind_index_is_refused(db: Database) -> None:
    rows = {"customer": ["cus_1"], "email": ["jenny@example.com"]}

    with pytest.raises(NotSealed, match="row by row"), db.writing() as session:
        bulk.insert_new(session.connection(), table_of(Customer), rows)


def test_a_row_that_points_nowhere_is_refused_with_all_that_came_with_it(db: Database) -> None:
    insert(db, ["evt_1"])
    bodies: dict[str, list[Any]] = {"event": ["evt_1", "evt_unknown"], "body": [b"one", b"two"]}

    with pytest.raises(IntegrityError), db.writing() as session:
        bulk.insert_new(session.connection(), BODIES, bodies)

    with db.reading() as session:
        assert session.exec(select(InboxBody)).all() == []
