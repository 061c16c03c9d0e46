"""A file that is run by processes: killed anywhere, interrupted, or started twice, each row moves once.

Six rows by default; LONG_TESTS=1 kills at every commit, and runs a thousand rows twice.
"""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.keeper import keeping
from tests.e2e.shop import AZPAY, Shop, environment, finish
from tests.support.cases import further
from tests.support.sheets import charges

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LONG = "LONG_TESTS" in os.environ
STEP = 1 if LONG else 30
"""Every commit of a run, or a few of them."""
ROWS, MANY = 3, 1000 if LONG else 12

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2400 if LONG else 600)]


def words(shop: Shop, rows: int = ROWS, *more: str) -> list[str]:
    file = shop.folder / "charges.csv"
    if not file.exists():
        file.write_bytes(charges(rows, name=shop.folder.name))
    return ["charge", "--file", str(file), "--results", str(shop.folder / "results.csv"), "--quiet", *more]


def results(shop: Shop) -> dict[str, str]:
    """Of what the results say succeeded: the amount of each payment."""
    with (shop.folder / "results.csv").open(encoding="utf-8-sig", newline="") as file:
        return {row["id"]: row["amount"] for row in csv.DictReader(file) if row["status"] == "succeeded"}


def at_stripe(shop: Shop) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while page := shop.at_stripe("payment_intents", **({"starting_after": found[-1]["id"]} if found else {})):
        found += page
    mine = f"{shop.folder.name}-"
    return [each for each in found if each["metadata"].get("azpay_reference", "").startswith(mine)]


def assert_each_moved_once(shop: Shop, rows: int = ROWS) -> None:
    """What the sandbox moved, what the book says and what the results say is the same."""
    there = {each["metadata"]["azpay_payment"]: each["amount_received"] for each in at_stripe(shop)}
    assert len(at_stripe(shop)) == rows
    assert sorted(there.values()) == [1000 + 100 * n for n in range(rows)]
    assert {name: f"{amount // 100}.00" for name, amount in there.items()} == results(shop)
    if rows <= 100:
        here = {each.id: each.amount_captured for each in shop.on_record()}
        assert {name: here.get(name) for name in there} == there
    assert shop.wrong_sums() == []


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """The sandbox says a line for each request. A pipe that nobody reads would fill up, and hold it."""
    command = [*AZPAY, "sandbox", "--port", "0", "--json"]
    with (
        (tmp_path / "sandbox.log").open("w") as log,
        subprocess.Popen(
            command, cwd=tmp_path, env=environment(tmp_path), stdout=subprocess.PIPE, stderr=log, text=True
        ) as sandbox,
    ):
        assert sandbox.stdout is not None
        try:
            yield Shop(tmp_path, json.loads(sandbox.stdout.readline())["data"]["api_base"])
        finally:
            sandbox.terminate()


@pytest.fixture
def bookshop(shop: Shop, address: str) -> Shop:
    """The shop with a book that is made already: in a file, or on a server."""
    return replace(shop, database=address)


def test_a_run_killed_at_any_commit_is_finished_by_the_same_command(shop: Shop) -> None:
    statuses = []
    for boundary in count(3, STEP):
        book = shop.another_book(f"book-{boundary}")

        died = book.dies(boundary, *words(book, ROWS, "--at-once", "2"))
        if died.returncode == 0:
            break
        again = book.azpay(*words(book))

        assert died.returncode == -signal.SIGKILL
        assert again.returncode == 0, again.stderr
        assert_each_moved_once(book)
        statuses.append(boundary)

    assert len(statuses) >= 2


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), further(signal.SIGKILL, -signal.SIGKILL)]
)
def test_a_run_stopped_while_stripe_answers_is_finished_by_the_same_command(
    shop: Shop, number: signal.Signals, status: int
) -> None:
    with keeping(shop.stripe) as keeper:
        running = shop.start(*words(shop, ROWS, "--at-once", "1"), stripe=keeper.address)
        assert keeper.kept.wait(60)
        running.send_signal(number)
        keeper.over.set()
        stopped = finish(running)

    again = shop.azpay(*words(shop))

    assert stopped.returncode == status, stopped.stderr
    assert "Traceback" not in stopped.stderr
    assert again.returncode == 0, again.stderr
    assert_each_moved_once(shop)


@pytest.mark.both_stores
def test_a_run_killed_between_two_rows_and_within_one_goes_on_in_either_store(bookshop: Shop) -> None:
    """The draft takes five commits; a row takes six."""
    died = [bookshop.dies(boundary, *words(bookshop, ROWS, "--at-once", "1")) for boundary in (23, 9)]

    again = bookshop.azpay(*words(bookshop))

    assert [each.returncode for each in died] == [-signal.SIGKILL] * 2
    assert again.returncode == 0, again.stderr
    assert_each_moved_once(bookshop)


@pytest.mark.both_stores
def test_two_processes_that_run_one_file_at_once_move_each_row_once(bookshop: Shop) -> None:
    both = [bookshop.start(*words(bookshop, MANY)) for _ in range(2)]

    finished = [finish(each, 1200 if LONG else 120) for each in both]

    assert [each.returncode for each in finished] == [0, 0], [each.stderr for each in finished]
    again = bookshop.azpay(*words(bookshop, MANY))
    assert again.returncode == 0
    assert_each_moved_once(bookshop, MANY)
