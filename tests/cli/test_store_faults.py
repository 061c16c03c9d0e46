"""The store's faults as whoever moves money sees them: before Stripe is asked, after its yes, and afterwards.

Before, nothing was moved: status 5. After it, no status may say so: 8, and the same command records it.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import event

from azpay.cli.app import app
from azpay.db import Database
from azpay.db.engines import WRITES
from azpay.db.postgres import Limits
from azpay.gateway.line import TRIES
from tests.support.books import a_ring, meddler
from tests.support.faults import make_read_only
from tests.support.meddling import meddled_gateway
from tests.support.relays import Relay, a_relay

from .moves import CAPTURE, CHARGE, DONE, MOVED, REFUND, VERBS, WORDS, Till, a_till, told
from .running import run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.engine import Connection

    from azpay.bootstrap import Azpay
    from azpay.sandbox import Sandbox
    from tests.support.clock import Clock

NOT_ASKED = "Stripe was not asked: this moved nothing."


@contextmanager
def at_each_beginning(db: Database, pragma: str) -> Iterator[None]:
    """Every transaction of the book begins with this."""

    def change(connection: Connection) -> None:
        connection.exec_driver_sql(pragma)

    event.listen(db.engine, "begin", change)
    try:
        yield
    finally:
        event.remove(db.engine, "begin", change)


@pytest.fixture
def impatient(azpay: Azpay) -> None:
    """Nobody waits five seconds for a lock."""
    with azpay.db.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout=10")


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("verb", VERBS)
def test_a_book_that_a_stranger_keeps_locked_sends_nothing(
    azpay: Azpay, stripe: Sandbox, clock: Clock, verb: str
) -> None:
    till = a_till(azpay, stripe, clock, verb)
    stranger, before = meddler(azpay.db), till.moved
    stranger.execute("BEGIN IMMEDIATE")

    result = till.type()

    message, following = told(result)
    assert result.exit_code == 5
    assert message == f"The database did not take it: database is locked. {NOT_ASKED}"
    assert following.startswith("Something else holds it: try again in a minute.")
    assert till.moved == before
    stranger.close()
    assert till.type().exit_code == 0
    assert (till.standing, till.moved) == (DONE[verb], MOVED[verb])


def test_a_full_disk_sends_nothing(azpay: Azpay, stripe: Sandbox, clock: Clock) -> None:
    till = a_till(azpay, stripe, clock, CHARGE)
    much = [word for number in range(9) for word in ("--metadata", f"k{number}={'x' * 480}")]
    with azpay.db.engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()

    with at_each_beginning(azpay.db, f"PRAGMA max_page_count={pages}"):
        result = till.type(*much)

    message, following = told(result)
    assert result.exit_code == 5
    assert message == f"The database did not take it: database or disk is full. {NOT_ASKED}"
    assert following.startswith("Make room on its disk, and ask again.")
    assert stripe.payment_intents == []
    with at_each_beginning(azpay.db, "PRAGMA max_page_count=1073741823"):
        assert till.type(*much).exit_code == 0
    assert till.moved == MOVED[CHARGE]


@pytest.mark.both_stores
@pytest.mark.parametrize("verb", VERBS)
def test_a_book_that_cannot_be_written_sends_nothing(
    azpay: Azpay, stripe: Sandbox, clock: Clock, verb: str
) -> None:
    till = a_till(azpay, stripe, clock, verb)
    before = till.moved
    make_read_only(azpay.db)

    result = till.type()

    message, following = told(result)
    assert result.exit_code == 5
    assert message.startswith("The database did not take it: ")
    assert message.endswith(NOT_ASKED)
    assert following.startswith("Let azpay write there, and ask again.")
    assert till.moved == before


@contextmanager
def read_only_from_the_second_write(db: Database) -> Iterator[None]:
    """The order is on record by then, and Stripe was not asked."""
    written = 0

    def change(connection: Connection) -> None:
        nonlocal written
        written += connection.get_execution_options().get(WRITES, False)
        connection.exec_driver_sql("PRAGMA query_only=ON" if written > 1 else "PRAGMA query_only=OFF")

    event.listen(db.engine, "begin", change)
    try:
        yield
    finally:
        event.remove(db.engine, "begin", change)
        db.close()


@pytest.mark.parametrize("verb", VERBS)
def test_a_book_that_fails_once_the_order_is_on_record_says_that_it_will_be_done(
    azpay: Azpay, stripe: Sandbox, clock: Clock, verb: str
) -> None:
    till = a_till(azpay, stripe, clock, verb)
    before = till.moved

    with read_only_from_the_second_write(azpay.db):
        result = till.type()

    message, following = told(result)
    assert result.exit_code == 8
    assert message.endswith(
        "Stripe was not asked yet, and will be once the database is back: it is on record."
    )
    assert following.startswith("`azpay ops resolve op_")
    assert till.moved == before
    clock.advance(minutes=20)
    assert run(azpay, "worker", "--once").exit_code == 0
    assert (till.standing, till.moved) == (DONE[verb], MOVED[verb])


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("verb", VERBS)
def test_a_book_that_is_locked_after_stripes_yes_is_unknown_and_the_same_command_records_it(
    azpay: Azpay, stripe: Sandbox, clock: Clock, verb: str
) -> None:
    till, stranger = a_till(azpay, stripe, clock, verb), meddler(azpay.db)
    locked = meddled_gateway(stripe, after=lambda: stranger.execute("BEGIN IMMEDIATE"))

    result = till.over(locked).type()

    message, following = told(result)
    assert result.exit_code == 8
    assert message.startswith("Stripe did it (")
    assert message.endswith("), and the database did not take that down.")
    assert following.endswith(
        "The same command again, once the database is back, records it and moves nothing."
    )
    assert till.moved == MOVED[verb]
    stranger.close()
    assert till.type().exit_code == 0
    assert (till.standing, till.moved) == (DONE[verb], MOVED[verb])


@contextmanager
def far_away(till: Till, relay: Relay) -> Iterator[Till]:
    """The same book, over a line that can be cut."""
    over = till.azpay.db.engine.url.set(host="127.0.0.1", port=relay.port, query={})
    limits = Limits(connect_seconds=2, statement_seconds=2)
    far = Database.open(over.render_as_string(hide_password=False), a_ring(), limits)
    yield replace(till, azpay=replace(till.azpay, db=far))
    far.close()


@pytest.fixture
def relay(azpay: Azpay) -> Iterator[Relay]:
    with a_relay(f"{azpay.db.engine.url.query['host']}/.s.PGSQL.5432") as relay:
        yield relay


@pytest.mark.store("postgresql")
@pytest.mark.parametrize("verb", VERBS)
def test_a_server_that_is_gone_after_stripes_yes_and_still_gone_at_the_next_try(
    azpay: Azpay, stripe: Sandbox, clock: Clock, relay: Relay, verb: str
) -> None:
    till = a_till(azpay, stripe, clock, verb)

    with far_away(till, relay) as far:
        away = far.over(meddled_gateway(stripe, after=relay.hang_up))
        yes, gone = away.type(), away.type()

    assert (yes.exit_code, gone.exit_code) == (8, 5)
    assert told(yes)[0].endswith("), and the database did not take that down.")
    assert told(gone)[0].startswith("The database did not take it: connection failed")
    assert told(gone)[0].endswith(NOT_ASKED)
    assert told(gone)[1].startswith("See that the server runs and can be reached, and ask again.")
    assert till.type().exit_code == 0
    assert (till.standing, till.moved) == (DONE[verb], MOVED[verb])


@pytest.mark.store("postgresql")
@pytest.mark.parametrize("verb", VERBS)
def test_a_server_that_is_gone_when_stripes_answer_is_lost_leaves_it_unknown(
    azpay: Azpay, stripe: Sandbox, clock: Clock, relay: Relay, verb: str
) -> None:
    till = a_till(azpay, stripe, clock, verb)
    stripe.spoil_next("drop-answer", method="POST", times=TRIES)

    with far_away(till, relay) as far:
        result = far.over(meddled_gateway(stripe, before=relay.hang_up)).type()

    assert result.exit_code == 8
    assert told(result)[0] == (
        "Stripe's answer did not come back (ReadError). Whether it took effect is not known."
    )
    assert till.type().exit_code == 0
    assert (till.standing, till.moved) == (DONE[verb], MOVED[verb])


@pytest.mark.store("postgresql")
def test_a_server_that_is_gone_once_the_refund_is_on_record_does_not_make_it_a_failure(
    azpay: Azpay, stripe: Sandbox, clock: Clock, relay: Relay
) -> None:
    till, transactions = a_till(azpay, stripe, clock, REFUND), iter(range(9))

    def cut(_: Connection) -> None:
        if till.moved == MOVED[REFUND] and next(transactions) == 1:
            relay.hang_up()

    with far_away(till, relay) as far:
        event.listen(far.azpay.db.engine, "begin", cut)
        result = far.type()

    message, following = told(result)
    assert result.exit_code == 8
    assert message.startswith("ref_")
    assert "is made and on record, but could not be shown: The database did not take it" in message
    assert following.startswith("Do not start over: `azpay history pay_")
    assert (till.standing, till.moved) == (DONE[REFUND], MOVED[REFUND])


@pytest.mark.parametrize("verb", [CHARGE, CAPTURE, REFUND])
def test_a_disk_that_is_too_full_for_the_answer_does_not_make_it_a_failure(
    azpay: Azpay,
    stripe: Sandbox,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    verb: str,
) -> None:
    till = a_till(azpay, stripe, clock, verb)

    with Path("/dev/full").open("w") as full, monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", full)
        status = app(WORDS[verb], obj=azpay, prog_name="azpay", standalone_mode=False)

    said = capsys.readouterr().err
    assert status == 8
    assert "is made and on record, but could not be shown: No space left on device." in said
    assert "Do not start over: `azpay history pay_" in said
    assert till.moved == MOVED[verb]
