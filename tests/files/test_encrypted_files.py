"""A book's file: nothing of it can be read without its key, nor changed unnoticed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from azpay.credentials import RootKey
from azpay.db import Database, Ring, migrations, schema
from azpay.db.files import BookDamaged
from azpay.db.ring import KeyMissing
from azpay.payments import Query, history
from tests.support.books import ROOT, a_book, meddler
from tests.support.canaries import CANARIES, live_in

if TYPE_CHECKING:
    from azpay.bootstrap import Azpay
    from tests.support.webhooks import Webhooks


@pytest.fixture
def lived_in(azpay: Azpay, webhooks: Webhooks) -> Azpay:
    return live_in(azpay, webhooks)


def file_of(db: Database) -> Path:
    return Path(str(db.engine.url.database))


@pytest.mark.store("sqlite")
def raw(db: Database) -> bytes:
    """Every byte that the book has on disk."""
    folder = Path(str(db.engine.url.database)).parent
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file())


def test_nothing_of_people_stands_in_the_files(lived_in: Azpay) -> None:
    found = raw(lived_in.db)

    assert len(found) > 100_000
    assert b"SQLite format" not in found
    assert b"payments" not in found
    assert [canary for canary in CANARIES if canary.encode() in found] == []


def test_without_its_key_a_book_says_which_one_it_needs_and_stays_as_it_was(lived_in: Azpay) -> None:
    lived_in.db.close()
    file = file_of(lived_in.db)
    before = file.read_bytes()
    keyless = Database.open(f"sqlite:///{file}", Ring.of())

    with pytest.raises(KeyMissing, match=f"the key {ROOT.id}, and there is none here") as missing:
        schema.state(keyless)

    assert "azpay db recover" in str(missing.value.hint)
    assert file.read_bytes() == before


@pytest.mark.store("sqlite")
def test_with_another_key_it_says_which_it_needs_and_which_is_here(lived_in: Azpay) -> None:
    lived_in.db.close()
    other = RootKey.make()

    with pytest.raises(KeyMissing, match=f"the key {ROOT.id}; at hand is {other.id}"):
        schema.state(Database.open(f"sqlite:///{file_of(lived_in.db)}", Ring.of(other)))


@pytest.mark.store("sqlite")
def test_a_key_among_several_is_found(lived_in: Azpay) -> None:
    lived_in.db.close()
    db = Database.open(f"sqlite:///{file_of(lived_in.db)}", Ring.of(RootKey.make(), ROOT))

    assert len(history(db, Query()).payments) == 1
    db.close()


@pytest.mark.store("sqlite")
@pytest.mark.parametrize("page", [1, 5, 30])
def test_one_changed_byte_of_the_file_is_noticed(lived_in: Azpay, page: int) -> None:
    with meddler(lived_in.db) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    lived_in.db.close()
    file = file_of(lived_in.db)
    whole = bytearray(file.read_bytes())
    whole[page * 4096 + 200] ^= 1
    file.write_bytes(whole)
    db = a_book(f"sqlite:///{file}")

    (check,) = schema.integrity(db)

    assert check.problems == [f"HMAC verification failed for page {page + 1}"]
    db.close()


@pytest.mark.store("sqlite")
def test_a_changed_first_page_is_a_damaged_book_and_not_somebody_elses(lived_in: Azpay) -> None:
    lived_in.db.close()
    file = file_of(lived_in.db)
    whole = bytearray(file.read_bytes())
    whole[200] ^= 1
    file.write_bytes(whole)

    with pytest.raises(BookDamaged, match="is damaged"):
        schema.state(a_book(f"sqlite:///{file}"))


def test_every_file_is_its_owners_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        db = a_book(f"sqlite:///{tmp_path}/folder/book.db")
        migrations.upgrade(db)
        modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "folder").iterdir()}
        db.close()
    finally:
        os.umask(before)

    assert modes == {"book.db": 0o600, "book.db-wal": 0o600, "book.db-shm": 0o600}
    assert (tmp_path / "folder").stat().st_mode & 0o777 == 0o700
