"""The events that wait, in the order in which they are taken; those that are done leave that index."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

BEFORE = "ix_inbox_events_state_due_at"
WAITING, FAILING = "ix_inbox_events_waiting", "ix_inbox_events_failing"


def upgrade() -> None:
    op.drop_index(BEFORE, "inbox_events")
    partial(WAITING, ["due_at", "received_at", "event", "state"], "state IN ('received', 'failed')")
    partial(FAILING, ["state", "due_at"], "state IN ('failed', 'dead')")


def downgrade() -> None:
    op.drop_index(FAILING, "inbox_events")
    op.drop_index(WAITING, "inbox_events")
    op.create_index(BEFORE, "inbox_events", ["state", "due_at"])


def partial(name: str, columns: list[str], rows: str) -> None:
    where = sa.text(rows)
    op.create_index(name, "inbox_events", columns, sqlite_where=where, postgresql_where=where)
