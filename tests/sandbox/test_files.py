"""A sandbox in a file: every request is there before it is answered."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from azpay.sandbox import Sandbox
from azpay.sandbox.database import InUse, NotAState
from tests.sandbox.conftest import NOON
from tests.sandbox.payments import post, sums

if TYPE_CHECKING:
    from pathlib import Path

PAYMENT = {
    "amount": "2000",
    "currency": "usd",
    "payment_method": "pm_card_visa",
    "confirm": "true",
    "automatic_payment_methods[enabled]": "true",
    "automatic_payment_methods[allow_redirects]": "never",
}
DIES = """
import os, sys
from datetime import UTC, datetime
from pathlib import Path
from azpay.sandbox import Sandbox
from tests.sandbox.payments import post
sandbox = Sandbox.open(Path(sys.argv[1]), now=lambda: datetime(2026, 11, 20, 12, tzinfo=UTC))
print(post(sandbox, "/v1/customers", {"name": "Ada"}).body.decode(), flush=True)
os.kill(os.getpid(), 9)
"""


def opened(file: Path) -> Sandbox:
    return Sandbox.open(file, now=lambda: NOON)


def test_a_sandbox_goes_on_where_its_file_was_left(tmp_path: Path) -> None:
    file = tmp_path / "state.db"
    first = opened(file)
    post(first, "/v1/payment_intents", PAYMENT)
    known = (first.payment_intents, first.events, first.balance_transactions, sums(first))
    first.close()

    again = opened(file)

    assert (again.payment_intents, again.events, again.balance_transactions, sums(again)) == known
    again.advance(3 * 86_400)
    assert again.charges[0]["balance_transaction"] == again.balance_transactions[0]["id"]
    again.close()


def test_only_its_owner_can_read_it(tmp_path: Path) -> None:
    file = tmp_path / "state.db"

    sandbox = opened(file)

    post(sandbox, "/v1/customers")
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
    sandbox.close()
    assert list(tmp_path.iterdir()) == [file]


def test_what_was_answered_survives_a_kill(tmp_path: Path) -> None:
    file = tmp_path / "state.db"

    killed = subprocess.run([sys.executable, "-c", DIES, str(file)], capture_output=True, check=False)

    again = opened(file)
    assert killed.returncode == -9
    assert [customer["id"] for customer in again.customers] == [json.loads(killed.stdout)["id"]]
    again.close()


def test_two_sandboxes_cannot_share_a_file(tmp_path: Path) -> None:
    file = tmp_path / "state.db"
    sandbox = opened(file)

    with pytest.raises(InUse, match="locked"):
        opened(file)

    assert post(sandbox, "/v1/customers").status == 200
    sandbox.close()


@pytest.mark.parametrize("content", [b"hello", b"{}", os.urandom(5000)])
def test_a_file_of_another_kind_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "diary"
    file.write_bytes(content)

    with pytest.raises(NotAState):
        opened(file)

    assert file.read_bytes() == content


def test_another_programs_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "diary.db"
    with closing(sqlite3.connect(file)) as diary:
        diary.execute("CREATE TABLE diary (entry)")

    with pytest.raises(NotAState):
        opened(file)

    with closing(sqlite3.connect(file)) as diary:
        assert diary.execute("SELECT name FROM sqlite_schema").fetchall() == [("diary",)]
        assert diary.execute("PRAGMA journal_mode").fetchone() == ("delete",)
