"""On a server, the body of an event stays in its row as long as it fits a page.

PostgreSQL puts away whatever makes a row longer than two kilobytes, in pieces that another table and its
index hold; an event has three to four, and is read and written whole. What is there already stays there.

https://www.postgresql.org/docs/current/sql-createtable.html#RELOPTION-TOAST-TUPLE-TARGET
"""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

MOST = 8160
"""Bytes of a row: the most that the server allows to be asked for."""


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"ALTER TABLE inbox_bodies SET (toast_tuple_target = {MOST})")


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE inbox_bodies RESET (toast_tuple_target)")
