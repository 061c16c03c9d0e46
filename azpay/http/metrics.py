"""`/metrics`, for Prometheus: what this process has done, and how the book stands.

The book is looked at when somebody asks, and not too often, in a thread of its own. Labels come from small
closed sets: an event type or a method that we do not handle counts as `other`, a path that is no route as
`unmatched`.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from azpay.http.gauges import Gauges

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from azpay.bootstrap import Azpay
    from azpay.inbox import Progress, Received

LOOK_SECONDS = 5.0
OTHER = "other"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OUTCOMES = ("done", "postponed", "dead")
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
        self._applied = Counter(
            "azpay_events_applied", "Events that were tried, by what came of it.", ["outcome"],
            registry=registry,
        )  # fmt: skip
        self._batches = Histogram(
            "azpay_events_batch_seconds", "Time to apply a batch.", buckets=TIMES, registry=registry
        )
        self._requests = Counter(
            "azpay_http_requests", "Answers by route, method and status.", ["route", "method", "status"],
            registry=registry,
        )  # fmt: skip
        self._times = Histogram(
            "azpay_http_request_seconds", "Time to answer.", ["route"], buckets=TIMES, registry=registry
        )
        self._event, self._secret = cache(self._events.labels), cache(self._secrets.labels)
        self._request, self._time = cache(self._requests.labels), cache(self._times.labels)

    def kept(self, event: Received, *, lag: float) -> None:
        self._event(self._known(event.envelope.type), "kept").inc()
        self._secret(event.secret).inc()
        self._lag.observe(max(lag, 0))

    def refused(self, code: str, event: Received | None = None) -> None:
        """Not kept, for the reason of an error's code."""
        self._event(self._known(event.envelope.type) if event else OTHER, code).inc()

    def repeated(self, count: int) -> None:
        self._repeated.inc(count)

    def applied(self, progress: Progress, seconds: float) -> None:
        """One batch of the worker in this process. Safe to call from its thread."""
        if not progress.taken:
            return
        self._batches.observe(seconds)
        for outcome in OUTCOMES:
            self._applied.labels(outcome).inc(getattr(progress, outcome))

    def answered(self, route: str, method: str, status: int, seconds: float) -> None:
        self._request(route, method if method in METHODS else OTHER, str(status)).inc()
        self._time(route).observe(seconds)

    def _known(self, kind: str) -> str:
        return kind if kind in self._types else OTHER


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
        self._gauges = Gauges(self._registry)
        self._registry.register(StripeCalls(azpay))
        self.counters = Counters(self._registry, azpay.handlers.events.keys())

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def text(self) -> bytes:
        """In Prometheus' format. While the book does not answer, its last figures stay."""
        if self._gauges.due_in <= 0:
            loop = asyncio.get_running_loop()
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    await loop.run_in_executor(self._thread, self._gauges.look, self._azpay)
            except TimeoutError:
                self._gauges.unanswered()
        return generate_latest(self._registry)


METRICS = web.AppKey("metrics", Metrics)


async def metrics(request: web.Request) -> web.Response:
    return web.Response(body=await request.app[METRICS].text(), headers={"Content-Type": CONTENT_TYPE_LATEST})
