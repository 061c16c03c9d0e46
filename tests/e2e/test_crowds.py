"""Sixteen processes that want the same thing, or more than there is: done once, and as often as can be.

On SQLite by default; `--store postgresql` tries a server's book.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.oracle import assert_all_is_told
from tests.e2e.shop import Shop, a_sandbox, environment

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CROWD = [sys.executable, str(Path(__file__).with_name("crowd.py"))]
MANY = 16
DONE, UNAVAILABLE, CONFLICT, UNKNOWN = 0, 5, 7, 8
CHARGE = ["charge", "10.00", "usd", "--method", "pm_card_visa"]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@dataclass(frozen=True, slots=True)
class Told:
    """What one of them said."""

    status: int
    data: dict[str, Any]
    err: str


@pytest.fixture
def shop(tmp_path: Path, address: str) -> Iterator[Shop]:
    with a_sandbox(tmp_path) as stripe:
        yield Shop(tmp_path, stripe, database=address)


def all_at_once(shop: Shop, commands: Sequence[Sequence[str]]) -> list[Told]:
    order = {
        "commands": [[*words, "--json"] for words in commands],
        "folder": str(shop.folder),
        "environment": shop.settings(),
    }
    crowd = subprocess.run(
        CROWD,
        input=json.dumps(order),
        cwd=Path.cwd(),
        env=environment(shop.folder, PYTHONPATH=os.pathsep.join(filter(None, sys.path))),
        capture_output=True,
        text=True,
        check=True,
        timeout=240,
    )
    return [told(shop.folder, number, status) for number, status in enumerate(json.loads(crowd.stdout))]


def told(folder: Path, number: int, status: int) -> Told:
    said = json.loads((folder / f"crowd.{number}.out").read_text())
    return Told(status, said["data"], (folder / f"crowd.{number}.err").read_text())


@pytest.mark.further
def test_one_key_typed_by_sixteen_at_once_is_one_charge(shop: Shop) -> None:
    words = [*CHARGE, "--idempotency-key", "invoice-7"]

    crowd = all_at_once(shop, [words] * MANY)
    after = shop.azpay(*words, "--json")

    others = {(each.status, each.data["code"]) for each in crowd if each.status not in {DONE, UNKNOWN}}
    assert others <= {(UNAVAILABLE, "database_unavailable")}  # a slow machine, and five seconds' patience
    assert after.returncode == DONE
    [payment] = shop.on_record()
    assert json.loads(after.stdout)["data"]["id"] == payment.id
    assert {each.data["id"] for each in crowd if each.status == DONE} <= {payment.id}
    assert len(shop.at_stripe("payment_intents")) == len(shop.at_stripe("charges")) == 1
    assert_all_is_told(shop)


def test_sixteen_refunds_at_once_of_what_bears_three_are_three(shop: Shop) -> None:
    shop.azpay(*CHARGE, "--reference", "order-1")
    refund = ["refund", "order-1", "3.00", "--allow-duplicate", "--yes", "--note"]

    crowd = all_at_once(shop, [[*refund, f"try {number}"] for number in range(MANY)])

    assert Counter(each.status for each in crowd) == {DONE: 3, CONFLICT: MANY - 3}
    refused = [each.data for each in crowd if each.status == CONFLICT]
    assert {each["code"] for each in refused} == {"refund_exceeds_payment"}
    assert all("USD 1.00 that is left" in each["message"] for each in refused)
    assert [each["amount"] for each in shop.at_stripe("refunds")] == [300, 300, 300]
    assert_all_is_told(shop)
