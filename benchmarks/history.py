"""What a page of history costs in a long book: `python benchmarks/history.py [PAYMENTS [ADDRESS]]`.

Each filter in each order: the first page, the page after row N/2 by cursor and by offset, and the count; and
how many payments leave the book in a second. The book is made first, in SQLite among the temporary files of
the system, unless ADDRESS names an empty database. Compare with the same machine's bare `select`.
"""

from __future__ import annotations

import random
import resource
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert

from azpay import payments
from azpay.bootstrap import tables
from azpay.credentials import RootKey
from azpay.db import Database, Ring, migrations, new_id
from azpay.payments import PaymentStatus, Query, Sort, searching
from azpay.payments.exports import exported

if TYPE_CHECKING:
    from collections.abc import Callable

BEGAN = datetime(2025, 1, 1, tzinfo=UTC)
BATCH, TRIES = 5000, 5
WEIGHTS = {
    PaymentStatus.SUCCEEDED: 900,
    PaymentStatus.FAILED: 80,
    PaymentStatus.CANCELED: 19,
    PaymentStatus.UNKNOWN: 1,
}
NOT_IN_CSV = (
    "payment_method", "receipt_email", "metadata_", "failure_message", "next_action_url", "capture_before",
    "origin", "livemode", "updated_at",
)  # fmt: skip


def filters(count: int) -> dict[str, dict[str, Any]]:
    middle = BEGAN + timedelta(seconds=31 * count)
    return {
        "nothing": {},
        "a status": {"statuses": [PaymentStatus.SUCCEEDED]},
        "a rare status": {"statuses": [PaymentStatus.UNKNOWN]},
        "two statuses": {"statuses": [PaymentStatus.SUCCEEDED, PaymentStatus.FAILED]},
        "a customer": {"customer": "cus_big"},
        "a reference": {"reference": "subscription"},
        "a currency": {"currency": "usd"},
        "amounts": {"currency": "usd", "least": 5_000, "most": 95_000},
        "a period": {"since": BEGAN + timedelta(days=1), "until": middle},
        "a common word": {"search": "shoes"},
        "a rare word": {"search": "cart-7"},
        "an e-mail": {"search": "payer7@example.com"},
    }


def a_row(number: int, chance: random.Random) -> dict[str, Any]:
    at, amount = BEGAN + timedelta(seconds=31 * number), chance.randrange(100, 100_000)
    (status,) = chance.choices([*WEIGHTS], [*WEIGHTS.values()])
    return {
        "id": new_id("pay", at),
        "payment_intent": f"pi_{number:024}",
        "status": status,
        "currency": chance.choice(["usd", "usd", "usd", "eur", "jpy"]),
        "amount": amount,
        "amount_captured": amount if status is PaymentStatus.SUCCEEDED else 0,
        "amount_refunded": 0,
        "customer": chance.choice(["cus_big", "cus_big", f"cus_{chance.randrange(20_000)}"]),
        "reference": chance.choice(["subscription", "subscription", f"order-{number}"]),
        "description": f"Order {number}, {chance.choice(['books', 'shoes', 'tea'])}",
        "receipt_email": f"payer{chance.randrange(30_000)}@example.com",
        "metadata": {"cart": f"cart-{number % 50_000}"},
        "origin": "azpay",
        "livemode": False,
        "as_of": at,
        "created_at": at,
        "updated_at": at,
    }


def fill(db: Database, count: int) -> None:
    """Made in bulk, under the book's own encryption, words for the search included."""
    chance = random.Random(7)  # noqa: S311 - the same book every time
    for begin in range(0, count, BATCH):
        rows = [a_row(number, chance) for number in range(begin, min(begin + BATCH, count))]
        with db.writing() as session:
            session.connection().execute(insert(tables().tables["payments"]), [dict(row) for row in rows])
            searching.index_rows(session.connection(), rows)
    with db.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint" if db.embedded else "VACUUM ANALYZE")


def best(work: Callable[[], Any], tries: int = TRIES) -> float:
    """Milliseconds of the fastest of some."""
    times = []
    for _ in range(tries):
        began = perf_counter()
        work()
        times.append(perf_counter() - began)
    return min(times) * 1000


def measure(db: Database, count: int) -> None:
    ids = "SELECT id FROM payments ORDER BY created_at DESC, id DESC LIMIT 50"
    with db.engine.connect() as connection:
        print(f"select of 50 ids by the driver: {best(lambda: connection.exec_driver_sql(ids).all()):.2f} ms")
    print(f"{'':16}{'order':9}{'first':>9}{'cursor':>9}{'offset':>9}{'count':>9}   ms")
    for name, wanted in filters(count).items():
        for sort in Sort:
            print(
                f"{name:16}{sort:9}" + "".join(f"{each:>9}" for each in costs(db, wanted, sort, count // 2))
            )


def costs(db: Database, wanted: dict[str, Any], sort: Sort, deep: int) -> list[str]:
    query = Query(**wanted, sort=sort)
    far = Query(**wanted, sort=sort, offset=deep)
    cursor = payments.history(db, far).next
    after = Query(**wanted, sort=sort, cursor=cursor)
    return [
        f"{best(lambda: payments.history(db, query)):.2f}",
        f"{best(lambda: payments.history(db, after)):.2f}" if cursor else "-",
        f"{best(lambda: payments.history(db, far), 2):.1f}",
        f"{best(lambda: payments.count(db, query), 2):.1f}",
    ]


def stream(db: Database) -> None:
    for form, without in (("ndjson", ()), ("csv", NOT_IN_CSV)):
        began = perf_counter()
        rows = sum(1 for _ in exported(db, Query(), without=without))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        print(f"fields of {form}: {rows / (perf_counter() - began):,.0f} payments/s, at most {peak} MiB")


def main(count: int, address: str) -> None:
    db = Database.open(address, Ring.of(RootKey.make()))
    migrations.upgrade(db)
    seconds = best(lambda: fill(db, count), 1) / 1000
    print(f"{count:,} payments made in {seconds:.0f} s, in {db.engine.dialect.name}")
    stream(db)
    measure(db, count)
    db.close()


if __name__ == "__main__":
    number = int(sys.argv[1]) if sys.argv[1:] else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        main(number, sys.argv[2] if sys.argv[2:] else f"sqlite:///{Path(folder) / 'book.db'}")
