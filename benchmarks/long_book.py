"""A book with a long history, the same every time, made in minutes and kept to be measured again.

Its rows are sealed as azpay seals them and its words are azpay's. Only the order of the work is that of
a bulk load: rows first, then the words sorted, then the indexes, with nothing waited for until the end. It
opens with a key that everybody can read here: no place for anything but made-up payments.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, select

from azpay.bootstrap import tables
from azpay.credentials import RootKey
from azpay.db import Database, Ring, migrations, new_id
from azpay.db.postgres import without_hurry
from azpay.db.sealing import current
from azpay.payments import Payment, PaymentStatus
from azpay.payments.searching import words_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

ROOT = RootKey(bytes(range(32)))
BEGAN = datetime(2025, 1, 1, tzinfo=UTC)
BATCH = 5000
WEIGHTS = {
    PaymentStatus.SUCCEEDED: 900,
    PaymentStatus.FAILED: 80,
    PaymentStatus.CANCELED: 19,
    PaymentStatus.UNKNOWN: 1,
}
UNHURRIED = ("PRAGMA synchronous=OFF", "PRAGMA cache_size=-1000000", "PRAGMA temp_store=MEMORY")
STAGE = "CREATE TEMPORARY TABLE staged (word {bytes}, payment_id TEXT)"
SORTED = "INSERT INTO payment_words (word, payment_id) SELECT word, payment_id FROM staged ORDER BY 1, 2"


def opened(address: str, *others: RootKey) -> Database:
    """The book there, migrated."""
    db = Database.open(address, Ring.of(ROOT, *others))
    migrations.upgrade(db)
    return db


def fill(db: Database, count: int) -> None:
    """Make it hold so many payments, unless it does already."""
    with db.reading() as session:
        there = session.execute(select(func.count()).select_from(Payment)).scalar_one()
    if there == count:
        return
    assert not there, f"{db.where} holds {there} payments"
    with db.engine.connect() as connection:
        if db.embedded:
            for pragma in UNHURRIED:
                connection.connection.driver_connection.execute(pragma)
        _load(connection, count)
        connection.commit()
        connection.invalidate()
    with db.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)" if db.embedded else "VACUUM ANALYZE")


def _load(connection: Connection, count: int) -> None:
    payments = tables().tables["payments"]
    indexes = sorted(payments.indexes, key=lambda index: str(index.name))
    for index in indexes:
        index.drop(connection)
    embedded = connection.dialect.name == "sqlite"
    if not embedded:
        without_hurry(connection)
    connection.exec_driver_sql(STAGE.format(bytes="BLOB" if embedded else "BYTEA"))
    words = "INSERT INTO staged VALUES (?, ?)" if embedded else "INSERT INTO staged VALUES (%s, %s)"
    known: dict[str, bytes] = {}
    for rows in _batches(count):
        connection.execute(insert(payments), rows)
        connection.exec_driver_sql(words, list(_staged(connection, rows, known)))
    connection.exec_driver_sql(SORTED)
    for index in indexes:
        index.create(connection)


def _batches(count: int) -> Iterator[list[dict[str, Any]]]:
    chance = random.Random(7)  # noqa: S311 - the same book every time
    for begin in range(0, count, BATCH):
        yield [_payment(number, chance) for number in range(begin, min(begin + BATCH, count))]


def _staged(
    connection: Connection, rows: list[dict[str, Any]], known: dict[str, bytes]
) -> Iterator[tuple[bytes, str]]:
    cipher = current(connection)
    for row in rows:
        for word in words_in(row["description"], row["reference"], row["receipt_email"], row["metadata"]):
            token = known.get(word)
            if token is None:
                token = known[word] = cipher.word(word)
            yield token, row["id"]


def _payment(number: int, chance: random.Random) -> dict[str, Any]:
    at, amount = BEGAN + timedelta(seconds=31 * number), chance.randrange(100, 100_000)
    (status,) = chance.choices([*WEIGHTS], [*WEIGHTS.values()])
    return {
        "id": new_id("pay", at),
        "payment_intent": f"pi_{number:024}",
        "status": status,
        "currency": chance.choice(["usd", "usd", "usd", "eur", "jpy"]),
        "amount": amount,
        "amount_captured": amount if status is PaymentStatus.SUCCEEDED else 0,
        "amount_refunded": 0,
        "customer": chance.choice(["cus_big", "cus_big", f"cus_{chance.randrange(20_000)}"]),
        "reference": chance.choice(["subscription", "subscription", f"order-{number}"]),
        "description": f"Order {number}, {chance.choice(['books', 'shoes', 'tea'])}",
        "receipt_email": f"payer{chance.randrange(30_000)}@example.com",
        "metadata": {"cart": f"cart-{number % 50_000}"},
        "origin": "azpay",
        "livemode": False,
        "as_of": at,
        "created_at": at,
        "updated_at": at,
    }
