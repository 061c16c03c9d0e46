"""The chain is the same under another key, in another store, and in a backup."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alembic import command
from sqlalchemy import inspect

from azpay import audit
from azpay.bootstrap import follow_a_rekey, tables
from azpay.credentials import RootKey
from azpay.db import Database, Ring, copying, migrations, proving, rekeying
from azpay.db.engines import WRITES
from azpay.payments import Query, charge, history
from tests.audit.acts import act, the_entries
from tests.support.books import ROOT, a_book
from tests.support.builders import a_charge

if TYPE_CHECKING:
    from pathlib import Path

    from azpay.bootstrap import Azpay

NEW = RootKey(b"a key that follows another one..")


def test_a_rekeyed_chain_is_whole_and_has_the_same_head(db: Database) -> None:
    act(db, 4)
    before = audit.verify(db).head
    address = db.engine.url.render_as_string(hide_password=False)
    moving = Database.open(address, Ring.of(NEW, ROOT))

    rekeying.rekey(moving, NEW.id, follow=follow_a_rekey(), advance=lambda _done: None)

    db.close()
    fresh = Database.open(address, Ring.of(NEW))
    verdict = audit.verify(fresh)
    act(fresh, 1)
    assert (verdict.whole, verdict.head) == (True, before)
    assert audit.verify(fresh).whole
    assert proving.values(fresh).problems == []
    fresh.close()
    moving.close()


def test_a_copied_chain_is_whole_and_goes_on(db: Database, tmp_path: Path) -> None:
    act(db, 4)
    there = a_book(f"sqlite:///{tmp_path}/copy.db")
    plan = copying.plan(tables(), derived=["payment_words"], follow=lambda *_: None)

    copying.prepare(db, there, plan)
    copying.copy(db, there, plan, advance=lambda _done: None)
    same = all(ours == theirs for _, ours, theirs in copying.compare(db, there, plan))
    copying.finish(there)

    verdict = audit.verify(there)
    act(there, 1)
    assert same
    assert (verdict.whole, verdict.head) == (True, audit.verify(db).head)
    assert [entry.sequence for entry in the_entries(there)] == [1, 2, 3, 4, 5]
    assert audit.verify(there).whole
    there.close()


def test_down_and_up_again_on_a_filled_book_keeps_the_payments(azpay: Azpay) -> None:
    paid = charge(azpay.db, azpay.gateway, a_charge(), now=azpay.now())
    config = migrations.configuration()
    with azpay.db.engine.execution_options(**{WRITES: True}).begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0004")
    down = inspect(azpay.db.engine).has_table("audit_entries")

    migrations.upgrade(azpay.db)

    act(azpay.db, 2)
    assert not down
    assert [payment.id for payment in history(azpay.db, Query()).payments] == [paid.id]
    assert [entry.sequence for entry in the_entries(azpay.db)] == [1, 2]
