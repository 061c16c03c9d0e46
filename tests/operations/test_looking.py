"""The journal as operators page through it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from azpay import operations
from azpay.db.paging import CursorInvalid
from azpay.errors import Usage
from azpay.operations import Kind, Operation, OperationUnknown, Query, State
from azpay.payments import charge
from tests.operations.journals import planned
from tests.support.builders import a_charge
from tests.support.clock import NOON

if TYPE_CHECKING:
    from azpay.bootstrap import Azpay
    from azpay.db import Database


def some(db: Database) -> list[Operation]:
    """Two refunds that are open, one with a flag, and a charge that succeeded; a minute apart."""
    made = [
        planned(db, now=NOON, digest="a", kind=Kind.REFUND),
        planned(db, now=NOON + timedelta(minutes=1), digest="b", kind=Kind.REFUND),
        planned(db, now=NOON + timedelta(minutes=2), digest="c", kind=Kind.CHARGE),
    ]
    with db.writing() as session:
        operations.succeed(session, made[2].id, "pi_1", now=NOON)
        session.get_one(Operation, made[0].id).flagged_at = NOON
    return made


def test_the_open_ones_are_listed_newest_first(db: Database) -> None:
    first, second, _ = some(db)

    page = operations.page(db, Query())

    assert [operation.id for operation in page.operations] == [second.id, first.id]
    assert page.next is None


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (Query(states=()), [2, 1, 0]),
        (Query(states=[State.SUCCEEDED]), [2]),
        (Query(states=[State.PLANNED]), [1, 0]),
        (Query(states=[State.UNKNOWN]), []),
        (Query(states=(), kinds=[Kind.REFUND]), [1, 0]),
        (Query(kinds=[Kind.CHARGE]), []),
        (Query(flagged=True), [0]),
    ],
)
def test_operations_are_chosen_by_state_kind_and_flag(db: Database, query: Query, found: list[int]) -> None:
    made = some(db)

    page = operations.page(db, query)

    assert [operation.id for operation in page.operations] == [made[number].id for number in found]


def test_pages_go_on_where_the_last_one_ended(db: Database) -> None:
    made = [planned(db, now=NOON, digest=str(number)) for number in range(5)]
    pages, cursor = [], None
    for _ in range(3):
        page = operations.page(db, Query(limit=2, cursor=cursor))
        pages += [operation.id for operation in page.operations]
        cursor = page.next

    assert sorted(pages) == sorted(operation.id for operation in made)
    assert cursor is None


@pytest.mark.parametrize("cursor", ["", "x", "bm90IGpzb24", "W10", "é"])
def test_a_cursor_of_something_else_is_refused(db: Database, cursor: str) -> None:
    with pytest.raises(CursorInvalid):
        operations.page(db, Query(cursor=cursor))


@pytest.mark.parametrize("limit", [0, 1001])
def test_a_page_has_a_size(limit: int) -> None:
    with pytest.raises(Usage):
        Query(limit=limit)


def test_one_that_is_not_there_is_named(db: Database) -> None:
    with pytest.raises(OperationUnknown, match="op_nowhere"):
        operations.one(db, "op_nowhere")


def test_an_operation_is_shown_with_its_attempts(azpay: Azpay) -> None:
    charge(azpay.db, azpay.gateway, a_charge(), now=azpay.now())
    [operation] = operations.page(azpay.db, Query(states=())).operations

    found, attempts = operations.one(azpay.db, operation.id)

    assert found.id == operation.id
    assert [(attempt.number, attempt.step) for attempt in attempts] == [(1, "ask")]


def test_those_without_an_outcome_are_counted(db: Database) -> None:
    some(db)

    assert operations.open_by_kind(db) == {Kind.REFUND: 2}
    assert operations.waiting_for_a_person(db) == 1


@pytest.mark.store("sqlite")
@pytest.mark.parametrize(
    ("where", "index"),
    [
        ("state IN ('failed')", "ix_operations_state_created_at_id"),
        ("kind IN ('refund')", "ix_operations_kind_created_at_id"),
        ("true", "ix_operations_created_at_id"),
    ],
)
def test_no_page_is_sorted(db: Database, where: str, index: str) -> None:
    page = f"SELECT * FROM operations WHERE {where} ORDER BY created_at DESC, id DESC LIMIT 50"  # noqa: S608

    with db.engine.connect() as connection:
        plan = str(connection.execute(text(f"EXPLAIN QUERY PLAN {page}")).all())

    assert index in plan
    assert "TEMP B-TREE" not in plan
