"""Where an event is not enough to go by, Stripe is asked, and no more than needed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import stripe as sdk
from sqlmodel import Session, select

from azpay import inbox
from azpay.gateway.stripe import Gateway
from azpay.inbox import EventState, FetchFirst, Handlers, Progress
from azpay.payments import Customer
from azpay.sandbox import DEFAULT_KEY
from tests.support.events import an_event
from tests.support.stripe_transport import InProcessHTTPClient

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from azpay.bootstrap import Azpay
    from azpay.gateway import objects
    from azpay.sandbox import Sandbox
    from tests.support.clock import Clock
    from tests.support.stripe_transport import Answer
    from tests.support.webhooks import Webhooks


class Recorded(InProcessHTTPClient):
    """The wire to the sandbox, with what went over it."""

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(sandbox)
        self.asked: list[str] = []

    def request(
        self, method: str, url: str, headers: Mapping[str, str] | None, post_data: Any = None, **_: object
    ) -> Answer:
        self.asked.append(url.rpartition("/")[2])
        return super().request(method, url, headers, post_data)


@pytest.fixture
def wire(stripe: Sandbox) -> Recorded:
    return Recorded(stripe)


@pytest.fixture
def azpay(azpay: Azpay, wire: Recorded) -> Azpay:
    client = sdk.StripeClient(DEFAULT_KEY, http_client=wire, max_network_retries=0)
    return replace(azpay, gateway=Gateway(client, pause=lambda _seconds: None))


@pytest.fixture
def ann(azpay: Azpay, wire: Recorded) -> str:
    return made(azpay, wire, "ann")


@pytest.fixture
def bob(azpay: Azpay, wire: Recorded) -> str:
    return made(azpay, wire, "bob")


def made(azpay: Azpay, wire: Recorded, name: str) -> str:
    customer = azpay.gateway.create_customer({"name": name}, key=name).id
    wire.asked.clear()
    return customer


def needing(*customers: str) -> Handlers:
    """An event that can be applied only when all of these are on record, and asks for them one by one."""

    def handle(session: Session, event: objects.Event, now: datetime) -> None:
        for customer in customers:
            if session.get(Customer, customer) is None:
                raise FetchFirst("customer", customer)
        session.add(Customer(customer=f"applied_{event.id}", created_at=now, updated_at=now))

    return Handlers(events={"coupon.created": handle}, objects={"customer": take_in})


def overtaken(session: Session, event: objects.Event, _now: datetime) -> None:
    """Never believes an event: only Stripe knows."""
    raise FetchFirst("customer", event.data.object["id"])


def take_in(session: Session, found: objects.Customer, now: datetime) -> None:
    session.merge(Customer(customer=found.id, name=found.name, created_at=now, updated_at=now))


def apply(azpay: Azpay, handlers: Handlers, **options: Any) -> Progress:
    return inbox.process(azpay.db, azpay.gateway, handlers, now=azpay.now(), **options)


def on_record(azpay: Azpay) -> set[str]:
    with azpay.db.reading() as session:
        return set(session.exec(select(Customer.customer)))


def test_what_an_event_asks_for_is_fetched_and_then_it_is_applied(
    azpay: Azpay, webhooks: Webhooks, wire: Recorded, ann: str, bob: str
) -> None:
    webhooks.keep([an_event("evt_1")])

    progress = apply(azpay, needing(ann, bob))

    assert progress == Progress(done=1)
    assert wire.asked == [ann, bob]
    assert on_record(azpay) == {ann, bob, "applied_evt_1"}


def test_an_object_is_fetched_once_for_all_events_of_a_batch(
    azpay: Azpay, webhooks: Webhooks, wire: Recorded, ann: str
) -> None:
    about_ann = {"object": {"id": ann}}
    webhooks.keep(an_event(f"evt_{number}", data=about_ann) for number in range(20))

    progress = apply(azpay, Handlers(events={"coupon.created": overtaken}, objects={"customer": take_in}))

    assert progress == Progress(done=20)
    assert wire.asked == [ann]


def test_an_event_that_asks_again_for_its_own_object_was_overtaken_and_is_done(
    azpay: Azpay, webhooks: Webhooks, ann: str
) -> None:
    webhooks.keep([an_event("evt_1", data={"object": {"id": ann}})])

    progress = apply(azpay, Handlers(events={"coupon.created": overtaken}, objects={"customer": take_in}))

    assert progress == Progress(done=1)
    assert on_record(azpay) == {ann}


def test_an_event_that_is_never_satisfied_is_postponed_and_leaves_nothing(
    azpay: Azpay, webhooks: Webhooks, ann: str
) -> None:
    def insatiable(session: Session, event: objects.Event, now: datetime) -> None:
        raise FetchFirst("customer", ann)

    webhooks.keep([an_event("evt_1")])

    progress = apply(azpay, Handlers(events={"coupon.created": insatiable}, objects={"customer": take_in}))

    assert progress == Progress(postponed=1)
    assert on_record(azpay) == set()
    assert "FetchedInVain" in (inbox.one(azpay.db, "evt_1").error or "")


def test_an_event_about_what_stripe_does_not_have_is_postponed_and_in_the_end_dead(
    azpay: Azpay, webhooks: Webhooks, clock: Clock
) -> None:
    webhooks.keep([an_event("evt_1")])

    progress = []
    for _ in range(5):
        progress.append(apply(azpay, needing("cus_gone")))
        clock.advance(hours=1)

    assert progress == [Progress(postponed=1)] * 4 + [Progress(dead=1)]
    assert "NoSuchObject" in (inbox.one(azpay.db, "evt_1").error or "")


def test_while_stripe_is_out_of_reach_no_try_is_counted_and_others_flow(
    azpay: Azpay, webhooks: Webhooks, stripe: Sandbox, wire: Recorded, clock: Clock, ann: str
) -> None:
    webhooks.keep([*(an_event(f"evt_{number}") for number in range(3)), an_event("evt_free", type="other")])
    stripe.fail_next(503, times=4)
    during = apply(azpay, needing(ann))
    waiting = inbox.one(azpay.db, "evt_1")
    asked_during = len(wire.asked)
    clock.advance(seconds=15)

    after = apply(azpay, needing(ann))

    assert during == Progress(done=1, postponed=3)
    assert (waiting.state, waiting.attempts) == (EventState.FAILED, 0)
    assert asked_during == 4
    assert after == Progress(done=3)


def test_a_key_that_stripe_refuses_kills_no_event(
    azpay: Azpay, webhooks: Webhooks, wire: Recorded, clock: Clock
) -> None:
    client = sdk.StripeClient("sk_test_revoked", http_client=wire)
    refused = replace(azpay, gateway=Gateway(client, pause=lambda _seconds: None))
    webhooks.keep([an_event("evt_1")])

    for _ in range(10):
        apply(refused, needing("cus_1"))
        clock.advance(minutes=20)

    assert inbox.one(azpay.db, "evt_1").state is EventState.FAILED


def test_told_to_stop_it_fetches_nothing_more_and_leaves_the_rest_due(
    azpay: Azpay, webhooks: Webhooks, wire: Recorded, ann: str
) -> None:
    webhooks.keep(an_event(f"evt_{number}") for number in range(3))

    progress = apply(azpay, needing(ann), stopping=lambda: True)

    assert progress == Progress()
    assert wire.asked == []
    assert {event.state for event in inbox.page(azpay.db)} == {EventState.RECEIVED}


def test_an_event_that_another_worker_finished_meanwhile_is_left_alone(
    azpay: Azpay, webhooks: Webhooks, stripe: Sandbox, ann: str
) -> None:
    """It works while this one waits to ask Stripe a second time."""

    def let_the_other_work(_seconds: float) -> None:
        if inbox.one(azpay.db, "evt_1").state is EventState.RECEIVED:
            apply(azpay, needing(ann))

    client = sdk.StripeClient(DEFAULT_KEY, http_client=InProcessHTTPClient(stripe), max_network_retries=0)
    slow = replace(azpay, gateway=Gateway(client, pause=let_the_other_work))
    webhooks.keep([an_event("evt_1")])
    stripe.fail_next(503, times=1)

    progress = apply(slow, needing(ann))

    assert progress == Progress()
    assert (inbox.one(azpay.db, "evt_1").state, inbox.one(azpay.db, "evt_1").attempts) == (EventState.DONE, 1)
