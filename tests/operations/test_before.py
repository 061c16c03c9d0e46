"""A book from before operations kept their parameters: its open operations settle as well."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest
from alembic import command

from azpay.db import migrations
from azpay.db.engines import WRITES
from azpay.gateway import AnswerLost
from azpay.operations import Resolver, State
from azpay.payments import PaymentStatus, charge
from tests.operations.journals import the_operations, the_payments
from tests.support.builders import a_charge

if TYPE_CHECKING:
    from azpay.bootstrap import Azpay
    from azpay.sandbox import Sandbox
    from tests.support.clock import Clock


def become_old(azpay: Azpay) -> None:
    """The tables as they were, with what stands in them."""
    config = migrations.configuration()
    with azpay.db.engine.execution_options(**{WRITES: True}).begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0004")


def test_an_open_operation_of_an_old_book_is_due_and_looked_up(
    azpay: Azpay, stripe: Sandbox, clock: Clock
) -> None:
    charge(azpay.db, azpay.gateway, a_charge(600), now=azpay.now())
    clock.advance(minutes=1)
    stripe.drop_next_answer(times=4)
    with pytest.raises(AnswerLost):
        charge(azpay.db, azpay.gateway, a_charge(500), now=azpay.now())
    become_old(azpay)

    migrations.upgrade(azpay.db)
    settled, open_ = the_operations(azpay.db)
    resolver = Resolver(azpay.db, azpay.gateway, azpay.errands, Random(7))  # noqa: S311 - jitter
    [tried] = resolver.run(clock=azpay.now, stopping=lambda: False)

    assert (settled.due_at, open_.due_at, open_.parameters) == (None, open_.created_at, None)
    assert tried.operation.state is State.SUCCEEDED
    assert [payment.status for payment in the_payments(azpay.db)] == [PaymentStatus.SUCCEEDED] * 2
    assert len(stripe.charges) == 2
