"""Many requests from one file, and what became of each."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

KINDS = ("charge", "refund")
BATCH_STATES = ("draft", "ready", "replaced")
ROW_STATES = (
    "planned", "started", "succeeded", "declined", "failed", "refused", "pending", "unknown", "done_before",
    "superseded",
)  # fmt: skip


def upgrade() -> None:
    make_batches()
    make_rows()


def make_batches() -> None:
    op.create_table(
        "batches",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("kind", one_of(KINDS, "kind"), nullable=False),
        sa.Column("state", one_of(BATCH_STATES, "state"), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("file", sa.LargeBinary(), nullable=True),
        sa.Column("terms", sa.LargeBinary(), nullable=False),
        sa.Column("row_count", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("row_count > 0", name=op.f("ck_batches_row_count_positive")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batches")),
    )
    ready = sa.text("state = 'ready'")
    op.create_index(
        "uq_batches_ready_digest", "batches", ["digest"], unique=True,
        sqlite_where=ready, postgresql_where=ready,
    )  # fmt: skip
    op.create_index("ix_batches_state_id", "batches", ["state", "id"])


def make_rows() -> None:
    op.create_table(
        "batch_rows",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("batch_id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("about", sa.String(), nullable=True),
        sa.Column("state", one_of(ROW_STATES, "state"), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("cells", sa.LargeBinary(), nullable=False),
        sa.Column("payment_id", sa.String(), nullable=True),
        sa.Column("customer", sa.String(), nullable=True),
        sa.Column("payment_method", sa.String(), nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("idempotency_key", sa.String(), nullable=False),
        sa.Column("holder", sa.String(), nullable=True),
        sa.Column("error_code", sa.String(), nullable=True),
        sa.Column("error_message", sa.LargeBinary(), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("amount > 0", name=op.f("ck_batch_rows_amount_positive")),
        sa.CheckConstraint(
            "length(currency) = 3 AND currency = lower(currency)", name=op.f("ck_batch_rows_currency_code")
        ),
        sa.ForeignKeyConstraint(["batch_id"], ["batches.id"], name=op.f("fk_batch_rows_batch_id_batches")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batch_rows")),
    )
    for name in ("digest", "about", "idempotency_key"):
        op.create_index(f"ix_batch_rows_{name}", "batch_rows", [name])
    op.create_index("ix_batch_rows_batch_id_state_id", "batch_rows", ["batch_id", "state", "id"])


def one_of(choices: tuple[str, ...], name: str) -> sa.Enum:
    return sa.Enum(*choices, name=name, native_enum=False, create_constraint=True, length=40)


def downgrade() -> None:
    op.drop_table("batch_rows")
    op.drop_table("batches")
