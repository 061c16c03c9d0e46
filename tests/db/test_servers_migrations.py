"""Bringing a server's book up to date: by one at a time, at once, or not at all."""

from __future__ import annotations

import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import psycopg
import pytest
from sqlalchemy import inspect

from azpay.db import migrations, schema
from azpay.db.engines import APPLICATION_ID
from azpay.db.schema import State
from tests.support.books import a_book
from tests.support.cases import further

if TYPE_CHECKING:
    from tests.support.postgres import Server

pytestmark = pytest.mark.store("postgresql")

DIES = """
import os, signal, sys
from sqlalchemy import event
from azpay.db import migrations
from tests.support.books import a_book

db = a_book(sys.argv[1])
left = int(sys.argv[2])

def die(_connection, _cursor, statement, *_):
    global left
    left -= statement.lstrip().startswith(("CREATE", "ALTER"))
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)

event.listen(db.engine, "before_cursor_execute", die)
migrations.upgrade(db)
"""


@pytest.fixture
def nowhere(server: Server) -> str:
    """A database without tables."""
    return server.new_database("to_be_migrated")


def upgraded(address: str) -> bool:
    db = a_book(address)
    try:
        return migrations.upgrade(db)
    finally:
        db.close()


def test_of_several_that_start_together_one_does_it(nowhere: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(upgraded, [nowhere] * 4))

    assert sorted(made) == [False, False, False, True]


@pytest.mark.parametrize("after", [further(0), 7, further(25)])
def test_one_that_is_killed_leaves_what_was_there(nowhere: str, after: int) -> None:
    died = subprocess.run([sys.executable, "-c", DIES, nowhere, str(after)], check=False, timeout=60)

    db = a_book(nowhere)
    assert died.returncode == -signal.SIGKILL
    assert schema.state(db) is State.EMPTY
    assert inspect(db.engine).get_table_names() == []
    assert migrations.upgrade(db)
    db.close()


def test_the_second_waits_for_the_first_and_finds_nothing_left(nowhere: str) -> None:
    with psycopg.connect(nowhere) as first, ThreadPoolExecutor(1) as pool:
        first.execute(f"SELECT pg_advisory_xact_lock({APPLICATION_ID})")
        second = pool.submit(upgraded, nowhere)
        waited = not second.done()
        first.commit()

        assert second.result(60)
    assert waited
