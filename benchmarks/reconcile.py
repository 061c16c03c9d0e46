"""How long comparing takes, over a socket, page by page: `python benchmarks/reconcile.py [PAYMENTS]`."""

from __future__ import annotations

import asyncio
import multiprocessing
import resource
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from azpay.credentials import RootKey
from azpay.db import Database, Ring, migrations
from azpay.gateway.stripe import Gateway, connect
from azpay.payments import records
from azpay.reconciliation import Pace, Period, Report, reconcile
from azpay.sandbox import DEFAULT_KEY, Request, Sandbox
from azpay.sandbox.server import serve

if TYPE_CHECKING:
    from multiprocessing.queues import SimpleQueue

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
MOST = 100_000
PAYMENT = {
    "amount": "500",
    "currency": "usd",
    "payment_method": "pm_card_visa",
    "confirm": "true",
    "automatic_payment_methods[enabled]": "true",
    "automatic_payment_methods[allow_redirects]": "never",
}


def stripe(payments: int, ready: SimpleQueue[int]) -> None:
    """A sandbox in a process of its own, with one payment made in each second."""
    seconds = count()
    sandbox = Sandbox(now=lambda: NOON + timedelta(seconds=next(seconds)))
    headers = {"authorization": f"Bearer {DEFAULT_KEY}", "content-type": "application/x-www-form-urlencoded"}
    for _ in range(payments):
        sandbox.handle(Request("POST", "/v1/payment_intents", "", headers, urlencode(PAYMENT).encode()))
    asyncio.run(serve(sandbox, port=0, on_ready=ready.put))


def a_book(folder: str, gateway: Gateway, period: Period) -> Database:
    """One that has heard of everything."""
    db = Database.open(f"sqlite:///{Path(folder) / 'book.db'}", Ring.of(RootKey.make()))
    migrations.upgrade(db)
    with db.writing() as session:
        for intent in gateway.payment_intents(period.since, period.until):
            records.absorb_answer(session, intent, now=period.until)
    return db


def memory() -> int:
    """The most that this process has had so far, in KiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def measure(gateway: Gateway, payments: int) -> None:
    period = Period(NOON, NOON + timedelta(days=30))
    with tempfile.TemporaryDirectory() as folder:
        db = a_book(folder, gateway, period)
        full = compare(db, gateway, period)
        with db.writing() as session:
            session.connection().exec_driver_sql("DELETE FROM payments")
        empty = compare(db, gateway, period)
        db.close()
    assert len(empty.drifts) == empty.run.theirs == full.run.theirs == payments
    assert full.drifts == []


def compare(db: Database, gateway: Gateway, period: Period) -> Report:
    before, began = memory(), perf_counter()
    report = reconcile(db, gateway, period, pace=Pace(lambda: period.until))
    took = perf_counter() - began
    assert report.complete
    objects, drifts = report.run.theirs, len(report.drifts)
    print(
        f"| {objects:,} | {drifts:,} | {took:.1f} s | {took * 1000 / objects:.2f} s | {objects / took:,.0f} "
        f"| {(memory() - before) / 1024:.0f} MiB |"
    )
    return report


def main(payments: int) -> None:
    ready: SimpleQueue[int] = multiprocessing.SimpleQueue()
    server = multiprocessing.Process(target=stripe, args=(payments, ready), daemon=True)
    server.start()
    try:
        gateway = connect(DEFAULT_KEY, f"http://127.0.0.1:{ready.get()}")
        print(
            "| payments | drifts | time | per 1,000 | objects/s | memory grew by |\n|--:|--:|--:|--:|--:|--:|"
        )
        measure(gateway, payments)
    finally:
        server.terminate()
        server.join()


if __name__ == "__main__":
    main(min(int(sys.argv[1]), MOST) if len(sys.argv) > 1 else 2_000)
