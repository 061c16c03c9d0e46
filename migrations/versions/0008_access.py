"""What actors have moved, and what waits for a second person."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

KINDS = "kind IN ('charge', 'refund')"
FOUR_EYES = "state <> 'approved' OR (decided_by IS NOT NULL AND decided_by <> asked_by)"
CURRENCY = "length(currency) = 3 AND currency = lower(currency)"


def upgrade() -> None:
    op.create_table(
        "usage",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("period", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_usage")),
        sa.CheckConstraint(KINDS, name=op.f("ck_usage_kind")),
        sa.CheckConstraint("count >= 0", name=op.f("ck_usage_count_not_negative")),
        sa.CheckConstraint("amount >= 0", name=op.f("ck_usage_amount_not_negative")),
        sa.CheckConstraint(CURRENCY, name=op.f("ck_usage_currency_code")),
    )
    op.create_index(
        "uq_usage_period_actor_kind_currency", "usage", ["period", "actor", "kind", "currency"], unique=True
    )
    op.create_table(
        "spendings",
        sa.Column("operation", sa.String(), nullable=False),
        sa.Column("day", sa.String(), nullable=False),
        sa.Column("run", sa.String(), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("returned_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("operation", name=op.f("pk_spendings")),
        sa.CheckConstraint("amount > 0", name=op.f("ck_spendings_amount_positive")),
    )
    _create_approvals()


def _create_approvals() -> None:
    op.create_table(
        "approvals",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("request", sa.LargeBinary(), nullable=False),
        sa.Column("asked_by", sa.String(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.String(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.LargeBinary(), nullable=True),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approvals")),
        sa.CheckConstraint(KINDS, name=op.f("ck_approvals_kind")),
        sa.CheckConstraint(
            "state IN ('waiting', 'approved', 'rejected', 'expired')", name=op.f("ck_approvals_state")
        ),
        sa.CheckConstraint("amount > 0", name=op.f("ck_approvals_amount_positive")),
        sa.CheckConstraint(CURRENCY, name=op.f("ck_approvals_currency_code")),
        sa.CheckConstraint(FOUR_EYES, name=op.f("ck_approvals_four_eyes")),
    )
    waiting = sa.text("state = 'waiting'")
    op.create_index(
        "uq_approvals_waiting_fingerprint",
        "approvals",
        ["fingerprint"],
        unique=True,
        sqlite_where=waiting,
        postgresql_where=waiting,
    )
    op.create_index("ix_approvals_state_asked_at_id", "approvals", ["state", "asked_at", "id"])
    op.create_index("ix_approvals_subject", "approvals", ["subject"])


def downgrade() -> None:
    op.drop_table("approvals")
    op.drop_table("spendings")
    op.drop_table("usage")
