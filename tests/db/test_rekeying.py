"""Moving a book to another key: all of it, while others work with it, and after being killed anywhere."""

from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from azpay.bootstrap import follow_a_rekey
from azpay.credentials import RootKey
from azpay.db import Database, Ring, book_keys, migrations, proving, rekeying, schema
from azpay.db.ring import KeyMissing
from azpay.operations import Kind, fingerprint, plan
from azpay.payments import Customer, Query, charge, history, methods
from azpay.payments.customers import on_record
from tests.support.books import ROOT
from tests.support.builders import a_charge
from tests.support.cases import further
from tests.support.clock import NOON
from tests.support.events import an_event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from azpay.bootstrap import Azpay
    from tests.support.webhooks import Webhooks

NEW = RootKey(b"a key that follows another one..")
EMAIL = "ada@example.com"


class KeyChain:
    """What a keyring holds, and may hold more of later."""

    def __init__(self, *roots: RootKey) -> None:
        self.roots = list(roots)

    def find(self) -> list[RootKey]:
        return self.roots


@dataclass(frozen=True)
class Opened:
    keys: Callable[..., Database]
    chain: Callable[[KeyChain], Database]


@pytest.fixture
def lived_in(azpay: Azpay, webhooks: Webhooks) -> Azpay:
    methods.add(azpay.db, azpay.gateway, "pm_card_visa", EMAIL, now=azpay.now())
    for number in range(3):
        wanted = a_charge(500 + number, description=f"table {number}", receipt_email=EMAIL)
        charge(azpay.db, azpay.gateway, wanted, now=azpay.now())
    webhooks.keep([an_event("evt_1"), an_event("evt_2")])
    return azpay


@pytest.fixture
def opened(lived_in: Azpay) -> Iterator[Opened]:
    """The book under these keys, as another program opens it."""
    with ExitStack() as open_now:

        def with_keys(*roots: RootKey) -> Database:
            return with_chain(KeyChain(*roots))

        def with_chain(chain: KeyChain) -> Database:
            address = lived_in.db.engine.url.render_as_string(hide_password=False)
            db = Database.open(address, Ring(chain.find))
            open_now.callback(db.close)
            return db

        yield Opened(with_keys, with_chain)


def rekey(db: Database, root: RootKey = NEW) -> rekeying.Rekeyed:
    return rekeying.rekey(db, root.id, follow=follow_a_rekey(), advance=lambda _done: None)


def test_a_rekeyed_book_opens_with_the_new_key_alone(lived_in: Azpay, opened: Opened) -> None:
    db = opened.keys(NEW, ROOT)
    waiting = rekeying.waiting(db, NEW.id)

    done = rekey(db)

    fresh = opened.keys(NEW)
    assert schema.state(fresh) is schema.State.CURRENT
    assert proving.values(fresh).problems == []
    assert (done.rows, rekeying.waiting(fresh, NEW.id)) == (waiting, 0)
    assert [each.description for each in history(fresh, Query(search="TABLE 1")).payments] == ["table 1"]
    assert on_record(fresh, EMAIL.upper()) is not None


def test_the_old_key_opens_nothing_any_more(lived_in: Azpay, opened: Opened) -> None:
    rekey(opened.keys(NEW, ROOT))
    lived_in.db.close()

    with pytest.raises(KeyMissing, match=NEW.id), opened.keys(ROOT).reading() as session:
        book_keys.in_use(session.connection())


def test_doing_it_again_finds_nothing_to_do(lived_in: Azpay, opened: Opened) -> None:
    db = opened.keys(NEW, ROOT)
    rekey(db)

    again = rekey(db)

    assert again == rekeying.Rekeyed(file=False, rows=0)


def test_a_program_that_has_the_book_open_goes_on(lived_in: Azpay, opened: Opened) -> None:
    chain = KeyChain(ROOT)
    daemon = opened.chain(chain)
    assert len(history(daemon, Query()).payments) == 3
    chain.roots = [NEW, ROOT]

    rekey(opened.keys(NEW, ROOT))
    with daemon.writing() as session:
        session.add(Customer(customer="cus_late", name="Late", created_at=NOON, updated_at=NOON))

    assert len(history(daemon, Query(search="table")).payments) == 3
    assert rekeying.waiting(daemon, NEW.id) == 0


