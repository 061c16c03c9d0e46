"""Real parts for every test: a migrated book on disk, the sandbox behind the real Stripe SDK, one clock."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import stripe as sdk
from hypothesis import settings as hypothesis_settings

from azpay import settings as azpay_settings
from azpay.bootstrap import HANDLERS, Azpay
from azpay.db import Database, migrations
from azpay.gateway.stripe import Gateway
from azpay.sandbox import Sandbox
from tests.support.books import a_book
from tests.support.clock import Clock
from tests.support.stripe_transport import InProcessHTTPClient
from tests.support.webhooks import Webhooks

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = "sk_test_azpay_sandbox"

hypothesis_settings.register_profile("azpay", deadline=None)  # a busy machine is no failure
hypothesis_settings.load_profile("azpay")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def stripe(clock: Clock) -> Sandbox:
    return Sandbox(now=clock.now, seed=7)


@pytest.fixture
def gateway(stripe: Sandbox) -> Gateway:
    """The real gateway over the real SDK, whose requests the sandbox answers in process."""
    client = sdk.StripeClient(KEY, http_client=InProcessHTTPClient(stripe), max_network_retries=0)
    return Gateway(client, pause=lambda _seconds: None)


@pytest.fixture(scope="session")
def empty_book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One migrated book, copied for each test: migrating takes longer than most tests."""
    file = tmp_path_factory.mktemp("book") / "empty.db"
    db = a_book(f"sqlite:///{file}")
    migrations.upgrade(db)
    with db.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    return file


@pytest.fixture
def db(empty_book: Path, tmp_path: Path) -> Iterator[Database]:
    file = tmp_path / "data" / "default.db"
    file.parent.mkdir(mode=0o700)
    shutil.copyfile(empty_book, file)
    file.chmod(0o600)
    db = a_book(f"sqlite:///{file}")
    yield db
    db.close()


@pytest.fixture
def settings(db: Database, tmp_path: Path) -> azpay_settings.Settings:
    assert db.engine.url.database is not None
    env = {
        "AZPAY_STRIPE_API_KEY": KEY,
        "AZPAY_DATA_DIR": str(Path(db.engine.url.database).parent),
        "AZPAY_DATABASE_URL": str(db.engine.url),
        "AZPAY_WEBHOOK_SECRETS": "whsec_test_of_azpay",
        "AZPAY_STRIPE_API_BASE": "http://127.0.0.1:12111",
    }
    return azpay_settings.load(flags={}, env=env, cwd=tmp_path, config_file=tmp_path / "config.toml")


@pytest.fixture
def azpay(settings: azpay_settings.Settings, db: Database, gateway: Gateway, clock: Clock) -> Azpay:
    return Azpay(settings, db, gateway, HANDLERS, clock.now)


@pytest.fixture
def webhooks(azpay: Azpay, stripe: Sandbox, clock: Clock) -> Webhooks:
    """Stripe's events, delivered into the inbox and applied when a test says so."""
    return Webhooks(azpay, stripe, clock)
