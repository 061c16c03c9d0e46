"""Pages of payments: each row once, whatever arrives meanwhile; and one payment's whole story."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event

from azpay.db import new_id
from azpay.db.paging import CursorInvalid
from azpay.errors import Usage
from azpay.payments import (
    Payment,
    PaymentStatus,
    PaymentUnknown,
    Query,
    Sort,
    charge,
    count,
    history,
    refund,
    searching,
    story,
)
from azpay.payments.models import Origin
from tests.support.builders import a_charge, a_refund
from tests.support.clock import NOON

if TYPE_CHECKING:
    from azpay.bootstrap import Azpay
    from azpay.db import Database
    from tests.support.clock import Clock
    from tests.support.webhooks import Webhooks


def a_payment(**known: Any) -> Payment:
    at = known.pop("created_at", NOON)
    return Payment(
        **{
            "id": new_id("pay", at),
            "status": PaymentStatus.SUCCEEDED,
            "currency": "usd",
            "amount": 500,
            "origin": Origin.AZPAY,
            "as_of": at,
            "created_at": at,
            "updated_at": at,
            **known,
        }
    )


def put(db: Database, *payments: Payment) -> list[str]:
    identities = [payment.id for payment in payments]
    with db.writing() as session:
        session.add_all(payments)
        for payment in payments:
            searching.index(session, payment)
    return identities


def clear(db: Database) -> None:
    with db.writing() as session:
        session.connection().exec_driver_sql("DELETE FROM payments")


def pages(db: Database, **wanted: Any) -> list[list[str]]:
    """Every page, one after the other."""
    found, cursor = [], None
    while True:
        page = history(db, Query(**wanted, cursor=cursor))
        found.append([payment.id for payment in page.payments])
        cursor = page.next
        if cursor is None:
            return found


def ids(db: Database, **wanted: Any) -> list[str]:
    return [payment.id for payment in history(db, Query(**wanted)).payments]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.tuples(st.integers(0, 3), st.integers(1, 3)), max_size=12),
    limit=st.integers(1, 5),
    sort=st.sampled_from(list(Sort)),
    ascending=st.booleans(),
)
def test_pages_put_together_are_the_whole_listing(
    db: Database, rows: list[tuple[int, int]], limit: int, sort: Sort, ascending: bool
) -> None:
    clear(db)
    made = put(
        db,
        *(a_payment(created_at=NOON + timedelta(seconds=second), amount=amount) for second, amount in rows),
    )

    found = pages(db, sort=sort, ascending=ascending, limit=limit)
    whole = history(db, Query(sort=sort, ascending=ascending, limit=1000)).payments

    assert [identity for page in found for identity in page] == [payment.id for payment in whole]
    assert sorted(made) == sorted(payment.id for payment in whole)
    assert all(len(page) == limit for page in found[:-1])
    keys = [(p.created_at if sort is Sort.CREATED else p.amount, p.id) for p in whole]
    assert keys == sorted(keys, reverse=not ascending)


@pytest.mark.parametrize("sort", list(Sort))
@pytest.mark.parametrize("ascending", [True, False])
def test_rows_that_arrive_between_two_pages_neither_repeat_nor_hide_any(
    db: Database, sort: Sort, ascending: bool
) -> None:
    before = put(db, *(a_payment(amount=500) for _ in range(6)))
    first = history(db, Query(sort=sort, ascending=ascending, limit=3))

    put(db, *(a_payment(created_at=NOON + timedelta(seconds=s), amount=500 + s) for s in (-1, 0, 1)))
    rest = pages(db, sort=sort, ascending=ascending, limit=1000)[0]
    second = history(db, Query(sort=sort, ascending=ascending, limit=1000, cursor=first.next))

    seen = [payment.id for payment in (*first.payments, *second.payments)]
    assert set(before) <= set(seen)
    assert len(seen) == len(set(seen))
    assert len(rest) == 9


def test_the_newest_comes_first_unless_told_otherwise(db: Database) -> None:
    made = put(db, *(a_payment(created_at=NOON + timedelta(minutes=minute)) for minute in range(3)))

    assert ids(db) == made[::-1]
    assert ids(db, ascending=True) == made


FILTERS: list[tuple[dict[str, Any], str]] = [
    ({"statuses": [PaymentStatus.FAILED]}, "b"),
    ({"statuses": [PaymentStatus.FAILED, PaymentStatus.SUCCEEDED]}, "abc"),
    ({"since": NOON}, "bc"),
    ({"until": NOON}, "a"),
    ({"since": NOON, "until": NOON + timedelta(hours=1)}, "b"),
    ({"customer": "cus_a"}, "ac"),
    ({"reference": "order-b"}, "b"),
    ({"currency": "eur"}, "c"),
    ({"least": 200}, "bc"),
    ({"most": 200}, "ab"),
    ({"least": 200, "most": 200}, "b"),
    ({"search": "ORDER-B"}, "b"),
    ({"search": "Ada@Example.com"}, "a"),
    ({"search": "ada@"}, ""),
    ({"search": "example"}, ""),
    ({"search": "table 7"}, "b"),
    ({"search": "100%"}, "c"),
    ({"search": "wool 100"}, "c"),
    ({"search": "wool order"}, ""),
    ({"search": "100_"}, ""),
    ({"search": "woo"}, ""),
    ({"search": "'; DROP TABLE payments; --"}, ""),
    ({"customer": "cus_a' OR '1'='1"}, ""),
    ({"customer": "cus_a", "currency": "usd"}, "a"),
    ({"offset": 1}, "ab"),
    ({"offset": 3}, ""),
]


@pytest.mark.parametrize(("wanted", "expected"), FILTERS, ids=[str(wanted) for wanted, _ in FILTERS])
def test_each_filter_finds_what_it_says(db: Database, wanted: dict[str, Any], expected: str) -> None:
    put(
        db,
        a_payment(
            id="a",
            created_at=NOON - timedelta(hours=1),
            amount=100,
            customer="cus_a",
            receipt_email="ada@example.com",
        ),
        a_payment(
            id="b",
            status=PaymentStatus.FAILED,
            amount=200,
            reference="order-b",
            metadata_={"waiter": "at Table 7"},
        ),
        a_payment(
            id="c",
            created_at=NOON + timedelta(hours=1),
            amount=300,
            currency="eur",
            customer="cus_a",
            description="100% wool",
        ),
    )

    assert sorted(ids(db, **wanted)) == list(expected)


@pytest.mark.parametrize(
    "wrong",
    [
        {"limit": 0},
        {"limit": 1001},
        {"limit": -1},
        {"offset": -1},
        {"offset": 10**30},
        {"least": 10**30},
        {"most": -(10**30)},
        {"search": "%"},
        {"search": ""},
        {"search": "half \ud800 of it"},
        {"customer": "nul \0"},
        {"reference": "\udfff"},
        {"currency": "\0"},
        {"cursor": "x", "offset": 1},
    ],
)
def test_a_query_that_no_book_could_answer_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(Usage):
        Query(**wrong)


def encoded(*parts: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode()


NOW = NOON.isoformat()
MALFORMED = {
    "nothing": "",
    "no base 64": "%%%",
    "another script": "курсор",
    "half a character": "\ud800",
    "no JSON": base64.urlsafe_b64encode(b"payments").decode(),
    "an abyss": base64.urlsafe_b64encode(b"[" * 100_000).decode(),
    "another shape": encoded("created", False),
    "another sort": encoded("amount", False, 500, "pay_1"),
    "another direction": encoded("created", True, NOW, "pay_1"),
    "an unknown sort": encoded("id", False, NOW, "pay_1"),
    "a time without a zone": encoded("created", False, "2026-03-02T12:00:00", "pay_1"),
    "a time beyond the calendar": encoded("created", False, "9999-12-31T23:59:59-12:00", "pay_1"),
    "a time in words": encoded("created", False, "noon", "pay_1"),
    "a number for a time": encoded("created", False, 7, "pay_1"),
    "an id that is no text": encoded("created", False, NOW, 7),
    "an id with a NUL": encoded("created", False, NOW, "pay_\0"),
    "an id of half a character": encoded("created", False, NOW, "pay_\ud800"),
    "code": encoded("created", False, NOW, "pay_1", "extra"),
}


@pytest.mark.parametrize("cursor", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_cursor_that_we_did_not_give_out_is_refused(db: Database, cursor: str) -> None:
    with pytest.raises(CursorInvalid) as refused:
        history(db, Query(cursor=cursor))

    assert "next" in str(refused.value.hint)


@pytest.mark.parametrize("value", [10**30, True, 1.5, "500", None])
def test_an_amount_in_a_cursor_is_a_whole_number(db: Database, value: object) -> None:
    with pytest.raises(CursorInvalid):
        history(db, Query(sort=Sort.AMOUNT, cursor=encoded("amount", False, value, "pay_1")))


@given(cursor=st.text(max_size=60))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_cursor_breaks_a_listing(db: Database, cursor: str) -> None:
    with pytest.raises(CursorInvalid):
        history(db, Query(cursor=cursor))


def test_a_cursor_of_the_last_moment_of_the_calendar_is_answered(db: Database) -> None:
    put(db, a_payment(id="a"))
    late = datetime.max.replace(tzinfo=UTC).isoformat()

    page = history(db, Query(cursor=encoded("created", False, late, "pay_1")))

    assert [payment.id for payment in page.payments] == ["a"]


FIRST: dict[str, tuple[dict[str, Any], str]] = {
    "nothing": ({}, ""),
    "status": ({"statuses": [PaymentStatus.FAILED]}, "status_"),
    "statuses": ({"statuses": [PaymentStatus.FAILED, PaymentStatus.SUCCEEDED]}, "status_"),
    "customer": ({"customer": "cus_1"}, "customer_"),
    "reference": ({"reference": "order-1"}, "reference_"),
    "currency": ({"currency": "usd"}, "currency_"),
    "amounts": ({"currency": "usd", "least": 1, "most": 900}, "currency_"),
    "a period": ({"since": NOON, "until": NOON + timedelta(days=1)}, ""),
    "a customer's statuses": ({"customer": "cus_1", "statuses": [PaymentStatus.FAILED]}, "customer_"),
    "a status and amounts": (
        {"currency": "usd", "least": 1, "statuses": [PaymentStatus.FAILED]},
        "status_",
    ),
}
"""What is asked for, and what the index that answers begins with."""


@pytest.mark.parametrize("ascending", [False, True])
@pytest.mark.parametrize("sort", list(Sort))
@pytest.mark.parametrize("filtered", FIRST)
def test_a_page_is_read_off_its_index_and_never_sorted(
    db: Database, filtered: str, sort: Sort, ascending: bool
) -> None:
    put(db, *(a_payment(**ONE, status=status) for status in PaymentStatus for _ in range(2)))
    wanted, begins = FIRST[filtered]
    first = Query(**wanted, sort=sort, ascending=ascending, limit=1)
    asked = [first, replace(first, cursor=history(db, first).next), replace(first, offset=1)]

    plans = [plans_of(db, query) for query in asked]

    place = {Sort.CREATED: "created_at_id", Sort.AMOUNT: "amount_id"}[sort]
    index = f"ix_payments_{begins}{place}" if db.embedded else "ix_payments_"
    assert all(index in steps[0] for steps in plans)
    assert not [plan for steps in plans for plan in steps if UNSOUND.search(plan)]


ONE: dict[str, Any] = {"customer": "cus_1", "reference": "order-1"}
UNSOUND = re.compile(r"TEMP B-TREE|SCAN payments(?! USING)|Sort  \(|Seq Scan on payments")
"""What a plan says when it sorts, or reads the whole table."""


def plans_of(db: Database, query: Query) -> list[str]:
    """How the store reads each statement of a page, in its own words."""
    asked: list[tuple[str, Any]] = []
    event.listen(db.engine, "before_cursor_execute", lambda *call: asked.append((call[2], call[3])))
    history(db, query)
    with db.engine.connect() as connection:
        if not db.embedded:
            for way in ("seqscan", "bitmapscan", "sort"):  # which a table of a few rows would rather have
                connection.exec_driver_sql(f"SET LOCAL enable_{way} = off")
        explain = "EXPLAIN QUERY PLAN" if db.embedded else "EXPLAIN"
        return [
            " / ".join(str(row[-1]) for row in connection.exec_driver_sql(f"{explain} {statement}", values))
            for statement, values in list(asked)
            if statement.startswith("SELECT") and "payments" in statement
        ]


@pytest.mark.parametrize("ascending", [False, True])
@pytest.mark.parametrize("sort", list(Sort))
def test_the_statuses_of_a_listing_are_merged_in_its_order(db: Database, sort: Sort, ascending: bool) -> None:
    kinds = [PaymentStatus.FAILED, PaymentStatus.SUCCEEDED, PaymentStatus.CANCELED]
    put(
        db,
        *(
            a_payment(status=kinds[n % 3], amount=100 + n * 7 % 11, created_at=NOON + timedelta(hours=n % 5))
            for n in range(30)
        ),
    )
    wanted: dict[str, Any] = {"statuses": [*kinds[:2], kinds[0]], "sort": sort, "ascending": ascending}

    paged = [identity for page in pages(db, **wanted, limit=7) for identity in page]
    skipped = [identity for n in range(0, 20, 5) for identity in ids(db, **wanted, limit=5, offset=n)]
    whole = history(db, Query(sort=sort, ascending=ascending, limit=1000)).payments

    assert paged == skipped == [each.id for each in whole if each.status in kinds[:2]]


@pytest.mark.parametrize("wanted", [{}, {"customer": "cus_1"}, {"statuses": list(PaymentStatus)[:3]}])
def test_as_many_are_counted_as_all_pages_have(db: Database, wanted: dict[str, Any]) -> None:
    put(db, *(a_payment(**ONE, status=status) for status in PaymentStatus))
    put(db, a_payment())

    counted = count(db, Query(**wanted, limit=1, offset=1))

    assert counted == sum(len(page) for page in pages(db, **wanted, limit=2))


def test_a_story_tells_everything_oldest_first(azpay: Azpay, webhooks: Webhooks, clock: Clock) -> None:
    payment = charge(azpay.db, azpay.gateway, a_charge(1000, reference="order-1"), now=azpay.now())
    other = charge(azpay.db, azpay.gateway, a_charge(700), now=azpay.now())
    for amount in (300, 200):
        clock.advance(minutes=1)
        refund(azpay.db, azpay.gateway, a_refund(payment.id, amount), now=azpay.now())
    webhooks.arrive()

    told = story(azpay.db, "order-1")

    assert told.payment.id == payment.id
    assert [each.amount for each in told.refunds] == [300, 200]
    assert [each.kind for each in told.operations] == ["charge", "refund", "refund"]
    assert sorted(line.amount for line in told.lines) == [-300, -200, 1000]
    assert "payment_intent.succeeded" in {each.type for each in told.events}
    assert all(other.payment_intent != each.object_id for each in told.events)
    assert told.events == sorted(told.events, key=lambda each: each.created_at)


def test_the_story_of_what_nobody_knows(db: Database) -> None:
    with pytest.raises(PaymentUnknown):
        story(db, "order-nowhere")
