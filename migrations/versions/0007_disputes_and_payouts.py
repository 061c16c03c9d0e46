"""Disputes, early fraud warnings, reviews, setup intents, payouts, the balance; which payout brought a line.

A column is added in the store's own words, with its check in the column: so a filled book is not copied, and
both stores take it away again together with its check.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

DISPUTE_STATUSES = (
    "warning_needs_response", "warning_under_review", "warning_closed", "needs_response", "under_review",
    "won", "lost", "prevented", "appeal_needs_response", "appeal_under_review", "unheard_of",
)  # fmt: skip
PAYMENT_STATUSES = (
    "unknown", "incomplete", "requires_action", "processing", "authorized", "failed", "succeeded", "canceled",
)  # fmt: skip
PAYOUT_STATUSES = ("pending", "in_transit", "paid", "failed", "canceled")
CURRENCY_CODE = "length(currency) = 3 AND currency = lower(currency)"
TABLES = ("balances", "payouts", "setup_intents", "reviews", "early_fraud_warnings", "disputes")


def upgrade() -> None:
    make_disputes()
    make_warnings()
    make_reviews()
    make_setup_intents()
    make_payouts()
    make_balances()
    listed = ", ".join(f"'{status}'" for status in DISPUTE_STATUSES)
    op.execute(
        "ALTER TABLE payments ADD COLUMN dispute VARCHAR(40) "
        f"CONSTRAINT ck_payments_dispute CHECK (dispute IN ({listed}))"
    )
    op.add_column("balance_transactions", sa.Column("payout", sa.String(), nullable=True))
    op.create_index("ix_balance_transactions_payout", "balance_transactions", ["payout"])


def downgrade() -> None:
    op.drop_index("ix_balance_transactions_payout", "balance_transactions")
    op.drop_column("balance_transactions", "payout")
    op.execute("ALTER TABLE payments DROP COLUMN dispute")
    for table in TABLES:
        op.drop_table(table)


def chosen(choices: tuple[str, ...], name: str) -> sa.Enum:
    return sa.Enum(*choices, name=name, native_enum=False, create_constraint=True, length=40)


def text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=nullable)


def flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean(), nullable=False)


def amount(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def secret(name: str) -> sa.Column[bytes]:
    """People's data, encrypted."""
    return sa.Column(name, sa.LargeBinary(), nullable=True)


