"""How the book stands, for `/metrics`: looked at when somebody asks, and never for long.

Nothing reads more than an index. The longer a look takes, the later comes the next one, so that watching a
book of millions costs it a hundredth of a processor at most.
"""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from prometheus_client import CollectorRegistry, Gauge

from azpay import inbox, operations, payments
from azpay.errors import AzpayError
from azpay.http.readiness import clock_skew
from azpay.operations import Kind, State
from azpay.payments import PaymentStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from azpay.bootstrap import Azpay

FRESH_SECONDS = 10.0
SHARE = 100
"""A look is not repeated before so many times as long as it took."""

RATED = timedelta(hours=1)
UNKNOWN = float("nan")

Name = TypeVar("Name", bound=str)


class Gauges:
    """The figures stay as they were while the book cannot be read, and `azpay_book_up` says so."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._due = float("-inf")

        def gauge(name: str, said: str, *labels: str) -> Gauge:
            return Gauge(f"azpay_{name}", said, labels, registry=registry)

        self._up = gauge("book_up", "Whether the book could be read.")
        self._events = gauge("inbox_events", "Events not applied yet.", "state")
        self._age = gauge("inbox_oldest_seconds", "Since the oldest event that waits has been due.")
        self._swept = gauge("sweep_age_seconds", "Since Stripe's events were looked through; -1 for never.")
        self._skew = gauge("clock_skew_seconds", "Our clock's distance from Stripe's; NaN while unknown.")
        self._open = gauge("operations_open", "Operations whose outcome is not known.", "kind")
        self._operations = gauge("operations", "Operations on record.", "state")
        self._payments = gauge("payments", "Payments on record.", "status")
        self._recent = gauge("payments_last_hour", "Payments made within the last hour.", "status")
        self._rate = gauge(
            "payment_success_ratio", "Of the last hour's payments that succeeded or failed; NaN without any."
        )

    @property
    def due_in(self) -> float:
        """Seconds until it is worth looking again."""
        return self._due - time.monotonic()

    def unanswered(self) -> None:
        self._up.set(0)
        self._due = time.monotonic() + FRESH_SECONDS

    def look(self, azpay: Azpay) -> None:
        began = time.monotonic()
        try:
            self._read(azpay)
        except AzpayError:
            self.unanswered()
        else:
            self._up.set(1)
            ended = time.monotonic()
            self._due = ended + max(FRESH_SECONDS, SHARE * (ended - began))

    def _read(self, azpay: Azpay) -> None:
        self._read_inbox(azpay)
        now, db = azpay.now(), azpay.db
        age, skew = inbox.sweep_age(db, now=now), clock_skew(db, azpay.gateway, now=now)
        self._swept.set(-1 if age is None else age.total_seconds())
        self._skew.set(UNKNOWN if skew is None else skew.total_seconds())
        _tell(self._open, Kind, operations.open_by_kind(db))
        _tell(self._operations, State, operations.count_by_state(db))
        _tell(self._payments, PaymentStatus, payments.count_by_status(db))
        recent = payments.count_by_status(db, since=now - RATED)
        _tell(self._recent, PaymentStatus, recent)
        self._rate.set(_success(recent))

    def _read_inbox(self, azpay: Azpay) -> None:
        backlog = inbox.backlog(azpay.db)
        self._events.labels("waiting").set(backlog.waiting)
        self._events.labels("dead").set(backlog.dead)
        oldest = (azpay.now() - backlog.oldest).total_seconds() if backlog.oldest else 0
        self._age.set(max(oldest, 0))


def _tell(gauge: Gauge, names: Iterable[Name], counts: Mapping[Name, int]) -> None:
    for name in names:
        gauge.labels(name).set(counts.get(name, 0))


def _success(counts: Mapping[PaymentStatus, int]) -> float:
    good, bad = (counts.get(status, 0) for status in (PaymentStatus.SUCCEEDED, PaymentStatus.FAILED))
    return good / (good + bad) if good + bad else UNKNOWN
