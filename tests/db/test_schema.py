"""Whether a file is a book of ours, and bringing it up to date: at once, or not at all."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import event, inspect, text

from azpay.bootstrap import tables
from azpay.db import Database, migrations, schema
from azpay.db.database import DatabaseUnavailable
from azpay.db.engines import APPLICATION_ID, WRITES
from azpay.db.schema import State
from azpay.payments import Query, batches, charge, history
from tests.support.books import ROOT, a_book, meddler
from tests.support.builders import a_charge
from tests.support.cases import further
from tests.support.sheets import a_file, charges, run

if TYPE_CHECKING:
    from pathlib import Path

    from azpay.bootstrap import Azpay


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "book.db"


def book(file: Path) -> Database:
    return a_book(f"sqlite:///{file}")


def stamp(db: Database, revision: str) -> None:
    with db.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})


def test_a_file_that_is_not_there_yet_is_an_empty_book(file: Path) -> None:
    assert schema.state(book(file)) is State.EMPTY


def test_an_upgraded_book_is_current_and_upgrading_again_does_nothing(file: Path) -> None:
    first = migrations.upgrade(book(file))

    again = migrations.upgrade(book(file))

    assert (first, again) == (True, False)
    assert schema.state(book(file)) is State.CURRENT


def test_the_usual_case_costs_one_query(db: Database) -> None:
    with db.reading() as session:
        session.connection()  # what a new connection is asked comes once
    asked: list[str] = []
    event.listen(db.engine, "before_cursor_execute", lambda *call: asked.append(call[2]))

    schema.state(db)

    assert [statement for statement in asked if not statement.startswith("BEGIN")] == [
        schema.QUICK[db.engine.dialect.name][0]
    ]


@pytest.mark.parametrize(
    "made",
    [
        "CREATE TABLE diary (entry TEXT)",
        "CREATE TABLE alembic_version (version_num TEXT); INSERT INTO alembic_version VALUES ('0001')",
        "CREATE TABLE alembic_version (version_num TEXT); INSERT INTO alembic_version VALUES ('cafe42')",
    ],
)
def test_a_database_of_somebody_else_is_left_as_it_was(file: Path, made: str) -> None:
    with sqlite3.connect(file) as connection:
        connection.executescript(made)
    connection.close()
    before = file.read_bytes()

    with pytest.raises(schema.NotOurDatabase, match="not a book"):
        schema.state(book(file))
    with pytest.raises(schema.NotOurDatabase):
        migrations.upgrade(book(file))

    assert file.read_bytes() == before


def test_a_text_is_not_a_book(file: Path) -> None:
    file.write_text("Dear diary, " * 500)

    with pytest.raises(schema.NotOurDatabase):
        schema.state(book(file))


def test_a_folder_is_not_a_book(file: Path) -> None:
    file.mkdir()

    with pytest.raises(DatabaseUnavailable, match="cannot be opened"):
        schema.state(book(file))


def test_a_book_of_a_newer_program_is_refused(db: Database) -> None:
    stamp(db, "0999")

    assert schema.state(db) is State.AHEAD
    for refused in (schema.require_current, migrations.upgrade):
        with pytest.raises(schema.BookTooNew, match="newer azpay"):
            refused(db)


def test_a_book_of_an_older_program_is_behind(db: Database) -> None:
    stamp(db, "0000")

    assert schema.state(db) is State.BEHIND
    with pytest.raises(schema.MigrationsPending) as pending:
        schema.require_current(db)
    assert "azpay db upgrade" in str(pending.value.hint)


def test_an_empty_book_is_not_current(file: Path) -> None:
    with pytest.raises(schema.MigrationsPending):
        schema.require_current(book(file))


def test_the_program_expects_what_the_scripts_make() -> None:
    assert migrations.head() == schema.HEAD


def test_the_scripts_make_what_the_models_say(db: Database) -> None:
    with db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})

        assert compare_metadata(context, tables()) == []


def test_the_checks_of_the_models_are_in_the_scripts(db: Database) -> None:
    """Alembic does not compare them."""
    for table in tables().sorted_tables:
        ours = {str(check.name) for check in table.constraints if "ck_" in str(check.name)}
        there = {str(check["name"]) for check in inspect(db.engine).get_check_constraints(table.name)}

        assert there == ours


def upgrade_in_a_process(address: str) -> bool:
    return migrations.upgrade(a_book(address))


def test_programs_that_start_together_make_one_book(file: Path) -> None:
    address = f"sqlite:///{file}"

    with ProcessPoolExecutor(3, mp_context=multiprocessing.get_context("spawn")) as pool:
        made = list(pool.map(upgrade_in_a_process, [address] * 3))

    assert any(made)
    assert schema.state(book(file)) is State.CURRENT


def test_threads_that_start_together_make_one_book(file: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: migrations.upgrade(book(file)), range(4)))

    assert schema.state(book(file)) is State.CURRENT


DIES = """
import os, signal, sys
from sqlalchemy import event
from azpay.db import migrations
from tests.support.books import a_book