def time(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def of_payment(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name=f"fk_{table}_payment_id_payments")


def make_disputes() -> None:
    op.create_table(
        "disputes",
        text("dispute"),
        text("payment_id", nullable=True),
        text("charge"),
        sa.Column("status", chosen(DISPUTE_STATUSES, "status"), nullable=False),
        text("reason"),
        text("network_reason_code", nullable=True),
        text("currency"),
        amount("amount"),
        time("due_at", nullable=True),
        flag("past_due"),
        flag("has_evidence"),
        sa.Column("submissions", sa.Integer(), nullable=False),
        flag("refundable"),
        flag("livemode"),
        time("as_of"),
        time("created_at"),
        time("updated_at"),
        sa.CheckConstraint("amount > 0", name=op.f("ck_disputes_amount_positive")),
        sa.CheckConstraint("submissions >= 0", name=op.f("ck_disputes_submissions_counted")),
        sa.CheckConstraint(CURRENCY_CODE, name=op.f("ck_disputes_currency_code")),
        of_payment("disputes"),
        sa.PrimaryKeyConstraint("dispute", name=op.f("pk_disputes")),
    )
    op.create_index("ix_disputes_created_at_dispute", "disputes", ["created_at", "dispute"])
    op.create_index("ix_disputes_status_created_at_dispute", "disputes", ["status", "created_at", "dispute"])
    op.create_index("ix_disputes_due_at", "disputes", ["due_at"])
    op.create_index("ix_disputes_payment_id", "disputes", ["payment_id"])


def make_warnings() -> None:
    op.create_table(
        "early_fraud_warnings",
        text("warning"),
        text("payment_id", nullable=True),
        text("charge"),
        text("fraud_type"),
        flag("actionable"),
        flag("livemode"),
        time("created_at"),
        time("updated_at"),
        of_payment("early_fraud_warnings"),
        sa.PrimaryKeyConstraint("warning", name=op.f("pk_early_fraud_warnings")),
    )
    op.create_index(
        "ix_early_fraud_warnings_created_at_warning", "early_fraud_warnings", ["created_at", "warning"]
    )
    op.create_index("ix_early_fraud_warnings_payment_id", "early_fraud_warnings", ["payment_id"])


def make_reviews() -> None:
    op.create_table(
        "reviews",
        text("review"),
        text("payment_id", nullable=True),
        text("charge", nullable=True),
        flag("open"),
        text("reason"),
        text("closed_reason", nullable=True),
        secret("ip_address"),
        secret("billing_zip"),
        flag("livemode"),
        time("created_at"),
        time("updated_at"),
        of_payment("reviews"),
        sa.PrimaryKeyConstraint("review", name=op.f("pk_reviews")),
    )
    op.create_index("ix_reviews_created_at_review", "reviews", ["created_at", "review"])
    op.create_index("ix_reviews_payment_id", "reviews", ["payment_id"])


def make_setup_intents() -> None:
    op.create_table(
        "setup_intents",
        text("id"),
        text("setup_intent", nullable=True),
        sa.Column("status", chosen(PAYMENT_STATUSES, "status"), nullable=False),
        text("customer", nullable=True),
        text("payment_method", nullable=True),
        text("usage"),
        secret("next_action_url"),
        text("failure_code", nullable=True),
        secret("failure_message"),
        sa.Column("origin", chosen(("azpay", "elsewhere"), "origin"), nullable=False),
        flag("livemode"),
        time("as_of"),
        time("created_at"),
        time("updated_at"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_setup_intents")),
        sa.UniqueConstraint("setup_intent", name=op.f("uq_setup_intents_setup_intent")),
    )
    op.create_index("ix_setup_intents_customer_created_at", "setup_intents", ["customer", "created_at"])


def make_payouts() -> None:
    op.create_table(
        "payouts",
        text("payout"),
        sa.Column("status", chosen(PAYOUT_STATUSES, "status"), nullable=False),
        text("currency"),
        amount("amount"),
        time("arrives_at"),
        flag("automatic"),
        text("method"),
        text("type"),
        text("destination", nullable=True),
        secret("description"),
        secret("statement_descriptor"),
        text("reconciliation_status"),
        text("trace_status", nullable=True),
        text("trace_id", nullable=True),
        text("balance_transaction", nullable=True),
        text("failure_code", nullable=True),
        text("failure_message", nullable=True),
        text("failure_balance_transaction", nullable=True),
        text("original_payout", nullable=True),
        text("reversed_by", nullable=True),
        time("itemized_at", nullable=True),
        flag("livemode"),
        time("as_of"),
        time("created_at"),
        time("updated_at"),
        sa.CheckConstraint("amount <> 0", name=op.f("ck_payouts_amount_not_nothing")),
        sa.CheckConstraint(CURRENCY_CODE, name=op.f("ck_payouts_currency_code")),
        sa.PrimaryKeyConstraint("payout", name=op.f("pk_payouts")),
    )
    op.create_index("ix_payouts_created_at_payout", "payouts", ["created_at", "payout"])
    op.create_index("ix_payouts_status_created_at_payout", "payouts", ["status", "created_at", "payout"])
    op.create_index("ix_payouts_trace_id", "payouts", ["trace_id"])


def make_balances() -> None:
    op.create_table(
        "balances",
        text("currency"),
        amount("available"),
        amount("pending"),
        time("as_of"),
        time("updated_at"),
        sa.CheckConstraint(CURRENCY_CODE, name=op.f("ck_balances_currency_code")),
        sa.PrimaryKeyConstraint("currency", name=op.f("pk_balances")),
    )
