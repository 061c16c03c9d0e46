"""Writing something until it is kept: after a deadlock, after a lost connection, and never twice."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlmodel import select

from azpay import inbox, operations
from azpay.db.database import DatabaseUnavailable
from azpay.payments import Customer, Payment, SuspectedDuplicate, charge, refund
from tests.support.builders import a_charge, a_refund
from tests.support.clock import NOON
from tests.support.crowds import crowded_gateway
from tests.support.events import an_event
from tests.support.faults import losing_the_answer_to

if TYPE_CHECKING:
    from sqlmodel import Session

    from azpay.bootstrap import Azpay
    from azpay.db import Database
    from azpay.sandbox import Sandbox
    from tests.support.webhooks import Webhooks


def a_customer(name: str) -> Customer:
    return Customer(customer=f"cus_{name}", name="0", created_at=NOON, updated_at=NOON)


def touched(session: Session, name: str) -> None:
    session.execute(text("UPDATE customers SET deleted = NOT deleted WHERE customer = :id"), {"id": name})


def operations_of(db: Database) -> list[operations.Operation]:
    with db.reading() as session:
        return list(session.exec(select(operations.Operation)))


def test_what_was_written_is_returned_and_kept(db: Database) -> None:
    said = db.write(lambda session: session.merge(a_customer("1")).customer)

    with db.reading() as session:
        assert [each.customer for each in session.exec(select(Customer))] == [said]


def test_an_answer_of_the_database_is_no_reason_to_try_again(db: Database) -> None:
    tries = 0

    def twice(session: Session) -> None:
        nonlocal tries
        tries += 1
        session.execute(text("UPDATE customers SET customer = NULL"))

    db.write(lambda session: session.add(a_customer("1")))

    with pytest.raises(IntegrityError):
        db.write(twice)

    assert tries == 1


@pytest.mark.store("postgresql")
def test_two_that_wait_for_each_other_both_get_through(db: Database) -> None:
    db.write(lambda session: session.add_all([a_customer("1"), a_customer("2")]))
    both = threading.Barrier(2)
    met = threading.local()

    def change(first: str, second: str, session: Session) -> None:
        touched(session, first)
        if not getattr(met, "once", False):
            met.once = True
            both.wait(10)
        touched(session, second)

    threads = [
        threading.Thread(target=db.write, args=[partial(change, *pair)])
        for pair in (("cus_1", "cus_2"), ("cus_2", "cus_1"))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    with db.reading() as session:
        assert [each.deleted for each in session.exec(select(Customer))] == [False, False]


@pytest.mark.store("postgresql")
def test_a_deadlock_that_does_not_end_is_said_after_three_tries(db: Database) -> None:
    tries = []

    def always(session: Session) -> None:
        tries.append(session)
        session.connection().exec_driver_sql(
            "DO $$ BEGIN RAISE EXCEPTION 'deadlock' USING ERRCODE = '40P01'; END $$"
        )

    with pytest.raises(DatabaseUnavailable, match="deadlock"):
        db.write(always)

    assert len(tries) == 3


@pytest.mark.store("postgresql")
@pytest.mark.parametrize("commit", range(1, 5))
def test_a_charge_whose_commits_answer_is_lost_is_made_once(
    azpay: Azpay, stripe: Sandbox, commit: int
) -> None:
    with losing_the_answer_to(azpay.db, commit) as lost:
        payment = charge(azpay.db, azpay.gateway, a_charge(), now=azpay.now())

    assert lost or commit > 3
    assert payment.status == "succeeded"
    assert len(stripe.charges) == 1
    assert [(each.state, each.subject) for each in operations_of(azpay.db)] == [("succeeded", payment.id)]


@pytest.mark.store("postgresql")
@pytest.mark.parametrize("commit", range(1, 5))
def test_a_refund_whose_commits_answer_is_lost_is_made_once(
    azpay: Azpay, stripe: Sandbox, commit: int
) -> None:
    paid = charge(azpay.db, azpay.gateway, a_charge(1000), now=azpay.now())

    with losing_the_answer_to(azpay.db, commit) as lost:
        refund(azpay.db, azpay.gateway, a_refund(paid.id, 400), now=azpay.now())

    assert lost or commit > 3
    assert [each["amount"] for each in stripe.refunds] == [400]
    with azpay.db.reading() as session:
        assert session.get_one(Payment, paid.id).amount_refunded == 400


@pytest.mark.store("postgresql")
def test_events_whose_commits_answer_is_lost_are_kept_once(azpay: Azpay, webhooks: Webhooks) -> None:
    with losing_the_answer_to(azpay.db, 1) as lost:
        webhooks.keep([an_event("evt_1"), an_event("evt_2")])

    assert lost
    assert {each.event for each in inbox.page(azpay.db)} == {"evt_1", "evt_2"}


@pytest.mark.store("postgresql")
def test_events_are_applied_once_when_the_commits_answer_is_lost(
    azpay: Azpay, stripe: Sandbox, webhooks: Webhooks
) -> None:
    payment = charge(azpay.db, azpay.gateway, a_charge(1000), now=azpay.now())
    webhooks.keep(stripe.events)

    with losing_the_answer_to(azpay.db, 1) as lost:
        webhooks.apply()

    assert lost
    assert inbox.backlog(azpay.db).waiting == 0
    assert {(each.state, each.attempts) for each in inbox.page(azpay.db)} == {("done", 1)}
    with azpay.db.reading() as session:
        assert session.get_one(Payment, payment.id).amount_captured == 1000


def test_of_many_alike_at_once_one_is_charged_and_the_others_are_suspected(
    azpay: Azpay, stripe: Sandbox
) -> None:
    """They differ in their description, so that no constraint can decide."""
    said: list[str] = []
    ready = threading.Barrier(6)
    gateway = crowded_gateway(stripe)

    def take(number: int) -> None:
        request = a_charge(reference="order-1", description=f"try {number}")
        ready.wait(10)
        try:
            said.append(charge(azpay.db, gateway, request, now=azpay.now()).status)
        except SuspectedDuplicate as suspected:
            said.append(suspected.code)

    threads = [threading.Thread(target=take, args=[number]) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert sorted(said) == ["succeeded", *["suspected_duplicate"] * 5]
    assert len(stripe.charges) == 1
