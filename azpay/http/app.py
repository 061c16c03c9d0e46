"""What can be asked over HTTP, and what the answers are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from azpay import inbox
from azpay.http import health, requests, webhooks
from azpay.http.intake import Intake
from azpay.http.limits import LARGEST_BODY, PATIENCE, Patience
from azpay.http.metrics import METRICS, Counters, Metrics, metrics
from azpay.http.proxies import PROXIES, Proxies

if TYPE_CHECKING:
    from collections.abc import Sequence

    from azpay.bootstrap import Azpay
    from azpay.inbox import Received
    from azpay.worker import Worker

ROUTES = (
    web.post(webhooks.PATH, webhooks.stripe_webhook),
    web.get("/healthz", health.healthz),
    web.get("/readyz", health.readyz),
    web.get("/metrics", metrics),
)


def build(azpay: Azpay, worker: Worker | None, patience: Patience | None = None) -> web.Application:
    """The application. `worker` is the one in this process, if there is one. Raises NoWebhookSecret."""
    app = web.Application(middlewares=[requests.answering], client_max_size=LARGEST_BODY)
    app[PATIENCE] = patience or Patience()
    app[webhooks.DOOR] = webhooks.Door(azpay)
    app[health.READINESS] = health.Readiness(azpay, worker)
    app[PROXIES] = Proxies(azpay.settings.trusted_proxies)
    app[METRICS] = Metrics(azpay)
    if worker is not None:
        worker.watch(app[METRICS].counters.applied)
    app[webhooks.INTAKE] = _intake(azpay, worker, app[METRICS].counters)
    app.add_routes(ROUTES)
    app.on_cleanup.append(_close)
    return app


def _intake(azpay: Azpay, worker: Worker | None, counters: Counters) -> Intake:
    def store(events: Sequence[Received]) -> int:
        new = inbox.keep(azpay.db, events, now=azpay.now())
        counters.repeated(len(events) - new)
        if worker is not None:
            worker.wake()
        return new

    return Intake(store)


async def _close(app: web.Application) -> None:
    app[webhooks.INTAKE].close()
    app[health.READINESS].close()
    app[METRICS].close()
