"""Stores that do not sort alike: under a language's rules `a` stands before `B`, and `_` counts for little.

Whatever comes first, each row is on one page and on one only, and leaves the book once.
"""

from __future__ import annotations

import shutil
import subprocess
from itertools import islice, product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest

from azpay.cli.copying import _plan
from azpay.db import copying, migrations
from azpay.payments import Customer, Origin, Payment, PaymentStatus, Query, Sort, history
from azpay.payments.exports import exported
from tests.support.books import a_book
from tests.support.clock import NOON
from tests.support.postgres import Server, a_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from azpay.db import Database

pytestmark = [pytest.mark.store("postgresql"), pytest.mark.slow]

WORDS = ("a", "B", "b", "A1", "a_1", "a-1", "Ä", "z", "é", "e", "Z", "ß", "ss", "1", "_")
IDS = [f"pay_{word}" for word in WORDS]
MORE_THAN_A_BATCH = 3000
STATUSES = [PaymentStatus.SUCCEEDED, PaymentStatus.FAILED]


@pytest.fixture(scope="module")
def english() -> Iterator[Server]:
    """A server that knows the sorting of a language, made for it where the system has none."""
    localedef = shutil.which("localedef")
    with TemporaryDirectory(prefix="azpay-locale-") as folder, pytest.MonkeyPatch.context() as patch:
        Path(folder).chmod(0o755)  # the server has a user of its own
        made = [str(localedef), "-i", "en_US", "-f", "UTF-8", f"{folder}/en_US.UTF-8"]
        if localedef is None or subprocess.run(made, capture_output=True, check=False).returncode:
            pytest.skip("this machine has no description of a language's sorting")
        patch.setenv("LOCPATH", folder)
        with a_server() as server:
            yield server


@pytest.fixture(scope="module")
def languages(english: Server) -> Iterator[Database]:
    english.run("DROP DATABASE IF EXISTS english WITH (FORCE)")
    english.run("CREATE DATABASE english TEMPLATE template0 LOCALE 'en_US.UTF-8' ENCODING 'UTF8'")
    db = a_book(english.address("english"))
    migrations.upgrade(db)
    yield db
    db.close()


@pytest.fixture(scope="module")
def filled(languages: Database) -> Database:
    with languages.writing() as session:
        session.add_all(a_payment(number, name) for number, name in enumerate(IDS))
        names = ("".join(each) for each in islice(product(WORDS, repeat=3), MORE_THAN_A_BATCH))
        session.add_all(
            Customer(customer=f"cus_{name}", created_at=NOON, updated_at=NOON) for name in set(names)
        )
    return languages


def a_payment(number: int, name: str) -> Payment:
    return Payment(
        id=name,
        status=STATUSES[number % 2],
        currency="usd",
        amount=500,
        customer=f"cus_{name}",
        reference=name.upper() if number % 3 else name,
        origin=Origin.AZPAY,
        as_of=NOON,
        created_at=NOON,
        updated_at=NOON,
    )


def all_pages(db: Database, wanted: dict[str, Any]) -> list[str]:
    found: list[str] = []
    cursor: str | None = None
    while True:
        page = history(db, Query(**wanted, limit=2, cursor=cursor))
        found += [payment.id for payment in page.payments]
        if (cursor := page.next) is None:
            return found


@pytest.mark.parametrize("sort", Sort)
@pytest.mark.parametrize("ascending", [True, False])
@pytest.mark.parametrize("statuses", [[], STATUSES])
def test_pages_and_exports_have_each_row_once(
    filled: Database, sort: Sort, ascending: bool, statuses: list[PaymentStatus]
) -> None:
    wanted: dict[str, Any] = {"sort": sort, "ascending": ascending, "statuses": statuses}

    paged, left = all_pages(filled, wanted), [each.id for each in exported(filled, Query(**wanted))]

    assert sorted(paged) == sorted(left) == sorted(IDS)
    assert paged != sorted(IDS, reverse=not ascending)


def test_a_reference_is_found_as_it_was_written(filled: Database) -> None:
    found = [each.id for each in history(filled, Query(reference="PAY_B")).payments]

    assert set(found) == {
        each for number, each in enumerate(IDS) if a_payment(number, each).reference == "PAY_B"
    }


def test_a_book_that_sorts_otherwise_is_copied_whole(filled: Database, tmp_path: Path) -> None:
    file = a_book(f"sqlite:///{tmp_path}/copy.db")
    plan = _plan()

    copying.prepare(filled, file, plan)
    copying.copy(filled, file, plan, advance=lambda _rows: None)
    compared = list(copying.compare(filled, file, plan))
    copying.finish(file)

    assert [name for name, here, there in compared if here != there] == []
    assert sorted(all_pages(file, {})) == sorted(IDS)
    file.close()
