"""Many events at once come to the same book as each by itself, in any order, whatever is wrong with some."""

from __future__ import annotations

import json
import os
import random
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import permutations
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event as listening
from sqlmodel import select

from azpay import inbox, settlement
from azpay.bootstrap import tables
from azpay.gateway import objects
from azpay.inbox import Chosen, InboxEvent, Progress
from azpay.operations import Operation
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
from tests.support.builders import a_charge, a_refund
from tests.support.cases import further
from tests.support.clock import NOON
from tests.support.events import an_event

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from azpay.bootstrap import Azpay
    from azpay.db import Database
    from azpay.sandbox import Sandbox
    from tests.support.clock import Clock
    from tests.support.webhooks import Webhooks

    Event = dict[str, Any]

PAID: dict[str, Any] = {
    "amount": 700,
    "currency": "usd",
    "payment_method": "pm_card_visa",
    "confirm": True,
    "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
}
SIX = (
    "payment_intent.created",
    "charge.succeeded",
    "payment_intent.succeeded",
    "refund.created",
    "charge.refunded",
    "charge.updated",
)
OF_A_REFUND_THAT_FAILS = ("charge.succeeded", "payment_intent.succeeded", "refund.created", "refund.failed")
HOWS = ["status", "shape", "amount", "nul"]
EXAMPLES = 500 if "LONG_TESTS" in os.environ else 2
KEPT = {"book_keys", "audit_entries"}
OUR_OWN = {"id", "payment_id", "updated_at", "as_of"}


def forget(db: Database) -> None:
    with db.writing() as session:
        for table in reversed(tables().sorted_tables):
            if table.name not in KEPT:
                session.connection().execute(table.delete())


def known(db: Database) -> list[dict[str, Any]]:
    """All that does not depend on when we heard of it, or on ids of our own."""
    kinds = (Payment, Refund, Customer, PaymentMethod, settlement.BalanceTransaction)
    with db.reading() as session:
        rows = [row.model_dump(exclude=OUR_OWN) for kind in kinds for row in session.exec(select(kind))]
    return sorted(rows, key=str)


def became(db: Database, *, without: Collection[str] = ()) -> list[tuple[Any, ...]]:
    """What was made of the events, but for some, and of the operations."""
    with db.reading() as session:
        rows = session.exec(select(InboxEvent))
        events = [(row.event, row.state) for row in rows if row.event not in without]
        asked = [(row.kind, row.state, row.stripe_object) for row in session.exec(select(Operation))]
    return sorted([*events, *asked], key=str)


def apply(azpay: Azpay, **options: Any) -> Progress:
    return inbox.process(azpay.db, azpay.gateway, azpay.handlers, now=azpay.now(), **options)


def one_by_one(azpay: Azpay) -> Azpay:
    return replace(azpay, handlers=replace(azpay.handlers, together=None))


