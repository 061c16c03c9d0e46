"""A file held against the book before anything moves."""

from __future__ import annotations

import os
import tracemalloc
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from azpay.payments import batches, charge, customers, methods, refund
from azpay.payments.batches import (
    BatchKind,
    FileEdited,
    FileEmpty,
    FileMistaken,
    FileSuspected,
    FileTooLong,
    RowState,
    checking,
    snapshots,
)
from tests.support.builders import a_charge, a_refund
from tests.support.sheets import VISA, a_file, a_sheet, charges, run, statuses

if TYPE_CHECKING:
    from azpay.bootstrap import Azpay
    from azpay.payments import Payment
    from azpay.payments.batches import File, Prepared
    from azpay.sandbox import Sandbox
    from tests.support.clock import Clock

TITLES = ("amount", "currency", "customer", "method", "reference")


def prepared(azpay: Azpay, file: File) -> Prepared:
    return batches.prepare(azpay.db, file, now=azpay.now())


def said(error: FileMistaken | FileSuspected) -> list[str]:
    return [str(each) for each in error.mistakes.kept]


def refunds(*rows: tuple[str, str], **terms: bool) -> File:
    return a_file(a_sheet(("payment", "amount"), rows), BatchKind.REFUND, **terms)


@pytest.fixture
def paid(azpay: Azpay) -> Payment:
    """20.00 USD, an hour ago."""
    then = azpay.now() - timedelta(hours=1)
    return charge(azpay.db, azpay.gateway, a_charge(2000, reference="order-1"), now=then)


def test_a_file_that_is_looked_at_moves_nothing_and_leaves_nothing(azpay: Azpay, stripe: Sandbox) -> None:
    file = a_file(charges(3))

    found = prepared(azpay, file)

    assert found.to_move(azpay.db) == {"usd": (3, 3300)}
    assert max(found.found.largest) == (1200, -4, "usd")
    assert batches.page(azpay.db, limit=10) == []
    assert stripe.payment_intents == []


def test_rows_that_repeat_each_other_are_suspected(azpay: Azpay) -> None:
    sheet = a_sheet(("amount", "currency", "method"), [("5.00", "usd", VISA), ("5.00", "usd", VISA)])

    with pytest.raises(FileSuspected) as refused:
        prepared(azpay, a_file(sheet))

    assert said(refused.value) == ["row 3: is the same as row 2."]
    assert prepared(azpay, a_file(sheet, allow_duplicate=True)).to_move(azpay.db) == {"usd": (2, 1000)}


def test_a_row_that_repeats_a_charge_of_minutes_ago_is_suspected(azpay: Azpay, clock: Clock) -> None:
    made = charge(azpay.db, azpay.gateway, a_charge(1000, reference="order-1"), now=azpay.now())
    file = a_file(charges(2))

    with pytest.raises(FileSuspected) as refused:
        prepared(azpay, file)
    clock.advance(minutes=11)
    later = prepared(azpay, file)

    assert said(refused.value) == [f"row 2: was done minutes ago: {made.id}."]
    assert later.to_move(azpay.db) == {"usd": (2, 2100)}


def test_a_customer_named_twice_in_two_ways_is_one_customer(azpay: Azpay) -> None:
    known = customers.identify(azpay.db, azpay.gateway, "ada@example.com", now=azpay.now())
    rows = [("5.00", "usd", known, VISA, ""), ("5.00", "usd", "Ada@Example.com", VISA, "")]

    with pytest.raises(FileSuspected) as refused:
        prepared(azpay, a_file(a_sheet(TITLES, rows)))

    assert said(refused.value) == ["row 3: is the same as row 2."]


