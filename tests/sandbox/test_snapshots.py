from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from azpay.sandbox import Sandbox
from azpay.sandbox.database import AnotherVersion, NotAState
from tests.sandbox.conftest import NOON
from tests.sandbox.payments import pay, post, sums

if TYPE_CHECKING:
    from stripe._v1_services import V1Services


def restored(sandbox: Sandbox) -> Sandbox:
    return Sandbox.restore(sandbox.snapshot(), now=lambda: NOON)


def test_a_restored_sandbox_is_the_same_one(client: V1Services, sandbox: Sandbox) -> None:
    client.webhook_endpoints.create({"url": "https://shop.example", "enabled_events": ["*"]})
    gone = client.customers.create({"payment_method": "pm_card_visa"})
    client.customers.delete(gone.id)
    paid = pay(client, "pm_card_refundFail", customer=client.customers.create().id)
    client.refunds.create({"payment_intent": paid.id, "amount": 700})
    sandbox.fail_next(503, path="/v1/refunds")
    sandbox.lose_events("charge.succeeded")

    copy = restored(sandbox)

    assert copy.snapshot() == sandbox.snapshot()
    assert copy.payment_intents == sandbox.payment_intents
    assert copy.events == sandbox.events


def test_what_was_due_stays_due(client: V1Services, sandbox: Sandbox) -> None:
    client.webhook_endpoints.create({"url": "https://shop.example", "enabled_events": ["charge.updated"]})
    pay(client)

    copy = restored(sandbox)
    copy.advance(2)

    assert copy.charges[0]["balance_transaction"] is not None
    assert json.loads(copy.due_deliveries()[0].body)["type"] == "charge.updated"
    assert sums(copy) == ({"usd": 1912}, {"usd": 1912})


def test_a_delivery_whose_fate_is_unknown_is_due_again(client: V1Services, sandbox: Sandbox) -> None:
    client.webhook_endpoints.create({"url": "https://shop.example", "enabled_events": ["*"]})
    client.customers.create()
    on_its_way = sandbox.due_deliveries()

    again = restored(sandbox).due_deliveries()

    assert [delivery.event for delivery in again] == [delivery.event for delivery in on_its_way]


def test_kept_answers_and_the_clock_survive(sandbox: Sandbox) -> None:
    sandbox.advance(3600)
    first = post(sandbox, "/v1/customers", {"name": "Ada"}, idempotency_key="k")

    copy = restored(sandbox)

    assert post(copy, "/v1/customers", {"name": "Ada"}, idempotency_key="k").body == first.body
    assert copy.time == sandbox.time
    assert json.loads(post(copy, "/v1/customers").body)["id"] not in {c["id"] for c in sandbox.customers}


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"{}", b"\xff", b"SQLite format 3\0", b"[" * 9999])
def test_anything_else_is_not_a_state(data: bytes) -> None:
    with pytest.raises(NotAState, match="not a sandbox's state"):
        Sandbox.restore(data, now=lambda: NOON)


def test_another_programs_database_is_not_a_state() -> None:
    with closing(sqlite3.connect(":memory:")) as other:
        other.execute("CREATE TABLE diary (entry)")
        content = other.serialize()

    with pytest.raises(NotAState, match="not a sandbox's state"):
        Sandbox.restore(content, now=lambda: NOON)


def test_the_state_of_another_version_is_refused_by_name() -> None:
    with closing(sqlite3.connect(":memory:")) as older:
        older.deserialize(Sandbox(now=lambda: NOON).snapshot())
        older.execute("PRAGMA user_version = 1")
        content = older.serialize()

    with pytest.raises(AnotherVersion):
        Sandbox.restore(content, now=lambda: NOON)


def test_the_same_seed_makes_the_same_ids() -> None:
    one, same, other = (Sandbox(now=lambda: NOON, seed=seed) for seed in (1, 1, 2))

    ids = [json.loads(post(sandbox, "/v1/customers").body)["id"] for sandbox in (one, same, other)]

    assert ids[0] == ids[1] != ids[2]
