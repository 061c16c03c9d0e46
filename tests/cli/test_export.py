"""`azpay export payments`, and the whole listings of `azpay history`: as they come, however many."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from azpay import payments
from azpay.bootstrap import tables
from azpay.payments import PaymentStatus, Query, Sort
from azpay.payments.exports import BATCH, exported
from tests.support.builders import a_charge
from tests.support.clock import NOON
from tests.support.programs import environment

from .running import answer, run

if TYPE_CHECKING:
    from azpay.bootstrap import Azpay
    from azpay.db import Database

KINDS = [PaymentStatus.SUCCEEDED, PaymentStatus.FAILED, PaymentStatus.CANCELED]


def a_row(number: int) -> dict[str, Any]:
    amounts = {"amount": 100 + number * 7 % 50, "amount_captured": 0, "amount_refunded": 0}
    times = {"as_of": NOON, "created_at": NOON, "updated_at": NOON}
    known = {"id": f"pay_{number:018}", "status": KINDS[number % 3], "currency": "eur", "origin": "azpay"}
    told = {"description": f"=Order {number}, naïve", "metadata": {"n": str(number)}, "livemode": False}
    return amounts | times | known | told


def fill(db: Database, count: int) -> None:
    with db.writing() as session:
        session.connection().execute(tables().tables["payments"].insert(), [a_row(n) for n in range(count)])


def rows_of(sheet: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(sheet.decode("utf-8").removeprefix("\ufeff"))))


def test_an_export_has_every_payment_oldest_first(azpay: Azpay) -> None:
    fill(azpay.db, BATCH + 5)

    lines = run(azpay, "export", "payments", "--format", "ndjson").stdout.splitlines()
    sheet = rows_of(run(azpay, "export", "payments").stdout_bytes)

    told = [json.loads(line) for line in lines]
    assert [each["id"] for each in told] == [f"pay_{number:018}" for number in range(BATCH + 5)]
    assert [row["id"] for row in sheet] == [each["id"] for each in told]
    assert (told[7]["description"], told[7]["metadata"]) == ("=Order 7, naïve", {"n": "7"})
    assert (sheet[7]["description"], sheet[7]["amount"], sheet[7]["currency"]) == (
        "'=Order 7, naïve",
        "1.49",
        "EUR",
    )


def test_a_line_says_what_a_page_says(azpay: Azpay) -> None:
    wanted = a_charge(reference="order-1", description="two\x1b books", metadata={"cart": "7"})
    payments.charge(azpay.db, azpay.gateway, wanted, now=azpay.now())

    line = json.loads(run(azpay, "export", "payments", "--format", "ndjson").stdout)
    page = answer(azpay, "history", schema="azpay.payments/1")

    assert [line] == page["payments"]


def test_filters_choose_what_is_exported(azpay: Azpay) -> None:
    fill(azpay.db, 30)
    words = ["--status", "failed", "--currency", "eur", "--min", "1.20", "--search", "naive"]

    found = rows_of(run(azpay, "export", "payments", *words[:6]).stdout_bytes)
    none = rows_of(run(azpay, "export", "payments", *words).stdout_bytes)

    assert {row["status"] for row in found} == {"failed"}
    assert [row["id"] for row in found] == [
        f"pay_{n:018}" for n in range(30) if n % 3 == 1 and 100 + n * 7 % 50 >= 120
    ]
    assert none == []


@pytest.mark.parametrize("sort", list(Sort))
@pytest.mark.parametrize("ascending", [True, False])
def test_statuses_are_exported_in_one_order(db: Database, sort: Sort, ascending: bool) -> None:
    fill(db, 60)
    query = Query(statuses=KINDS[:2], sort=sort, ascending=ascending, limit=1000)

    found = [payment.id for payment in exported(db, query)]

    assert found == [payment.id for payment in payments.history(db, query).payments]


@pytest.mark.parametrize("form", ["csv", "ndjson"])
def test_a_listing_in_lines_is_whole_unless_a_page_is_asked_for(azpay: Azpay, form: str) -> None:
    fill(azpay.db, 60)

    whole = run(azpay, "history", "--format", form)
    page = run(azpay, "history", "--format", form, "--limit", "50")

    titles = 1 if form == "csv" else 0
    assert len(whole.stdout.splitlines()) == 60 + titles
    assert len(page.stdout.splitlines()) == 50 + titles
    assert ("More: --cursor" in whole.stderr, "More: --cursor" in page.stderr) == (False, True)


def test_how_many_there_are_is_said_on_request(azpay: Azpay) -> None:
    fill(azpay.db, 60)

    data = answer(
        azpay, "history", "--status", "failed", "--limit", "5", "--count", schema="azpay.payments/1"
    )
    told = run(azpay, "history", "--limit", "5", "--count")

    assert (len(data["payments"]), data["total"]) == (5, 20)
    assert "60 in all." in told.stderr


@pytest.mark.parametrize("words", [["--format", "pdf"], ["--json"], ["--min", "5"]])
def test_an_export_that_cannot_be_made_is_a_usage_error(azpay: Azpay, words: list[str]) -> None:
    assert run(azpay, "export", "payments", *words).exit_code == 2


STATUS = Path("/proc/self/status")
MEMORY = """
import re, sys
from pathlib import Path
from azpay.__main__ import main
try:
    main()
finally:  # what `getrusage` says counts the process that started this one, too
    print(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1], file=sys.stderr)
"""


@pytest.mark.slow
@pytest.mark.skipif(not STATUS.exists(), reason="only Linux tells a process its peak")
def test_memory_does_not_grow_with_the_number_of_payments(db: Database, tmp_path: Path) -> None:
    peaks = []
    for count in (BATCH, 10 * BATCH):
        with db.writing() as session:
            session.connection().exec_driver_sql("DELETE FROM payments")
        fill(db, count)
        command = [sys.executable, "-c", MEMORY, "export", "payments", "--format", "ndjson"]
        done = subprocess.run(
            command, env=environment(db, tmp_path), cwd=tmp_path, capture_output=True, text=True, check=True
        )
        assert len(done.stdout.splitlines()) == count
        peaks.append(int(done.stderr.split()[-1]))

    assert peaks[1] - peaks[0] < 20 * 1024  # KiB, of which SQLite keeps up to 16 of what it read


def test_help_begins_with_examples() -> None:
    told = run(None, "export", "payments", "--help").stdout
    lines = [line.strip() for line in told.splitlines() if line.strip()]

    assert lines[2] == "Examples"
