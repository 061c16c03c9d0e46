"""Encrypt people's data and raw events; find e-mails and words by blind tokens.

SQLite keeps its declared types, which bind nothing there. On PostgreSQL the change of type also writes the
tables anew, so that nothing in clear stays behind in their files.
"""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

from azpay.db import book_keys, sealing
from azpay.db.ciphers import Cipher, place
from azpay.db.ring import ring_of
from azpay.payments.searching import words_in

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

SEALED = {
    "payments": ("id", ["description", "receipt_email", "metadata", "failure_message", "next_action_url"]),
    "refunds": ("id", ["note"]),
    "customers": ("customer", ["email", "name"]),
    "inbox_events": ("event", ["payload", "error"]),
    "operations": ("id", ["error_message"]),
}
BYTES, JSON = "payload", "metadata"
BATCH = 500
OPEN = "state IN ('planned', 'sent', 'unknown')"


def upgrade() -> None:
    connection = op.get_bind()
    make_tables()
    cipher = ring_of(connection).newest
    keys = sa.table("book_keys", sa.column("key_id"), sa.column("current"), sa.column("pepper"))
    op.execute(sa.insert(keys).values(book_keys.row_for(cipher, book_keys.new_pepper(), current=True)))
    index_emails(connection, cipher)
    index_words(connection, cipher)
    blind_operations(connection)
    for table in SEALED:
        seal(connection, cipher, table)


def downgrade() -> None:
    connection = op.get_bind()
    if connection.exec_driver_sql(f"SELECT 1 FROM operations WHERE {OPEN}").first() is not None:  # noqa: S608
        raise RuntimeError("Settle the open operations first: the older azpay would not know them again.")
    for table in SEALED:
        unseal(connection, table)
    op.drop_index("ix_customers_email_index", "customers")
    op.drop_column("customers", "email_index")
    op.create_index("ix_customers_email", "customers", ["email"])
    op.drop_table("payment_words")
    op.drop_table("book_keys")


def make_tables() -> None:
    op.create_table(
        "book_keys",
        sa.Column("key_id", sa.String(), nullable=False),
        sa.Column("current", sa.Boolean(), nullable=False),
        sa.Column("pepper", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("key_id", name=op.f("pk_book_keys")),
    )
    op.create_table(
        "payment_words",
        sa.Column("word", sa.LargeBinary(), nullable=False),
        sa.Column("payment_id", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["payment_id"],
            ["payments.id"],
            name=op.f("fk_payment_words_payment_id_payments"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("word", "payment_id", name=op.f("pk_payment_words")),
        sqlite_with_rowid=False,
    )
    op.drop_index("ix_customers_email", "customers")
    op.add_column("customers", sa.Column("email_index", sa.LargeBinary(), nullable=True))
    op.create_index("ix_customers_email_index", "customers", ["email_index"])


def rows(connection: sa.Connection, table: str, *columns: str) -> Iterator[list[Any]]:
    """Every row of a table in batches: its key, then these columns."""
    key, _ = SEALED[table]
    found = sa.table(table, *(sa.column(name) for name in (key, *columns)))
    last = ""
    while True:
        page = sa.select(found).where(found.c[key] > last).order_by(found.c[key]).limit(BATCH)
        batch = [list(row) for row in connection.execute(page)]
        if not batch:
            return
        yield from batch
        last = batch[-1][0]


def write(connection: sa.Connection, table: str, key: str, values: dict[str, Any]) -> None:
    changed = sa.table(table, *(sa.column(name) for name in (SEALED[table][0], *values)))
    connection.execute(sa.update(changed).where(changed.c[SEALED[table][0]] == key).values(values))


def index_emails(connection: sa.Connection, cipher: Cipher) -> None:
    for customer, email in rows(connection, "customers", "email"):
        if email is not None:
            write(
                connection,
                "customers",
                customer,
                {"email_index": cipher.token("customers.email_index", email)},
            )


def index_words(connection: sa.Connection, cipher: Cipher) -> None:
    ours = sa.table("payment_words", sa.column("word"), sa.column("payment_id"))
    texts = ("description", "reference", "receipt_email", "metadata")
    for payment, description, reference, email, metadata in rows(connection, "payments", *texts):
        found = words_in(description, reference, email, plain("metadata", metadata))
        tokens = [{"word": cipher.word(word), "payment_id": payment} for word in found]
        if tokens:
            connection.execute(sa.insert(ours), tokens)


def blind_operations(connection: sa.Connection) -> None:
    """A customer's creation was written down under the e-mail, and any digest could be tried from outside."""
    for operation, kind, subject, fingerprint in rows(
        connection, "operations", "kind", "subject", "fingerprint"
    ):
        values = {"fingerprint": book_keys.peppered(connection, fingerprint)}
        if kind == "customer" and "@" in subject:
            values["subject"] = book_keys.blind_name(connection, "email", subject)
        write(connection, "operations", operation, values)


def seal(connection: sa.Connection, cipher: Cipher, table: str) -> None:
    _, columns = SEALED[table]
    for key, *values in rows(connection, table, *columns):
        sealed = {
            name: stored(connection, name, cipher.seal(encoded(name, value), place(table, name, key)))
            for name, value in zip(columns, values, strict=True)
            if value is not None
        }
        if sealed:
            write(connection, table, key, sealed)
    retype(connection, table, "BYTEA", {JSON: "decode({0} #>> '{{}}', 'hex')"}, "decode({0}, 'hex')")


def unseal(connection: sa.Connection, table: str) -> None:
    types = {JSON: "('\"' || encode({0}, 'hex') || '\"')::json"}
    retype(connection, table, "VARCHAR", types, "encode({0}, 'hex')")
    _, columns = SEALED[table]
    for key, *values in rows(connection, table, *columns):
        opened = {
            name: decoded(name, ring_of(connection).open(taken(value), table, name, key))
            for name, value in zip(columns, values, strict=True)
            if value is not None
        }
        if opened:
            write(connection, table, key, opened)


def retype(connection: sa.Connection, table: str, to: str, special: dict[str, str], using: str) -> None:
    if connection.dialect.name == "sqlite":
        return
    clauses = [
        f"ALTER COLUMN {name} TYPE {'JSON' if name == JSON and to != 'BYTEA' else to} "
        f"USING {special.get(name, using).format(name)}"
        for name in SEALED[table][1]
        if name != BYTES
    ]
    op.execute(f"ALTER TABLE {table} {', '.join(clauses)}")


def plain(name: str, value: Any) -> Any:
    """A JSON column, as each driver hands it out."""
    return sealing.FORMS["json"][1](value.encode()) if name == JSON and isinstance(value, str) else value


def encoded(name: str, value: Any) -> bytes:
    form = {BYTES: "bytes", JSON: "json"}.get(name, "text")
    return sealing.FORMS[form][0](plain(name, value))


def decoded(name: str, value: bytes) -> Any:
    return value if name == BYTES else value.decode()


def stored(connection: sa.Connection, name: str, value: bytes) -> Any:
    """Bytes where the column can take them already; else in the words that its next type is made from."""
    if connection.dialect.name == "sqlite" or name == BYTES:
        return value
    return f'"{value.hex()}"' if name == JSON else value.hex()


def taken(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    return bytes.fromhex(value.strip('"') if isinstance(value, str) else value)
