from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlmodel import select

from azpay import payments, receipts
from azpay.payments import Payment, PaymentStatus, PaymentUnknown, RefundStatus
from azpay.receipts import NotPaid, NotRefunded, Receipt, ReceiptUnknown
from tests.receipts.shop import ISSUED, a_payment, a_refund, keep
from tests.support import builders

if TYPE_CHECKING:
    from azpay.bootstrap import Azpay
    from azpay.db import Database


def numbers(db: Database) -> list[int]:
    with db.reading() as session:
        return sorted(session.exec(select(Receipt.sequence)))


def test_a_payment_taken_through_stripe_gets_the_first_receipt(azpay: Azpay) -> None:
    paid = payments.charge(azpay.db, azpay.gateway, builders.a_charge(1999), now=azpay.now())

    receipt = receipts.issue(azpay.db, paid.id, now=azpay.now())

    assert (receipt.number, receipt.amount, receipt.currency) == ("R-000001", 1999, "usd")
    assert receipt.id.startswith("rcp_")


def test_asking_again_gives_the_same_receipt(db: Database) -> None:
    keep(db, a_payment())
    first = receipts.issue(db, "pay_1", now=ISSUED)

    again = receipts.issue(db, "order-of-pay_1", now=ISSUED + timedelta(days=1))

    assert again == first
    assert numbers(db) == [1]


def test_a_partly_captured_payment_has_a_receipt_of_what_was_taken(db: Database) -> None:
    keep(db, a_payment(amount=5000, amount_captured=3000))

    receipt = receipts.issue(db, "pay_1", now=ISSUED)

    assert receipt.amount == 3000


def test_each_refund_has_a_receipt_of_its_own(db: Database) -> None:
    keep(db, a_payment(amount_refunded=3000), a_refund("ref_1", 2000), a_refund("ref_2", 1000))

    issued = [receipts.issue(db, named, now=ISSUED) for named in ("pay_1", "ref_1", "re_of_ref_2")]

    assert [(receipt.number, receipt.amount) for receipt in issued] == [
        ("R-000001", 12050),
        ("R-000002", 2000),
        ("R-000003", 1000),
    ]


@pytest.mark.parametrize(
    "named", ["R-000001", "r-000001", "R-0000001", "pay_1", "pi_of_pay_1", "ch_of_pay_1"]
)
def test_a_receipt_is_found_by_every_name(db: Database, named: str) -> None:
    keep(db, a_payment())
    issued = receipts.issue(db, "pay_1", now=ISSUED)

    with db.reading() as session:
        found = receipts.find(session, named)

    assert found == issued
    assert receipts.issue(db, named, now=ISSUED) == issued
    assert receipts.issue(db, issued.id, now=ISSUED) == issued


@pytest.mark.parametrize("named", ["R-000009", "rcp_nothing", "R-999999999"])
def test_a_receipt_that_was_never_given_out_is_not_found(db: Database, named: str) -> None:
    keep(db, a_payment())

    with pytest.raises(ReceiptUnknown, match=named):
        receipts.issue(db, named, now=ISSUED)

    assert numbers(db) == []


def test_looking_gives_out_no_receipt(db: Database) -> None:
    keep(db, a_payment())

    with db.reading() as session, pytest.raises(ReceiptUnknown):
        receipts.find(session, "pay_1")


def test_an_order_called_like_a_short_number_is_an_order(db: Database) -> None:
    keep(db, a_payment(), a_payment("pay_2", reference="R-1"))
    receipts.issue(db, "pay_1", now=ISSUED)

    receipt = receipts.issue(db, "R-1", now=ISSUED)

    assert receipt.payment_id == "pay_2"


def test_an_unknown_payment_has_no_receipt(db: Database) -> None:
    with pytest.raises(PaymentUnknown):
        receipts.issue(db, "pay_nowhere", now=ISSUED)


@pytest.mark.parametrize("status", sorted(set(PaymentStatus) - {PaymentStatus.SUCCEEDED}))
def test_a_payment_that_did_not_succeed_is_refused_with_what_to_do(
    db: Database, status: PaymentStatus
) -> None:
    keep(db, a_payment(status=status, amount_captured=0))

    with pytest.raises(NotPaid, match=f"is {status}: there is no receipt") as refused:
        receipts.issue(db, "pay_1", now=ISSUED)

    assert refused.value.hint
    assert numbers(db) == []


@pytest.mark.parametrize("status", sorted(set(RefundStatus) - {RefundStatus.SUCCEEDED}))
def test_a_refund_that_did_not_succeed_is_refused_with_what_to_do(db: Database, status: RefundStatus) -> None:
    keep(db, a_payment(), a_refund(status=status))

    with pytest.raises(NotRefunded, match=f"is {status}: there is no receipt") as refused:
        receipts.issue(db, "ref_1", now=ISSUED)

    assert "pay_1" in str(refused.value.hint)
    assert numbers(db) == []


def test_a_receipt_outlives_the_success_of_its_refund(db: Database) -> None:
    keep(db, a_payment(), a_refund())
    issued = receipts.issue(db, "ref_1", now=ISSUED)
    with db.writing() as session:
        session.get_one(payments.Refund, "ref_1").status = RefundStatus.FAILED

    again = receipts.issue(db, "ref_1", now=ISSUED)

    assert again == issued


def test_a_number_whose_transaction_rolls_back_is_given_to_the_next(db: Database) -> None:
    keep(db, a_payment(), a_payment("pay_2"))
    with db.writing() as session:
        receipts.write_out(session, session.get_one(Payment, "pay_1"), now=ISSUED)
        session.rollback()

    receipt = receipts.issue(db, "pay_2", now=ISSUED)

    assert receipt.sequence == 1


def test_many_at_once_leave_no_gap_and_no_double(db: Database) -> None:
    many = 24
    keep(db, *(a_payment(f"pay_{number}") for number in range(many)))
    wanted = [f"pay_{number}" for number in range(many)] * 2

    with ThreadPoolExecutor(8) as threads:
        issued = list(threads.map(lambda named: receipts.issue(db, named, now=ISSUED), wanted))

    assert numbers(db) == list(range(1, many + 1))
    assert [receipt.id for receipt in issued[:many]] == [receipt.id for receipt in issued[many:]]
