"""A server's book: what is asked of the server, what is shared with it, and what is never told of it."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from typing import TYPE_CHECKING

import psycopg
import pytest

from azpay.bootstrap import open_book
from azpay.db import Database, migrations, schema
from azpay.db.database import DatabaseUnavailable
from azpay.db.engines import DatabaseURLInvalid
from azpay.db.postgres import DatabaseURLRefused, Limits, NotDurable, NotUnicode
from azpay.db.schema import MigrationsPending, NotOurDatabase, State
from azpay.db.trouble import DatabaseForbids
from azpay.payments import Customer, Query, history
from azpay.settings import load
from tests.support.books import ROOT, a_book, a_ring
from tests.support.clock import NOON

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from azpay.settings import Settings
    from tests.support.postgres import Server

pytestmark = pytest.mark.store("postgresql")


@pytest.fixture
def empty(server: Server) -> Iterator[Database]:
    """A database with nothing in it."""
    db = a_book(server.new_database("nothing_yet"))
    yield db
    db.close()


@pytest.fixture
def settings(empty: Database, tmp_path: Path) -> Settings:
    env = {
        "AZPAY_DATABASE_URL": empty.where,
        "AZPAY_DATA_DIR": str(tmp_path),
        "AZPAY_ENCRYPTION_KEY": ROOT.written,
        "AZPAY_STRIPE_API_BASE": "http://127.0.0.1:12111",
        "AZPAY_STRIPE_API_KEY": "sk_test_somebody",
    }
    return load(flags={}, env=env, cwd=tmp_path, config_file=tmp_path / "config.toml")


def asked(address: str, setting: str, limits: Limits | None = None) -> str:
    """What the server says that it was asked for."""
    db = Database.open(address, a_ring(), limits or Limits())
    with db.reading() as session:
        said = session.connection().exec_driver_sql(f"SHOW {setting}").scalar_one()
    db.close()
    return str(said)


def test_a_server_without_our_tables_is_refused_with_the_command_to_run(
    empty: Database, settings: Settings
) -> None:
    told: list[str] = []

    with pytest.raises(MigrationsPending) as refused:
        open_book(settings, tell=told.append)

    assert refused.value.hint == "Run `azpay db upgrade`."
    assert schema.state(empty) is State.EMPTY
    assert told == []


def test_once_upgraded_it_is_opened_and_not_upgraded_again(empty: Database, settings: Settings) -> None:
    assert migrations.upgrade(empty) is True

    db = open_book(settings, tell=lambda _line: None)

    assert schema.state(db) is State.CURRENT
    assert migrations.upgrade(db) is False
    db.close()


A_MOMENT, LONG = timedelta(milliseconds=100), timedelta(seconds=10)
STAMPED = "CREATE TABLE alembic_version (version_num text); INSERT INTO alembic_version VALUES ('{}')"


@pytest.mark.parametrize(
    "made", ["CREATE TABLE theirs (id integer)", *map(STAMPED.format, ("0001", schema.HEAD, "cafe42"))]
)
def test_somebody_elses_tables_are_left_alone(empty: Database, made: str) -> None:
    tables = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
    with empty.engine.begin() as connection:
        connection.exec_driver_sql(made)
        before = connection.exec_driver_sql(tables).all()

    with pytest.raises(NotOurDatabase):
        schema.state(empty)
    with pytest.raises(NotOurDatabase):
        migrations.upgrade(empty)

    with empty.engine.connect() as connection:
        assert connection.exec_driver_sql(tables).all() == before


def test_patience_and_manners_are_told_to_the_server(server: Server) -> None:
    limits = Limits(lock_seconds=7, statement_seconds=11)

    said = [
        asked(server.address(), name, limits)
        for name in ("lock_timeout", "statement_timeout", "application_name", "transaction_read_only")
    ]

    assert said == ["7s", "11s", "azpay", "on"]


def test_the_address_goes_first(server: Server) -> None:
    address = f"{server.address()}&application_name=shop&options=-c%20lock_timeout%3D250"

    assert asked(address, "application_name") == "shop"
    assert asked(address, "lock_timeout") == "250ms"
    assert asked(address, "statement_timeout") == "30s"


def test_a_parameter_that_libpq_does_not_know_is_refused_in_words() -> None:
    with pytest.raises(DatabaseURLRefused, match="timeuot"):
        a_book("postgresql://azpay@db.example.com/azpay?timeuot=3")


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://azpay:canary@db.example.com/azpay",
        "postgresql://azpay@db.example.com/azpay?password=canary",
        "postgresql://db.example.com/azpay?user=azpay&sslpassword=canary&sslmode=require",
    ],
)
def test_a_password_is_not_shown_wherever_it_stands(address: str) -> None:
    where = a_book(address).where

    assert "canary" not in where
    assert where.startswith("postgresql://")
    assert "db.example.com/azpay" in where


def test_a_server_that_acknowledges_too_early_is_refused(server: Server) -> None:
    address = f"{server.address()}&options=-c%20synchronous_commit%3Doff"

    with pytest.raises(NotDurable, match="synchronous_commit=off") as refused:
        asked(address, "lock_timeout")

    assert "synchronous_commit = on" in str(refused.value.hint)


def test_a_database_that_cannot_hold_every_name_is_refused(server: Server) -> None:
    server.run("DROP DATABASE IF EXISTS latin")
    server.run("CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")

    with pytest.raises(NotUnicode, match="LATIN1"):
        asked(server.address("latin"), "lock_timeout")


def test_a_role_that_may_not_is_told_so(db: Database, server: Server) -> None:
    with db.engine.begin() as connection:
        connection.exec_driver_sql("DROP ROLE IF EXISTS clerk")
        connection.exec_driver_sql("CREATE ROLE clerk LOGIN")
    clerk = a_book(server.address("meddled_with").replace("postgres@", "clerk@"))

    with pytest.raises(DatabaseForbids, match="permission denied") as refused:
        history(clerk, Query())
    with pytest.raises(DatabaseForbids):
        schema.state(clerk)

    assert "Grant" in str(refused.value.hint)
    clerk.close()


def test_a_server_that_is_down_is_said_at_once(server: Server) -> None:
    db = a_book(server.address().replace("/data", "/nowhere"))
    began = time.monotonic()

    with pytest.raises(DatabaseUnavailable):
        history(db, Query())
    with pytest.raises(DatabaseUnavailable, match="cannot be opened"):
        schema.state(db)

    assert time.monotonic() - began < 2


def test_a_server_that_does_not_answer_is_not_waited_for_long() -> None:
    """An address that swallows whatever is sent: https://www.rfc-editor.org/rfc/rfc5737"""
    db = Database.open("postgresql://azpay@192.0.2.1/azpay", a_ring(), Limits(connect_seconds=2))
    began = time.monotonic()

    with pytest.raises(DatabaseUnavailable):
        history(db, Query())

    assert time.monotonic() - began < 10


