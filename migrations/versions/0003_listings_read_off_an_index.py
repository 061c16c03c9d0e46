"""An index for every filter of a listing in both of its orders, so that no page is sorted."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

BEFORE = {
    "ix_payments_amount_id": ["amount", "id"],
    "ix_payments_currency_amount_id": ["currency", "amount", "id"],
    "ix_payments_reference": ["reference"],
}
AFTER = {
    "ix_payments_amount_id": ["amount", "id", "created_at"],
    "ix_payments_status_amount_id": ["status", "amount", "id"],
    "ix_payments_customer_amount_id": ["customer", "amount", "id"],
    "ix_payments_reference_created_at_id": ["reference", "created_at", "id"],
    "ix_payments_reference_amount_id": ["reference", "amount", "id"],
    "ix_payments_currency_created_at_id": ["currency", "created_at", "id", "amount"],
    "ix_payments_currency_amount_id": ["currency", "amount", "id", "created_at"],
}


def upgrade() -> None:
    exchange(BEFORE, AFTER)


def downgrade() -> None:
    exchange(AFTER, BEFORE)


def exchange(old: dict[str, list[str]], new: dict[str, list[str]]) -> None:
    for name in old:
        op.drop_index(name, "payments")
    for name, columns in new.items():
        op.create_index(name, "payments", columns)
