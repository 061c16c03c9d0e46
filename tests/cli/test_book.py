"""`azpay db upgrade` and `db check`, and what every command says of a book it cannot work with."""

from __future__ import annotations

import os
import sqlite3
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from azpay import payments
from azpay.db import migrations
from tests.support.books import a_book
from tests.support.builders import a_charge

from .running import answer, error, run, settle_in

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from azpay.bootstrap import Azpay

COMMANDS = [
    ["history"],
    ["charge", "5", "usd", "--method", "pm_card_visa"],
    ["refund", "order-1", "--yes"],
    ["methods", "list"],
    ["db", "check"],
    ["db", "upgrade"],
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a user of the sandbox profile stands."""
    settle_in(monkeypatch, tmp_path, AZPAY_PROFILE="sandbox", AZPAY_STRIPE_API_BASE="http://127.0.0.1:9")
    return tmp_path


def foreign_database(file: Path) -> None:
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE customers (name TEXT)")
    connection.close()


def text_file(file: Path) -> None:
    file.write_text("Dear diary,\n" * 100)


def book_of_tomorrow(file: Path) -> None:
    db = a_book(f"sqlite:///{file}")
    migrations.upgrade(db)
    with db.writing() as session:
        session.connection().execute(text("UPDATE alembic_version SET version_num = '9999'"))
    db.close()


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: " ".join(words[:2]))
@pytest.mark.parametrize(
    ("make", "code", "advice"),
    [
        (foreign_database, "not_our_database", "Point AZPAY_DATABASE_URL at azpay's own database"),
        (text_file, "not_our_database", "Point AZPAY_DATABASE_URL at azpay's own database"),
        (book_of_tomorrow, "book_too_new", "Install the newer azpay again"),
    ],
)
def test_a_database_that_is_not_ours_is_refused_and_left_as_it_was(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    make: Callable[[Path], None],
    code: str,
    advice: str,
) -> None:
    make(folder / "some.db")
    before = (folder / "some.db").read_bytes()
    monkeypatch.setenv("AZPAY_DATABASE_URL", f"sqlite:///{folder / 'some.db'}")

    result = run(None, *words, "--json")

    assert result.exit_code == 4
    assert error(result)["code"] == code
    assert advice in result.stderr
    assert (folder / "some.db").read_bytes() == before


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: " ".join(words[:2]))
@pytest.mark.parametrize("place", ["folder", "file/book.db", "file/deeper/book.db"])
def test_a_place_where_no_book_can_be_is_unavailable(
    folder: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], place: str
) -> None:
    (folder / "folder").mkdir()
    (folder / "file").write_text("in the way")
    monkeypatch.setenv("AZPAY_DATABASE_URL", f"sqlite:///{folder / place}")

    result = run(None, *words)

    assert result.exit_code == 5
    assert str(folder / place) in result.stderr
    assert "AZPAY_DATABASE_URL" in result.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes wherever it likes")
@pytest.mark.parametrize("words", COMMANDS[1:3], ids=lambda words: words[0])
def test_a_book_that_cannot_be_written_charges_nothing(azpay: Azpay, words: list[str]) -> None:
    assert azpay.db.engine.url.database is not None
    payments.charge(azpay.db, azpay.gateway, a_charge(reference="order-1"), now=azpay.now())
    azpay.db.close()
    os.chmod(azpay.db.engine.url.database, 0o400)  # noqa: PTH101 - the path is a text here

    result = run(azpay, *words)

    assert result.exit_code == 5
    assert "readonly database" in result.stderr


@pytest.mark.parametrize(
    ("address", "status", "advice"),
    [
        ("sqlite:///:memory:", 4, "Give a file"),
        ("sqlite:///", 4, "Give a file"),
        ("mysql://db/azpay", 4, "mend it there"),
        ("nonsense", 4, "mend it there"),
    ],
)
def test_an_address_that_cannot_be_a_books_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch, address: str, status: int, advice: str
) -> None:
    monkeypatch.setenv("AZPAY_DATABASE_URL", address)

    result = run(None, "history")

    assert result.exit_code == status
    assert advice in result.stderr.split("Next: ")[1]


def test_upgrade_makes_the_tables_once(folder: Path) -> None:
    first = answer(None, "db", "upgrade", schema="azpay.db_upgrade/1")
    second = answer(None, "db", "upgrade", schema="azpay.db_upgrade/1")

    assert (first["changed"], second["changed"]) == (True, False)
    assert first["book"] == f"sqlite:///{folder}/data/azpay/sandbox.db"
    assert run(None, "db", "upgrade").stdout.startswith("Already up to date: sqlite:///")


def test_a_book_that_was_never_made_is_not_checked(folder: Path) -> None:
    result = run(None, "db", "check")

    assert result.exit_code == 4
    assert "Run `azpay db upgrade`." in result.stderr


def test_a_sound_book_passes_every_check(azpay: Azpay) -> None:
    payments.charge(azpay.db, azpay.gateway, a_charge(), now=azpay.now())

    result = run(azpay, "db", "check")

    assert result.exit_code == 0
    assert [line.split("  ")[0] for line in result.stdout.splitlines()[:3]] == [
        "Check",
        "file integrity",
        "references",
    ]
    assert result.stdout.count(" ok") == len(result.stdout.splitlines()) - 1


def test_a_total_that_somebody_changed_is_found(azpay: Azpay) -> None:
    payment = payments.charge(azpay.db, azpay.gateway, a_charge(500), now=azpay.now())
    with azpay.db.writing() as session:
        session.connection().execute(text("UPDATE payments SET amount_refunded = 100"))

    result = run(azpay, "db", "check", "--json")

    assert result.exit_code == 1
    assert f"{payment.id} says USD 1.00 refunded, its refunds add up to USD 0.00" in result.stdout


@pytest.mark.parametrize("command", ["upgrade", "check"])
def test_help_begins_with_examples(command: str) -> None:
    told = run(None, "db", command, "--help").stdout
    lines = [line.strip() for line in told.splitlines() if line.strip()]

    assert lines[2:4] == ["Examples", f"azpay db {command}"]
