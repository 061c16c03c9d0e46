"""Which receipt is meant, and pages of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlmodel import col, select

from azpay.db import paging
from azpay.errors import NotFound
from azpay.payments import Payment, Refund, find_refund
from azpay.payments import find as find_payment
from azpay.receipts.models import Receipt

if TYPE_CHECKING:
    from datetime import datetime

    from sqlmodel import Session

    from azpay.db import Database


_NUMBER = re.compile(r"R-0*([1-9][0-9]{0,8})", re.ASCII | re.IGNORECASE)
_SHORTEST_NUMBER = len("R-000001")


class ReceiptUnknown(NotFound):
    """No receipt goes by that name."""

    code = "receipt_unknown"

    def __init__(self, named: str) -> None:
        super().__init__(
            f"No receipt goes by {named!r}.",
            hint="`azpay receipt list` shows them; `azpay receipt PAYMENT` gives one out.",
        )


@dataclass(frozen=True, slots=True)
class Page:
    """Some receipts, and the cursor of the page after them when there is one."""

    receipts: list[Receipt]
    next: str | None


def names_receipt(named: str) -> bool:
    """Whether it is a receipt's number or id. `R-17` is not: a merchant's own orders may be called so."""
    return named.startswith("rcp_") or _sequence(named) is not None


def find(session: Session, named: str) -> Receipt:
    """The receipt by `R-000042`, `rcp_…`, or any name of its payment or refund.

    Raises ReceiptUnknown, PaymentUnknown, SeveralPayments.
    """
    found = _by_own_name(session, named) if names_receipt(named) else _by_subject(session, named)
    if found is None:
        raise ReceiptUnknown(named)
    return found


def subject(session: Session, named: str) -> tuple[Payment, Refund | None]:
    """The payment, and the refund of it when that is what was named."""
    if not named.startswith(("ref_", "re_", "pyr_")):
        return find_payment(session, named), None
    refund = find_refund(session, named)
    return session.get_one(Payment, refund.payment_id), refund


def issued(session: Session, payment_id: str, refund_id: str) -> Receipt | None:
    """The receipt of a payment, or of a refund of it, if it was given out."""
    same = select(Receipt).where(Receipt.payment_id == payment_id, Receipt.refund_id == refund_id)
    return session.exec(same).one_or_none()


def listing(
    db: Database,
    since: datetime | None = None,
    until: datetime | None = None,
    *,
    limit: int = 50,
    cursor: str | None = None,
) -> Page:
    """Receipts issued in [since, until), the highest number first. Raises CursorInvalid."""
    paging.require_length(limit, "receipts")
    conditions = [] if cursor is None else [col(Receipt.sequence) < _position(cursor)]
    conditions += paging.within(col(Receipt.issued_at), since, until)
    newest = select(Receipt).where(*conditions).order_by(col(Receipt.sequence).desc())
    with db.reading() as session:
        found = list(session.exec(newest.limit(limit + 1)))
    page = found[:limit]
    return Page(page, page[-1].number if len(found) > limit else None)


def _by_own_name(session: Session, named: str) -> Receipt | None:
    sequence = _sequence(named)
    same = Receipt.id == named if sequence is None else Receipt.sequence == sequence
    return session.exec(select(Receipt).where(same)).one_or_none()


def _by_subject(session: Session, named: str) -> Receipt | None:
    payment, refund = subject(session, named)
    return issued(session, payment.id, "" if refund is None else refund.id)


def _position(cursor: str) -> int:
    sequence = _sequence(cursor)
    if sequence is None:
        raise paging.CursorInvalid
    return sequence


def _sequence(named: str) -> int | None:
    number = _NUMBER.fullmatch(named) if len(named) >= _SHORTEST_NUMBER else None
    return None if number is None else int(number[1])
