"""PostgreSQL's own tools: `pg_dump`, `pg_restore` and `psql`, of a version that fits the server.

A `pg_dump` reads servers up to its own version. Of several on this machine the oldest that fits is taken, so
that older tools can restore what it wrote.
"""

from __future__ import annotations

import os
import re
import subprocess
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from azpay.errors import Failed, NotAllowed

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

    from azpay.db.database import Database

MAGIC = b"PGDMP"
GUARD = "refuse_audit_change()"
"""What the audit log's triggers call; it outlives its table, and the archive brings its own."""

DEBIAN = Path("/usr/lib/postgresql")
_VERSION = re.compile(r"\(PostgreSQL\) (\d+)")
_KEY = re.compile(r"^([0-9a-f]{8})\t", re.MULTILINE)


class ToolsMissing(NotAllowed):
    """PostgreSQL's client programs are not installed, or are older than the server."""

    code = "postgres_tools_missing"

    def __init__(self, server: int, found: dict[int, Path]) -> None:
        here = ", ".join(f"{version} in {folder}" for version, folder in sorted(found.items()))
        super().__init__(
            f"A server of version {server} is backed up and restored by pg_dump, pg_restore and psql "
            f"of version {server} or newer; here is {here or 'none'}.",
            hint=f"Install PostgreSQL's client programs (postgresql-client-{server}), or add them to PATH.",
        )


class DumpFailed(Failed):
    """A program of PostgreSQL's reported an error."""

    code = "postgres_tool_failed"

    def __init__(self, program: str, said: str) -> None:
        line = next((line for line in said.splitlines() if "error" in line.lower()), said.strip())
        super().__init__(f"{program} failed: {line or 'no reason given'}.")


def dump(db: Database, file: Path) -> None:
    """The whole book as one moment saw it, into the file."""
    _run(
        db,
        "pg_dump",
        ["--format=custom", "--no-owner", "--no-privileges", f"--file={file}", _uri(db.engine.url)],
    )


def restore(db: Database, archive: Path, script: Path, *, drop: list[str]) -> None:
    """Put the archive in the place of these tables, in one transaction. `script` is an empty file to use."""
    _run(db, "pg_restore", ["--no-owner", "--no-privileges", f"--file={script}", str(archive)])
    away = [f"DROP TABLE {', '.join(drop)} CASCADE", f"DROP FUNCTION IF EXISTS {GUARD}"] if drop else []
    first = [f"--command={statement}" for statement in away]
    options = [
        "--no-psqlrc",
        "--quiet",
        "--single-transaction",
        "--set=ON_ERROR_STOP=1",
        "--output=/dev/null",
    ]
    _run(db, "psql", [*options, *first, f"--file={script}", _uri(db.engine.url)])


def keys(db: Database, archive: Path) -> list[str]:
    """The ids of the keys that the archive's book is encrypted under."""
    said = _run(db, "pg_restore", ["--data-only", "--table=book_keys", "--file=-", str(archive)])
    return _KEY.findall(said)


def read_through(db: Database, archive: Path) -> None:
    """Read the archive to its end."""
    _run(db, "pg_restore", [f"--file={os.devnull}", str(archive)])


def _run(db: Database, program: str, arguments: list[str]) -> str:
    tool = tools(_server(db)).joinpath(program)
    password = db.engine.url.password
    environment = {**os.environ, **({"PGPASSWORD": str(password)} if password else {})}
    done = subprocess.run(  # noqa: S603 - a program of PostgreSQL's, and no shell
        [tool, *arguments], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise DumpFailed(program, done.stderr)
    return done.stdout


def _server(db: Database) -> int:
    with db.engine.connect() as connection:
        return int(connection.exec_driver_sql("SHOW server_version_num").scalar_one()) // 10_000


def _uri(url: URL) -> str:
    return url.set(drivername="postgresql", password=None).render_as_string(hide_password=False)


def tools(server: int) -> Path:
    """The folder of the programs that fit a server of this version. Raises ToolsMissing."""
    folders = [*(str(folder) for folder in DEBIAN.glob("*/bin")), *os.get_exec_path()]
    found: dict[int, Path] = {}
    for folder in map(Path, folders):
        if all(os.access(folder.joinpath(name), os.X_OK) for name in ("pg_dump", "pg_restore", "psql")):
            found.setdefault(_version(folder), folder)
    fitting = [version for version in found if version >= server]
    if not fitting:
        raise ToolsMissing(server, found)
    return found[min(fitting)]


@cache
def _version(folder: Path) -> int:
    """0 when it does not say."""
    done = subprocess.run(  # noqa: S603
        [folder / "pg_dump", "--version"], capture_output=True, text=True, check=False
    )
    said = _VERSION.search(done.stdout)
    return int(said[1]) if said else 0
