"""A server that answers no more, takes no more, or may not: each is said, and all is whole afterwards."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from tempfile import gettempdir
from typing import TYPE_CHECKING

import pytest
from sqlmodel import select

from azpay.db import Database
from azpay.db.database import DatabaseUnavailable
from azpay.db.patience import GRACE_SECONDS
from azpay.db.postgres import Limits, without_hurry
from azpay.payments import Customer, Query, charge, history
from tests.support.books import a_ring
from tests.support.builders import a_charge
from tests.support.clock import NOON
from tests.support.relays import Relay, a_relay

if TYPE_CHECKING:
    from collections.abc import Iterator

    from azpay.bootstrap import Azpay
    from azpay.gateway.stripe import Gateway
    from azpay.sandbox import Sandbox
    from tests.support.postgres import Server

pytestmark = pytest.mark.store("postgresql")

A_DISK = 32 * 2**20
STATEMENT, CONNECTING = 1, 2
SILENCE = STATEMENT + GRACE_SECONDS


@pytest.fixture
def relay(db: Database) -> Iterator[Relay]:
    with a_relay(f"{db.engine.url.query['host']}/.s.PGSQL.5432") as relay:
        yield relay


@pytest.fixture
def far_away(db: Database, relay: Relay) -> Iterator[Database]:
    """The same book, over the relay."""
    url = db.engine.url.set(host="127.0.0.1", port=relay.port, query={})
    limits = Limits(connect_seconds=CONNECTING, statement_seconds=STATEMENT)
    far = Database.open(url.render_as_string(hide_password=False), a_ring(), limits)
    yield far
    far.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 32 MB, beside pytest's folder, which the server's user may not enter."""
    mount, umount = shutil.which("mount"), shutil.which("umount")
    if os.getuid() or mount is None or umount is None:
        pytest.skip("only root may mount a small disk")
    folder = Path(gettempdir(), f"azpay-disk-{tmp_path.parent.parent.name}-{tmp_path.name}")
    folder.mkdir()
    asked = [mount, "-t", "tmpfs", "-o", f"size={A_DISK}", "azpay", str(folder)]
    mounted = subprocess.run(asked, capture_output=True, check=False).returncode == 0
    try:
        if not mounted:
            pytest.skip("nothing may be mounted here")
        yield folder
    finally:
        if mounted:
            subprocess.run([umount, "--lazy", str(folder)], check=True)
        folder.rmdir()


def a_customer(name: str) -> Customer:
    return Customer(customer=f"cus_{name}", created_at=NOON, updated_at=NOON)


def customers_of(db: Database) -> set[str]:
    with db.reading() as session:
        return {each.customer for each in session.exec(select(Customer))}


@pytest.mark.slow
def test_a_line_that_fell_silent_is_given_up_and_made_anew(
    far_away: Database, relay: Relay, gateway: Gateway, stripe: Sandbox
) -> None:
    charge(far_away, gateway, a_charge(reference="before"), now=NOON)
    relay.open.clear()
    began = time.monotonic()

    with pytest.raises(DatabaseUnavailable):
        charge(far_away, gateway, a_charge(reference="meanwhile"), now=NOON)

    assert time.monotonic() - began < SILENCE + 2 * CONNECTING + 5
    assert len(stripe.payment_intents) == 1
    relay.open.set()
    charge(far_away, gateway, a_charge(reference="after"), now=NOON)
    assert {each.reference for each in history(far_away, Query()).payments} == {"before", "after"}


@pytest.mark.slow
def test_a_line_that_falls_silent_in_the_middle_is_given_up(far_away: Database, relay: Relay) -> None:
    with pytest.raises(DatabaseUnavailable, match="said nothing"), far_away.reading() as session:  # noqa: PT012
        session.exec(select(Customer)).all()
        relay.open.clear()
        session.exec(select(Customer)).all()

    relay.open.set()
    assert customers_of(far_away) == set()


@pytest.mark.slow
def test_what_takes_long_by_nature_is_waited_for(far_away: Database) -> None:
    with far_away.reading() as session:
        without_hurry(session.connection())
        session.connection().exec_driver_sql(f"SELECT pg_sleep({SILENCE + 1})")

    with pytest.raises(DatabaseUnavailable, match="statement timeout"), far_away.reading() as session:
        session.connection().exec_driver_sql("SELECT pg_sleep(30)")


def test_a_server_that_only_reads_is_said_before_anything_is_sent(
    azpay: Azpay, server: Server, stripe: Sandbox
) -> None:
    charge(azpay.db, azpay.gateway, a_charge(reference="before"), now=NOON)
    name = azpay.db.engine.url.database
    server.run(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    azpay.db.engine.dispose()

    with pytest.raises(DatabaseUnavailable, match="read-only"):
        charge(azpay.db, azpay.gateway, a_charge(reference="meanwhile"), now=NOON)

    seen = [payment.reference for payment in history(azpay.db, Query()).payments]
    server.run(f"ALTER DATABASE {name} RESET default_transaction_read_only")
    azpay.db.engine.dispose()
    charge(azpay.db, azpay.gateway, a_charge(reference="after"), now=NOON)
    assert seen == ["before"]
    assert len(stripe.charges) == 2


@contextmanager
def a_full(disk: Path, db: Database, server: Server) -> Iterator[None]:
    """The book's customers move to the small disk, and something else takes all of its room."""
    shutil.chown(disk, Path(str(db.engine.url.query["host"])).owner())
    server.run(f"CREATE TABLESPACE small LOCATION '{disk}'")
    server.run("ALTER TABLE customers SET TABLESPACE small", str(db.engine.url.database))
    filler = disk / "filler"
    with filler.open("wb") as file:
        file.write(b"\0" * (shutil.disk_usage(disk).free - 64 * 1024))
    try:
        yield
    finally:
        filler.unlink()


def add(db: Database, customer: Customer) -> None:
    db.write(lambda session: session.add(customer))


def test_a_full_disk_of_the_server_loses_nothing_that_was_acknowledged(
    db: Database, server: Server, small_disk: Path
) -> None:
    kept: list[str] = []
    with a_full(small_disk, db, server), pytest.raises(DatabaseUnavailable, match="No space left"):  # noqa: PT012
        for number in range(500):
            add(db, Customer(customer=f"cus_{number}", name="n" * 1500, created_at=NOON, updated_at=NOON))
            kept.append(f"cus_{number}")

    there = customers_of(db)
    add(db, a_customer("later"))
    server.run("ALTER TABLE customers SET TABLESPACE pg_default", str(db.engine.url.database))
    server.run("DROP TABLESPACE small")
    assert len(kept) > 10
    assert there == set(kept)
