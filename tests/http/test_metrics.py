"""What Prometheus is told, read as Prometheus reads it."""

from __future__ import annotations

import asyncio
import math
import re
import time
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import event

from azpay import payments
from azpay.errors import AzpayError, Declined
from azpay.http import daemon, sockets
from azpay.http.app import build
from azpay.http.gauges import Gauges
from azpay.worker import Worker
from tests.http.conftest import running
from tests.support.builders import a_charge
from tests.support.events import PATH, an_event, encoded, signed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from azpay.bootstrap import Azpay
    from azpay.db import Database
    from azpay.sandbox import Sandbox
    from tests.http.conftest import Serving
    from tests.support.clock import Clock
    from tests.support.webhooks import Webhooks

TABLES = re.compile(r"FROM (inbox_events|operations|payments)\b")
SCAN = re.compile(r"SCAN (?!\w+ USING COVERING INDEX)|Seq Scan")

Sample = tuple[str, tuple[tuple[str, str], ...]]


async def scraped(client: aiohttp.ClientSession) -> Mapping[Sample, float]:
    answer = await client.get("/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain")
    families = text_string_to_metric_families(await answer.text())
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def labelled(name: str, **labels: str) -> Sample:
    return name, tuple(sorted(labels.items()))


async def post(client: aiohttp.ClientSession, body: bytes, headers: dict[str, str] | None = None) -> int:
    return (await client.post(PATH, data=body, headers=signed(body) if headers is None else headers)).status


async def test_events_are_counted_by_type_and_outcome(serving: Serving) -> None:
    async with serving() as client:
        await post(client, encoded(an_event("evt_1", type="charge.succeeded")))
        await post(client, encoded(an_event("evt_1", type="charge.succeeded")))
        await post(client, encoded(an_event("evt_2", type="unheard.of")))
        await post(client, encoded(an_event("evt_3", livemode=True)))
        await post(client, b"{}", {"Stripe-Signature": "t=1,v1=00"})
        told = await scraped(client)

    events = "azpay_webhook_events_total"
    assert told[labelled(events, type="charge.succeeded", outcome="kept")] == 2
    assert told[labelled(events, type="other", outcome="kept")] == 1
    assert told[labelled(events, type="other", outcome="signature_untimely")] == 1
    assert sum(told[key] for key in told if key[0] == events and ("outcome", "event_not_ours") in key[1]) == 1
    assert told[labelled("azpay_webhook_repeated_total")] == 1


async def test_the_secret_that_matched_is_counted_by_its_end(serving: Serving) -> None:
    async with serving() as client:
        await post(client, encoded(an_event()))
        told = await scraped(client)

    assert told[labelled("azpay_webhook_secret_matches_total", secret="zpay")] == 1


async def test_the_lag_of_a_delivery_is_observed(serving: Serving, clock: Clock) -> None:
    made = int(clock.now().timestamp()) - 20
    async with serving() as client:
        await post(client, encoded(an_event(created=made)))
        told = await scraped(client)

    lag = "azpay_webhook_delivery_lag_seconds"
    assert told[labelled(f"{lag}_bucket", le="10.0")] == 0
    assert told[labelled(f"{lag}_bucket", le="30.0")] == 1


async def test_requests_are_counted_by_route_and_never_by_what_was_typed(serving: Serving) -> None:
    async with serving() as client:
        await client.get("/healthz")
        for number in range(3):
            await client.get(f"/nowhere/{number}")
        told = await scraped(client)

    requests = "azpay_http_requests_total"
    assert told[labelled(requests, route="/healthz", method="GET", status="200")] == 1
    assert told[labelled(requests, route="unmatched", method="GET", status="404")] == 3
    assert told[labelled("azpay_http_request_seconds_count", route="/healthz")] == 1


async def test_methods_that_nobody_needs_are_counted_as_one(serving: Serving) -> None:
    async with serving() as client:
        for method in ("PURGE", "PROPFIND", "MKCALENDAR"):
            await client.request(method, "/healthz")
        told = await scraped(client)

    requests = "azpay_http_requests_total"
    assert told[labelled(requests, route="unmatched", method="other", status="405")] == 3
    assert not any("PURGE" in str(sample) for sample in told)


async def test_the_inbox_and_the_payments_are_told_as_they_stand(
    azpay: Azpay, webhooks: Webhooks, clock: Clock
) -> None:
    payments.charge(azpay.db, azpay.gateway, a_charge(), now=azpay.now())
    webhooks.keep([an_event("evt_1"), an_event("evt_2")])
    clock.advance(seconds=90)

    async with running(azpay) as client:
        told = await scraped(client)

    assert told[labelled("azpay_book_up")] == 1
    assert told[labelled("azpay_inbox_events", state="waiting")] == 2
    assert told[labelled("azpay_inbox_oldest_seconds")] == 90
    assert told[labelled("azpay_payments", status="succeeded")] == 1
    assert told[labelled("azpay_payments", status="failed")] == 0
    assert told[labelled("azpay_operations_open", kind="charge")] == 0
    assert told[labelled("azpay_operations", state="succeeded")] == 1
    assert told[labelled("azpay_operations", state="unknown")] == 0
    assert told[labelled("azpay_clock_skew_seconds")] == 0


