"""Saving a method with its owner's consent is an operation too.

The setups of before that stand open become operations without parameters: they are due at once, and are
looked up rather than sent again.
"""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

CHECK = "ck_operations_kind"
BEFORE = "'charge', 'capture', 'cancel', 'refund', 'attach', 'detach', 'customer', 'default'"
NOW = f"{BEFORE}, 'setup'"
OPEN = "status = 'unknown' AND origin = 'azpay' AND setup_intent IS NULL"
SETUPS = "SELECT id FROM operations WHERE kind = 'setup'"


def upgrade() -> None:
    allow(BEFORE, NOW)
    take_up = sa.text(
        "INSERT INTO operations (id, kind, state, idempotency_key, fingerprint, subject, attempts, sent_at,"  # noqa: S608
        " due_at, created_at) SELECT 'op_' || substr(id, 5), 'setup', 'unknown', id, id, id, 1, :now, :now,"
        f" created_at FROM setup_intents WHERE {OPEN}"
    )
    op.execute(take_up.bindparams(sa.bindparam("now", datetime.now(UTC), sa.DateTime(timezone=True))))


def downgrade() -> None:
    op.execute(f"DELETE FROM operation_attempts WHERE operation_id IN ({SETUPS})")  # noqa: S608
    op.execute("DELETE FROM operations WHERE kind = 'setup'")
    allow(NOW, BEFORE)


def allow(before: str, kinds: str) -> None:
    if op.get_bind().dialect.name == "sqlite":
        reword(before, kinds)
        return
    op.drop_constraint(op.f(CHECK), "operations", type_="check")
    op.create_check_constraint(op.f(CHECK), "operations", f"kind IN ({kinds})")


def reword(before: str, kinds: str) -> None:
    """A check is text in the schema; copying the table, which another refers to, takes long in a large book.

    https://www.sqlite.org/lang_altertable.html#otheralter
    """
    connection = op.get_bind()
    version = connection.exec_driver_sql("PRAGMA schema_version").scalar_one()
    connection.exec_driver_sql("PRAGMA writable_schema = ON")
    changed = connection.exec_driver_sql(
        "UPDATE sqlite_schema SET sql = replace(sql, ?, ?)"
        " WHERE type = 'table' AND name = 'operations' AND instr(sql, ?)",
        (f"({before})", f"({kinds})", f"({before})"),
    ).rowcount
    connection.exec_driver_sql(f"PRAGMA schema_version = {version + 1}")
    connection.exec_driver_sql("PRAGMA writable_schema = OFF")
    if changed != 1:
        raise RuntimeError(f"{CHECK} does not say what it should: {before}")
