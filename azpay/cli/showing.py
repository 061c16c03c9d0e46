"""Payments and refunds as people and programs see them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from azpay.cli.dates import in_utc, shown
from azpay.cli.tables import Column, Fields, Table
from azpay.money import Money

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, tzinfo

    from azpay.payments import Payment, Refund
    from azpay.payments.plain import PlainPayment

STATUS_STYLES: Mapping[str, str] = {
    "succeeded": "green",
    "authorized": "cyan",
    "processing": "yellow",
    "pending": "yellow",
    "requires_action": "yellow",
    "needs action": "yellow",
    "unknown": "bold red",
    "failed": "red",
    "canceled": "dim",
    "refunded": "magenta",
    "part refunded": "magenta",
    "part captured": "green",
    "disputed": "bold red",
    "charged back": "red",
    "inquired": "yellow",
}


SHOWN_AS: Mapping[str, str] = {
    "needs action": "requires_action",
    "refunded": "succeeded",
    "part refunded": "succeeded",
    "part captured": "succeeded",
    "disputed": "succeeded",
    "charged back": "succeeded",
    "inquired": "succeeded",
}
"""Words that people see, and the statuses they stand for."""


OBJECTED: Mapping[str, str] = {
    "needs_response": "disputed",
    "under_review": "disputed",
    "appeal_needs_response": "disputed",
    "appeal_under_review": "disputed",
    "unheard_of": "disputed",
    "lost": "charged back",
    "warning_needs_response": "inquired",
    "warning_under_review": "inquired",
}
"""How a payment with a dispute of that status is shown; one that was won or closed is as it was."""


def status_word(payment: Payment | PlainPayment) -> str:
    """The status, with what came of the money afterwards."""
    if payment.dispute is not None and payment.dispute in OBJECTED:
        return OBJECTED[payment.dispute]
    if payment.amount_refunded and payment.amount_refunded == payment.amount_captured:
        return "refunded"
    if payment.amount_refunded:
        return "part refunded"
    if 0 < payment.amount_captured < payment.amount:
        return "part captured"
    return "needs action" if payment.status == "requires_action" else str(payment.status)


def payment_data(payment: Payment | PlainPayment) -> dict[str, Any]:
    """A payment for programs: amounts in minor units, times in UTC."""
    return {
        "id": payment.id,
        "status": payment.status,
        "amount": payment.amount,
        "amount_captured": payment.amount_captured,
        "amount_refunded": payment.amount_refunded,
        "dispute": payment.dispute,
        "currency": payment.currency,
        "display": str(Money(payment.amount, payment.currency)),
        "customer": payment.customer,
        "payment_method": payment.payment_method,
        "card": {"brand": payment.card_brand, "last4": payment.card_last4} if payment.card_last4 else None,
        "reference": payment.reference,
        "description": payment.description,
        "receipt_email": payment.receipt_email,
        "metadata": payment.metadata_,
        "failure_code": payment.failure_code,
        "failure_message": payment.failure_message,
        "next_action_url": payment.next_action_url,
        "capture_before": instant(payment.capture_before),
        "origin": payment.origin,
        "livemode": payment.livemode,
        "payment_intent": payment.payment_intent,
        "charge": payment.charge,
        "created": instant(payment.created_at),
        "updated": instant(payment.updated_at),
    }


def refund_data(refund: Refund) -> dict[str, Any]:
    """A refund for programs."""
    return {
        "id": refund.id,
        "status": refund.status,
        "amount": refund.amount,
        "currency": refund.currency,
        "display": str(Money(refund.amount, refund.currency)),
        "payment": refund.payment_id,
        "refund": refund.refund,
        "reason": refund.reason,
        "note": refund.note,
        "failure_reason": refund.failure_reason,
        "origin": refund.origin,
        "created": instant(refund.created_at),
    }


def instant(when: datetime | None) -> str | None:
    """UTC for programs, where there is a time at all."""
    return None if when is None else in_utc(when)


def payment_fields(payment: Payment, zone: tzinfo) -> Fields:
    """One payment: what happened first, what it is called after."""
    money = Money(payment.amount, payment.currency)
    card = f"{payment.card_brand} •••• {payment.card_last4}" if payment.card_last4 else payment.payment_method
    pairs: list[tuple[str, str | None]] = [
        ("Payment", payment.id),
        ("Captured", _if_other(payment.amount_captured, payment)),
        ("Refunded", _if_other(payment.amount_refunded, payment)),
        ("Disputed", _disputed(payment)),
        ("Why", payment.failure_message),
        ("Code", payment.failure_code),
        ("Next step", payment.next_action_url),
        ("Capture by", _deadline(payment, zone)),
        ("Customer", payment.customer),
        ("Method", card),
        ("Reference", payment.reference),
        ("Description", payment.description),
        ("Receipt to", payment.receipt_email),
        ("Made", shown(payment.created_at, zone)),
        ("Made by", "azpay" if payment.origin == "azpay" else "another program, or Stripe's dashboard"),
        ("At Stripe", ", ".join(name for name in (payment.payment_intent, payment.charge) if name)),
    ]
    return Fields(
        [(label, value) for label, value in pairs if value],
        title=f"{status_word(payment)}  {money.display()}",
    )


def _if_other(amount: int, payment: Payment) -> str | None:
    return Money(amount, payment.currency).display() if amount not in {0, payment.amount} else None


def _disputed(payment: Payment) -> str | None:
    return f"{payment.dispute}: azpay disputes show {payment.id}" if payment.dispute else None


def _deadline(payment: Payment, zone: tzinfo) -> str | None:
    if payment.capture_before is None or payment.status != "authorized":
        return None
    return shown(payment.capture_before, zone)


def payments_table(payments: Sequence[Payment | PlainPayment], zone: tzinfo) -> Table:
    """Payments, a line each."""
    columns = [
        Column("Made"),
        Column("Payment"),
        Column("Amount", right=True),
        Column("Status", style=STATUS_STYLES),
        Column("Reference", drop=1),
        Column("Customer", drop=3),
        Column("Refunded", right=True, drop=2),
        Column("Method", drop=4),
        Column("Description", drop=5, fold=True),
    ]
    return Table(columns, [_row(payment, zone) for payment in payments], empty="No payments.")


def _row(payment: Payment | PlainPayment, zone: tzinfo) -> list[str]:
    refunded = Money(payment.amount_refunded, payment.currency)
    return [
        shown(payment.created_at, zone),
        payment.id,
        Money(payment.amount, payment.currency).display(),
        status_word(payment),
        payment.reference or "",
        payment.customer or "",
        refunded.display() if refunded.amount else "",
        f"{payment.card_brand} {payment.card_last4}" if payment.card_last4 else "",
        payment.description or "",
    ]


def _remark(refund: Refund) -> str:
    failed = f"failed: {refund.failure_reason.replace('_', ' ')}" if refund.failure_reason else None
    return "; ".join(remark for remark in (failed, refund.note) if remark)


def refunds_table(refunds: Sequence[Refund], zone: tzinfo) -> Table:
    columns = [
        Column("Made"),
        Column("Refund"),
        Column("Amount", right=True),
        Column("Status", style=STATUS_STYLES),
        Column("Reason", drop=2),
        Column("Note", drop=3, fold=True),
        Column("At Stripe", drop=1),
    ]
    return Table(
        columns,
        [
            [
                shown(refund.created_at, zone),
                refund.id,
                Money(refund.amount, refund.currency).display(),
                str(refund.status),
                refund.reason or "",
                _remark(refund),
                refund.refund or "",
            ]
            for refund in refunds
        ],
        empty="No refunds.",
    )
