"""What looking after a long book takes: `python benchmarks/upkeep.py ADDRESS [PAYMENTS [STEP …]]`.

Steps: check, backup, copy, rekey; all of them by default, in this order. The book at ADDRESS is made if it is
not there, and kept under its own key. `copy` goes to the other store: into a scratch file, or into the empty
database that AZPAY_BENCHMARK_TARGET names. `rekey` works on a copy of a file, and on a server's book itself,
there and back. Rows a second are of this process's time; the wall's are beside them.
"""

from __future__ import annotations

import os
import resource
import shutil
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter, process_time
from typing import TYPE_CHECKING

import long_book

from azpay import bootstrap
from azpay.cli.backups import prove
from azpay.cli.copying import _plan
from azpay.credentials import RootKey
from azpay.db import Database, Ring, backups, copying, proving, rekeying
from azpay.db.soundness import soundness
from azpay.payments import checks

if TYPE_CHECKING:
    from collections.abc import Callable

NEXT = RootKey(bytes(range(1, 33)))
TARGET = "AZPAY_BENCHMARK_TARGET"


def main(address: str, count: int, steps: list[str]) -> None:
    db = long_book.opened(address, NEXT)
    long_book.fill(db, count)
    print(f"{count:,} payments in {db.engine.dialect.name}")
    with tempfile.TemporaryDirectory() as folder:
        for step in steps or STEPS:
            STEPS[step](db, count, Path(folder))
    db.close()


def check(db: Database, count: int, _folder: Path) -> None:
    timed("check: the store", count, lambda: soundness(db))
    timed("check: each value", count, lambda: proving.values(db))
    timed("check: the sums", count, lambda: list(checks.sums(db)))


def backup(db: Database, count: int, folder: Path) -> None:
    timed(
        "backup, and its proof", count, lambda: backups.take(db, folder, now=datetime.now(UTC), prove=prove)
    )


def copy(db: Database, count: int, folder: Path) -> None:
    scratch = f"sqlite:///{folder / 'copy.db'}"
    target = Database.open(os.environ.get(TARGET, scratch), Ring.of(long_book.ROOT))
    plan = _plan()
    copying.prepare(db, target, plan)
    timed("copy", count, lambda: copying.copy(db, target, plan, advance=lambda _rows: None))
    timed("copy: comparing", count, lambda: different(db, target))
    copying.finish(target)
    target.close()


def different(db: Database, target: Database) -> None:
    assert all(here == there for _, here, there in copying.compare(db, target, _plan()))


def rekey(db: Database, count: int, folder: Path) -> None:
    book, keys = db, [NEXT, long_book.ROOT]
    if db.embedded:
        copied = shutil.copy(str(db.engine.url.database), folder / "rekeyed.db")
        book, keys = long_book.opened(f"sqlite:///{copied}", NEXT), [NEXT]
    for key in keys:
        timed(f"rekey to {key.id}", count, lambda key=key: moved(book, key))


def moved(db: Database, key: RootKey) -> None:
    rekeying.rekey(db, key.id, follow=bootstrap.follow_a_rekey(), advance=lambda _rows: None)


def timed(what: str, rows: int, work: Callable[[], object]) -> None:
    wall, own = perf_counter(), process_time()
    work()
    wall, own = perf_counter() - wall, process_time() - own
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{what:24}{wall:>9.1f} s{own:>9.1f} s{rows / own:>12,.0f} payments/s{most:>7} MiB", flush=True)


STEPS = {"check": check, "backup": backup, "copy": copy, "rekey": rekey}

if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if sys.argv[2:] else 1_000_000, sys.argv[3:])
