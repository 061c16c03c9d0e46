"""Bringing a book's tables up to date, with Alembic. Imported only when there is something to do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

import azpay
from azpay.db import conversion, schema
from azpay.db.engines import APPLICATION_ID, WRITES
from azpay.db.postgres import without_hurry
from azpay.db.trouble import translated

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from azpay.db.database import Database

PATIENCE = (
    "SET LOCAL lock_timeout = '60s'",
    f"SELECT pg_advisory_xact_lock({APPLICATION_ID})",
    "SET LOCAL lock_timeout = '10s'",
)
"""A minute for another migration to end, ten seconds for a table in use; the work itself has no end."""


def upgrade(db: Database) -> bool:
    """Run what is pending, in one transaction; False when there was nothing to do.

    A file in clear is encrypted first. Two programs that start together are safe: the second waits for the
    first's lock and finds nothing left.
    """
    before = schema.state(db)
    if before is schema.State.AHEAD:
        raise schema.too_new(db)
    encrypted = before is not schema.State.EMPTY and _encrypt(db)
    if before is schema.State.CURRENT:
        return encrypted
    with translated(db.where), db.engine.execution_options(**{WRITES: True}).begin() as connection:
        if not _ours_to_run(connection):
            return encrypted
        config = configuration()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return True


def _ours_to_run(connection: Connection) -> bool:
    """Take the lock that lets one program in at a time, and look whether another was faster."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(f"PRAGMA application_id={APPLICATION_ID}")
    else:
        without_hurry(connection)
        for statement in PATIENCE:
            connection.exec_driver_sql(statement)
    return schema.revision(connection) != schema.HEAD


def _encrypt(db: Database) -> bool:
    if not db.embedded:
        return False
    db.engine.dispose()  # our own connections would be in the way
    return conversion.encrypt(Path(str(db.engine.url.database)), db.ring.newest.root)


def head() -> str | None:
    """The newest revision among the scripts; a test holds `schema.HEAD` to it."""
    return ScriptDirectory.from_config(configuration()).get_current_head()


def configuration() -> Config:
    config = Config()
    config.set_main_option("script_location", str(scripts()))
    return config


def scripts() -> Path:
    """The migration scripts: inside the installed package, or beside it in a checkout."""
    package = Path(azpay.__file__).parent
    installed = package / "migrations"
    return installed if installed.is_dir() else package.parent / "migrations"
