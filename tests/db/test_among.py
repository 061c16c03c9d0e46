"""One of many, in one parameter, on both stores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from azpay.db.among import among
from azpay.db.drafts import table_of
from azpay.payments import Customer
from tests.support.clock import NOON

if TYPE_CHECKING:
    from azpay.db import Database

ODD = ["cus_1", "cus'2", 'cus"3', "cus\\4", "{cus,5}", "čus_6 ☃", "NULL", ""]
COLUMN = table_of(Customer).c.customer


@pytest.fixture
def known(db: Database) -> Database:
    with db.writing() as session:
        for name in ODD:
            session.add(Customer(customer=name, created_at=NOON, updated_at=NOON))
    return db


def found(db: Database, texts: list[str]) -> list[str]:
    with db.reading() as session:
        connection = session.connection()
        return list(connection.scalars(select(COLUMN).where(among(connection, COLUMN, texts))))


@pytest.mark.parametrize("text", ODD)
def test_each_text_is_found_by_itself_and_no_other_by_it(known: Database, text: str) -> None:
    assert found(known, [text]) == [text]


def test_all_of_them_are_found_among_thousands(known: Database) -> None:
    many = [f"cus_{number}" for number in range(10, 40_000)]

    assert sorted(found(known, [*many, *ODD])) == sorted(ODD)


def test_among_none_there_is_nothing(known: Database) -> None:
    assert found(known, []) == []


@pytest.mark.store("sqlite")
def test_an_index_serves_it(known: Database) -> None:
    with known.reading() as session:
        connection = session.connection()
        query: Any = select(COLUMN).where(among(connection, COLUMN, ODD))
        said = query.compile(connection, compile_kwargs={"literal_binds": True})
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {said}").all()

    assert any("SEARCH customers USING" in step.detail for step in plan)
    assert not any("SCAN customers" in step.detail for step in plan)
