"""Requests as a test wants them: only what matters to it is named."""

from __future__ import annotations

from typing import Any

from azpay.money import Money
from azpay.payments import ChargeRequest, RefundRequest


def a_charge(amount: int = 500, currency: str = "usd", **wanted: Any) -> ChargeRequest:
    """A charge that succeeds, of 5.00 USD unless told otherwise."""
    chosen: dict[str, Any] = {"payment_method": "pm_card_visa", **wanted}
    return ChargeRequest(money=Money(amount, currency), **chosen)


def a_refund(payment: str, amount: int | None = None, **wanted: Any) -> RefundRequest:
    """A refund of what is left, unless an amount is given."""
    return RefundRequest(payment=payment, amount=amount, **wanted)
