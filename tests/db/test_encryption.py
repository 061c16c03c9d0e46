"""What a stranger finds in a book: nothing in clear, and nothing that can be changed unnoticed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from alembic import command
from sqlalchemy import LargeBinary, String, inspect
from sqlalchemy.exc import StatementError
from sqlmodel import col, select, update

from azpay import inbox
from azpay.bootstrap import tables
from azpay.db import migrations, proving
from azpay.db.ciphers import ValueTampered
from azpay.db.engines import WRITES
from azpay.db.ring import KeyMissing
from azpay.db.sealing import Sealed, SealedType, found_by
from azpay.inbox import EventState
from azpay.operations import Operation
from azpay.payments import Customer, Payment, Query, history, methods
from tests.support.canaries import CANARIES, EMAIL, NAME, live_in
from tests.support.clock import NOON
from tests.support.events import an_event

if TYPE_CHECKING:
    from collections.abc import Callable

    from alembic.config import Config
    from sqlalchemy import Connection

    from azpay.bootstrap import Azpay
    from azpay.db import Database
    from tests.support.webhooks import Webhooks

PLAIN = {
    "ours": {
        "id", "payment_id", "refund_id", "run_id", "key_id", "subject", "idempotency_key", "reference",
        "operation_id", "lease", "batch_id", "holder",
    },
    "whoever works with it": {"actor", "scope"},
    "stripe's": {
        "payment_intent", "charge", "customer", "payment_method", "refund", "event", "object_id", "account",
        "source", "balance_transaction", "stripe_object", "default_method", "fingerprint", "api_version",
        "request",
    },
    "words from a list": {
        "status", "origin", "state", "kind", "type", "currency", "card_brand", "brand", "reason",
        "failure_code", "failure_reason", "error_code", "reporting_category", "object_type", "dispute",
        "step", "outcome", "code",
    },
    "four digits": {"card_last4", "last4", "secret"},
    "what two books say": {"ours", "theirs", "said_here", "said_there"},
    "blind": {"email_index", "word", "pepper", "request_hash", "digest", "about"},
}  # fmt: skip


@pytest.fixture
def lived_in(azpay: Azpay, webhooks: Webhooks) -> Azpay:
    return live_in(azpay, webhooks)


def dumped(db: Database) -> bytes:
    """A raw dump of a server's book, or the bytes of a file and of what stands beside it."""
    if db.embedded:
        folder = Path(str(db.engine.url.database)).parent
        return b"".join(path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file())
    with db.engine.connect() as connection:
        return b"\n".join(_copied(connection, table.name) for table in tables().sorted_tables)


def _copied(connection: Connection, table: str) -> bytes:
    driver: Any = connection.connection.driver_connection
    with driver.cursor().copy(f"COPY {table} TO STDOUT") as rows:
        return b"".join(bytes(row) for row in rows)


def stored(db: Database) -> str:
    """Every value as the store hands it out, to somebody with the file's key or a server's password."""
    with db.engine.connect() as connection:
        rows = [
            connection.exec_driver_sql(f"SELECT * FROM {table.name}").all()  # noqa: S608
            for table in tables().sorted_tables
            if inspect(connection).has_table(table.name)
        ]
    return "\n".join(repr(bytes(value) if isinstance(value, memoryview) else value) for table in rows
                     for row in table for value in row)  # fmt: skip


@pytest.mark.store("sqlite")
def test_nothing_of_people_stands_in_a_dump(lived_in: Azpay) -> None:
    found = dumped(lived_in.db)
    spelled = [text for canary in CANARIES for text in (canary.encode(), canary.encode().hex().encode())]

    assert len(found) > 5_000
    assert [text for text in spelled if text in found] == []


def test_nothing_of_people_stands_in_the_rows(lived_in: Azpay) -> None:
    found = stored(lived_in.db)

    assert "evt_1" in found
    assert [canary for canary in CANARIES if canary in found or canary.encode().hex() in found] == []


def test_azpay_itself_reads_all_of_it(lived_in: Azpay) -> None:
    (payment,) = history(lived_in.db, Query()).payments
    with lived_in.db.reading() as session:
        customer = session.exec(select(Customer)).one()

    assert (payment.description, payment.receipt_email) == (CANARIES[2], EMAIL)
    assert payment.metadata_ == {"note": CANARIES[4]}
    assert (customer.email, customer.name) == (EMAIL, NAME)
    assert CANARIES[5].encode() in inbox.body_of(lived_in.db, "evt_1")
    assert proving.values(lived_in.db).problems == []


def test_every_text_is_encrypted_or_known_to_be_nobodys() -> None:
    plain = set().union(*PLAIN.values())
    kinds = (String, LargeBinary)

    bare = [
        f"{table.name}.{column.name}"
        for table in tables().sorted_tables
        for column in table.columns
        if not isinstance(column.type, SealedType) and isinstance(column.type, kinds)
        if column.name not in plain
    ]

    assert bare == []


def test_an_email_is_found_without_reading_any(lived_in: Azpay) -> None:
    with lived_in.db.reading() as session:
        for typed in (EMAIL, EMAIL.upper(), f" {EMAIL} "):
            has_it = found_by(session.connection(), col(Customer.email_index), typed)
            assert len(session.exec(select(Customer).where(has_it)).all()) == 1
        another = found_by(session.connection(), col(Customer.email_index), "someone@example.com")
        assert session.exec(select(Customer).where(another)).all() == []


def test_the_same_value_never_stands_twice_the_same_way(db: Database) -> None:
    with db.writing() as session:
        for name in ("cus_1", "cus_2"):
            session.add(Customer(customer=name, name=NAME, created_at=NOON, updated_at=NOON))

    with db.engine.connect() as connection:
        first, second = connection.exec_driver_sql("SELECT name FROM customers").scalars()

    assert bytes(first) != bytes(second)


