"""The bodies of events in a table of their own: to mark an event is to write a short row.

A value is sealed for its place, so each is opened and sealed again. One that cannot be opened, because
somebody changed it, goes along as it is, and cannot be opened there either.
"""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

from azpay.db.ciphers import ValueTampered, place
from azpay.db.ring import ring_of
from azpay.db.sealing import current

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

BATCH = 500
EVENTS = sa.table("inbox_events", sa.column("event"), sa.column("payload"))
BODIES = sa.table("inbox_bodies", sa.column("event"), sa.column("body"))


def upgrade() -> None:
    op.create_table(
        "inbox_bodies",
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["event"],
            ["inbox_events.event"],
            name=op.f("fk_inbox_bodies_event_inbox_events"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("event", name=op.f("pk_inbox_bodies")),
    )
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":  # nothing encrypted can be compressed
        op.execute("ALTER TABLE inbox_bodies ALTER COLUMN body SET STORAGE EXTERNAL")
    for batch in moved(connection, EVENTS.c.payload, BODIES.c.body):
        connection.execute(sa.insert(BODIES), batch)
    op.drop_column("inbox_events", "payload")


def downgrade() -> None:
    connection = op.get_bind()
    op.add_column("inbox_events", sa.Column("payload", sa.LargeBinary(), nullable=True))
    whole = sa.update(EVENTS).where(EVENTS.c.event == sa.bindparam("of"))
    for batch in moved(connection, BODIES.c.body, EVENTS.c.payload):
        rows = [{"of": row["event"], "payload": row["payload"]} for row in batch]
        connection.execute(whole.values(payload=sa.bindparam("payload")), rows)
    if connection.dialect.name == "postgresql":
        op.alter_column("inbox_events", "payload", nullable=False)
    op.drop_table("inbox_bodies")


def moved(
    connection: sa.Connection, here: sa.ColumnClause[Any], there: sa.ColumnClause[Any]
) -> Iterator[list[dict[str, Any]]]:
    """Every value in batches, sealed for where it goes."""
    source, last = here.table, ""
    ring, cipher = ring_of(connection), current(connection)
    while True:
        page = sa.select(source.c.event, here).where(source.c.event > last).order_by(source.c.event)
        rows = connection.execute(page.limit(BATCH)).all()
        if not rows:
            return
        yield [
            {"event": event, there.name: resealed(ring, cipher, event, bytes(value), here, there)}
            for event, value in rows
        ]
        last = rows[-1].event


def resealed(ring: Any, cipher: Any, event: str, value: bytes, here: Any, there: Any) -> bytes:
    try:
        plain = ring.open(value, here.table.name, here.name, event)
    except ValueTampered:
        return value
    return cipher.seal(plain, place(there.table.name, there.name, event))
