"""A server's book: bounded in connections and in patience, and durable or refused.

What the address says (libpq's own parameters, `options` included) goes before what is set here. A commit
that a server acknowledges before it is on disk may be lost, and money with it: such a server is refused.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import create_engine, event

from azpay.db.trouble import DatabaseUnavailable
from azpay.errors import NotAllowed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import timedelta

    from sqlalchemy.engine import URL, Connection, Engine
    from sqlalchemy.engine.interfaces import ExceptionContext

RECYCLED_SECONDS = 1800
SECRETS = ("password", "sslpassword")
KEEPALIVE = {"keepalives_idle": "30", "keepalives_interval": "10", "keepalives_count": "3"}
UNACKNOWLEDGED = {"tcp_user_timeout": "10000"}
"""Milliseconds: a server that vanished without a word is given up after this."""

BINARY = "azpay_binary"
"""The execution option of statements whose values come as the server has them: as text, what is encrypted
would be written out, sent in twice its length, and read."""

PROMISES = "SELECT current_setting('synchronous_commit'), current_setting('server_encoding')"


class DatabaseURLRefused(NotAllowed):
    """PostgreSQL's driver does not know what the address asks for."""

    code = "database_url_invalid"


class DriverMissing(NotAllowed):
    """PostgreSQL's driver is an extra, and it was not installed."""

    code = "driver_missing"


class NotDurable(NotAllowed):
    """The server acknowledges commits that a crash may still undo."""

    code = "not_durable"


class NotUnicode(NotAllowed):
    """The server's database cannot hold every text."""

    code = "not_unicode"


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of a server one process takes, and how long it waits."""

    connections: int = 10
    connect_seconds: int = 3
    lock_seconds: int = 5
    statement_seconds: int = 30


def open_server(url: URL, limits: Limits) -> Engine:
    """An engine for the server; connects when first used. Raises DriverMissing or DatabaseURLRefused."""
    try:
        engine = create_engine(
            url.set(drivername="postgresql+psycopg"),
            hide_parameters=True,
            connect_args=_arguments(url, limits),
            pool_size=limits.connections,
            max_overflow=0,
            pool_timeout=limits.lock_seconds,
            pool_pre_ping=True,
            pool_recycle=RECYCLED_SECONDS,
        )
    except ModuleNotFoundError as missing:
        raise DriverMissing(
            "A book in PostgreSQL needs its driver, which is not installed.",
            hint="Install azpay with it: pip install 'azpay[postgres]'.",
        ) from missing
    from azpay.db import patience  # the driver is an extra

    _require_known(url)
    event.listen(engine, "do_connect", patience.connector(limits.statement_seconds))
    event.listen(engine, "begin", patience.restore)
    event.listen(engine, "connect", _require_promises)
    event.listen(engine, "before_cursor_execute", _ask_for_bytes)
    event.listen(engine, "handle_error", _hide_values)
    return engine


def shown(url: URL) -> str:
    """The address without a password, wherever it stands."""
    plain = url.set(drivername="postgresql").difference_update_query(SECRETS)
    return plain.render_as_string(hide_password=True)


def without_hurry(connection: Connection) -> None:
    """For work as long as the book: no bound on this transaction's statements."""
    from azpay.db import patience

    patience.lift(connection)


@contextmanager
def listening(engine: Engine, channel: str) -> Iterator[Callable[[timedelta], bool]]:
    """Beside the pool, on a connection of its own, and outside any transaction."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        driver: Any = connection.connection.driver_connection
        connection.detach()
        connection.exec_driver_sql(f"LISTEN {channel}")
        driver.patience = None  # whoever waits for news says for how long
        yield lambda within: _heard(driver, within)


def _heard(driver: Any, within: timedelta) -> bool:
    from psycopg import Error

    try:
        return any(True for _ in driver.notifies(timeout=within.total_seconds(), stop_after=1))
    except Error as lost:
        raise DatabaseUnavailable("The connection that waits for news was lost.") from lost


def _arguments(url: URL, limits: Limits) -> dict[str, str]:
    ours = {
        "application_name": "azpay",
        "connect_timeout": str(limits.connect_seconds),
        **KEEPALIVE,
        **UNACKNOWLEDGED,
    }
    asked = {name: str(value) for name, value in url.query.items() if name in ours}
    return {**ours, **asked, "options": f"{_options(limits)} {url.query.get('options', '')}".strip()}


def _options(limits: Limits) -> str:
    """The server's part; of two that say the same, the later counts."""
    milliseconds = {
        "lock_timeout": limits.lock_seconds * 1000,
        "statement_timeout": limits.statement_seconds * 1000,
    }
    gone = {f"tcp_{name}": value for name, value in KEEPALIVE.items()}
    return " ".join(f"-c {name}={value}" for name, value in {**milliseconds, **gone}.items())


def _require_known(url: URL) -> None:
    from psycopg import ProgrammingError
    from psycopg.conninfo import make_conninfo

    try:
        make_conninfo("", **{name: str(value) for name, value in url.query.items()})
    except ProgrammingError as unknown:
        raise DatabaseURLRefused(
            f"The database address cannot be used: {unknown}.",
            hint="Its parameters are libpq's: postgresql://user@host/name?sslmode=verify-full.",
        ) from None


def _ask_for_bytes(_connection: object, cursor: Any, *told: Any) -> None:
    from psycopg.pq import Format

    _statement, _parameters, context, _many = told
    if context is not None and context.execution_options.get(BINARY):
        cursor.format = Format.BINARY


def _require_promises(connection: Any, _record: object) -> None:
    try:
        with connection.cursor() as cursor:
            _check(*cursor.execute(PROMISES).fetchone())
        connection.rollback()
    except BaseException:
        connection.close()
        raise


def _hide_values(context: ExceptionContext) -> None:
    """What follows an error's first line quotes the row."""
    for error in (context.original_exception, context.sqlalchemy_exception):
        if error is not None:
            error.args = (str(error.args[0] if error.args else error).partition("\n")[0], *error.args[1:])


def _check(commit: str, encoding: str) -> None:
    if commit == "off":
        raise NotDurable(
            "The server acknowledges commits before they are on disk (synchronous_commit=off): "
            "a crash would lose payments.",
            hint="ALTER ROLE … SET synchronous_commit = on, for the role that azpay logs in as.",
        )
    if encoding != "UTF8":
        raise NotUnicode(
            f"The server's database is encoded in {encoding}, which cannot hold every name.",
            hint="Make one for azpay: CREATE DATABASE azpay ENCODING 'UTF8' TEMPLATE template0.",
        )
