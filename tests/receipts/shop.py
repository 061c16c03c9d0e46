"""A shop's books as receipts meet them, and PDFs as people read them."""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO
from typing import TYPE_CHECKING, Any

from pypdf import PdfReader

from azpay.payments import Origin, Payment, PaymentStatus, Refund, RefundStatus
from azpay.receipts import Merchant

if TYPE_CHECKING:
    from azpay.db import Database, Row

PAID = datetime(2026, 1, 31, 13, 30, tzinfo=UTC)
ISSUED = datetime(2026, 2, 1, 9, 0, tzinfo=UTC)
SHOP = Merchant("Example Books Ltd", "1 Example Street\nLondon", support="help@example.com")


def a_payment(identity: str = "pay_1", amount: int = 12050, currency: str = "eur", **wanted: Any) -> Payment:
    """One that succeeded on a Visa card, unless told otherwise."""
    facts: dict[str, Any] = {
        "payment_intent": f"pi_of_{identity}",
        "charge": f"ch_of_{identity}",
        "status": PaymentStatus.SUCCEEDED,
        "amount_captured": amount,
        "card_brand": "visa",
        "card_last4": "4242",
        "reference": f"order-of-{identity}",
        "description": "Two hardcovers",
        "origin": Origin.AZPAY,
        "livemode": True,
        "as_of": PAID,
        "created_at": PAID,
        "updated_at": PAID,
        **wanted,
    }
    return Payment(id=identity, amount=amount, currency=currency, **facts)


def a_refund(identity: str = "ref_1", amount: int = 2000, currency: str = "eur", **wanted: Any) -> Refund:
    """One that succeeded, of `pay_1`, unless told otherwise."""
    facts: dict[str, Any] = {
        "refund": f"re_of_{identity}",
        "payment_id": "pay_1",
        "status": RefundStatus.SUCCEEDED,
        "origin": Origin.AZPAY,
        "created_at": datetime(2026, 2, 3, 10, 0, tzinfo=UTC),
        "updated_at": ISSUED,
        **wanted,
    }
    return Refund(id=identity, amount=amount, currency=currency, **facts)


def keep(db: Database, *rows: Row) -> None:
    """Write the rows into the book, one after the other."""
    for row in rows:
        with db.writing() as session:
            session.add(row)


def lines_of(pdf: bytes) -> list[str]:
    """What a reader sees, from left to right and down a page that must be the only one."""
    (page,) = PdfReader(BytesIO(pdf)).pages
    lines = page.extract_text(extraction_mode="layout").splitlines()
    return [" ".join(line.split()) for line in lines if line.strip()]
