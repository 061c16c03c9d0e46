"""Real parts for every test: a migrated book on disk, the sandbox behind the real Stripe SDK, one clock.

The tests of the stores run on both, all others on SQLite. `--store both` tries the whole core on both, as CI
does, `--store postgresql` everything on that one.
"""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
import stripe as sdk
from hypothesis import settings as hypothesis_settings

from azpay import settings as azpay_settings
from azpay.bootstrap import HANDLERS, Azpay, tables
from azpay.db import Database, migrations, schema
from azpay.gateway.stripe import Gateway
from azpay.sandbox import Sandbox
from tests.support.books import ROOT, a_book
from tests.support.clock import Clock
from tests.support.postgres import Server, a_server
from tests.support.stripe_transport import InProcessHTTPClient
from tests.support.webhooks import Webhooks

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = "sk_test_azpay_sandbox"

SQLITE, POSTGRESQL, BOTH = "sqlite", "postgresql", "both"
ALWAYS = frozenset({"db"})
"""The folders of tests that always run on both stores."""

TRIED = "tried"
"""What a test records with `record_property` under this name is printed at the end."""

CORE = ALWAYS | {
    "access", "audit", "http", "inbox", "operations", "payments", "receipts", "reconciliation",
    "settlement", "worker",
}  # fmt: skip
"""Those that do with `--store both`, as in CI."""

hypothesis_settings.register_profile("azpay", deadline=None)  # a busy machine is no failure
hypothesis_settings.load_profile("azpay")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--store", choices=[SQLITE, POSTGRESQL, BOTH], help="where the core is tried")
    parser.addoption(
        "--further", action="store_true", help="play further cases of what a shorter one shows, as CI does"
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "store(name): about this store alone")
    config.addinivalue_line(
        "markers", "both_stores: with `--store both` on both, in whichever folder it stands"
    )
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # each program that tests start would compile azpay anew
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as a shell's background job: our programs would
        signal.signal(signal.SIGINT, signal.default_int_handler)  # inherit that, and hear no Ctrl-C


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--further"):
        return
    for item in items:
        if item.get_closest_marker("further") is not None:
            item.add_marker(pytest.mark.skip(reason="a further case; --further plays it, as CI does"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What the campaigns have tried: a number that only grows when somebody asks for more."""
    passed = terminalreporter.stats.get("passed", [])
    told = [value for report in passed for name, value in report.user_properties if name == TRIED]
    if told:
        terminalreporter.section("tried")
    for line in told:
        terminalreporter.write_line(str(line))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "kept_in" in metafunc.fixturenames:
        metafunc.parametrize("kept_in", stores(metafunc))


def stores(metafunc: pytest.Metafunc) -> list[str]:
    """A test marked `store` is about that one."""
    marked = metafunc.definition.get_closest_marker("store")
    if marked is not None:
        return [str(marked.args[0])]
    chosen = metafunc.config.getoption("store")
    if chosen in {SQLITE, POSTGRESQL}:
        return [str(chosen)]
    room = Path(str(metafunc.definition.path)).parent.name
    marked = metafunc.definition.get_closest_marker("both_stores")
    both = room in ALWAYS or (chosen == BOTH and (marked is not None or room in CORE))
    return [SQLITE, POSTGRESQL] if both else [SQLITE]


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


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A real PostgreSQL. A test that kills one has its own."""
    with a_server() as server:
        yield server


@pytest.fixture(scope="session")
def template(server: Server) -> str:
    """The name of a migrated database that nobody uses."""
    db = a_book(server.new_database("template_book"))
    migrations.upgrade(db)
    db.close()
    server.new_database("book", "template_book")
    return "template_book"


@pytest.fixture
def servers_book(server: Server, template: str) -> str:
    """One database for all tests, emptied for each: a copy for each would take longer than most of them."""
    if not emptied(server, "book"):  # an earlier test has taken it apart
        server.new_database("book", template)
    return server.address("book")


AS_IT_WAS = "SELECT alembic_version.version_num, book_keys.key_id FROM alembic_version, book_keys"


def emptied(server: Server, database: str) -> bool:
    """Whoever an earlier test has left there is sent away; False when the tables are not as they were."""
    server.send_away(database)
    filled = [table.name for table in reversed(tables().sorted_tables) if table.name != "book_keys"]
    rows = "; ".join(f"DELETE FROM {table}" for table in filled)  # noqa: S608
    try:
        server.run(f"SET session_replication_role = replica; {rows}", database)
        return server.run(AS_IT_WAS, database) == [(schema.HEAD, ROOT.id)]
    except psycopg.errors.UndefinedTable:
        return False


@pytest.fixture
def address(kept_in: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Of a migrated book with nothing in it."""
    if kept_in == POSTGRESQL:
        address: str = request.getfixturevalue("servers_book")
        return address
    file = tmp_path / "data" / "default.db"
    file.parent.mkdir(mode=0o700)
    shutil.copyfile(request.getfixturevalue("empty_book"), file)
    file.chmod(0o600)
    return f"sqlite:///{file}"


@pytest.fixture
def db(address: str) -> Iterator[Database]:
    db = a_book(address)
    yield db
    db.close()


@pytest.fixture
def settings(address: str, tmp_path: Path) -> azpay_settings.Settings:
    env = {
        "AZPAY_STRIPE_API_KEY": KEY,
        "AZPAY_DATA_DIR": str(tmp_path / "data"),
        "AZPAY_DATABASE_URL": address,
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