@contextmanager
def statements(db: Database) -> Iterator[list[str]]:
    """What the store is told meanwhile."""
    said: list[str] = []

    def listen(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        said.append(statement)

    listening.listen(db.engine, "before_cursor_execute", listen)
    try:
        yield said
    finally:
        listening.remove(db.engine, "before_cursor_execute", listen)


def copied(event: Event, number: int, at: int, *ids: str) -> Event:
    """The event of another payment: the same with other ids, which sort as the events are to be told."""
    text = json.dumps({**event, "id": f"evt_{number:04}_{at}"})
    for each in ids:
        text = text.replace(each, f"{each[:-4]}{number:04}")
    copy: Event = json.loads(text)
    return copy


def ids_in(events: Sequence[Event]) -> list[str]:
    """Of the objects themselves, and of their ledger lines."""
    things = [event["data"]["object"] for event in events]
    return sorted(
        {thing["id"] for thing in things}
        | {line for thing in things if (line := thing.get("balance_transaction"))}
    )


def know_lines(db: Database, lines: Sequence[str]) -> None:
    values: dict[str, Any] = {"amount": 7, "fee": 0, "net": 7, "currency": "usd", "type": "charge"}
    at = int(NOON.timestamp())
    with db.writing() as session:
        settlement.take_in_all(
            session,
            [objects.BalanceTransaction(id=line, created=at, available_on=at, **values) for line in lines],
        )


def in_every_order(azpay: Azpay, webhooks: Webhooks, events: Sequence[Event]) -> int:
    """One payment for each order of its events, all kept before the first is applied."""
    ids, orders = ids_in(events), list(permutations(events))
    txns = [each for each in ids if each.startswith("txn_")]
    know_lines(azpay.db, [f"{txn[:-4]}{number:04}" for txn in txns for number in range(len(orders))])
    webhooks.keep(
        copied(event, number, at, *ids)
        for number, order in enumerate(orders)
        for at, event in enumerate(order)
    )
    whole = 500 // len(events) * len(events)
    while apply(azpay, limit=whole).taken:
        pass
    return len(orders)


def ends(db: Database, kind: type[Any], *names: str) -> set[tuple[Any, ...]]:
    with db.reading() as session:
        return {tuple(getattr(row, name) for name in names) for row in session.exec(select(kind))}


def counted(db: Database, kind: type[Any]) -> int:
    with db.reading() as session:
        return len(session.exec(select(kind)).all())


@pytest.mark.parametrize("same_second", [True, further(False)])
def test_six_events_of_a_payment_end_the_same_in_all_720_orders(
    azpay: Azpay, stripe: Sandbox, webhooks: Webhooks, clock: Clock, same_second: bool
) -> None:
    intent = azpay.gateway.create_payment_intent(PAID, key="charge")
    clock.advance(seconds=0 if same_second else 3)
    azpay.gateway.create_refund({"payment_intent": intent.id, "amount": 300}, key="refund")
    clock.advance(seconds=5)
    stripe.tick()
    made = {event["type"]: event for event in stripe.events}
    six = [{**made[type_], "created": int(NOON.timestamp())} if same_second else made[type_] for type_ in SIX]

    orders = in_every_order(azpay, webhooks, six)

    what = ("status", "amount", "amount_captured", "amount_refunded", "card_brand", "card_last4")
    assert orders == 720
    assert ends(azpay.db, Payment, *what) == {("succeeded", 700, 700, 300, "visa", "4242")}
    assert ends(azpay.db, Refund, "status", "amount") == {("succeeded", 300)}
    assert (counted(azpay.db, Payment), counted(azpay.db, Refund)) == (720, 720)
    assert ends(azpay.db, InboxEvent, "state", "attempts") == {("done", 1)}
    assert not any(check.problems for check in checks.sums(azpay.db))


def test_a_refund_that_fails_late_ends_the_same_in_every_order(
    azpay: Azpay, stripe: Sandbox, webhooks: Webhooks, clock: Clock
) -> None:
    intent = azpay.gateway.create_payment_intent(
        {**PAID, "payment_method": "pm_card_refundFail"}, key="charge"
    )
    azpay.gateway.create_refund({"payment_intent": intent.id, "amount": 300}, key="refund")
    clock.advance(days=30)
    stripe.tick()
    made = {event["type"]: event for event in stripe.events}

    orders = in_every_order(azpay, webhooks, [made[type_] for type_ in OF_A_REFUND_THAT_FAILS])

    assert ends(azpay.db, Refund, "status", "amount") == {(RefundStatus.FAILED, 300)}
    assert ends(azpay.db, Payment, "status", "amount_captured", "amount_refunded") == {
        (PaymentStatus.SUCCEEDED, 700, 0)
    }
    assert (counted(azpay.db, Payment), counted(azpay.db, Refund)) == (orders, orders)


def test_a_batch_costs_as_many_statements_as_a_few_events(azpay: Azpay, webhooks: Webhooks) -> None:
    def cost(events: Sequence[Event]) -> int:
        webhooks.keep(events)
        with statements(azpay.db) as said:
            progress = apply(azpay)
        assert progress == Progress(done=len(events))
        return len(said)

    def payments(numbers: range) -> list[Event]:
        intent = {"object": "payment_intent", "amount": 5, "amount_received": 5, "currency": "usd",
                  "status": "succeeded", "created": 1}  # fmt: skip
        return [
            an_event_of("payment_intent.succeeded", {**intent, "id": f"pi_{number}"}) for number in numbers
        ]

    few = cost(payments(range(3)))
    many = cost(payments(range(3, 303)))

    assert many == few


def an_event_of(type_: str, thing: dict[str, Any], *, event: str | None = None) -> Event:
    named = event or f"evt_{type_}_{thing['id']}"
    return an_event(named, type=type_, data={"object": thing})


@dataclass(repr=False)
class Past:
    """What Stripe tells, and what was on record when it began to."""

    events: list[Event]
    rows: list[Any]


@pytest.fixture
def past(azpay: Azpay, stripe: Sandbox, webhooks: Webhooks, clock: Clock) -> Past:
    """Payments and refunds here and elsewhere, a decline, a lost answer, a method that came and went."""
    ours = charge(azpay.db, azpay.gateway, a_charge(1000, reference="order-1"), now=azpay.now())
    stripe.drop_next_answer(path="/v1/refunds", times=4)
    with pytest.raises(Exception, match="not known"):
        refund(azpay.db, azpay.gateway, a_refund(ours.id, 400), now=azpay.now())
    elsewhere = azpay.gateway.create_payment_intent({**PAID, "metadata": {"order": "7"}}, key="elsewhere")
    azpay.gateway.create_refund({"payment_intent": elsewhere.id, "amount": 200}, key="refund")
    with pytest.raises(Exception, match="eclined"):
        azpay.gateway.create_payment_intent(
            {**PAID, "payment_method": "pm_card_visa_chargeDeclined"}, key="declined"
        )
    saved = methods.add(azpay.db, azpay.gateway, "pm_card_visa", "ada@example.com", now=azpay.now())
    azpay.gateway.detach(saved.payment_method, key="detach")
    clock.advance(seconds=30)
    events = webhooks.new()
    with azpay.db.reading() as session:
        return Past(
            events, [row for kind in (Payment, Refund, Operation) for row in session.exec(select(kind))]
        )


def begin_again(db: Database, past: Past) -> None:
    forget(db)
    with db.writing() as session:
        for row in past.rows:
            session.add(type(row)(**row.model_dump()))  # the row itself belongs to another session
            session.flush()


def broken(event: Event, how: str) -> Event:
    """Something that Stripe would not send."""
    thing = event["data"]["object"]
    wrong: dict[str, Callable[[], dict[str, Any]]] = {
        "status": lambda: {**thing, "status": "levitating"},
        "shape": lambda: {**thing, "created": "yesterday", "amount": None},
        "amount": lambda: {**thing, "amount": -5, "currency": "USD"},
        "nul": lambda: {**thing, "payment_intent": "pi_\0"},
    }
    return {**event, "id": f"{event['id']}{how}", "data": {"object": wrong[how]()}}


@pytest.mark.parametrize("limit", [1, 7, 500])
def test_together_or_one_by_one_the_same_is_known_in_the_end(
    azpay: Azpay, webhooks: Webhooks, clock: Clock, past: Past, limit: int
) -> None:
    """In any order, some of it twice, among events that Stripe would not send.

    What becomes of one of those itself may differ: what is wrong with it may only show when it is written,
    and together it may be overtaken before that.
    """
    for _ in range(EXAMPLES):
        spoiled = [*map(broken, random.sample(past.events, 3), random.sample(HOWS, 3))]
        shuffled = [*past.events, *spoiled]
        random.shuffle(shuffled)
        heard = [{**event, "id": f"evt_{number:02}"} for number, event in enumerate(shuffled)]
        odd = {heard[number]["id"] for number, event in enumerate(shuffled) if event in spoiled}
        again = [event["id"] for event in random.sample(heard, 5)]
        began, ends = clock.at, []

        for way in (azpay, one_by_one(azpay)):
            begin_again(azpay.db, past)
            clock.at = began
            webhooks.keep(heard)
            drain(way, limit)
            inbox.replay(azpay.db, Chosen(again), now=azpay.now())
            drain(way, limit)
            for _ in range(5):
                clock.advance(hours=1)
                drain(way, limit)
            ends.append([*known(azpay.db), *became(azpay.db, without=odd)])
            assert inbox.backlog(azpay.db).waiting == 0

        assert ends[0] == ends[1]
        assert not any(check.problems for check in checks.sums(azpay.db))


def drain(azpay: Azpay, limit: int) -> None:
    while apply(azpay, limit=limit).taken:
        pass
