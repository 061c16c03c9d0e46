"""The tables of guards, made on a book that is in use and taken away again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import inspect

from azpay.access import ApprovalNeeded, Guards
from azpay.db import migrations, schema
from azpay.db.engines import WRITES
from azpay.db.schema import State
from azpay.payments import Query, history
from tests.access.scenes import charged, held_to, refunded, the_approvals, used

if TYPE_CHECKING:
    from azpay.bootstrap import Azpay

TABLES = {"usage", "spendings", "approvals"}


def go_down(azpay: Azpay) -> None:
    """To the book of just before."""
    config = migrations.configuration()
    before = ScriptDirectory.from_config(config).get_revision("0008").down_revision
    with azpay.db.engine.execution_options(**{WRITES: True}).begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, str(before))


def test_down_and_up_again_leaves_all_but_the_guards_own(azpay: Azpay) -> None:
    ann = held_to(azpay, Guards(approval_above=({"usd": 100},)))
    payment = charged(ann, 900)
    with pytest.raises(ApprovalNeeded):
        refunded(ann, payment)

    go_down(azpay)
    without = set(inspect(azpay.db.engine).get_table_names())
    migrations.upgrade(azpay.db)

    assert without.isdisjoint(TABLES)
    assert schema.state(azpay.db) is State.CURRENT
    assert [each.id for each in history(azpay.db, Query()).payments] == [payment.id]
    assert (the_approvals(azpay), used(azpay)) == ([], {})
    refunded(azpay.by("cli:bob"), payment)
    assert used(azpay) == {"2026-03-02 cli:bob refund usd": (1, 900)}
