"""What happens to two books: through azpay, at Stripe without it, and by SQL behind everybody's back."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from azpay import payments, reconciliation
from azpay.payments import Payment, Refund
from azpay.reconciliation import ObjectType, Pace, Period, Report, until_now
from tests.support.builders import a_charge, a_refund

if TYPE_CHECKING:
    from azpay.bootstrap import Azpay
    from azpay.gateway import objects


def charged(azpay: Azpay, amount: int = 500, currency: str = "usd", **wanted: Any) -> Payment:
    request = a_charge(amount, currency, allow_duplicate=True, **wanted)
    return payments.charge(azpay.db, azpay.gateway, request, now=azpay.now())


def refunded(azpay: Azpay, payment: Payment, amount: int | None = None) -> Refund:
    request = a_refund(payment.id, amount, allow_duplicate=True)
    return payments.refund(azpay.db, azpay.gateway, request, now=azpay.now())


def paid_elsewhere(azpay: Azpay, amount: int = 500, *, key: str = "elsewhere") -> objects.PaymentIntent:
    """By another program on the same Stripe account; no event of it reaches us."""
    params = {
        "amount": amount,
        "currency": "usd",
        "payment_method": "pm_card_visa",
        "confirm": True,
        "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
    }
    return azpay.gateway.create_payment_intent(params, key=key)


def refunded_elsewhere(azpay: Azpay, payment: Payment, amount: int) -> objects.Refund:
    params = {"payment_intent": payment.payment_intent, "amount": amount}
    return azpay.gateway.create_refund(params, key=f"elsewhere-{payment.id}")


def soon(azpay: Azpay) -> datetime:
    """When news of all that just happened would have come."""
    return azpay.now() + timedelta(seconds=20)


def compared(azpay: Azpay, **wanted: Any) -> Report:
    """The thirty days up to now."""
    ends = until_now(azpay.now())
    period = wanted.pop("period", None) or Period(ends - timedelta(days=30), ends)
    only = wanted.pop("only", tuple(ObjectType))
    pace = Pace(**{"clock": lambda: soon(azpay), "pause": lambda _seconds: None, **wanted})
    return reconciliation.reconcile(azpay.db, azpay.gateway, period, pace=pace, only=only)


def repaired(azpay: Azpay, report: Report) -> list[str]:
    """The outcome of each repair that the report's plan proposes."""
    plan = reconciliation.plan(report, account="acct", profile="p", book="b", now=azpay.now())
    results = reconciliation.apply(azpay.db, azpay.gateway, plan, clock=lambda: soon(azpay))
    return [result.why or result.outcome for result in results]


def tampered(azpay: Azpay, statement: str) -> None:
    """What no program of ours does: SQL behind azpay's back."""
    with azpay.db.writing() as session:
        session.connection().exec_driver_sql(statement)


def again(azpay: Azpay, payment: Payment) -> Payment:
    with azpay.db.reading() as session:
        return session.get_one(Payment, payment.id)


def told(report: Report) -> list[tuple[str, int, str | None, str | None]]:
    """What is said of each drift, without the ids."""
    return [(drift.kind, drift.amount, drift.said_here, drift.said_there) for drift in report.drifts]
