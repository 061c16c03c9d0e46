"""`/metrics`, for Prometheus: what this process has done, and how the book stands.

The book is looked at when somebody asks, at most every few seconds, in a thread of its own. Labels come from
small closed sets: an event type that nobody knows counts as `other`, a path that is no route as `unmatched`.
"""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from azpay import inbox, operations, payments
from azpay.errors import AzpayError
from azpay.operations import Kind
from azpay.payments import PaymentStatus

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from azpay.bootstrap import Azpay
    from azpay.inbox import Received

FRESH_SECONDS = 10.0
LOOK_SECONDS = 5.0
OTHER = "other"
LAG = (0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3600, 21600, 86400)
TIMES = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Counters:
    """What happened in this process."""

    def __init__(self, registry: CollectorRegistry, types: Collection[str]) -> None:
        self._types = types
        self._events = Counter(
            "azpay_webhook_events",
            "Events by type and what was answered.",
            ["type", "outcome"],
            registry=registry,
        )
        self._repeated = Counter("azpay_webhook_repeated", "Events that were here before.", registry=registry)
        self._secrets = Counter(
            "azpay_webhook_secret_matches", "Events by the end of the secret that matched.", ["secret"],
            registry=registry,
        )  # fmt: skip
        self._lag = Histogram(
            "azpay_webhook_delivery_lag_seconds", "From an event's making to its arrival.", buckets=LAG,
            registry=registry,
        )  # fmt: skip
        self._requests = Counter(
            "azpay_http_requests", "Answers by route, method and status.", ["route", "method", "status"],
            registry=registry,
        )  # fmt: skip
        self._times = Histogram(
            "azpay_http_request_seconds", "Time to answer.", ["route"], buckets=TIMES, registry=registry
        )

    def kept(self, event: Received, *, lag: float) -> None:
        self._events.labels(self._known(event.envelope.type), "kept").inc()
        self._secrets.labels(event.secret).inc()
        self._lag.observe(max(lag, 0))

    def refused(self, code: str, event: Received | None = None) -> None:
        """Not kept, for the reason of an error's code."""
        self._events.labels(self._known(event.envelope.type) if event else OTHER, code).inc()

    def repeated(self, count: int) -> None:
        self._repeated.inc(count)

    def answered(self, route: str, method: str, status: int, seconds: float) -> None:
        self._requests.labels(route, method, str(status)).inc()
        self._times.labels(route).observe(seconds)

    def _known(self, kind: str) -> str:
        return kind if kind in self._types else OTHER


class Gauges:
    """How the book stood when it was last looked at."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._up = Gauge("azpay_book_up", "Whether the book could be read.", registry=registry)
        self._events = Gauge("azpay_inbox_events", "Events not applied yet.", ["state"], registry=registry)
        self._age = Gauge(
            "azpay_inbox_oldest_seconds", "Age of the oldest event that waits.", registry=registry
        )
        self._open = Gauge(
            "azpay_operations_open", "Operations whose outcome is not known.", ["kind"], registry=registry
        )
        self._payments = Gauge("azpay_payments", "Payments on record.", ["status"], registry=registry)

    def unanswered(self) -> None:
        self._up.set(0)

    def look(self, azpay: Azpay) -> None:
        try:
            self._read(azpay)
        except AzpayError:
            self.unanswered()
        else:
            self._up.set(1)

    def _read(self, azpay: Azpay) -> None:
        backlog = inbox.backlog(azpay.db)
        self._events.labels("waiting").set(backlog.waiting)
        self._events.labels("dead").set(backlog.dead)
        oldest = (azpay.now() - backlog.oldest).total_seconds() if backlog.oldest else 0
        self._age.set(max(oldest, 0))
        open_now, by_status = operations.open_by_kind(azpay.db), payments.count_by_status(azpay.db)
        for kind in Kind:
            self._open.labels(kind).set(open_now.get(kind, 0))
        for status in PaymentStatus:
            self._payments.labels(status).set(by_status.get(status, 0))


class StripeCalls(Collector):
    """The gateway counts by itself."""

    def __init__(self, azpay: Azpay) -> None:
        self._gateway = azpay.gateway

    def collect(self) -> Iterator[CounterMetricFamily]:
        family = CounterMetricFamily("azpay_stripe_calls", "Tries to ask Stripe.", labels=["outcome"])
        for outcome, count in sorted(self._gateway.calls.items()):
            family.add_metric([outcome], count)
        yield family


class Metrics:
    """All of it, for one daemon."""

    def __init__(self, azpay: Azpay) -> None:
        self._azpay = azpay
        self._registry = CollectorRegistry()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="metrics")
        self._looked_at = float("-inf")
        self._gauges = Gauges(self._registry)
        self._registry.register(StripeCalls(azpay))
        self.counters = Counters(self._registry, azpay.handlers.events.keys())

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def text(self) -> bytes:
        """In Prometheus' format. While the book does not answer, its last figures stay."""
        if time.monotonic() - self._looked_at > FRESH_SECONDS:
            loop = asyncio.get_running_loop()
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    await loop.run_in_executor(self._thread, self._gauges.look, self._azpay)
            except TimeoutError:
                self._gauges.unanswered()
            self._looked_at = time.monotonic()
        return generate_latest(self._registry)


METRICS = web.AppKey("metrics", Metrics)


async def metrics(request: web.Request) -> web.Response:
    return web.Response(body=await request.app[METRICS].text(), headers={"Content-Type": CONTENT_TYPE_LATEST})
