"""Acts are written down with what they do, one after the other, or not at all."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy.exc import DBAPIError

from azpay import audit
from azpay.audit import GENESIS, About, Head
from azpay.audit.recording import OnlyLooking
from azpay.money import Money
from tests.audit.acts import act, the_acts, the_entries
from tests.support.books import a_book
from tests.support.clock import NOON

if TYPE_CHECKING:
    from azpay.db import Database

THING = About("operation", "op_1")


def test_an_entry_says_who_did_what_to_what_and_why(db: Database) -> None:
    about = About("operation", "op_1", "pay_1")
    told = {**audit.amount_of(Money(1250, "eur")), "events": ["evt_1"], "live": False, "error": None}

    audit.note(db.by("cli:ann"), "refund.planned", about, now=NOON, reason="it rained", details=told)

    [entry] = the_entries(db)
    assert (entry.at, entry.actor, entry.action, entry.reason) == (
        NOON,
        "cli:ann",
        "refund.planned",
        "it rained",
    )
    assert (entry.object_kind, entry.object_id, entry.payment) == about
    assert entry.details == told
    assert (entry.sequence, entry.previous) == (1, GENESIS)


def test_each_entry_follows_the_one_before(db: Database) -> None:
    act(db, 3)

    entries = the_entries(db)

    assert [entry.sequence for entry in entries] == [1, 2, 3]
    assert [entry.previous for entry in entries] == [GENESIS, entries[0].hash, entries[1].hash]
    assert audit.head(db) == (Head(3, entries[2].hash), NOON)


def test_acts_of_one_transaction_stand_in_the_order_in_which_they_were_done(db: Database) -> None:
    with db.writing() as session:
        for action in ("key.made", "book.upgraded"):
            audit.record(session, action, THING, now=NOON)

    assert [entry.action for entry in the_entries(db)] == ["key.made", "book.upgraded"]


def test_what_is_rolled_back_leaves_no_entry_and_no_gap(db: Database) -> None:
    act(db, 1)

    with suppress(KeyError), db.writing() as session:
        audit.record(session, "charge.planned", THING, now=NOON)
        raise KeyError
    act(db, 1)

    assert [entry.sequence for entry in the_entries(db)] == [1, 2]
    assert audit.verify(db).whole


def test_a_savepoint_takes_its_acts_with_it_and_leaves_the_others(db: Database) -> None:
    with db.writing() as session:
        audit.record(session, "first.done", THING, now=NOON)
        with session.begin_nested():
            audit.record(session, "second.done", THING, now=NOON)
        with suppress(KeyError), session.begin_nested():
            audit.record(session, "outer.undone", THING, now=NOON)
            with session.begin_nested():
                audit.record(session, "inner.undone", THING, now=NOON)
            raise KeyError
        audit.record(session, "third.done", THING, now=NOON)

    assert the_acts(db) == ["first.done", "second.done", "third.done"]


def test_a_session_that_commits_twice_writes_each_act_once(db: Database) -> None:
    session = db._session(db._writer)  # `writing()` commits once
    with session:
        for number in (1, 2):
            audit.record(session, f"act.{number}", THING, now=NOON)
            session.commit()

    assert the_acts(db) == ["act.1", "act.2"]


def test_looking_records_nothing(db: Database) -> None:
    with db.reading() as session, pytest.raises(OnlyLooking):
        audit.record(session, "charge.planned", THING, now=NOON)


def test_what_ends_an_act_repeats_what_was_told_when_it_began(db: Database) -> None:
    with db.writing() as session:
        audit.record(session, "charge.planned", THING, now=NOON, details={"subject": "pay_1"})
        audit.add(session, About(*THING[:2], "pay_1"), details=audit.amount_of(Money(500, "usd")))
    later = NOON + timedelta(minutes=1)

    with db.writing() as session:
        audit.conclude(session, "charge.succeeded", THING, now=later, details={"stripe_object": "pi_1"})

    _, ended = the_entries(db)
    assert (ended.payment, ended.at) == ("pay_1", later)
    assert ended.details == {
        "subject": "pay_1",
        "amount": 500,
        "currency": "usd",
        "stripe_object": "pi_1",
    }


def test_an_act_that_begins_and_ends_at_once_is_told_twice(db: Database) -> None:
    with db.writing() as session:
        audit.record(session, "customer.planned", THING, now=NOON, details={"subject": "cus_1"})
        audit.conclude(session, "customer.succeeded", THING, now=NOON)

    assert [entry.details for entry in the_entries(db)] == [{"subject": "cus_1"}] * 2


def test_an_end_without_a_beginning_stands_alone(db: Database) -> None:
    with db.writing() as session:
        audit.conclude(session, "charge.failed", THING, now=NOON, details={"error": "declined"})

    assert [entry.details for entry in the_entries(db)] == [{"error": "declined"}]


def test_more_about_what_was_not_recorded_is_nothing(db: Database) -> None:
    with db.writing() as session:
        audit.add(session, THING, details={"amount": 5})

    assert the_entries(db) == []


def test_nothing_secret_gets_in(db: Database) -> None:
    key, card = "sk_live_" + "a1" * 12, "4242 4242 4242 4242"
    digest = "4242424242424242" * 4
    told = {"note": f"paid with {card}", "search": "ada@example.com", "sha256": digest, "named": [key]}

    audit.note(db, "payments.exported", THING, now=NOON, reason=f"with {key}", details=told)

    [entry] = the_entries(db)
    assert entry.reason == "with [stripe-key]"
    assert entry.details == {
        "note": "paid with [card]",
        "search": "[e-mail]",
        "sha256": digest,
        "named": ["[stripe-key]"],
    }


def test_any_text_can_be_kept_and_proved(db: Database) -> None:
    odd = "naïve \udcff \0 \u2028 🧾"

    audit.note(db.by(f"cli:{odd}"), "events.retried", About("inbox", odd), now=NOON, reason=odd)

    assert audit.verify(db).whole
    assert the_entries(db)[0].reason == "naïve \\udcff \\0 \u2028 🧾"


@pytest.mark.parametrize("statement", ["UPDATE audit_entries SET actor = 'bob'", "DELETE FROM audit_entries"])
def test_the_store_refuses_to_change_or_remove_an_entry(db: Database, statement: str) -> None:
    act(db, 2)

    with pytest.raises(DBAPIError, match="never changed or removed"), db.engine.begin() as connection:
        connection.exec_driver_sql(statement)

    assert audit.verify(db).whole


@pytest.mark.store("postgresql")
def test_a_server_refuses_to_empty_the_table(db: Database) -> None:
    act(db, 2)

    with pytest.raises(DBAPIError, match="never changed or removed"), db.engine.begin() as connection:
        connection.exec_driver_sql("TRUNCATE audit_entries")

    assert len(the_entries(db)) == 2


def append(address: str) -> None:
    db = a_book(address)
    act(db, 8)
    db.close()


def test_threads_that_append_at_once_make_one_chain(db: Database) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: act(db, 8), range(8)))

    assert [entry.sequence for entry in the_entries(db)] == list(range(1, 65))
    assert audit.verify(db).whole


def test_processes_that_append_at_once_make_one_chain(db: Database, address: str) -> None:
    with ProcessPoolExecutor(3, mp_context=multiprocessing.get_context("spawn")) as pool:
        list(pool.map(append, [address] * 3))

    assert [entry.sequence for entry in the_entries(db)] == list(range(1, 25))
    assert audit.verify(db).whole


def test_who_waits_for_the_chain_holds_up_nobody_who_has_it(db: Database) -> None:
    """Two that lock two things in opposite orders deadlock; the chain is always the last to be locked."""
    things = ["one", "other"]

    def both(number: int) -> None:
        with db.writing() as session:
            audit.record(session, "act.done", About("thing", things[number % 2]), now=NOON)
            audit.record(session, "act.done", About("thing", things[1 - number % 2]), now=NOON)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(both, range(24)))

    assert len(the_entries(db)) == 48
    assert audit.verify(db).whole
