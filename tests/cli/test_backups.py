"""`azpay db backup` and `azpay db restore`: what was acknowledged comes back, and nothing else is touched."""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from azpay import payments
from azpay.credentials import RootKey
from azpay.db import Database, Ring, schema
from azpay.db.schema import State
from azpay.payments import Query
from tests.support.books import a_book, meddler
from tests.support.builders import a_charge, a_refund

from .running import answer, error, run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from azpay.bootstrap import Azpay
    from azpay.sandbox import Sandbox
    from tests.support.clock import Clock


@pytest.fixture
def no_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def charged(azpay: Azpay, *references: str) -> None:
    for reference in references:
        payments.charge(azpay.db, azpay.gateway, a_charge(reference=reference), now=azpay.now())


def references(azpay: Azpay) -> set[str | None]:
    return {payment.reference for payment in payments.history(azpay.db, Query()).payments}


def backed_up(azpay: Azpay, *words: str) -> Path:
    return Path(answer(azpay, "db", "backup", *words, schema="azpay.db_backup/1")["file"])


def place(azpay: Azpay) -> Path:
    return Path(str(azpay.db.engine.url.database))


def test_a_backup_brings_the_book_back_and_keeps_the_other_aside(azpay: Azpay) -> None:
    charged(azpay, "before")
    file = backed_up(azpay)
    charged(azpay, "after")

    done = answer(azpay, "db", "restore", str(file), "--yes", schema="azpay.db_restore/1")

    assert references(azpay) == {"before"}
    aside = a_book(f"sqlite:///{done['aside']}")
    assert {each.reference for each in payments.history(aside, Query()).payments} == {"before", "after"}
    aside.close()


def test_reconcile_refills_what_came_after_the_backup(
    azpay: Azpay, stripe: Sandbox, clock: Clock, tmp_path: Path
) -> None:
    charged(azpay, "one", "two")
    file = backed_up(azpay)
    clock.advance(minutes=5)
    charged(azpay, "three")
    payments.refund(azpay.db, azpay.gateway, a_refund("one", 200), now=azpay.now())
    clock.advance(minutes=5)
    run(azpay, "db", "restore", str(file), "--yes")

    found = run(azpay, "reconcile", "--plan", str(tmp_path / "plan.json"))
    applied = run(azpay, "reconcile", "apply", str(tmp_path / "plan.json"))
    again = run(azpay, "reconcile")

    assert (found.exit_code, applied.exit_code, again.exit_code) == (9, 0, 0), again.output
    assert references(azpay) == {"one", "two", "three"}
    assert payments.story(azpay.db, "one").payment.amount_refunded == 200
    assert run(azpay, "db", "check").exit_code == 0


def test_a_restore_says_what_to_run_next(azpay: Azpay) -> None:
    charged(azpay, "one")
    file = backed_up(azpay)

    told = run(azpay, "db", "restore", str(file), "--yes")

    assert "Next: azpay reconcile --since 2026-01-26 --plan repairs.json" in told.stderr


def test_a_backup_is_private_summed_and_named_by_its_time(
    azpay: Azpay, tmp_path: Path, no_umask: None
) -> None:
    folder = tmp_path / "a" / "safe"

    file = backed_up(azpay, "--to", str(folder))

    beside = folder / f"{file.name}.sha256"
    assert file.name == "default-20260302T120000.000Z.db"
    assert sorted(folder.iterdir()) == [file, beside]
    assert {stat.S_IMODE(each.stat().st_mode) for each in folder.iterdir()} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert beside.read_text() == f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n"


def test_only_the_newest_of_this_book_are_kept(azpay: Azpay, clock: Clock, tmp_path: Path) -> None:
    (tmp_path / "other-20200101T000000.000Z.db").touch()
    made = []
    for _ in range(3):
        clock.advance(seconds=1)
        made.append(backed_up(azpay, "--to", str(tmp_path), "--keep", "2"))

    kept = {file.name for file in tmp_path.glob("*.db*")}

    assert kept == {name + end for name in [made[1].name, made[2].name] for end in ("", ".sha256")} | {
        "other-20200101T000000.000Z.db"
    }


def test_a_backup_can_go_down_a_pipe(azpay: Azpay, tmp_path: Path) -> None:
    charged(azpay, "one")

    piped = run(azpay, "db", "backup", "--to", "-")
    (tmp_path / "piped.db").write_bytes(piped.stdout_bytes)
    charged(azpay, "two")
    run(azpay, "db", "restore", str(tmp_path / "piped.db"), "--yes")

    assert references(azpay) == {"one"}
    assert hashlib.sha256(piped.stdout_bytes).hexdigest() in piped.stderr
    assert [each.name for each in place(azpay).parent.iterdir() if each.name.startswith(".")] == []


