from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from azpay import receipts
from azpay.db.paging import CursorInvalid
from azpay.errors import Usage
from tests.receipts.shop import ISSUED, a_payment, keep

if TYPE_CHECKING:
    from azpay.db import Database

DAY = timedelta(days=1)


@pytest.fixture
def five(db: Database) -> Database:
    """Five receipts, given out a day apart."""
    keep(db, *(a_payment(f"pay_{day}") for day in range(5)))
    for day in range(5):
        receipts.issue(db, f"pay_{day}", now=ISSUED + day * DAY)
    return db


def test_pages_join_without_a_gap_or_a_repetition(five: Database) -> None:
    pages = [receipts.listing(five, limit=2)]
    while pages[-1].next is not None:
        pages.append(receipts.listing(five, limit=2, cursor=pages[-1].next))

    assert [[receipt.sequence for receipt in page.receipts] for page in pages] == [[5, 4], [3, 2], [1]]


def test_a_page_is_not_moved_by_what_is_issued_meanwhile(five: Database) -> None:
    first = receipts.listing(five, limit=2)
    keep(five, a_payment("pay_late"))
    receipts.issue(five, "pay_late", now=ISSUED)

    second = receipts.listing(five, limit=2, cursor=first.next)

    assert [receipt.sequence for receipt in second.receipts] == [3, 2]


def test_a_period_holds_its_beginning_and_not_its_end(five: Database) -> None:
    page = receipts.listing(five, ISSUED + DAY, ISSUED + 3 * DAY)

    assert [receipt.sequence for receipt in page.receipts] == [3, 2]
    assert page.next is None


@pytest.mark.parametrize(
    "cursor", ["", "5", "R-", "R-000000", "R-\u0660\u0660\u0660\u0660\u0660\u0665", "pay_1"]
)
def test_a_cursor_from_elsewhere_is_refused(five: Database, cursor: str) -> None:
    with pytest.raises(CursorInvalid):
        receipts.listing(five, cursor=cursor)


@pytest.mark.parametrize("limit", [0, -1, 1001])
def test_a_page_has_bounds(five: Database, limit: int) -> None:
    with pytest.raises(Usage, match="1 to 1000"):
        receipts.listing(five, limit=limit)
