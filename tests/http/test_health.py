"""What a load balancer and a person with a pager are told."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

import pytest
import stripe as sdk
from aiohttp import ClientSession

from azpay.db import schema
from azpay.gateway.stripe import Gateway
from azpay.http import daemon, sockets
from azpay.http.app import build
from azpay.inbox import Handlers
from azpay.worker import Reins, Worker, drain
from tests.http.conftest import running
from tests.support.clock import NOON
from tests.support.events import an_event
from tests.support.stripe_transport import InProcessHTTPClient

if TYPE_CHECKING:
    from datetime import datetime

    from sqlmodel import Session

    from azpay.bootstrap import Azpay
    from azpay.db import Database
    from azpay.gateway.objects import Event
    from azpay.sandbox import Sandbox
    from tests.http.conftest import Serving
    from tests.support.clock import Clock
    from tests.support.webhooks import Webhooks


async def test_a_daemon_that_lives_says_so_whatever_else_is_wrong(serving: Serving, db: Database) -> None:
    spoil(db, "DROP TABLE alembic_version")

    async with serving() as client:
        answer = await client.get("/healthz")

    assert (answer.status, await answer.json()) == (200, {"status": "ok"})


async def test_a_ready_daemon_tells_how_long_events_have_waited(
    serving: Serving, webhooks: Webhooks, clock: Clock
) -> None:
    webhooks.keep([an_event("evt_1"), an_event("evt_2")])
    clock.advance(seconds=90)

    async with serving() as client:
        answer = await client.get("/readyz")
        told = await answer.json()

    assert answer.status == 200
    assert told["status"] == "ready"
    assert told["checks"] == {
        "database": {"ok": True, "detail": "it answers"},
        "migrations": {"ok": True, "detail": f"this program's is revision {schema.HEAD}", "state": "current"},
        "inbox": {
            "ok": True,
            "detail": "2 events waiting, the oldest due for 90 s",
            "waiting": 2,
            "oldest_seconds": 90,
            "dead": 0,
        },
        "clock": {"ok": True, "detail": "within 1 s of Stripe's", "skew_seconds": 0},
    }


@pytest.mark.parametrize(
    ("minutes", "waited", "ready"), [(15, 900, True), (15, 901, False), (1, 61, False), (0, 86_400, True)]
)
async def test_a_daemon_that_is_too_far_behind_is_not_ready(
    azpay: Azpay, webhooks: Webhooks, minutes: int, waited: int, ready: bool
) -> None:
    webhooks.keep([an_event("evt_1")])
    later = replace(azpay, now=lambda: NOON + timedelta(seconds=waited))

    async with running(replace(later, settings=replace(azpay.settings, inbox_minutes=minutes))) as client:
        answer = await client.get("/readyz")
        told = await answer.json()

    assert answer.status == (200 if ready else 503)
    assert told["checks"]["inbox"]["ok"] is ready
    assert f"the oldest due for {waited} s" in told["checks"]["inbox"]["detail"]


async def test_an_event_that_is_postponed_is_not_late_before_it_is_due(
    azpay: Azpay, serving: Serving, webhooks: Webhooks, clock: Clock
) -> None:
    def broken(_session: Session, _event: Event, _now: datetime) -> None:
        raise ValueError

    failing = replace(azpay, handlers=Handlers(events={"poison": broken}, objects={}))
    webhooks.keep([an_event("evt_bad", type="poison")])
    drain(failing, Reins())
    clock.advance(seconds=5)

    async with serving() as client:
        told = await (await client.get("/readyz")).json()

    assert told["checks"]["inbox"]["oldest_seconds"] == 3


@pytest.mark.parametrize(("ahead", "status"), [(60, 200), (61, 503)])
async def test_a_clock_that_is_behind_shows_in_events_that_come_before_they_were_made(
    serving: Serving, webhooks: Webhooks, clock: Clock, ahead: int, status: int
) -> None:
    webhooks.keep([an_event("evt_1", created=int(clock.now().timestamp()) + ahead)])

    async with serving() as client:
        answered, checks = await of_the_book(client)

    assert answered == status
    assert checks["clock"]["skew_seconds"] == ahead


async def test_stripes_own_answer_about_the_time_goes_before_what_events_say(
    azpay: Azpay, stripe: Sandbox, webhooks: Webhooks, clock: Clock
) -> None:
    webhooks.keep([an_event("evt_1", created=int(clock.now().timestamp()) + 600)])
    late = format_datetime(clock.now() - timedelta(seconds=90), usegmt=True)

    async with running(replace(azpay, gateway=telling_the_time(stripe, late))) as client:
        _, checks = await of_the_book(client)

    assert checks["clock"] == {"ok": False, "detail": "90 s from Stripe's", "skew_seconds": 90}


async def of_the_book(client: ClientSession) -> tuple[int, dict[str, Any]]:
    """What `/readyz` says once the book has answered in time, which on a busy machine it may not at first."""
    for _ in range(10):
        answer = await client.get("/readyz")
        checks = (await answer.json())["checks"]
        if "clock" in checks:
            break
    return answer.status, checks


def telling_the_time(stripe: Sandbox, date: str) -> Gateway:
    """A gateway that has asked for something, and was answered under this date."""

    class Dated(InProcessHTTPClient):
        def request(self, *args: object, **more: object) -> tuple[str, int, dict[str, str]]:
            body, status, _ = super().request(*args, **more)  # type: ignore[arg-type]
            return body, status, {"date": date}

    client = sdk.StripeClient("sk_test_azpay_sandbox", http_client=Dated(stripe), max_network_retries=0)
    gateway = Gateway(client, timer=lambda: 0)
    gateway.account()
    return gateway


async def test_a_book_of_another_version_is_not_ready(serving: Serving, db: Database) -> None:
    spoil(db, "UPDATE alembic_version SET version_num = '9999'")

    async with serving() as client:
        answer = await client.get("/readyz")
        told = await answer.json()

    assert (answer.status, told["status"]) == (503, "not ready")
    assert told["checks"]["migrations"] == {
        "ok": False,
        "detail": f"this program's is revision {schema.HEAD}",
        "state": "ahead",
    }


@pytest.mark.store("sqlite")
async def test_a_book_that_cannot_be_read_is_not_ready_and_its_place_is_not_told(
    serving: Serving, db: Database
) -> None:
    spoil(db, "PRAGMA application_id=1")

    async with serving() as client:
        answer = await client.get("/readyz")
        told = await answer.json()

    assert answer.status == 503
    assert told["checks"] == {
        "database": {
            "ok": False,
            "detail": "it does not answer as it should",
            "code": "not_our_database",
        }
    }


async def test_a_worker_that_has_ended_is_not_ready(azpay: Azpay) -> None:
    worker = Worker(azpay)
    listener = sockets.listen("127.0.0.1", 0)
    address = sockets.address(*listener.getsockname())
    async with daemon.answering(build(azpay, worker), listener), ClientSession(address) as client:
        worker.start()
        before = await client.get("/readyz")
        assert worker.stop(within=5)
        after = await client.get("/readyz")
        told = await after.json()

    assert (before.status, after.status) == (200, 503)
    assert told["checks"]["worker"] == {"ok": False, "detail": "it has ended"}


def spoil(db: Database, statement: str) -> None:
    with db.engine.begin() as connection:
        connection.exec_driver_sql(statement)