@pytest.mark.parametrize("words", [["--keep", "2"], ["--json"]])
def test_a_backup_to_a_pipe_answers_nothing_else(azpay: Azpay, words: list[str]) -> None:
    assert run(azpay, "db", "backup", "--to", "-", *words).exit_code == 2


def test_nobody_is_asked_where_nobody_is(azpay: Azpay) -> None:
    charged(azpay, "one")
    file = backed_up(azpay)

    refused = run(azpay, "db", "restore", str(file))

    assert refused.exit_code == 6
    assert "--yes" in refused.stderr


HAS_IT_OPEN = """
import sys
from tests.support.books import a_book

with a_book(sys.argv[1]).engine.connect() as connection:
    connection.exec_driver_sql("SELECT id FROM payments").all()
    print("open", flush=True)
    sys.stdin.read()
"""


def test_a_book_that_another_program_has_open_is_not_replaced(azpay: Azpay) -> None:
    charged(azpay, "one")
    file = backed_up(azpay)
    command = [sys.executable, "-c", HAS_IT_OPEN, str(azpay.db.engine.url)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        program.stdout.readline()

        refused = run(azpay, "db", "restore", str(file), "--yes", "--json")

        program.communicate("")
    assert refused.exit_code == 5
    assert error(refused)["code"] == "book_open_elsewhere"
    assert references(azpay) == {"one"}


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def flip_without_sum(file: Path) -> None:
    flip(file)
    file.with_name(f"{file.name}.sha256").unlink()


def overwrite(file: Path) -> None:
    file.write_text("Dear diary")


@pytest.mark.parametrize("damage", [cut, flip, flip_without_sum, overwrite])
def test_a_damaged_backup_is_refused_and_the_book_left_as_it_was(
    azpay: Azpay, damage: Callable[[Path], None]
) -> None:
    charged(azpay, "one")
    file = backed_up(azpay)
    charged(azpay, "two")
    damage(file)

    refused = run(azpay, "db", "restore", str(file), "--yes", "--json")

    assert refused.exit_code == 1
    assert error(refused)["code"] == "backup_damaged"
    assert references(azpay) == {"one", "two"}


def test_a_backup_without_its_key_says_which_key_it_needs(azpay: Azpay, tmp_path: Path) -> None:
    charged(azpay, "one")
    file = backed_up(azpay)
    elsewhere = Database.open(f"sqlite:///{tmp_path}/new.db", Ring.of(RootKey.make()))
    keyless = replace(azpay, db=elsewhere)

    refused = run(keyless, "db", "restore", str(file), "--json")

    assert refused.exit_code == 4
    assert error(refused)["code"] == "encryption_key_missing"
    assert "recovery key" in refused.stderr
    assert schema.state(elsewhere) is State.EMPTY


def test_an_unreadable_book_is_put_aside_only_by_force(azpay: Azpay) -> None:
    charged(azpay, "one")
    file = backed_up(azpay)
    azpay.db.close()
    place(azpay).write_bytes(b"rubble" * 1000)

    refused = run(azpay, "db", "restore", str(file), "--yes")
    done = answer(azpay, "db", "restore", str(file), "--force", schema="azpay.db_restore/1")

    assert refused.exit_code == 6
    assert "--force" in refused.stderr
    assert references(azpay) == {"one"}
    assert Path(done["aside"]).read_bytes().startswith(b"rubble")


def test_a_book_whose_sums_are_wrong_makes_no_backup(azpay: Azpay) -> None:
    charged(azpay, "one")
    connection = meddler(azpay.db)
    connection.execute("UPDATE payments SET amount_refunded = 100")
    connection.close()

    refused = run(azpay, "db", "backup", "--json")

    assert refused.exit_code == 1
    assert "its refunds add up to" in refused.stderr
    assert list((place(azpay).parent / "backups").iterdir()) == []


def test_no_book_makes_no_backup(azpay: Azpay, tmp_path: Path) -> None:
    none = replace(azpay, db=a_book(f"sqlite:///{tmp_path}/none.db"))

    refused = run(none, "db", "backup")

    assert refused.exit_code == 4
    assert "There is no book" in refused.stderr


@pytest.mark.parametrize("command", ["backup", "restore"])
def test_help_begins_with_examples(command: str) -> None:
    told = run(None, "db", command, "--help").stdout
    lines = [line.strip() for line in told.splitlines() if line.strip()]

    assert lines[2] == "Examples"
