"""Columns that cannot be wrong: the database itself refuses what no row may say."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError, StatementError

from azpay.db import new_id
from azpay.payments import Customer, charge
from tests.support.builders import a_charge
from tests.support.clock import NOON

if TYPE_CHECKING:
    from azpay.bootstrap import Azpay
    from azpay.db import Database

WRONG = {
    "payments": [
        "amount = 0",
        "amount = -1",
        "amount_captured = amount + 1",
        "amount_captured = -1",
        "amount_refunded = amount_captured + 1",
        "amount_refunded = -1",
        "currency = 'USD'",
        "currency = 'us'",
        "status = 'SUCCEEDED'",
        "status = 'paid'",
        "origin = 'mars'",
        "currency = NULL",
        "created_at = NULL",
    ],
    "operations": ["state = 'SENT'", "kind = 'gift'", "idempotency_key = NULL", "state = NULL"],
}


@pytest.mark.parametrize(
    ("table", "change"), [(table, change) for table, changes in WRONG.items() for change in changes]
)
def test_the_database_refuses_what_no_row_may_say(azpay: Azpay, table: str, change: str) -> None:
    charge(azpay.db, azpay.gateway, a_charge(), now=azpay.now())

    with pytest.raises(IntegrityError), azpay.db.writing() as session:
        session.connection().exec_driver_sql(f"UPDATE {table} SET {change}")  # noqa: S608 - ours


def test_a_refund_of_no_payment_is_refused(db: Database) -> None:
    columns = "id, payment_id, status, currency, amount, origin, created_at, updated_at"
    values = "'ref_1', 'pay_none', 'pending', 'usd', 5, 'azpay', '2026-01-01', '2026-01-01'"

    with pytest.raises(IntegrityError, match=r"(?i)foreign key"), db.writing() as session:
        session.connection().exec_driver_sql(f"INSERT INTO refunds ({columns}) VALUES ({values})")  # noqa: S608


def test_an_enum_is_stored_by_its_value(azpay: Azpay) -> None:
    charge(azpay.db, azpay.gateway, a_charge(), now=azpay.now())

    with azpay.db.engine.connect() as connection:
        stored = connection.exec_driver_sql("SELECT status, origin FROM payments").one()

    assert tuple(stored) == ("succeeded", "azpay")


def test_a_time_without_a_zone_is_refused(db: Database) -> None:
    naive = datetime(2026, 1, 1)  # noqa: DTZ001 - the mistake that is tried

    with pytest.raises(StatementError, match="without a zone"), db.writing() as session:
        session.add(Customer(customer="cus_1", created_at=naive, updated_at=NOON))


def test_a_time_of_any_zone_comes_back_as_the_same_instant(db: Database) -> None:
    there = datetime(2026, 3, 2, 12, 30, 15, 123456, tzinfo=timezone(timedelta(hours=5, minutes=45)))
    with db.writing() as session:
        session.add(Customer(customer="cus_1", created_at=there, updated_at=NOON))

    with db.reading() as session:
        back = session.get_one(Customer, "cus_1").created_at

    assert back == there
    assert back.tzinfo is UTC


@given(
    st.lists(
        st.integers(0, 30_000_000_000).map(lambda unix: datetime.fromtimestamp(unix, UTC)),
        min_size=2,
    )
)
def test_ids_sort_by_age_and_are_of_one_length(times: list[datetime]) -> None:
    ids = [new_id("pay", time) for time in sorted(times)]

    assert all(re.fullmatch(r"pay_[0-9a-z]{18}", identity) for identity in ids)
    assert all(earlier[:13] <= later[:13] for earlier, later in pairwise(ids))


def test_ids_of_one_moment_differ() -> None:
    assert len({new_id("op", NOON) for _ in range(10_000)}) == 10_000
