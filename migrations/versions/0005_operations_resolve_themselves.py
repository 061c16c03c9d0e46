"""Operations keep what it takes to go on without a command, a line for each attempt, and answers by key.

The open ones of before have no parameters: they are due at once, and are looked up rather than sent again.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

OPEN = "state IN ('planned', 'sent', 'unknown')"
COLUMNS = (
    ("actor", sa.String()),
    ("parameters", sa.LargeBinary()),
    ("lease", sa.String()),
    ("leased_until", sa.DateTime(timezone=True)),
    ("due_at", sa.DateTime(timezone=True)),
    ("flagged_at", sa.DateTime(timezone=True)),
)
INDEXES = (
    ("ix_operations_created_at_id", ["created_at", "id"]),
    ("ix_operations_state_created_at_id", ["state", "created_at", "id"]),
    ("ix_operations_kind_created_at_id", ["kind", "created_at", "id"]),
)


def upgrade() -> None:
    for name, kind in COLUMNS:
        op.add_column("operations", sa.Column(name, kind, nullable=True))
    op.add_column("operations", sa.Column("resolutions", sa.Integer(), nullable=False, server_default="0"))
    op.execute(f"UPDATE operations SET due_at = created_at WHERE {OPEN}")  # noqa: S608
    op.drop_index("ix_operations_state_created_at", "operations")
    for name, columns in INDEXES:
        op.create_index(name, "operations", columns)
    where = {"sqlite_where": sa.text(OPEN), "postgresql_where": sa.text(OPEN)}
    op.create_index("ix_operations_open_due_at", "operations", ["due_at"], **where)
    make_attempts()
    make_idempotency_keys()


def make_idempotency_keys() -> None:
    op.create_table(
        "idempotency_keys",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("request_hash", sa.String(), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_idempotency_keys")),
    )
    op.create_index("ix_idempotency_keys_expires_at", "idempotency_keys", ["expires_at"])


def make_attempts() -> None:
    op.create_table(
        "operation_attempts",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("operation_id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("step", one_of("step", "ask", "look"), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", one_of("outcome", "succeeded", "failed", "unknown"), nullable=True),
        sa.Column("code", sa.String(), nullable=True),
        sa.Column("request", sa.String(), nullable=True),
        sa.Column("milliseconds", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["operation_id"], ["operations.id"], name=op.f("fk_operation_attempts_operation_id_operations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_operation_attempts")),
        sa.UniqueConstraint("operation_id", "number", name=op.f("uq_operation_attempts_operation_id_number")),
    )


def one_of(name: str, *choices: str) -> sa.Enum:
    return sa.Enum(*choices, name=name, native_enum=False, create_constraint=True, length=40)


def downgrade() -> None:
    op.drop_table("idempotency_keys")
    op.drop_table("operation_attempts")
    for name in ("ix_operations_open_due_at", *(name for name, _ in INDEXES)):
        op.drop_index(name, "operations")
    op.create_index("ix_operations_state_created_at", "operations", ["state", "created_at"])
    for name in ("resolutions", *(name for name, _ in COLUMNS)):
        op.drop_column("operations", name)