def test_a_slow_statement_is_cut_off(address: str) -> None:
    db = Database.open(address, a_ring(), Limits(statement_seconds=1))

    with pytest.raises(DatabaseUnavailable, match="statement timeout"), db.reading() as session:
        session.connection().exec_driver_sql("SELECT pg_sleep(30)")

    assert history(db, Query()).payments == []
    db.close()


def test_when_all_connections_are_in_use_it_is_said_and_passes(address: str) -> None:
    db = Database.open(address, a_ring(), Limits(connections=2, lock_seconds=1))

    with db.reading() as one, db.reading() as two:
        one.connection()
        two.connection()
        with pytest.raises(DatabaseUnavailable, match="in use"):
            history(db, Query())

    assert history(db, Query()).payments == []
    db.close()


def test_a_table_that_a_stranger_keeps_locked_is_said(address: str) -> None:
    db = Database.open(address, a_ring(), Limits(lock_seconds=1))
    with psycopg.connect(address) as stranger:
        stranger.execute("LOCK TABLE customers")

        with pytest.raises(DatabaseUnavailable, match="lock timeout"):
            db.write(lambda session: session.add(a_customer("late")))

    db.write(lambda session: session.add(a_customer("later")))
    db.close()


def test_connections_that_a_server_has_cut_are_made_anew(db: Database, server: Server) -> None:
    history(db, Query())
    server.send_away("meddled_with")

    assert history(db, Query()).payments == []


def test_word_of_what_others_keep_arrives_with_their_commit(db: Database) -> None:
    heard: list[bool] = []
    with db.listening("azpay_test") as wait:
        with db.writing() as session:
            session.connection().exec_driver_sql("NOTIFY azpay_test")
            heard.append(wait(A_MOMENT))

        heard.append(wait(LONG))
        heard.append(wait(A_MOMENT))

    assert heard == [False, True, False]


def test_a_listener_whose_connection_is_cut_says_so(db: Database, server: Server) -> None:
    with pytest.raises(DatabaseUnavailable), db.listening("azpay_test") as wait:  # noqa: PT012
        threading.Timer(0.1, server.send_away, ["meddled_with"]).start()
        wait(LONG)


def test_another_scheme_of_the_same_server_is_refused_with_the_one_we_read() -> None:
    with pytest.raises(DatabaseURLInvalid, match="'postgres'") as refused:
        a_book("postgres://azpay@db.example.com/azpay")

    assert "postgresql://" in str(refused.value.hint)


def a_customer(name: str) -> Customer:
    return Customer(customer=f"cus_{name}", created_at=NOON, updated_at=NOON)
