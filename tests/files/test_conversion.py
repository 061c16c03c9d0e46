"""A book from before, kept in clear: encrypted in place, or left whole."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from alembic import command

from azpay.db import conversion, files, migrations, schema
from azpay.db.conversion import BookInUse
from azpay.db.engines import APPLICATION_ID, WRITES
from azpay.db.files import Form
from azpay.db.schema import NotOurDatabase, State
from azpay.payments import Query, history
from tests.support.books import ROOT, a_book

if TYPE_CHECKING:
    from pathlib import Path

    from azpay.db import Database

CANARY = b"canary of the old days"
ROWS = {
    "payments": "INSERT INTO payments (id, status, currency, amount, amount_captured, amount_refunded, "
    "description, receipt_email, metadata, reference, origin, livemode, as_of, created_at, updated_at) "
    "VALUES ('pay_1', 'succeeded', 'usd', 500, 500, 0, 'canary of the old days', 'ada@example.com', "
    """'{"waiter": "Tom"}', 'order-1', 'azpay', 0, '2026-01-01', '2026-01-01', '2026-01-01')""",
    "customers": "INSERT INTO customers (customer, email, name, deleted, created_at, updated_at) VALUES "
    "('cus_1', 'ada@example.com', 'Ada', 0, '2026-01-01', '2026-01-01')",
    "operations": "INSERT INTO operations (id, kind, state, idempotency_key, fingerprint, subject, attempts, "
    "created_at) VALUES ('op_1', 'customer', 'succeeded', 'k', 'f', 'ada@example.com', 1, '2026-01-01')",
    "inbox_events": "INSERT INTO inbox_events (event, type, livemode, payload, secret, state, attempts, "
    "created_at, received_at, due_at) VALUES ('evt_1', 'a.b', 0, x'7b7d', 'abcd', 'done', 1, '2026-01-01', "
    "'2026-01-01', '2026-01-01')",
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A book of the first version, in clear, with rows in it."""
    file = tmp_path / "old.db"
    file.touch(mode=0o600)
    db = a_book_in_clear(file)
    with db.engine.execution_options(**{WRITES: True}).begin() as connection:
        connection.exec_driver_sql(f"PRAGMA application_id={APPLICATION_ID}")
        config = migrations.configuration()
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        for row in ROWS.values():
            connection.exec_driver_sql(row)
    db.close()
    return file


def a_book_in_clear(file: Path) -> Database:
    """SQLite keeps a file as it finds it, so one page in clear is enough."""
    with sqlite3.connect(file) as made:
        made.execute("PRAGMA journal_mode=WAL")
        made.execute("VACUUM")
    made.close()
    return a_book(f"sqlite:///{file}")


def everything(file: Path) -> bytes:
    return b"".join(path.read_bytes() for path in file.parent.iterdir())


def test_an_upgrade_encrypts_the_file_and_what_stands_in_it(file: Path) -> None:
    before = everything(file)
    db = a_book(f"sqlite:///{file}")

    changed = migrations.upgrade(db)

    assert changed
    assert schema.state(db) is State.CURRENT
    assert CANARY in before
    assert CANARY not in everything(file)
    assert files.form(file) is Form.ENCRYPTED
    assert file.stat().st_mode & 0o777 == 0o600
    (payment,) = history(db, Query(search="canary TOM ada@example.com")).payments
    assert (payment.description, payment.metadata_) == (CANARY.decode(), {"waiter": "Tom"})
    assert sorted(path.name for path in file.parent.iterdir() if "encrypting" in path.name) == []
    db.close()


def test_what_was_written_down_under_an_email_has_another_name(file: Path) -> None:
    db = a_book(f"sqlite:///{file}")

    migrations.upgrade(db)

    with db.engine.connect() as connection:
        subject, fingerprint = connection.exec_driver_sql("SELECT subject, fingerprint FROM operations").one()
    assert subject.startswith("email_")
    assert fingerprint != "f"
    db.close()


def test_down_and_up_again_is_the_same_book(file: Path) -> None:
    db = a_book(f"sqlite:///{file}")
    migrations.upgrade(db)
    config = migrations.configuration()
    with db.engine.execution_options(**{WRITES: True}).begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0001")
        assert connection.exec_driver_sql("SELECT description FROM payments").scalar_one() == CANARY.decode()

    migrations.upgrade(db)

    assert [payment.description for payment in history(db, Query(search="canary")).payments] == [
        CANARY.decode()
    ]
    db.close()


def test_somebody_elses_file_in_clear_is_left_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "diary.db"
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE diary (entry TEXT)")
    connection.close()
    before = file.read_bytes()

    with pytest.raises(NotOurDatabase):
        migrations.upgrade(a_book(f"sqlite:///{file}"))

    assert file.read_bytes() == before


HOLDS = """
import sqlite3, sys
book = sqlite3.connect(sys.argv[1])
book.execute("SELECT count(*) FROM payments").fetchone()
print("open", flush=True)
sys.stdin.readline()
"""


def test_a_book_that_another_program_has_open_is_not_touched(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "BUSY_SECONDS", 0)
    before = file.read_bytes()
    with subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()

        with pytest.raises(BookInUse, match="another program has it open"):
            conversion.encrypt(file, ROOT)

        other.communicate("\n", timeout=10)
    assert file.read_bytes() == before


DIES = """
import os, sys
from pathlib import Path
from azpay.db import conversion, private
from tests.support.books import ROOT

left = int(sys.argv[2])
for module, name in (
    (conversion, "_have_alone"), (conversion, "_copied"), (private, "sync"), (private, "put")
):
    def dying(*args, _go=getattr(module, name)):
        global left
        found = _go(*args)
        left -= 1
        if left < 0:
            os.kill(os.getpid(), 9)
        return found
    setattr(module, name, dying)
conversion.encrypt(Path(sys.argv[1]), ROOT)
"""


@pytest.mark.parametrize("after", range(5))
def test_killed_at_any_point_it_leaves_one_whole_book(file: Path, after: int) -> None:
    died = subprocess.run([sys.executable, "-c", DIES, str(file), str(after)], check=False, timeout=60)
    form = files.form(file)
    db = a_book(f"sqlite:///{file}")

    migrations.upgrade(db)

    assert died.returncode == -signal.SIGKILL
    assert form is (Form.PLAIN if after < 3 else Form.ENCRYPTED)
    assert len(history(db, Query()).payments) == 1
    assert CANARY not in everything(file)
    db.close()