def test_customers_and_methods_that_cannot_pay_are_named(azpay: Azpay, stripe: Sandbox) -> None:
    for name in ("ada", "bob"):
        customers.identify(azpay.db, azpay.gateway, f"{name}@example.com", now=azpay.now())
    saved = methods.add(azpay.db, azpay.gateway, VISA, "ada@example.com", now=azpay.now())
    gone = methods.add(azpay.db, azpay.gateway, "pm_card_mastercard", "ada@example.com", now=azpay.now())
    methods.remove(azpay.db, azpay.gateway, gone.payment_method, now=azpay.now())
    rows = [
        ("5.00", "usd", "ada@example.com", gone.payment_method, "order-1"),
        ("6.00", "usd", "bob@example.com", saved.payment_method, "order-2"),
        ("7.00", "usd", "ada@example.com", saved.payment_method, "order-3"),
    ]

    with pytest.raises(FileMistaken) as refused:
        prepared(azpay, a_file(a_sheet(TITLES, rows)))

    assert said(refused.value) == [
        f"row 2: {gone.payment_method} was removed. Name a method that is saved.",
        f"row 3: {saved.payment_method} belongs to another customer. Name their own.",
    ]


def test_several_refunds_of_one_payment_are_weighed_together(azpay: Azpay, paid: Payment) -> None:
    enough = refunds(("order-1", "5.00"), (paid.id, ""), (str(paid.payment_intent), "0.01"))

    with pytest.raises(FileMistaken) as refused:
        prepared(azpay, enough)
    exact = prepared(azpay, refunds(("order-1", "5.00"), (paid.id, "")))

    assert said(refused.value) == [f"row 4, payment: nothing is left of {paid.id}, earlier rows counted."]
    assert exact.to_move(azpay.db) == {"usd": (2, 2000)}


def test_what_cannot_be_refunded_is_named_with_what_could_be(azpay: Azpay, paid: Payment) -> None:
    held = charge(
        azpay.db, azpay.gateway, a_charge(700, reference="held", authorize_only=True), now=azpay.now()
    )
    rows = (
        ("order-1", "20.01"),
        ("held", "1.00"),
        ("order-9", "1.00"),
        ("order-1", "1.234"),
        ("order-1", "0"),
    )

    with pytest.raises(FileMistaken) as refused:
        prepared(azpay, refunds(*rows))

    assert said(refused.value) == [
        f"row 2, amount: USD 20.01 is not within the USD 20.00 left of {paid.id}, earlier rows counted.",
        f"row 3, payment: {held.id} is authorized: there is nothing to give back.",
        "row 4, payment: No payment goes by 'order-9'. List them with `azpay history`; `azpay reconcile` "
        "finds what Stripe knows and we do not.",
        "row 5, amount: '1.234' is not an amount in USD. This currency has two decimals: type it as in "
        "1250.50. azpay never rounds.",
        f"row 6, amount: USD 0.00 is not within the USD 20.00 left of {paid.id}, earlier rows counted.",
    ]


def test_a_refund_of_minutes_ago_and_one_in_the_file_are_suspected(azpay: Azpay, paid: Payment) -> None:
    made = refund(azpay.db, azpay.gateway, a_refund(paid.id, 100), now=azpay.now())

    with pytest.raises(FileSuspected) as refused:
        prepared(azpay, refunds(("order-1", "1.00"), ("order-1", "2.00"), ("order-1", "2.00")))

    assert said(refused.value) == [
        f"row 2: was done minutes ago: {made.id}.",
        "row 4: is the same as row 3.",
    ]


def test_mistakes_of_the_file_and_of_the_book_are_told_together(azpay: Azpay, paid: Payment) -> None:
    sheet = a_sheet(("payment", "amount", "reason"), [("order-9", "1.00", ""), (paid.id, "", "late")])

    with pytest.raises(FileMistaken) as refused:
        prepared(azpay, a_file(sheet, BatchKind.REFUND))

    assert [line.split(":")[0] for line in said(refused.value)] == ["row 2, payment", "row 3, reason"]


