"""Where things are typed: what a history has meant so far, and what was said about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine

from azpay.payments import methods
from tests.machine import truths
from tests.machine.meant import Intent

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from azpay.payments import Payment, PaymentStatus
    from tests.machine.merchant import Merchant, Said
    from tests.machine.trouble import Trouble

PLACES = st.integers(0, 3)
EMAILS = ("ada@example.com", "bob@example.com")


class Counter(RuleBasedStateMachine):
    """Somebody who means things, and what becomes of them."""

    def __init__(self, merchant: Merchant) -> None:
        super().__init__()
        merchant.begin()
        self.merchant = merchant
        self.orders: list[Intent] = []
        self.returns: list[Intent] = []
        self.promises: list[dict[str, Any]] = []
        self.mail: list[dict[str, Any]] = []
        self.lost = False
        self.sheets: list[Path] = []

    def order(
        self, words: Sequence[str], trouble: Trouble, *, key: str | None = None, outright: bool = True
    ) -> None:
        """A charge is meant, and typed."""
        order = self.meant(key, outright=outright)
        typed = ["charge", *self.priced(order), "--metadata", f"meant={order.name}", *words]
        order.words = [order.name if word == "REFERENCE" else word for word in typed]
        order.words += ["--idempotency-key", key] if key else []
        self.type(order, trouble)

    def meant(self, key: str | None = None, *, outright: bool = True) -> Intent:
        order = Intent(f"order-{len(self.orders)}", (), self.merchant.clock.now(), key, outright)
        self.orders.append(order)
        return order

    def priced(self, order: Intent) -> tuple[str, str]:
        """Each order has an amount of its own, so that none of them looks like another."""
        return f"{10 + self.orders.index(order)}.99", "usd"

    def type(self, intent: Intent, trouble: Trouble) -> None:
        intent.typed_again(self.merchant.clock.now())
        said = self.merchant.types(*intent.words, trouble=trouble)
        intent.said.append(said)
        self.note(said)

    def note(self, said: Said) -> None:
        truths.assert_speaks_well(self.merchant, said)
        if said.status == 0 and said.schema in {"azpay.payment/1", "azpay.refund/1"}:
            self.promises.append(said.data)

    def may_be_typed_again(self, intent: Intent) -> bool:
        return intent.may_be_repeated(self.merchant.clock.now())

    def with_status(self, *statuses: PaymentStatus) -> list[Payment]:
        return [payment for payment in self.merchant.payments() if payment.status in statuses]

    def saved(self) -> list[str]:
        return [method.payment_method for method in methods.saved(self.merchant.db)]
