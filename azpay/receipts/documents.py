"""Receipts as PDF."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpay.receipts import drawing, wording
from azpay.receipts.facts import gather

if TYPE_CHECKING:
    from datetime import tzinfo

    from azpay.db import Database
    from azpay.receipts.facts import Merchant
    from azpay.receipts.models import Receipt


def document(db: Database, receipt: Receipt, merchant: Merchant, zone: tzinfo) -> bytes:
    """One page of A4, the same bytes as long as the facts are the same.

    It tells how the payment stands now: a refund since then is on it. Raises GlyphMissing.
    """
    with db.reading() as session:
        facts = gather(session, receipt)
    return drawing.draw(wording.sheet(facts, merchant, zone))
