"""Many payments, and payments that are made while a run reads."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from azpay import payments
from azpay.payments import records
from azpay.reconciliation import ObjectType, Pace, Period, until_now
from azpay.reconciliation.comparison import Comparison
from azpay.sandbox import Sandbox
from tests.reconciliation.scenes import compared, paid_elsewhere
from tests.support.builders import a_charge, a_refund

if TYPE_CHECKING:
    from azpay.bootstrap import Azpay
    from azpay.sandbox import Request, Response
    from tests.support.clock import Clock

MANY = 301
"""More than a few pages of Stripe's."""


@pytest.mark.slow
def test_of_hundreds_of_payments_the_one_that_differs_is_found(azpay: Azpay, clock: Clock) -> None:
    intents = []
    for number in range(MANY):
        intents.append(paid_elsewhere(azpay, key=f"elsewhere-{number}"))
        clock.advance(seconds=number % 2)
    missing = intents.pop(133)
    with azpay.db.writing() as session:
        for intent in intents:
            records.absorb_answer(session, intent, now=clock.now())

    report = compared(azpay)

    assert report.complete
    assert (report.run.ours, report.run.theirs) == (MANY - 1, MANY)
    assert [(drift.kind, drift.theirs) for drift in report.drifts] == [("missing_here", missing.id)]


def test_payments_on_both_sides_of_a_windows_edge_are_met(azpay: Azpay, clock: Clock) -> None:
    """Our row is written in one window, Stripe's object made in the next."""
    since = clock.now()
    for number in range(12):
        early = clock.now()
        clock.advance(seconds=2)
        payments.charge(azpay.db, azpay.gateway, a_charge(500 + number), now=early)
    period = Period(since, until_now(clock.now()))
    comparison = Comparison(azpay.db, azpay.gateway, "run_1", period, Pace(clock.now))
    comparison.window = 3

    comparison.compare(ObjectType.PAYMENT_INTENT)

    assert comparison.drifts == []
    assert (comparison.certificate.here, comparison.certificate.there) == (12, 12)


class Slow(Sandbox):
    """Takes its time to answer, one request at a time, as a network would."""

    lock = threading.Lock()

    def handle(self, request: Request, *, hold: bool = False) -> Response:
        with self.lock:
            response = super().handle(request, hold=hold)
        time.sleep(0.002)
        return response


@pytest.fixture
def stripe(clock: Clock) -> Sandbox:
    return Slow(now=clock.now, seed=7)


@pytest.mark.slow
def test_a_run_beside_a_busy_till_finds_nothing_wrong(azpay: Azpay, stripe: Sandbox) -> None:
    def work(till: int) -> None:
        for number in range(12):
            request = a_charge(
                500 + number, reference=f"till-{till}-{number}", authorize_only=number % 3 == 0
            )
            payment = payments.charge(azpay.db, azpay.gateway, request, now=azpay.now())
            if number % 3 == 0:
                payments.capture(azpay.db, azpay.gateway, payment.id, now=azpay.now())
            payments.refund(azpay.db, azpay.gateway, a_refund(payment.id, 100), now=azpay.now())

    period = Period(azpay.now() - timedelta(days=1), until_now(azpay.now()))
    with ThreadPoolExecutor(3) as tills:
        working = [tills.submit(work, till) for till in range(3)]
        during = []
        while not all(till.done() for till in working):
            during.append(compared(azpay, period=period, pause=lambda _seconds: time.sleep(0.01)))
        for till in working:
            till.result()
    after = compared(azpay, period=period)

    assert [drift for report in during for drift in report.drifts] == []
    assert len(during) > 1
    assert (after.run.ours, after.run.theirs, after.drifts) == (72, 72, [])