def test_a_value_moved_to_another_row_is_noticed(db: Database) -> None:
    with db.writing() as session:
        for name in ("cus_1", "cus_2"):
            session.add(Customer(customer=name, name=f"{NAME} {name}", created_at=NOON, updated_at=NOON))
    move = "UPDATE customers SET name = (SELECT name FROM customers WHERE customer = 'cus_1')"

    with db.writing() as session:
        session.connection().exec_driver_sql(f"{move} WHERE customer = 'cus_2'")

    with pytest.raises(ValueTampered, match="name of cus_2 in customers"), db.reading() as session:
        session.get(Customer, "cus_2")
    assert proving.values(db).problems == ["customers cus_2 name: value_tampered"]


def test_a_value_moved_to_another_column_is_noticed(lived_in: Azpay) -> None:
    with lived_in.db.writing() as session:
        session.connection().exec_driver_sql("UPDATE payments SET receipt_email = description")

    with pytest.raises(ValueTampered, match="receipt_email"):
        history(lived_in.db, Query())


@pytest.mark.parametrize("at", [0, 1, 5, 17, -1])
def test_one_changed_byte_of_a_value_is_noticed(db: Database, at: int) -> None:
    """Of its format, its key's id, its nonce, its text and its tag."""
    with db.writing() as session:
        session.add(Customer(customer="cus_1", name=NAME, created_at=NOON, updated_at=NOON))
        session.flush()
        whole = bytearray(
            bytes(session.connection().exec_driver_sql("SELECT name FROM customers").scalar_one())
        )
        whole[at] ^= 1
        statement = update(Customer).values(name=Sealed(bytes(whole)))
        session.connection().execute(statement.execution_options(synchronize_session=False))

    with pytest.raises((ValueTampered, KeyMissing)), db.reading() as session:
        session.get(Customer, "cus_1")


def test_a_tampered_event_is_given_up_and_holds_up_no_other(azpay: Azpay, webhooks: Webhooks) -> None:
    webhooks.keep([an_event("evt_1"), an_event("evt_2")])
    with azpay.db.writing() as session:
        swap = "UPDATE inbox_bodies SET body = (SELECT body FROM inbox_bodies WHERE event = 'evt_2')"
        session.connection().exec_driver_sql(f"{swap} WHERE event = 'evt_1'")

    first = inbox.process(azpay.db, azpay.gateway, azpay.handlers, now=azpay.now())
    second = inbox.process(azpay.db, azpay.gateway, azpay.handlers, now=azpay.now())

    assert (first.dead, first.done + second.done) == (1, 1)
    assert inbox.one(azpay.db, "evt_2").state is EventState.DONE


def test_a_statement_that_would_write_in_clear_is_refused(db: Database) -> None:
    whole = update(Customer).values(name=NAME)

    with pytest.raises(StatementError, match="row by row"), db.writing() as session:
        session.connection().execute(whole)


def test_a_statement_that_would_compare_in_clear_is_refused(db: Database) -> None:
    asked = select(Payment).where(Payment.description == "canary")

    with pytest.raises(StatementError, match="blind index"), db.reading() as session:
        session.exec(asked)


def test_a_row_of_core_hands_out_no_text_by_accident(lived_in: Azpay) -> None:
    with lived_in.db.reading() as session:
        value: Any = session.exec(select(Payment.description)).one()

    assert isinstance(value, Sealed)


def test_what_was_asked_cannot_be_guessed_from_its_digest(azpay: Azpay) -> None:
    methods.add(azpay.db, azpay.gateway, "pm_card_visa", EMAIL, now=azpay.now())

    with azpay.db.reading() as session:
        made = session.exec(select(Operation).where(Operation.kind == "customer")).one()

    assert made.subject.startswith("email_")
    assert "@" not in made.subject
    assert made.fingerprint != inbox_digest(EMAIL)


def inbox_digest(email: str) -> str:
    """What anybody can compute."""
    from azpay import operations

    return operations.fingerprint(operations.Kind.CUSTOMER, email=email)


def test_new_events_are_encrypted_as_they_are_kept(azpay: Azpay, webhooks: Webhooks) -> None:
    webhooks.keep([an_event("evt_1")])

    with azpay.db.engine.connect() as connection:
        body = connection.exec_driver_sql("SELECT body FROM inbox_bodies").scalar_one()

    assert b"evt_1" not in bytes(body)
    assert b'"evt_1"' in inbox.body_of(azpay.db, "evt_1")


def migrate(db: Database, change: Callable[[Config, str], None], to: str) -> None:
    config = migrations.configuration()
    with db.engine.execution_options(**{WRITES: True}).begin() as connection:
        config.attributes["connection"] = connection
        change(config, to)


def test_a_book_of_before_is_encrypted_where_it_stands(lived_in: Azpay) -> None:
    migrate(lived_in.db, command.downgrade, "0001")
    before = stored(lived_in.db)

    migrate(lived_in.db, command.upgrade, "head")

    assert [canary for canary in CANARIES[:5] if canary not in before] == []
    assert [canary for canary in CANARIES if canary.encode() in dumped(lived_in.db)] == []
    assert proving.values(lived_in.db).problems == []
    (payment,) = history(lived_in.db, Query(search="canary description")).payments
    assert payment.metadata_ == {"note": CANARIES[4]}
    with lived_in.db.reading() as session:
        has_it = found_by(session.connection(), col(Customer.email_index), EMAIL)
        assert session.exec(select(Customer).where(has_it)).one().name == NAME
