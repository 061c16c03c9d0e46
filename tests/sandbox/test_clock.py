"""A clock that runs, stands and jumps, and never goes back."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from azpay.sandbox import Sandbox
from azpay.sandbox.clock import ClockGoesBack
from azpay.sandbox.control import control
from tests.sandbox.conftest import NOON
from tests.sandbox.payments import post
from tests.support.clock import Clock

if TYPE_CHECKING:
    from pathlib import Path

JANUARY = datetime(2026, 1, 31, 12, tzinfo=UTC)


def steer(sandbox: Sandbox, order: dict[str, object]) -> tuple[int, dict[str, object]]:
    reply = control(sandbox, "POST", "/_sandbox/clock", json.dumps(order).encode())
    return reply.status, reply.body


def test_a_clock_begins_where_it_is_told_to_and_runs() -> None:
    clock = Clock()
    sandbox = Sandbox(now=clock.now, starts=JANUARY)

    clock.advance(seconds=90)

    assert sandbox.time == JANUARY + timedelta(seconds=90)
    assert json.loads(post(sandbox, "/v1/customers").body)["created"] == int(JANUARY.timestamp()) + 90


def test_a_clock_that_stands_moves_when_it_is_told_to_and_goes_on_from_there() -> None:
    clock = Clock()
    sandbox = Sandbox(now=clock.now, starts=JANUARY)

    sandbox.stop_clock()
    clock.advance(hours=1)
    sandbox.advance(5)
    stood = sandbox.time
    sandbox.run_clock()
    clock.advance(seconds=2)

    assert stood == JANUARY + timedelta(seconds=5)
    assert sandbox.time == stood + timedelta(seconds=2)


def test_what_is_due_waits_while_the_clock_stands() -> None:
    clock = Clock()
    sandbox = Sandbox(now=clock.now)
    sandbox.stop_clock()
    sandbox.subscribe("https://shop.example", secret="whsec_x")
    post(sandbox, "/v1/customers")
    [delivery] = sandbox.due_deliveries()
    sandbox.delivered(delivery, 500)

    clock.advance(days=1)

    assert sandbox.due_deliveries() == []
    assert sandbox.seconds_until_due() is None
    sandbox.advance(600)
    assert len(sandbox.due_deliveries()) == 1


def test_the_clock_is_steered_over_http() -> None:
    sandbox = Sandbox(now=lambda: NOON)

    put = steer(sandbox, {"set": "2026-12-24T18:00:00Z", "stop": True})
    looked_at = control(sandbox, "GET", "/_sandbox/clock", b"").body

    assert put == (200, {"time": "2026-12-24T18:00:00+00:00", "runs": False})
    assert looked_at == put[1]
    assert steer(sandbox, {"run": True, "advance": 60})[1] == {
        "time": "2026-12-24T18:01:00+00:00",
        "runs": True,
    }


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        ({"set": "2026-11-20T11:59:59Z"}, "cannot be put back"),
        ({"set": "2026-12-01T00:00:00"}, "timezone"),
        ({"advance": -1}, ">= 0"),
        ({"stop": True, "run": True}, "both"),
        ({"rewind": 1}, "unknown field"),
    ],
)
def test_a_clock_order_that_cannot_be_is_refused(order: dict[str, object], reason: str) -> None:
    sandbox = Sandbox(now=lambda: NOON)

    status, body = steer(sandbox, order)

    assert status == 400
    assert reason in str(body["error"])
    assert sandbox.time == NOON


def test_a_kept_clock_cannot_be_opened_in_its_past(tmp_path: Path) -> None:
    sandbox = Sandbox.open(tmp_path / "state.db", now=lambda: NOON)
    sandbox.advance(60)
    sandbox.close()

    with pytest.raises(ClockGoesBack, match="2026-11-20T12:01:00Z"):
        Sandbox.open(tmp_path / "state.db", now=lambda: NOON, starts=NOON)

    again = Sandbox.open(tmp_path / "state.db", now=lambda: NOON, starts=NOON + timedelta(days=1))
    assert again.time == NOON + timedelta(days=1)
    again.close()


def test_the_same_seed_and_requests_make_the_same_history_to_the_byte() -> None:
    dumps = []
    for _ in range(2):
        sandbox = Sandbox(now=lambda: NOON, seed=11)
        payment = {"amount": "2000", "currency": "usd", "payment_method": "pm_card_visa", "confirm": "true"}
        post(sandbox, "/v1/payment_intents", payment | {"return_url": "https://shop.example"})
        sandbox.advance(3 * 86_400)
        dumps.append(json.dumps([sandbox.charges, sandbox.events, sandbox.balance_transactions]))

    assert dumps[0] == dumps[1]


def test_events_are_kept_for_thirty_days() -> None:
    sandbox = Sandbox(now=lambda: NOON)
    post(sandbox, "/v1/customers")
    sandbox.advance(29 * 86_400)
    post(sandbox, "/v1/customers")

    sandbox.advance(2 * 86_400)

    assert len(sandbox.events) == 1
    assert sandbox.summary()["objects"]["event"] == 1
