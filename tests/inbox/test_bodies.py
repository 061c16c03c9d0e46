"""The bodies of events: beside what becomes of them, and through the migration that took them apart."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from alembic import command

from azpay import inbox
from azpay.db import migrations
from azpay.db.ciphers import ValueTampered
from azpay.db.engines import WRITES
from azpay.inbox import EventState, Progress
from tests.support.events import an_event

if TYPE_CHECKING:
    from azpay.bootstrap import Azpay
    from azpay.db import Database
    from tests.support.clock import Clock
    from tests.support.webhooks import Webhooks

BEFORE = "0010"
BODIES, BODIES_BEFORE = "SELECT count(*) FROM inbox_bodies", "SELECT count(*) FROM inbox_events"
SWAPPED = """
    UPDATE inbox_events SET payload = (SELECT payload FROM inbox_events WHERE event = 'evt_2')
    WHERE event = 'evt_1'
"""
MANY = 501
"""More than the migration takes at once."""


def go_down(db: Database) -> None:
    config = migrations.configuration()
    with db.engine.execution_options(**{WRITES: True}).begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, BEFORE)


def run(db: Database, statement: str) -> None:
    with db.writing() as session:
        session.connection().exec_driver_sql(statement)


def count(db: Database, rows: str) -> int:
    with db.reading() as session:
        return int(session.connection().exec_driver_sql(rows).scalar_one())


@pytest.mark.store("postgresql")
def test_a_server_keeps_a_body_in_its_row(azpay: Azpay, webhooks: Webhooks) -> None:
    long = an_event("evt_1") | {"padding": "of no more than a page" * 250}

    webhooks.keep([long])

    put_away = "SELECT pg_relation_size(reltoastrelid) FROM pg_class WHERE relname = 'inbox_bodies'"
    assert json.loads(inbox.body_of(azpay.db, "evt_1")) == long
    assert count(azpay.db, put_away) == 0


def test_the_same_event_again_leaves_the_body_that_came_first(azpay: Azpay, webhooks: Webhooks) -> None:
    first, again = an_event("evt_1"), an_event("evt_1") | {"request": "another"}
    webhooks.keep([first])

    webhooks.keep([again])

    assert json.loads(inbox.body_of(azpay.db, "evt_1")) == first
    assert count(azpay.db, BODIES) == 1


def test_an_event_whose_body_is_gone_is_given_up(azpay: Azpay, webhooks: Webhooks) -> None:
    webhooks.keep([an_event("evt_1"), an_event("evt_2")])
    run(azpay.db, "DELETE FROM inbox_bodies WHERE event = 'evt_1'")

    progress = inbox.process(azpay.db, azpay.gateway, azpay.handlers, now=azpay.now())

    assert progress == Progress(done=1, dead=1)
    assert inbox.one(azpay.db, "evt_1").state is EventState.DEAD


def test_an_old_event_leaves_with_its_body(azpay: Azpay, clock: Clock, webhooks: Webhooks) -> None:
    webhooks.keep([an_event("evt_1")])
    inbox.process(azpay.db, azpay.gateway, azpay.handlers, now=azpay.now())
    clock.advance(days=61)
    webhooks.keep([an_event("evt_2")])

    inbox.purge(azpay.db, received_before=azpay.now() - timedelta(days=60), now=azpay.now())

    assert count(azpay.db, BODIES) == 1
    assert inbox.body_of(azpay.db, "evt_2")


def test_bodies_go_back_to_their_events_and_apart_again(azpay: Azpay, webhooks: Webhooks) -> None:
    events = [an_event(f"evt_{number:03}") for number in range(MANY)]
    webhooks.keep(events)

    go_down(azpay.db)
    together = count(azpay.db, f"{BODIES_BEFORE} WHERE payload IS NOT NULL")
    migrations.upgrade(azpay.db)

    assert together == MANY
    assert count(azpay.db, BODIES) == MANY
    for event in (events[0], events[-1]):
        assert json.loads(inbox.body_of(azpay.db, event["id"])) == event


def test_a_body_that_was_changed_is_no_obstacle_on_the_way_and_stays_unreadable(
    azpay: Azpay, webhooks: Webhooks
) -> None:
    webhooks.keep([an_event("evt_1"), an_event("evt_2")])
    go_down(azpay.db)
    run(azpay.db, SWAPPED)

    migrations.upgrade(azpay.db)

    assert json.loads(inbox.body_of(azpay.db, "evt_2")) == an_event("evt_2")
    with pytest.raises(ValueTampered):
        inbox.body_of(azpay.db, "evt_1")
