"""A book's file and its connections: private, durable, and one writer after the other."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from sqlmodel import select

from azpay.db.database import DatabaseUnavailable
from azpay.db.engines import BookUnreachable, DatabaseURLInvalid
from azpay.errors import AzpayError
from azpay.payments import Customer, Query, history
from tests.support.books import a_book, meddler
from tests.support.clock import NOON

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from azpay.db import Database


@pytest.fixture
def no_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def a_customer(name: str) -> Customer:
    return Customer(customer=f"cus_{name}", created_at=NOON, updated_at=NOON)


@pytest.mark.store("sqlite")
@pytest.mark.parametrize(
    ("pragma", "value"),
    [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("busy_timeout", 5000)],
)
def test_every_connection_is_durable_and_patient(db: Database, pragma: str, value: object) -> None:
    with db.engine.connect() as first, db.engine.connect() as second:
        values = [each.exec_driver_sql(f"PRAGMA {pragma}").scalar_one() for each in (first, second)]

    assert values == [value, value]


@pytest.mark.store("sqlite")
def test_a_writer_takes_the_lock_before_it_reads(db: Database) -> None:
    """What two that read first and then write would deadlock over: 200 at once, and none is lost."""
    with db.writing() as session:
        session.add(Customer(customer="cus_1", name="0", created_at=NOON, updated_at=NOON))

    def read_then_write(_: int) -> None:
        with db.writing() as session:
            customer = session.get_one(Customer, "cus_1")
            customer.name = str(int(str(customer.name)) + 1)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(read_then_write, range(200)))

    with db.reading() as session:
        assert session.get_one(Customer, "cus_1").name == "200"


def test_a_reader_sees_one_moment_while_another_writes(db: Database) -> None:
    with db.reading() as looking:
        before = len(looking.exec(select(Customer)).all())
        with db.writing() as session:
            session.add(a_customer("meanwhile"))

        again = len(looking.exec(select(Customer)).all())

    assert (before, again) == (0, 0)


def test_what_a_block_wrote_before_it_failed_is_not_kept(db: Database) -> None:
    with pytest.raises(ZeroDivisionError), db.writing() as session:  # noqa: PT012 - the block is what is tried
        session.add(a_customer("half"))
        session.flush()
        raise ZeroDivisionError

    with db.reading() as session:
        assert session.exec(select(Customer)).all() == []


def test_a_book_is_private_from_its_first_byte(tmp_path: Path, no_umask: None) -> None:
    file = tmp_path / "deep" / "er" / "book.db"
    db = a_book(f"sqlite:///{file}")
    with db.engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE anything (id INTEGER)")
        beside = sorted(path.name for path in file.parent.iterdir())
        modes = {stat.S_IMODE(path.stat().st_mode) for path in file.parent.iterdir()}
    db.close()

    assert beside == ["book.db", "book.db-shm", "book.db-wal"]
    assert modes == {0o600}
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in (file.parent, file.parent.parent)} == {0o700}


@pytest.mark.parametrize(
    "address",
    [
        "",
        "nonsense",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:////tmp/book.db?timeout=0",
        "sqlite:///file:book.db?uri=true",
        "sqlite:////tmp/bo\0ok.db",
        "mysql://root@localhost/azpay",
        "postgresql://host:port/azpay",
    ],
)
def test_an_address_that_cannot_be_a_book_is_refused_in_words(address: str) -> None:
    with pytest.raises(DatabaseURLInvalid) as refused:
        a_book(address)

    assert "sqlite:////path/to/book.db" in str(refused.value.hint)


def test_an_address_of_another_driver_is_read_by_ours(tmp_path: Path) -> None:
    db = a_book(f"sqlite+aiosqlite:///{tmp_path}/book.db")

    with db.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT 1").scalar_one() == 1


def test_a_password_is_not_shown() -> None:
    url = "postgresql://azpay:canary@db.example.com/azpay"

    with pytest.raises(AzpayError) as refused:
        raise DatabaseUnavailable(a_book(url).where)

    assert "canary" not in str(refused.value)


def test_a_file_where_a_folder_should_be_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("here")

    with pytest.raises(BookUnreachable, match="There can be no book"):
        a_book(f"sqlite:///{tmp_path}/file/book.db")


def test_a_folder_where_the_book_should_be_is_said(tmp_path: Path) -> None:
    (tmp_path / "book.db").mkdir()

    with pytest.raises(DatabaseUnavailable, match="unable to open"):
        history(a_book(f"sqlite:///{tmp_path}/book.db"), Query())


def test_a_file_that_is_no_database_is_said(tmp_path: Path) -> None:
    (tmp_path / "book.db").write_text("Dear diary, " * 500)

    with pytest.raises(DatabaseUnavailable, match="not a database"):
        history(a_book(f"sqlite:///{tmp_path}/book.db"), Query())


@pytest.mark.store("sqlite")
def test_a_book_that_a_stranger_keeps_locked_is_said(db: Database, tmp_path: Path) -> None:
    with db.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout=10")
    stranger = meddler(db)
    stranger.execute("BEGIN IMMEDIATE")

    with pytest.raises(DatabaseUnavailable, match="locked"), db.writing() as session:
        session.add(a_customer("late"))

    stranger.close()
    with db.writing() as session:
        session.add(a_customer("later"))


def test_an_error_shows_no_values(db: Database) -> None:
    with db.writing() as session:
        session.add(a_customer("canary"))

    with pytest.raises(Exception, match=r"(?i)unique") as error, db.writing() as session:
        session.add(a_customer("canary"))

    assert "canary" not in str(error.value)
