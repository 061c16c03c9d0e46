"""What goes wrong with events, on purpose."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from azpay.sandbox import Sandbox
from azpay.sandbox.control import control
from azpay.sandbox.upsets import UpsetKind
from tests.sandbox.conftest import NOON
from tests.sandbox.payments import pay, types

if TYPE_CHECKING:
    from stripe._v1_services import V1Services

    from azpay.sandbox import Delivery


@pytest.fixture(autouse=True)
def _endpoint(sandbox: Sandbox) -> None:
    """Everybody is told everything, unless something happens to it."""
    sandbox.subscribe("http://shop.example/hook", secret="whsec_known")


def heard(deliveries: list[Delivery]) -> list[str]:
    return [delivery.type for delivery in deliveries]


def test_a_lost_event_is_made_and_no_webhook_brings_it(client: V1Services, sandbox: Sandbox) -> None:
    sandbox.upset_events(UpsetKind.LOST, "customer.created")

    client.customers.create()
    client.customers.create()

    assert types(sandbox) == ["customer.created"] * 2
    assert heard(sandbox.due_deliveries()) == ["customer.created"]
    assert len(client.events.list({"delivery_success": False}).data) == 2


def test_an_event_that_is_never_made_is_missing_for_ever(client: V1Services, sandbox: Sandbox) -> None:
    sandbox.upset_events(UpsetKind.NEVER_MADE, "customer.created", times=None)

    for _ in range(3):
        client.customers.create()

    assert types(sandbox) == []


def test_a_doubled_event_is_heard_twice_with_one_id(client: V1Services, sandbox: Sandbox) -> None:
    sandbox.upset_events(UpsetKind.DOUBLED, "customer.created")

    client.customers.create()

    first, second = sandbox.due_deliveries()
    assert first.event == second.event


def test_twins_are_two_events_about_one_change(client: V1Services, sandbox: Sandbox) -> None:
    sandbox.upset_events(UpsetKind.TWINNED, "customer.created")

    client.customers.create()

    one, other = sandbox.events
    assert one["id"] != other["id"]
    assert one["data"] == other["data"]
    assert len(sandbox.due_deliveries()) == 2


def test_a_delayed_event_comes_later(client: V1Services, sandbox: Sandbox) -> None:
    sandbox.upset_events(UpsetKind.DELAYED, "customer.created", seconds=600)
    client.customers.create()
    early = heard(sandbox.due_deliveries())

    sandbox.advance(600)

    assert early == []
    assert heard(sandbox.due_deliveries()) == ["customer.created"]


def test_a_reordered_event_comes_after_the_next_one(client: V1Services, sandbox: Sandbox) -> None:
    sandbox.upset_events(UpsetKind.REORDERED, "payment_intent.created")
    pay(client)
    first = heard(sandbox.due_deliveries())

    sandbox.advance(1)

    assert first == ["charge.succeeded", "payment_intent.succeeded"]
    assert heard(sandbox.due_deliveries())[0] == "payment_intent.created"


def test_an_event_that_waits_for_another_too_long_is_gone(client: V1Services, sandbox: Sandbox) -> None:
    sandbox.upset_events(UpsetKind.REORDERED, "customer.created")
    client.customers.create()
    sandbox.advance(31 * 24 * 60 * 60)

    client.customers.create()

    assert len(sandbox.due_deliveries()) == 1


def test_a_stale_event_shows_the_object_as_the_one_before_it_did(
    client: V1Services, sandbox: Sandbox
) -> None:
    sandbox.upset_events(UpsetKind.STALE, "payment_intent.succeeded")

    pay(client)

    shown = {delivery.type: json.loads(delivery.body) for delivery in sandbox.due_deliveries()}
    stale = shown["payment_intent.succeeded"]["data"]["object"]
    assert stale == shown["payment_intent.created"]["data"]["object"]
    assert stale["status"] == "requires_confirmation"


def test_the_first_event_about_an_object_cannot_be_stale(client: V1Services, sandbox: Sandbox) -> None:
    sandbox.upset_events(UpsetKind.STALE, "customer.created")

    made = client.customers.create({"name": "Ada"})

    assert sandbox.events[0]["data"]["object"]["id"] == made.id


def test_one_order_upsets_a_whole_family_so_many_times(client: V1Services, sandbox: Sandbox) -> None:
    sandbox.upset_events(UpsetKind.LOST, "customer.*", times=2)
    made = client.customers.create()

    client.customers.update(made.id, {"name": "Ada"})
    client.customers.delete(made.id)

    assert heard(sandbox.due_deliveries()) == ["customer.deleted"]


def test_calm_ends_what_was_armed(client: V1Services, sandbox: Sandbox) -> None:
    sandbox.upset_events(UpsetKind.LOST, "*", times=None)

    sandbox.calm_events()
    client.customers.create()

    assert heard(sandbox.due_deliveries()) == ["customer.created"]


def test_upsets_and_what_they_hold_survive_a_restart(client: V1Services, sandbox: Sandbox) -> None:
    sandbox.upset_events(UpsetKind.REORDERED, "customer.created")
    sandbox.upset_events(UpsetKind.LOST, "customer.updated", times=None)
    client.customers.create()

    copy = Sandbox.restore(sandbox.snapshot(), now=lambda: NOON)

    assert copy.armed_upsets == sandbox.armed_upsets != []
    assert copy.snapshot() == sandbox.snapshot()


def order(sandbox: Sandbox, method: str, **fields: Any) -> tuple[int, dict[str, Any]]:
    return control(sandbox, method, "/_sandbox/events", json.dumps(fields).encode())


def test_upsets_are_ordered_in_json(client: V1Services, sandbox: Sandbox) -> None:
    status, told = order(sandbox, "POST", upset="delayed", types=["customer.created"], seconds=60, times=2)
    client.customers.create()

    assert status == 200
    assert told == {"armed": [{"kind": "delayed", "type": "customer.created", "times": 2, "seconds": 60}]}
    assert sandbox.due_deliveries() == []
    assert order(sandbox, "GET")[1]["armed"][0]["times"] == 1
    assert order(sandbox, "DELETE")[1] == {"armed": []}


def test_an_upset_may_last_for_ever(client: V1Services, sandbox: Sandbox) -> None:
    order(sandbox, "POST", upset="never_made", types=["*"], times="for ever")

    for _ in range(5):
        client.customers.create()

    assert sandbox.events == []


@pytest.mark.parametrize(
    "fields",
    [
        {"upset": "eaten", "types": ["*"]},
        {"upset": "lost"},
        {"upset": "lost", "types": []},
        {"upset": "lost", "types": "*"},
        {"upset": "lost", "types": ["*"], "times": 0},
        {"upset": "lost", "types": ["*"], "times": "often"},
        {"upset": "delayed", "types": ["*"], "seconds": -1},
        {"upset": "lost", "types": ["*"], "why": "so"},
    ],
)
def test_an_upset_that_is_none_is_explained(sandbox: Sandbox, fields: dict[str, Any]) -> None:
    status, told = order(sandbox, "POST", **fields)

    assert status == 400
    assert told["error"]
    assert sandbox.armed_upsets == []