db = a_book(sys.argv[1])
left = int(sys.argv[2])

def die(_connection, _cursor, statement, *_):
    global left
    left -= statement.lstrip().startswith("CREATE")
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)

event.listen(db.engine, "before_cursor_execute", die)
migrations.upgrade(db)
"""


@pytest.mark.parametrize("after", [further(0), 3, further(12)])
def test_a_migration_that_is_killed_leaves_the_old_book(file: Path, after: int) -> None:
    died = subprocess.run(
        [sys.executable, "-c", DIES, f"sqlite:///{file}", str(after)], check=False, timeout=60
    )

    assert died.returncode == -signal.SIGKILL
    assert schema.state(book(file)) is State.EMPTY
    assert migrations.upgrade(book(file))


def test_up_and_down_and_up_on_a_filled_book(azpay: Azpay) -> None:
    charge(azpay.db, azpay.gateway, a_charge(), now=azpay.now())
    config = migrations.configuration()
    with azpay.db.engine.execution_options(**{WRITES: True}).begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
    down = set(inspect(azpay.db.engine).get_table_names())

    migrations.upgrade(azpay.db)

    assert down == {"alembic_version"}
    assert history(azpay.db, Query()).payments == []


def test_batches_go_down_and_up_again_and_leave_what_they_moved(azpay: Azpay) -> None:
    run(azpay, a_file(charges(2)))
    config = migrations.configuration()
    with azpay.db.engine.execution_options(**{WRITES: True}).begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0004")
    down = set(inspect(azpay.db.engine).get_table_names())

    migrations.upgrade(azpay.db)

    assert not {"batches", "batch_rows"} & down
    assert batches.page(azpay.db, limit=1) == []
    assert sorted(payment.amount for payment in history(azpay.db, Query()).payments) == [1000, 1100]


def test_a_book_says_in_its_header_that_it_is_ours_and_which_key_it_needs(file: Path) -> None:
    db = book(file)
    migrations.upgrade(db)
    with db.engine.connect() as connection:
        mark = connection.exec_driver_sql("PRAGMA application_id").scalar_one()
    db.close()

    assert file.read_bytes()[:9] == b"azpy\x01" + bytes.fromhex(ROOT.id)
    assert mark == APPLICATION_ID


@pytest.mark.store("sqlite")
def test_integrity_names_what_is_wrong(db: Database) -> None:
    careless = meddler(db)
    careless.execute(
        "INSERT INTO refunds (id, payment_id, status, currency, amount, origin, created_at, updated_at) "
        "VALUES ('ref_1', 'pay_none', 'pending', 'usd', 5, 'azpay', '2026-01-01', '2026-01-01')"
    )
    careless.close()

    checks = {check.name: check.problems for check in schema.integrity(db)}

    assert checks["file integrity"] == []
    assert ["no such payments" in problem for problem in checks["references"]] == [True]


def test_who_reads_a_book_needs_no_migration_tool() -> None:
    program = "import sys; from azpay.db import Database, schema; print('alembic' in sys.modules)"

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=dict(os.environ)
    )

    assert done.stdout.strip() == "False"
