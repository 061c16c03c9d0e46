"""What a load balancer and a person with a pager are told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from aiohttp import ClientSession

from azpay.http import daemon, sockets
from azpay.http.app import build
from azpay.worker import Worker
from tests.support.events import an_event

if TYPE_CHECKING:
    from azpay.bootstrap import Azpay
    from azpay.db import Database
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
        "database": {"ok": True},
        "migrations": {"ok": True, "state": "current"},
        "inbox": {"ok": True, "waiting": 2, "oldest_seconds": 90, "dead": 0},
    }


async def test_a_book_of_another_version_is_not_ready(serving: Serving, db: Database) -> None:
    spoil(db, "UPDATE alembic_version SET version_num = '9999'")

    async with serving() as client:
        answer = await client.get("/readyz")
        told = await answer.json()

    assert (answer.status, told["status"]) == (503, "not ready")
    assert told["checks"]["migrations"] == {"ok": False, "state": "ahead"}


@pytest.mark.store("sqlite")
async def test_a_book_that_cannot_be_read_is_not_ready_and_its_place_is_not_told(
    serving: Serving, db: Database
) -> None:
    spoil(db, "PRAGMA application_id=1")

    async with serving() as client:
        answer = await client.get("/readyz")
        told = await answer.json()

    assert answer.status == 503
    assert told["checks"] == {"database": {"ok": False, "code": "not_our_database"}}


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
    assert told["checks"]["worker"] == {"ok": False}


def spoil(db: Database, statement: str) -> None:
    with db.engine.begin() as connection:
        connection.exec_driver_sql(statement)
