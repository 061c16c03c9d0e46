"""Whatever is done to money, and to the record of it, has its entry."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlmodel import select

from azpay import audit, inbox, payments, receipts, reconciliation
from azpay.audit import Query
from azpay.gateway import AnswerLost, CardDeclined
from azpay.operations import Kind, Operation, State, plan
from azpay.payments import Payment, methods, setups
from azpay.reconciliation import Pace, Period
from tests.audit.acts import the_acts, the_entries
from tests.support.builders import a_charge, a_refund
from tests.support.clock import NOON
from tests.support.events import an_event

if TYPE_CHECKING:
    from azpay.bootstrap import Azpay
    from azpay.sandbox import Sandbox
    from tests.support.clock import Clock
    from tests.support.webhooks import Webhooks

INTENTS = "/v1/payment_intents"


def operations_of(azpay: Azpay) -> list[Operation]:
    with azpay.db.reading() as session:
        return list(session.exec(select(Operation)))


def every_verb(azpay: Azpay, clock: Clock) -> None:
    """One of each, a no among them."""
    db, gateway = azpay.db, azpay.gateway
    paid = payments.charge(db, gateway, a_charge(1000), now=clock.now())
    payments.refund(db, gateway, a_refund(paid.id, 300, note="it rained"), now=clock.now())
    for amount in (700, 800):
        held = payments.charge(db, gateway, a_charge(amount, authorize_only=True), now=clock.now())
        (payments.capture if amount == 700 else payments.cancel)(db, gateway, held.id, now=clock.now())
    refused = a_charge(600, payment_method="pm_card_visa_chargeDeclined")
    with pytest.raises(CardDeclined):
        payments.charge(db, gateway, refused, now=clock.now())
    method = methods.add(db, gateway, "pm_card_visa", "ada@example.com", now=clock.now())
    methods.make_default(db, gateway, method.payment_method, now=clock.now())
    setups.set_up(db, gateway, method.payment_method, "ada@example.com", now=clock.now())
    methods.remove(db, gateway, method.payment_method, now=clock.now())


def test_every_operation_has_an_entry_for_its_plan_and_one_for_its_end(azpay: Azpay, clock: Clock) -> None:
    every_verb(azpay, clock)

    done = {operation.id: operation for operation in operations_of(azpay)}
    told = {each: the_acts(azpay.db, each) for each in done}
    ends = {State.SUCCEEDED: "succeeded", State.FAILED: "failed"}
    assert told == {
        each: [f"{operation.kind}.planned", f"{operation.kind}.{ends[operation.state]}"]
        for each, operation in done.items()
    }
    assert {operation.kind for operation in done.values()} == {
        "charge",
        "refund",
        "capture",
        "cancel",
        "attach",
        "customer",
        "default",
        "detach",
        "setup",
    }
    assert audit.verify(azpay.db).whole


def test_each_entry_about_money_says_how_much_of_what_and_of_which_payment(
    azpay: Azpay, clock: Clock
) -> None:
    every_verb(azpay, clock)

    entries = list(audit.entries(azpay.db, Query(ascending=True)))
    told = {
        (entry.action, entry.details["amount"], entry.details["currency"])
        for entry in entries
        if entry.payment is not None
    }
    well = ("planned", "succeeded")
    assert told == {
        *((f"charge.{step}", amount, "usd") for amount in (1000, 700, 800) for step in well),
        *((f"charge.{step}", 600, "usd") for step in ("planned", "failed")),
        *((f"refund.{step}", 300, "usd") for step in well),
        *((f"capture.{step}", 700, "usd") for step in well),
        *((f"cancel.{step}", 800, "usd") for step in well),
    }
    with azpay.db.reading() as session:
        known = set(session.exec(select(Payment.id)))
    assert {entry.payment for entry in entries if entry.payment} == known


def test_an_act_is_told_of_its_payment_with_its_reason(azpay: Azpay) -> None:
    paid = payments.charge(azpay.db, azpay.gateway, a_charge(1000), now=azpay.now())
    payments.refund(azpay.db, azpay.gateway, a_refund(paid.id, 300, note="it rained"), now=azpay.now())
    receipts.issue(azpay.db, paid.id, now=azpay.now())

    acts = list(audit.entries(azpay.db, Query(about=paid.id, ascending=True)))

    assert [act.action for act in acts] == [
        "charge.planned",
        "charge.succeeded",
        "refund.planned",
        "refund.succeeded",
        "receipt.issued",
    ]
    assert [act.reason for act in acts] == [None, None, "it rained", None, None]
    assert acts[-1].details == {"number": "R-000001", "amount": 1000, "currency": "usd"}


def test_a_receipt_that_is_given_again_is_no_act(azpay: Azpay) -> None:
    paid = payments.charge(azpay.db, azpay.gateway, a_charge(1000), now=azpay.now())
    for _ in range(2):
        receipts.issue(azpay.db, paid.id, now=azpay.now())

    assert the_acts(azpay.db).count("receipt.issued") == 1


def test_a_charge_that_is_refused_before_it_is_planned_leaves_no_entry(azpay: Azpay) -> None:
    payments.charge(azpay.db, azpay.gateway, a_charge(), now=azpay.now())

    with pytest.raises(payments.SuspectedDuplicate):
        payments.charge(azpay.db, azpay.gateway, a_charge(description="again"), now=azpay.now())

    assert the_acts(azpay.db) == ["charge.planned", "charge.succeeded"]


def test_a_charge_that_goes_on_where_it_was_is_planned_once(azpay: Azpay, stripe: Sandbox) -> None:
    stripe.drop_next_answer(path=INTENTS, times=4)
    with pytest.raises(AnswerLost):
        payments.charge(azpay.db, azpay.gateway, a_charge(), now=azpay.now())

    payments.charge(azpay.db, azpay.gateway, a_charge(), now=azpay.now())

    assert the_acts(azpay.db) == ["charge.planned", "charge.succeeded"]


def test_what_an_event_settles_is_written_down_by_who_applied_it(
    azpay: Azpay, stripe: Sandbox, webhooks: Webhooks
) -> None:
    stripe.drop_next_answer(path=INTENTS, times=4)
    with pytest.raises(AnswerLost):
        payments.charge(azpay.db.by("cli:ann"), azpay.gateway, a_charge(900), now=azpay.now())

    webhooks.arrive()

    planned, settled = the_entries(azpay.db)
    assert (planned.actor, settled.actor) == ("cli:ann", "azpay")
    assert (settled.action, settled.payment) == ("charge.succeeded", planned.payment)
    assert settled.details["amount"] == 900


def test_an_old_attempt_that_is_given_up_is_written_down(azpay: Azpay, clock: Clock) -> None:
    for _ in range(2):
        with azpay.db.writing() as session:
            plan(session, Kind.DETACH, "pm_1", digest="detach pm_1", now=clock.now())
        clock.advance(hours=25)

    told = [(entry.action, entry.details.get("error")) for entry in the_entries(azpay.db)]

    assert told == [("detach.planned", None), ("detach.failed", "key_too_old"), ("detach.planned", None)]


def test_a_run_and_its_repairs_are_written_down(azpay: Azpay, clock: Clock) -> None:
    paid = payments.charge(azpay.db, azpay.gateway, a_charge(1000), now=clock.now())
    azpay.gateway.create_refund({"payment_intent": paid.payment_intent, "amount": 400}, key="elsewhere")
    clock.advance(minutes=10)
    period = Period(NOON.replace(hour=0), reconciliation.until_now(clock.now()))

    report = reconciliation.reconcile(azpay.db, azpay.gateway, period, pace=Pace(clock.now))
    repairs = reconciliation.plan(report, account="acct_1", profile="default", book="here", now=clock.now())
    list(reconciliation.apply(azpay.db, azpay.gateway, repairs, clock=clock.now))

    *_, run, repaired = the_entries(azpay.db)
    assert (run.action, run.object_id) == ("reconcile.run", report.run.id)
    assert run.details["drifts"] == len(report.drifts) > 0
    assert (repaired.action, repaired.object_kind) == ("reconcile.repaired", "refund")


def test_what_operators_do_with_events_is_written_down(
    azpay: Azpay, webhooks: Webhooks, clock: Clock
) -> None:
    webhooks.keep([an_event("evt_1"), an_event("evt_2")])
    webhooks.apply()
    inbox.retry(azpay.db, ["evt_1"], now=clock.now())
    inbox.replay(azpay.db, inbox.Chosen(types=["ping"], since=NOON), now=clock.now())
    clock.advance(days=40)
    webhooks.apply()
    inbox.purge(azpay.db, received_before=clock.now() - inbox.YOUNGEST, now=clock.now())

    told = [(entry.action, dict(entry.details)) for entry in the_entries(azpay.db)]

    assert told[:2] == [
        ("events.retried", {"count": 0, "events": ["evt_1"]}),
        ("events.replayed", {"count": 0, "types": ["ping"], "since": NOON.isoformat()}),
    ]
    assert [action for action, _ in told[2:]] == ["events.purged"]
