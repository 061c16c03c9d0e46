"""A SQLite book whose power is cut: a real process's writes, replayed up to anywhere, torn and out of order.

strace says what the process wrote and when it had it synced. Whatever was not synced at the cut may be on the
disk, or not, or in part. Ten cuts by default; AZPAY_POWER_CUTS=2000 asks for more.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlmodel import select

from azpay.db import schema
from azpay.payments import Customer
from tests.support.books import a_book

CUTS = int(os.environ.get("AZPAY_POWER_CUTS", "10"))
SECTOR = 512
WRITES = """
import os, sys
from sqlalchemy import event
from azpay.payments import Customer
from tests.support.books import a_book
from tests.support.clock import NOON

db = a_book(sys.argv[1])
event.listen(db.engine, "connect", lambda connection, _: connection.execute("PRAGMA wal_autocheckpoint=8"))
for number in range(30):
    customer = Customer(customer=f"cus_{number}", name="n" * 40 * number, created_at=NOON, updated_at=NOON)
    db.write(lambda session: session.add(customer))
    os.write(1, b"kept")
"""
CALL = re.compile(
    r'(?P<name>pwrite64|write|fsync|fdatasync|ftruncate)\(\d+<(?P<path>[^>]*)>(, "(?P<data>[^"]*)")?'
    r"(, (?P<numbers>[0-9, ]+))?\)\s+= \d+"
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.store("sqlite"),
    pytest.mark.timeout(120 + CUTS),
    pytest.mark.skipif(shutil.which("strace") is None, reason="there is no strace to record writes with"),
]


@dataclass(frozen=True, slots=True)
class Write:
    """Bytes at a place, or a file cut to a length when there are none."""

    at: int
    data: bytes | None

    def onto(self, file: Path) -> None:
        with file.open("r+b" if file.exists() else "w+b") as opened:
            if self.data is None:
                opened.truncate(self.at)
            else:
                opened.seek(self.at)
                opened.write(self.data)


@dataclass(frozen=True, slots=True)
class Call:
    """What the process asked of the system: a write, a sync (no write), or its word that one more is kept."""

    path: str
    write: Write | None = None
    kept: bool = False


def recorded(address: str, trace: Path) -> list[Call]:
    traced = ["strace", "-f", "-y", "-xx", "-s", "100000", "-o", str(trace)]
    calls = ["-e", "trace=pwrite64,write,fsync,fdatasync,ftruncate"]
    done = subprocess.run(
        [*traced, *calls, sys.executable, "-c", WRITES, address],
        capture_output=True,
        check=False,
        timeout=100,
    )
    if b"PTRACE" in done.stderr:
        pytest.skip("strace may not trace here")
    assert done.returncode == 0, done.stderr
    return [call for line in trace.read_text().splitlines() if (call := read(line)) is not None]


def read(line: str) -> Call | None:
    found = CALL.search(line)
    if found is None:
        return None
    path = (
        bytes.fromhex(found["path"].replace("\\x", "")).decode() if "\\x" in found["path"] else found["path"]
    )
    data = bytes.fromhex((found["data"] or "").replace("\\x", ""))
    numbers = [int(number) for number in (found["numbers"] or "").split(",") if number.strip()]
    match found["name"]:
        case "write":
            return Call(path, kept=True) if data == b"kept" else None
        case "pwrite64":
            return Call(path, Write(numbers[-1], data))
        case "ftruncate":
            return Call(path, Write(numbers[-1], None))
        case _:
            return Call(path)


def cut(calls: list[Call], chance: random.Random, folder: Path) -> int:
    """What is on the disk when the power goes; how many were acknowledged before."""
    kept, waiting = 0, defaultdict[str, list[Write]](list)
    for call in calls:
        if call.kept:
            kept += 1
        elif call.write is not None:
            waiting[call.path].append(call.write)
        else:
            for write in waiting.pop(call.path, []):
                write.onto(folder / Path(call.path).name)
    for path, writes in waiting.items():
        for write in writes:
            if chance.random() < 0.5:
                torn(write, chance).onto(folder / Path(path).name)
    return kept


def torn(write: Write, chance: random.Random) -> Write:
    if write.data is None or chance.random() < 0.5:
        return write
    return Write(write.at, write.data[: SECTOR * chance.randrange(len(write.data) // SECTOR + 1)])


def test_nothing_acknowledged_is_lost_and_nothing_is_corrupt(empty_book: Path, tmp_path: Path) -> None:
    before = tmp_path / "before" / "book.db"
    before.parent.mkdir()
    shutil.copyfile(empty_book, before)
    lived = tmp_path / "lived" / "book.db"
    lived.parent.mkdir()
    shutil.copyfile(empty_book, lived)
    calls = [
        call
        for call in recorded(f"sqlite:///{lived}", tmp_path / "trace")
        if call.kept or call.path in {str(lived), f"{lived}-wal"}  # the -shm is made anew
    ]
    assert sum(call.kept for call in calls) == 30
    assert {Path(call.path).name for call in calls if call.write} == {"book.db", "book.db-wal"}

    seed = int(os.environ.get("AZPAY_SEED", "1"))
    for number in range(CUTS):
        chance = random.Random(seed * 1_000_003 + number)  # noqa: S311 - not for secrets
        folder = tmp_path / f"cut-{number}"
        folder.mkdir()
        shutil.copyfile(before, folder / "book.db")
        kept = cut(calls[: chance.randrange(len(calls) + 1)], chance, folder)
        db = a_book(f"sqlite:///{folder}/book.db")
        with db.reading() as session:
            there = {customer.customer for customer in session.exec(select(Customer))}
        problems = [check.problems for check in schema.integrity(db)]
        db.close()
        shutil.rmtree(folder)

        assert {f"cus_{each}" for each in range(kept)} <= there, f"AZPAY_SEED={seed}, cut {number}"
        assert problems == [[], []], f"AZPAY_SEED={seed}, cut {number}"
