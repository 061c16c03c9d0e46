"""Setups were no operations once: those that stand open in a book of then are gone on with, or end."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest
from alembic import command

from azpay.db import migrations, schema
from azpay.db.engines import WRITES
from azpay.operations import Kind, Operation, Resolver, State
from azpay.payments import PaymentStatus, customers, setups
from azpay.payments.models import Origin, SetupIntent
from tests.operations.journals import the_operations

if TYPE_CHECKING:
    from azpay.bootstrap import Azpay
    from azpay.sandbox import Sandbox
    from tests.support.clock import Clock

BEFORE, ADA, OURS = "0011", "ada@example.com", "set_1kjq6psg0j4fpvvfhv"


def go_down(azpay: Azpay) -> None:
    config = migrations.configuration()
    with azpay.db.engine.execution_options(**{WRITES: True}).begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, BEFORE)


def left_open(azpay: Azpay, *, at_stripe: bool) -> str:
    """As a command of then left it: the row's id was the key. The customer's id."""
    customer = customers.identify(azpay.db, azpay.gateway, ADA, now=azpay.now())
    go_down(azpay)
    asked = {"customer": customer, "payment_method": "pm_card_visa", "usage": "off_session"}
    with azpay.db.writing() as session:
        ours = SetupIntent(
            id=OURS,
            status=PaymentStatus.UNKNOWN,
            customer=customer,
            payment_method="pm_card_visa",
            usage="off_session",
            origin=Origin.AZPAY,
            as_of=azpay.now(),
            created_at=azpay.now(),
            updated_at=azpay.now(),
        )
        session.add(ours)
    if at_stripe:
        consent = {
            "confirm": True,
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        }
        azpay.gateway.create_setup_intent(asked | consent | {"metadata": {"azpay_setup": OURS}}, key=OURS)
    return customer


def the_setup_s(azpay: Azpay) -> Operation:
    [operation] = [each for each in the_operations(azpay.db) if each.kind is Kind.SETUP]
    return operation


@pytest.mark.parametrize("at_stripe", [True, False])
def test_one_is_looked_up_by_itself(azpay: Azpay, clock: Clock, at_stripe: bool) -> None:
    left_open(azpay, at_stripe=at_stripe)
    migrations.upgrade(azpay.db)
    with azpay.db.writing() as session:  # the migration went by the machine's clock
        migrated = session.get_one(Operation, the_setup_s(azpay).id)
        migrated.sent_at = migrated.due_at = clock.now()
    clock.advance(minutes=11)

    Resolver(azpay.db, azpay.gateway, azpay.errands, Random(7)).run(  # noqa: S311 - jitter
        clock=azpay.now, stopping=lambda: False
    )

    with azpay.db.reading() as session:
        ours = session.get_one(SetupIntent, OURS)
    assert the_setup_s(azpay).state is (State.SUCCEEDED if at_stripe else State.FAILED)
    assert ours.status is (PaymentStatus.SUCCEEDED if at_stripe else PaymentStatus.FAILED)


def test_the_same_command_goes_on_with_it(azpay: Azpay, stripe: Sandbox) -> None:
    customer = left_open(azpay, at_stripe=True)
    migrations.upgrade(azpay.db)

    done = setups.set_up(azpay.db, azpay.gateway, "pm_card_visa", customer, now=azpay.now())

    assert (done.id, done.status) == (OURS, PaymentStatus.SUCCEEDED)
    assert [event["type"] for event in stripe.events].count("setup_intent.created") == 1


def test_down_and_up_again_leaves_what_else_stands_in_the_journal(azpay: Azpay) -> None:
    setups.set_up(azpay.db, azpay.gateway, "pm_card_visa", ADA, now=azpay.now())

    go_down(azpay)
    without = [operation.kind for operation in the_operations(azpay.db)]
    migrations.upgrade(azpay.db)

    assert without == [Kind.CUSTOMER]
    assert schema.state(azpay.db) is schema.State.CURRENT
    assert the_operations(azpay.db)[0].state is State.SUCCEEDED
    again = setups.set_up(azpay.db, azpay.gateway, "pm_card_mastercard", ADA, now=azpay.now())
    assert again.status is PaymentStatus.SUCCEEDED
