"""What a receipt is about, read in one consistent moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlmodel import Session, col, select

from azpay.money import Money
from azpay.payments import Payment, PaymentMethod, Refund, RefundStatus
from azpay.receipts.models import Receipt

if TYPE_CHECKING:
    from azpay.settings import Settings

ON_THEIR_WAY = frozenset({RefundStatus.UNKNOWN, RefundStatus.REQUIRES_ACTION, RefundStatus.PENDING})


@dataclass(frozen=True, slots=True)
class Merchant:
    """Who sells, as far as it is set. The address may have several lines."""

    name: str | None = None
    address: str | None = None
    tax_id: str | None = None
    support: str | None = None

    @classmethod
    def of(cls, settings: Settings) -> Merchant:
        return cls(
            settings.merchant_name,
            settings.merchant_address,
            settings.merchant_tax_id,
            settings.merchant_support,
        )


@dataclass(frozen=True, slots=True)
class Facts:
    """`receipts` are those of the payment and all its refunds, by refund id; the payment's own is at ""."""

    receipt: Receipt
    payment: Payment
    refund: Refund | None
    refunds: list[Refund]
    receipts: dict[str, Receipt]
    method: PaymentMethod | None

    @property
    def paid(self) -> Money:
        return Money(self.payment.amount_captured, self.payment.currency)

    @property
    def returned(self) -> Money:
        return self.sum_of(self.succeeded)

    @property
    def on_its_way(self) -> Money:
        return self.sum_of([refund for refund in self.refunds if refund.status in ON_THEIR_WAY])

    @property
    def succeeded(self) -> list[Refund]:
        return [refund for refund in self.refunds if refund.status is RefundStatus.SUCCEEDED]

    def sum_of(self, refunds: list[Refund]) -> Money:
        return Money(sum(refund.amount for refund in refunds), self.payment.currency)


def gather(session: Session, receipt: Receipt) -> Facts:
    payment = session.get_one(Payment, receipt.payment_id)
    of_payment = select(Refund).where(Refund.payment_id == payment.id)
    refunds = list(session.exec(of_payment.order_by(col(Refund.created_at), col(Refund.id))))
    receipts = session.exec(select(Receipt).where(Receipt.payment_id == payment.id))
    method = session.get(PaymentMethod, payment.payment_method) if payment.payment_method else None
    return Facts(
        receipt,
        payment,
        next((refund for refund in refunds if refund.id == receipt.refund_id), None),
        refunds,
        {each.refund_id: each for each in receipts},
        method,
    )
