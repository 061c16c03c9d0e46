"""What we make of Stripe's events: in any order, about things made elsewhere, of versions old and new."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING, Any

import pytest
from sqlmodel import select

from azpay.inbox import looking
from azpay.payments import (
    Customer,
    Payment,
    PaymentMethod,
    PaymentStatus,
    Refund,
    RefundStatus,
    charge,
    checks,
    methods,
    refund,
)
from azpay.payments.models import Origin
from azpay.settlement import BalanceTransaction
from tests.operations.journals import the_payments
from tests.support.builders import a_charge, a_refund
from tests.support.clock import NOON
from tests.support.events import an_event

if TYPE_CHECKING:
    from azpay import inbox
    from azpay.bootstrap import Azpay
    from azpay.db import Database
    from azpay.sandbox import Sandbox
    from tests.support.clock import Clock
    from tests.support.webhooks import Webhooks

UNIX = int(NOON.timestamp())
PAID: dict[str, Any] = {
    "amount": 500,
    "currency": "usd",
    "payment_method": "pm_card_visa",
    "confirm": True,
    "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
}


def everything(db: Database) -> list[object]:
    """What the book knows, apart from ids of ours and the moments of writing."""
    ours = {"id", "payment_id", "updated_at", "as_of"}
    with db.reading() as session:
        rows = [
            *session.exec(select(Payment)),
            *session.exec(select(Refund)),
            *session.exec(select(BalanceTransaction)),
        ]
    return sorted((row.model_dump(exclude=ours) for row in rows), key=str)


def told(webhooks: Webhooks, type_: str, thing: dict[str, Any], *, event: str = "evt_1") -> inbox.Progress:
    webhooks.keep([an_event(event, type=type_, data={"object": thing})])
    return webhooks.apply()


def an_intent(**changed: Any) -> dict[str, Any]:
    return {
        "id": "pi_1",
        "object": "payment_intent",
        "amount": 500,
        "amount_received": 500,
        "currency": "usd",
        "status": "succeeded",
        "created": UNIX,
        **changed,
    }


@pytest.mark.parametrize("order", [("created", "failed"), ("failed", "created"), ("failed",)])
def test_a_declined_payment_knows_what_was_declined_in_whichever_order_it_is_told(
    order: tuple[str, ...], azpay: Azpay, webhooks: Webhooks
) -> None:
    no = {"code": "card_declined", "payment_method": {"id": "pm_card_chargeDeclined", "type": "card"}}
    declined = {"amount_received": 0, "status": "requires_payment_method"}
    events = {
        "created": ("payment_intent.created", an_intent(**declined, payment_method="pm_card_chargeDeclined")),
        "failed": (
            "payment_intent.payment_failed",
            an_intent(**declined, payment_method=None, last_payment_error=no),
        ),
    }
    for at, name in enumerate(order):
        kind, thing = events[name]
        told(webhooks, kind, thing, event=f"evt_{at}")
    [payment] = the_payments(azpay.db)
    assert payment.payment_method == "pm_card_chargeDeclined"


def test_a_payment_made_elsewhere_is_on_record(azpay: Azpay, stripe: Sandbox, webhooks: Webhooks) -> None:
    made = azpay.gateway.create_payment_intent({**PAID, "metadata": {"order": "7"}}, key="elsewhere")

    webhooks.arrive()

    [payment] = the_payments(azpay.db)
    assert (payment.payment_intent, payment.origin) == (made.id, Origin.ELSEWHERE)
    assert (payment.status, payment.amount_captured) == (PaymentStatus.SUCCEEDED, 500)
    assert payment.metadata_ == {"order": "7"}
    assert payment.card_last4 == "4242"


@pytest.mark.parametrize("later", [0, 10])
def test_events_in_many_orders_end_in_the_same_book(
    azpay: Azpay, clock: Clock, webhooks: Webhooks, later: int
) -> None:
    """A charge with a refund, each order in a book of its own; at first all within one second."""
    intent = azpay.gateway.create_payment_intent(PAID, key="elsewhere")
    azpay.gateway.create_refund({"payment_intent": intent.id, "amount": 200}, key="refund")
    clock.advance(seconds=later)
    events = webhooks.new()
    orders = list(permutations(events))

    books = []
    for order in orders[:: len(orders) // 60]:
        webhooks.keep(order)
        for _ in range(3):
            webhooks.apply()
        assert looking.backlog(azpay.db).waiting == 0
        books.append(everything(azpay.db))
        wipe(azpay.db)

    assert len(events) >= 5
    assert all(book == books[0] for book in books)
    assert any("'amount_refunded': 200" in str(row) for row in books[0])


OF_OPERATIONS = ("operation_attempts", "operations")


def wipe(db: Database) -> None:
    with db.writing() as session:
        for table in ("refunds", "payments", "balance_transactions", "inbox_events", *OF_OPERATIONS):
            session.connection().exec_driver_sql(f"DELETE FROM {table}")  # noqa: S608 - ours


def test_a_refund_before_its_payment_brings_the_payment_along(
    azpay: Azpay, stripe: Sandbox, webhooks: Webhooks
) -> None:
    intent = azpay.gateway.create_payment_intent(PAID, key="elsewhere")
    azpay.gateway.create_refund({"payment_intent": intent.id, "amount": 200}, key="refund")

    webhooks.arrive(lost=lambda event: not event["type"].startswith("refund."))

    [payment] = the_payments(azpay.db)
    assert (payment.status, payment.amount_refunded) == (PaymentStatus.SUCCEEDED, 200)
    assert not any(check.problems for check in checks.sums(azpay.db))


def test_a_refund_elsewhere_of_money_that_ours_still_claims_leaves_nothing_to_refund(
    azpay: Azpay, stripe: Sandbox, webhooks: Webhooks
) -> None:
    payment = charge(azpay.db, azpay.gateway, a_charge(1000), now=azpay.now())
    webhooks.arrive()
    stripe.drop_next_request(path="/v1/refunds", times=4)
    with pytest.raises(Exception, match="not known"):
        refund(azpay.db, azpay.gateway, a_refund(payment.id, 800), now=azpay.now())
    azpay.gateway.create_refund({"payment_intent": payment.payment_intent, "amount": 1000}, key="elsewhere")

    webhooks.arrive()
    claimed = the_payments(azpay.db)[0].amount_refunded
    with pytest.raises(Exception, match="refunded"):
        refund(azpay.db, azpay.gateway, a_refund(payment.id, 800), now=azpay.now())

    assert claimed == the_payments(azpay.db)[0].amount_refunded == 1000
    assert looking.backlog(azpay.db).waiting == 0
    assert not any(check.problems for check in checks.sums(azpay.db))


def test_what_is_marked_as_ours_and_was_lost_from_the_book_gets_its_id_back(
    azpay: Azpay, webhooks: Webhooks
) -> None:
    payment = charge(azpay.db, azpay.gateway, a_charge(reference="order-1"), now=azpay.now())
    wipe(azpay.db)

    webhooks.arrive()

    [again] = the_payments(azpay.db)
    assert (again.id, again.origin, again.reference) == (payment.id, Origin.AZPAY, "order-1")


@pytest.mark.parametrize(
    "mark", ["", "pay_", "../../etc/passwd", "pi_1", "pay_" + "A" * 18, "pay_" + "1" * 400]
)
def test_a_mark_that_is_no_id_of_ours_is_not_made_one(azpay: Azpay, webhooks: Webhooks, mark: str) -> None:
    azpay.gateway.create_payment_intent(PAID, key="elsewhere")
    [payment_intent] = [e for e in webhooks.new() if e["type"] == "payment_intent.succeeded"]
    payment_intent["data"]["object"]["metadata"] = {"azpay_payment": mark}

    webhooks.keep([payment_intent])
    webhooks.apply()

    [payment] = the_payments(azpay.db)
    assert payment.id != mark
    assert len(payment.id) == len("pay_") + 18


def test_a_payment_whose_mark_was_copied_does_not_take_over_ours(azpay: Azpay, webhooks: Webhooks) -> None:
    payment = charge(azpay.db, azpay.gateway, a_charge(), now=azpay.now())

    azpay.gateway.create_payment_intent(
        {**PAID, "amount": 900, "metadata": {"azpay_payment": payment.id}}, key="elsewhere"
    )
    webhooks.arrive()

    assert sorted((each.amount, each.id == payment.id) for each in the_payments(azpay.db)) == [
        (500, True),
        (900, False),
    ]


def test_a_charge_without_a_payment_intent_is_no_business_of_ours(azpay: Azpay, webhooks: Webhooks) -> None:
    old = {"id": "ch_1", "object": "charge", "amount": 500, "currency": "usd", "created": UNIX}

    progress = told(webhooks, "charge.succeeded", {**old, "payment_intent": None})

    assert (progress.done, the_payments(azpay.db)) == (1, [])


def test_a_refund_without_a_payment_intent_is_no_business_of_ours(azpay: Azpay, webhooks: Webhooks) -> None:
    old = {"id": "re_1", "object": "refund", "amount": 500, "currency": "usd", "created": UNIX}

    progress = told(webhooks, "charge.refund.updated", {**old, "charge": "ch_1"})

    assert progress.done == 1


@pytest.mark.parametrize("status", ["succeeded", "requires_capture", "processing", "canceled"])
def test_an_intent_of_an_old_version_with_few_fields_is_understood(
    azpay: Azpay, webhooks: Webhooks, status: str
) -> None:
    old = an_intent(status=status, charges={"object": "list", "data": []})
    if status != "succeeded":
        del old["amount_received"]

    told(
        webhooks,
        f"payment_intent.{status}" if status != "requires_capture" else "payment_intent.created",
        old,
    )

    [payment] = the_payments(azpay.db)
    assert payment.amount == 500
    assert payment.charge is None


def test_a_status_of_the_future_is_tried_again_and_then_given_up(
    azpay: Azpay, clock: Clock, webhooks: Webhooks
) -> None:
    told(webhooks, "payment_intent.processing", an_intent(status="requires_prayer"))
    for _ in range(5):
        clock.advance(hours=1)
        webhooks.apply()

    event = looking.one(azpay.db, "evt_1")
    assert event.state == "dead"
    assert "requires_prayer" in str(event.error)
    assert the_payments(azpay.db) == []


def test_a_refunds_status_of_the_future_leaves_its_record_as_it_was(azpay: Azpay, webhooks: Webhooks) -> None:
    payment = charge(azpay.db, azpay.gateway, a_charge(1000), now=azpay.now())
    ours = refund(azpay.db, azpay.gateway, a_refund(payment.id, 300), now=azpay.now())
    webhooks.arrive()

    told(
        webhooks,
        "refund.updated",
        {
            "id": ours.refund,
            "object": "refund",
            "amount": 300,
            "currency": "usd",
            "created": UNIX,
            "status": "levitating",
            "payment_intent": payment.payment_intent,
            "metadata": None,
        },
    )

    with azpay.db.reading() as session:
        assert session.get_one(Refund, ours.id).status is RefundStatus.SUCCEEDED
    assert "levitating" in str(looking.one(azpay.db, "evt_1").error)


def test_a_refund_with_no_metadata_at_all_is_understood(azpay: Azpay, webhooks: Webhooks) -> None:
    payment = charge(azpay.db, azpay.gateway, a_charge(1000), now=azpay.now())
    azpay.gateway.create_refund({"payment_intent": payment.payment_intent, "amount": 300}, key="elsewhere")
    [created] = [event for event in webhooks.new() if event["type"] == "refund.created"]
    created["data"]["object"] |= {"metadata": None, "status": None}

    webhooks.keep([created])
    webhooks.apply()

    assert the_payments(azpay.db)[0].amount_refunded == 300


def test_a_customer_that_was_deleted_stays_deleted_whatever_comes_late(
    azpay: Azpay, webhooks: Webhooks
) -> None:
    customer = {"id": "cus_1", "object": "customer", "created": UNIX, "email": "ada@example.com"}

    told(webhooks, "customer.deleted", customer, event="evt_deleted")
    told(webhooks, "customer.created", customer, event="evt_created")

    with azpay.db.reading() as session:
        ours = session.get_one(Customer, "cus_1")
    assert (ours.deleted, ours.email) == (True, None)


def test_a_customer_changed_elsewhere_is_as_stripe_has_it(azpay: Azpay, webhooks: Webhooks) -> None:
    made = azpay.gateway.create_customer({"email": "ada@example.com"}, key="elsewhere")
    webhooks.arrive()
    azpay.gateway.line.post(f"/v1/customers/{made.id}", {"email": "ada@example.org"}, object, "change")

    webhooks.arrive()

    with azpay.db.reading() as session:
        assert session.get_one(Customer, made.id).email == "ada@example.org"


@pytest.mark.parametrize("in_order", [True, False])
def test_a_method_that_was_detached_elsewhere_is_gone_in_any_order(
    azpay: Azpay, webhooks: Webhooks, in_order: bool
) -> None:
    saved = methods.add(azpay.db, azpay.gateway, "pm_card_visa", "ada@example.com", now=azpay.now())
    azpay.gateway.detach(saved.payment_method, key="elsewhere")
    wipe_methods(azpay.db)
    events = webhooks.new()

    webhooks.keep(events if in_order else events[::-1])
    webhooks.apply()

    assert methods.saved(azpay.db) == []
    with azpay.db.reading() as session:
        assert session.get_one(PaymentMethod, saved.payment_method).removed_at is not None


def wipe_methods(db: Database) -> None:
    with db.writing() as session:
        session.connection().exec_driver_sql("DELETE FROM payment_methods")


def test_a_second_attempt_on_one_payment_shows_the_card_that_paid(
    azpay: Azpay, stripe: Sandbox, webhooks: Webhooks
) -> None:
    declined = {**PAID, "payment_method": "pm_card_visa_chargeDeclined"}
    with pytest.raises(Exception, match="Declined"):
        azpay.gateway.create_payment_intent(declined, key="first")
    intent = stripe.payment_intents[0]["id"]
    azpay.gateway.line.post(
        f"/v1/payment_intents/{intent}/confirm", {"payment_method": "pm_card_mastercard"}, object, "second"
    )
    events = webhooks.new()

    webhooks.keep(events[::-1])
    for _ in range(3):
        webhooks.apply()

    [payment] = the_payments(azpay.db)
    assert (payment.status, payment.card_last4) == (PaymentStatus.SUCCEEDED, "4444")
    assert (payment.failure_code, payment.failure_message) == (None, None)
