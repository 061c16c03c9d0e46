"""What the tests of guards look at, and do as somebody."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlmodel import select

from azpay.access import Approval, Guards, Usage
from azpay.errors import AzpayError, Unavailable
from azpay.operations import AnswerNotKept, NotSentYet
from azpay.payments import Payment, Refund, charge, refund
from tests.support.builders import a_charge, a_refund

if TYPE_CHECKING:
    from collections.abc import Callable

    from azpay.bootstrap import Azpay

AT_ONCE = 16


def held_to(azpay: Azpay, guards: Guards, actor: str = "cli:ann") -> Azpay:
    return replace(azpay, guards=guards).by(actor)


def charged(azpay: Azpay, amount: int = 500, currency: str = "usd", **wanted: Any) -> Payment:
    request = a_charge(amount, currency, **{"allow_duplicate": True, **wanted})
    return charge(azpay.db, azpay.gateway, request, now=azpay.now(), guards=azpay.guards)


def refunded(azpay: Azpay, payment: Payment, amount: int | None = None, **wanted: Any) -> Refund:
    request = a_refund(payment.id, amount, **wanted)
    return refund(azpay.db, azpay.gateway, request, now=azpay.now(), guards=azpay.guards)


def used(azpay: Azpay) -> dict[str, tuple[int, int]]:
    """Count and amount, by who did what in which currency; days and runs under their names."""
    with azpay.db.reading() as session:
        rows = session.exec(select(Usage)).all()
    return {f"{row.period} {row.actor} {row.kind} {row.currency}": (row.count, row.amount) for row in rows}


def the_approvals(azpay: Azpay) -> list[Approval]:
    with azpay.db.reading() as session:
        return list(session.exec(select(Approval)))


def all_at_once(ask: Callable[[int], object], threads: int = AT_ONCE) -> Counter[str]:
    """What each of many was told: `done`, or the code of an error."""
    with ThreadPoolExecutor(threads) as pool:
        return Counter(pool.map(lambda number: told(lambda: ask(number)), range(threads)))


def told(ask: Callable[[], object]) -> str:
    """Who is told that the book was too busy asks again, as it says."""
    while True:
        try:
            ask()
        except (Unavailable, AnswerNotKept, NotSentYet):
            continue
        except AzpayError as error:
            return error.code
        return "done"