def test_what_is_written_in_between_is_written_with_the_new_key(lived_in: Azpay, opened: Opened) -> None:
    chain = KeyChain(ROOT)
    daemon = opened.chain(chain)
    chain.roots = [NEW, ROOT]
    db = opened.keys(NEW, ROOT)
    written: list[str] = []

    def write(_done: int) -> None:
        name = f"cus_{len(written)}"
        written.append(name)
        with daemon.writing() as session:
            session.add(
                Customer(customer=name, email=f"{name}@example.com", created_at=NOON, updated_at=NOON)
            )

    rekeying.rekey(db, NEW.id, follow=follow_a_rekey(), advance=write)

    assert len(written) > 4
    assert rekeying.waiting(db, NEW.id) == 0
    assert all(on_record(db, f"{name}@example.com") == name for name in written)


def test_an_open_operation_is_still_the_same_request(lived_in: Azpay, opened: Opened) -> None:
    digest = fingerprint(Kind.CHARGE, amount=5)
    with lived_in.db.writing() as session:
        first, _ = plan(session, Kind.CHARGE, "pay_9", digest=digest, now=NOON)
    db = opened.keys(NEW, ROOT)

    rekey(db)

    with db.writing() as session:
        again, new = plan(session, Kind.CHARGE, "pay_10", digest=digest, now=NOON)
    assert (again.id, new) == (first.id, False)


def test_a_key_that_is_not_here_changes_nothing(lived_in: Azpay, opened: Opened) -> None:
    db = opened.keys(ROOT)

    with pytest.raises(KeyMissing, match=NEW.id):
        rekey(db)

    assert len(history(lived_in.db, Query(search="table")).payments) == 3


DIES = """
import os, sys
from sqlalchemy import event
from azpay.bootstrap import follow_a_rekey
from azpay.db import Database, Ring, files, rekeying
from tests.db.test_rekeying import NEW
from tests.support.books import ROOT

rekeying.BATCH = 1
db = Database.open(sys.argv[1], Ring.of(NEW, ROOT))
left = int(sys.argv[2])

def die(*_):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), 9)

event.listen(db.engine, "before_cursor_execute", die)
event.listen(db.engine, "commit", die)
rekeying.rekey(db, NEW.id, follow=follow_a_rekey(), advance=die)
"""


@pytest.mark.parametrize("after", [5, further(23)])
def test_killed_anywhere_it_goes_on_where_it_was(lived_in: Azpay, opened: Opened, after: int) -> None:
    address = str(lived_in.db.engine.url)
    died = subprocess.run([sys.executable, "-c", DIES, address, str(after)], check=False, timeout=60)
    between = opened.keys(NEW, ROOT)
    seen = sorted(str(each.description) for each in history(between, Query(search="table")).payments)

    rekey(between)

    fresh = opened.keys(NEW)
    assert died.returncode == -signal.SIGKILL
    assert seen == ["table 0", "table 1", "table 2"]
    assert proving.values(fresh).problems == []
    assert rekeying.waiting(fresh, NEW.id) == 0


def test_two_at_once_do_it_once(lived_in: Azpay, opened: Opened) -> None:
    address = str(lived_in.db.engine.url)
    program = DIES.replace("os.kill(os.getpid(), 9)", "pass")

    both = [subprocess.Popen([sys.executable, "-c", program, address, "0"]) for _ in range(2)]

    assert [each.wait(60) for each in both] == [0, 0]
    fresh = opened.keys(NEW)
    assert proving.values(fresh).problems == []
    assert rekeying.waiting(fresh, NEW.id) == 0


def test_a_new_book_can_be_rekeyed_too(tmp_path: Path) -> None:
    db = Database.open(f"sqlite:///{tmp_path}/new.db", Ring.of(ROOT, NEW))
    migrations.upgrade(db)

    done = rekey(db)
    db.close()

    assert done == rekeying.Rekeyed(file=True, rows=0)