def test_an_edited_file_is_asked_about_by_its_rows(azpay: Azpay, clock: Clock) -> None:
    first, _ = run(azpay, a_file(charges(5)))
    clock.advance(hours=1)
    edited = charges(7).replace(b"12.00", b"12.34")

    with pytest.raises(FileEdited) as refused:
        prepared(azpay, a_file(edited))

    (batch,) = batches.page(azpay.db, limit=10)
    assert len(first) == 5
    assert refused.value.message == (
        f"The file is not as it was run in {batch.id}: 4 rows are the same; changed: row 4; added: rows 7-8. "
        "Nothing was moved."
    )


def test_a_new_batch_of_an_edited_file_moves_what_was_changed_and_added(
    azpay: Azpay, stripe: Sandbox, clock: Clock
) -> None:
    run(azpay, a_file(charges(5, broke=[2])))
    clock.advance(hours=1)
    edited = charges(7).replace(b"12.00", b"12.34")

    results, trouble = run(azpay, a_file(edited, new=True))

    done = [RowState.DONE_BEFORE]
    moved = [RowState.SUCCEEDED]
    assert trouble is None
    assert statuses(results) == done + moved + moved + done + done + moved + moved
    assert sum(each["amount_received"] for each in stripe.payment_intents) == (
        1000 + 1200 + 1300 + 1400 + 1100 + 1234 + 1500 + 1600
    )


def test_rows_of_which_nothing_moved_may_stand_in_another_file(azpay: Azpay, clock: Clock) -> None:
    run(azpay, a_file(charges(2, broke=[1, 2])))
    clock.advance(hours=1)

    results, _ = run(azpay, a_file(charges(2)))

    assert statuses(results) == [RowState.SUCCEEDED] * 2


def test_a_new_batch_takes_what_the_earlier_one_had_not_begun(
    azpay: Azpay, stripe: Sandbox, clock: Clock
) -> None:
    file = a_file(charges(4))
    batches.begin(azpay.db, prepared(azpay, file), now=azpay.now())

    later, _ = run(azpay, a_file(charges(5), new=True))
    earlier, _ = run(azpay, a_file(charges(4)))

    assert statuses(later) == [RowState.SUCCEEDED] * 5
    assert statuses(earlier) == [RowState.SUPERSEDED] * 4
    assert len(stripe.payment_intents) == 5


@pytest.mark.store("sqlite")
@pytest.mark.timeout(900)
def test_a_long_file_is_checked_in_little_memory(azpay: Azpay) -> None:
    """A quarter of a kilobyte a row, the file itself included; LONG_TESTS=1 tries a hundred thousand."""
    rows = 100_000 if "LONG_TESTS" in os.environ else 4_000
    content = charges(rows)
    prepared(azpay, a_file(charges(400)))  # what is imported and compiled once
    tracemalloc.start()

    found = prepared(azpay, a_file(content))

    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found.found.rows == rows
    assert most < 2_000_000 + 250 * rows


def test_a_file_without_rows_is_refused(azpay: Azpay) -> None:
    for content in (b"", b"amount,currency\r\n"):
        with pytest.raises((FileEmpty, FileMistaken)):
            prepared(azpay, a_file(content))


def test_a_file_of_too_many_rows_is_refused(azpay: Azpay, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "MOST_ROWS", 3)

    with pytest.raises(FileTooLong, match="more than 3 rows"):
        prepared(azpay, a_file(charges(4)))


def test_a_file_that_never_ends_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "MOST_BYTES", 1 << 20)

    with pytest.raises(FileTooLong), open("/dev/zero", "rb") as endless, batches.taken(endless):  # noqa: PTH123
        pass


def test_a_book_that_changes_while_the_file_is_written_down_moves_nothing(
    azpay: Azpay, stripe: Sandbox, paid: Payment
) -> None:
    file = refunds(("order-1", ""))
    looked = prepared(azpay, file)
    refund(azpay.db, azpay.gateway, a_refund(paid.id, 300), now=azpay.now())

    with pytest.raises(batches.BookChanged):
        batches.begin(azpay.db, looked, now=azpay.now())

    assert batches.page(azpay.db, limit=10) == []
    assert [each["amount"] for each in stripe.refunds] == [300]
