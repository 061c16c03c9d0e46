"""How Alembic reaches a book: over the connection that azpay hands it, or, from its own command line, over
AZPAY_DATABASE_URL, with the sandbox's key unless AZPAY_ENCRYPTION_KEY is set. Only the latter compares the
tables with the models, and so imports them."""

import os
from typing import Any, Literal

from alembic import context
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, MetaData

from azpay.db.tables import NAMING


def render(kind: str, item: Any, _autogenerate: Any) -> str | Literal[False]:
    """Write scripts that do not depend on the package's own column types."""
    plain = {
        "AutoString": "sa.String()",
        "UTCDateTime": "sa.DateTime(timezone=True)",
        "SealedType": "sa.LargeBinary()",
    }
    return plain.get(type(item).__name__, False) if kind == "type" else False


def differs(context: MigrationContext, *compared: Any) -> bool | None:
    """SQLite's declared types bind nothing, so a column that became encrypted keeps the one it had."""
    *_, wanted = compared
    sealed = type(wanted).__name__ == "SealedType"
    return False if sealed and context.dialect.name == "sqlite" else None


def run(connection: Connection, metadata: MetaData) -> None:
    context.configure(
        connection=connection,
        target_metadata=metadata,
        compare_type=differs,
        compare_server_default=True,
        render_item=render,
        render_as_batch=connection.dialect.name == "sqlite",
        transaction_per_migration=False,
        transactional_ddl=True,
    )
    with context.begin_transaction():
        context.run_migrations()


def from_the_command_line() -> None:
    from azpay.bootstrap import tables
    from azpay.credentials import RootKey
    from azpay.db import Ring
    from azpay.db.engines import APPLICATION_ID, WRITES, open_engine
    from azpay.settings.rules import SANDBOX_ENCRYPTION_KEY

    key = os.environ.get("AZPAY_ENCRYPTION_KEY", SANDBOX_ENCRYPTION_KEY)
    engine = open_engine(os.environ["AZPAY_DATABASE_URL"], Ring.of(RootKey.read(key)))
    with engine.execution_options(**{WRITES: True}).begin() as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql(f"PRAGMA application_id={APPLICATION_ID}")
        run(connection, tables())


handed_over = context.config.attributes.get("connection")
if handed_over is None:
    from_the_command_line()
else:
    run(handed_over, MetaData(naming_convention=NAMING))