async def test_the_success_rate_is_that_of_the_last_hour(azpay: Azpay, clock: Clock) -> None:
    for method, amount in (("pm_card_visa", 500), ("pm_card_chargeDeclined", 600)):
        with suppress(Declined):
            payments.charge(azpay.db, azpay.gateway, a_charge(amount, payment_method=method), now=azpay.now())
    clock.advance(minutes=61)
    for amount in (700, 800, 900):
        payments.charge(azpay.db, azpay.gateway, a_charge(amount), now=azpay.now())
    with pytest.raises(Declined):
        payments.charge(
            azpay.db, azpay.gateway, a_charge(payment_method="pm_card_chargeDeclined"), now=azpay.now()
        )

    async with running(azpay) as client:
        told = await scraped(client)

    assert told[labelled("azpay_payment_success_ratio")] == 0.75
    assert told[labelled("azpay_payments_last_hour", status="succeeded")] == 3
    assert told[labelled("azpay_payments", status="succeeded")] == 4


async def test_without_payments_there_is_no_success_rate(serving: Serving) -> None:
    async with serving() as client:
        told = await scraped(client)

    assert math.isnan(told[labelled("azpay_payment_success_ratio")])


async def test_what_the_worker_does_is_counted_and_timed(azpay: Azpay, webhooks: Webhooks) -> None:
    webhooks.keep([an_event("evt_1"), an_event("evt_2")])
    worker = Worker(azpay)
    listener = sockets.listen("127.0.0.1", 0)
    address = sockets.address(*listener.getsockname())
    async with (
        daemon.answering(build(azpay, worker), listener),
        aiohttp.ClientSession(address) as client,
    ):
        worker.start()
        while not (told := await scraped(client))[labelled("azpay_events_batch_seconds_count")]:
            await asyncio.sleep(0.01)
        worker.stop(within=5)

    assert told[labelled("azpay_events_applied_total", outcome="done")] == 2
    assert told[labelled("azpay_events_batch_seconds_count")] == 1


async def test_a_scrape_reads_nothing_but_indexes(azpay: Azpay, webhooks: Webhooks) -> None:
    payments.charge(azpay.db, azpay.gateway, a_charge(), now=azpay.now())
    webhooks.keep([an_event("evt_1")])
    with asked_for(azpay.db) as asked:
        async with running(azpay) as client:
            await client.get("/metrics")

    plans = [plan for statement, values in asked for plan in plans_of(azpay.db, statement, values)]
    assert len(plans) >= 6
    assert [plan for plan in plans if SCAN.search(plan)] == []


async def test_a_look_that_took_long_is_not_repeated_soon(azpay: Azpay) -> None:
    def slow_now() -> datetime:
        time.sleep(0.2)
        return azpay.now()

    gauges = Gauges(CollectorRegistry())

    gauges.look(replace(azpay, now=slow_now))

    assert gauges.due_in > 19


@contextmanager
def asked_for(db: Database) -> Iterator[list[tuple[str, Any]]]:
    """The statements that are sent meanwhile, with their values."""
    asked: list[tuple[str, Any]] = []

    def note(*call: Any) -> None:
        asked.append((call[2], call[3]))

    event.listen(db.engine, "before_cursor_execute", note)
    yield asked
    event.remove(db.engine, "before_cursor_execute", note)


def plans_of(db: Database, statement: str, values: Any) -> list[str]:
    if not TABLES.search(statement):
        return []
    with db.engine.connect() as connection:
        if not db.embedded:  # a table of a few rows would rather be scanned
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        explain = "EXPLAIN QUERY PLAN" if db.embedded else "EXPLAIN"
        return [str(row[-1]) for row in connection.exec_driver_sql(f"{explain} {statement}", values)]


async def test_calls_to_stripe_are_counted_by_how_they_ended(azpay: Azpay, stripe: Sandbox) -> None:
    stripe.fail_next(503, times=2)
    payments.charge(azpay.db, azpay.gateway, a_charge(), now=azpay.now())
    with pytest.raises(AzpayError):
        payments.charge(
            azpay.db, azpay.gateway, a_charge(700, payment_method="pm_card_chargeDeclined"), now=azpay.now()
        )

    async with running(azpay) as client:
        told = await scraped(client)

    calls = "azpay_stripe_calls_total"
    assert told[labelled(calls, outcome="stripe_unavailable")] == 2
    assert told[labelled(calls, outcome="card_declined")] == 1
    assert told[labelled(calls, outcome="answered")] >= 1


async def test_a_book_that_cannot_be_read_is_told_and_the_rest_stays(azpay: Azpay) -> None:
    async with running(azpay) as client:
        with azpay.db.engine.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE inbox_events RENAME TO elsewhere")
        told = await scraped(client)

    assert told[labelled("azpay_book_up")] == 0


async def test_no_label_carries_anything_personal(azpay: Azpay, webhooks: Webhooks) -> None:
    canary = a_charge(receipt_email="ada@example.com", description="canary", reference="order-canary")
    payments.charge(azpay.db, azpay.gateway, canary, now=azpay.now())
    async with running(azpay) as client:
        text = await (await client.get("/metrics")).text()

    assert "ada@example.com" not in text
    assert "canary" not in text
