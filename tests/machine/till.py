"""Taking money, and ending what was held."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from azpay.payments import PaymentStatus
from tests.machine.counter import EMAILS, PLACES, Counter
from tests.machine.trouble import AGAIN, LOSSES, NONE, TROUBLE
from tests.support.sheets import a_sheet

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from azpay.payments import Payment
    from tests.machine.meant import Intent
    from tests.machine.trouble import Trouble

VISA = "pm_card_visa"
BROKE = "pm_card_visa_chargeDeclinedInsufficientFunds"
ASKS = "pm_card_authenticationRequired"
ASKS_IN_VAIN = "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds"
REFUSING = frozenset({BROKE, ASKS, ASKS_IN_VAIN})
"""Those that may end with a no, after which somebody tries another card."""
CARDS = st.sampled_from(
    [
        VISA,
        VISA,
        VISA,
        BROKE,
        ASKS,
        ASKS_IN_VAIN,
        "pm_card_pendingRefund",
        "pm_card_refundFail",
        "pm_card_createDispute",
        "pm_card_createDisputeInquiry",
    ]
)
REFERENCED = ("--reference", "REFERENCE")
HOWS = st.sampled_from(
    [
        (),
        REFERENCED,
        ("--authorize-only",),
        (*REFERENCED, "--authorize-only"),
        (*REFERENCED, "--customer", EMAILS[0]),
    ]
)
KEYS = st.sampled_from([None, None, "key-1", "key-2"])
ENDS_OF_HOLDS = st.sampled_from([("capture",), ("capture", "3.00"), ("capture", "8.00"), ("cancel",)])
OPEN = (PaymentStatus.REQUIRES_ACTION, PaymentStatus.PROCESSING, PaymentStatus.FAILED)


class Till(Counter):
    @rule(card=CARDS, how=HOWS, key=KEYS, trouble=TROUBLE)
    def charge(self, card: str, how: Sequence[str], key: str | None, trouble: Trouble) -> None:
        self.order(("--method", card, *how), trouble, key=key)

    @precondition(lambda self: self.saved())
    @rule(email=st.sampled_from(EMAILS), trouble=TROUBLE)
    def charge_whatever_is_saved(self, email: str, trouble: Trouble) -> None:
        self.order(("--customer", email), trouble, outright=False)

    @rule(place=PLACES, trouble=TROUBLE)
    def charge_again(self, place: int, trouble: Trouble) -> None:
        """Up-arrow, Enter."""
        typed = [order for order in self.orders if order.words]
        order = typed[-1 - place % len(typed)]
        if self.may_be_typed_again(order) and not self._is_canceled(order):
            self.type(order, trouble)

    @precondition(lambda self: any(not REFUSING.isdisjoint(order.words) for order in self.orders))
    @rule(place=PLACES, trouble=TROUBLE)
    def charge_another_card(self, place: int, trouble: Trouble) -> None:
        """The first was declined, or so it seems."""
        declined = [order for order in self.orders if not REFUSING.isdisjoint(order.words)]
        order = declined[-1 - place % len(declined)]
        if self.may_be_typed_again(order) and order.key is None and not self._is_canceled(order):
            order.words = [VISA if word in REFUSING else word for word in order.words]
            self.type(order, trouble)

    @rule(lost=LOSSES, trouble=TROUBLE | AGAIN)
    def lose_and_charge_again(self, lost: Trouble, trouble: Trouble) -> None:
        """What the first answer would have been, the second must find out, or leave open."""
        self.charge(VISA, REFERENCED, None, lost)
        self.type(self.orders[-1], trouble)

    @precondition(lambda self: self.with_status(PaymentStatus.AUTHORIZED))
    @rule(place=PLACES, words=ENDS_OF_HOLDS, trouble=TROUBLE)
    def end_a_hold(self, place: int, words: Sequence[str], trouble: Trouble) -> None:
        self._end(self.with_status(PaymentStatus.AUTHORIZED), place, words, trouble)

    @rule(words=ENDS_OF_HOLDS, trouble=TROUBLE)
    def hold_and_end(self, words: Sequence[str], trouble: Trouble) -> None:
        self.charge(VISA, ("--authorize-only",), None, NONE)
        if self.with_status(PaymentStatus.AUTHORIZED):
            self.end_a_hold(0, words, trouble)

    @precondition(lambda self: self.with_status(*OPEN))
    @rule(place=PLACES, trouble=TROUBLE)
    def cancel_what_is_not_done(self, place: int, trouble: Trouble) -> None:
        self._end(self.with_status(*OPEN), place, ("cancel",), trouble)

    def _end(self, found: list[Payment], place: int, words: Sequence[str], trouble: Trouble) -> None:
        verb, *rest = words
        payment = found[-1 - place % len(found)]
        self.note(self.merchant.types(verb, payment.id, *rest, "--yes", trouble=trouble))

    @rule(rows=st.integers(1, 3), trouble=TROUBLE)
    def run_a_file(self, rows: int, trouble: Trouble) -> None:
        sheet = self.merchant.folder / f"sheet-{len(self.orders)}.csv"
        lines = [self._line() for _ in range(rows)]
        sheet.write_bytes(a_sheet(("amount", "currency", "method", "reference", "metadata.meant"), lines))
        self.sheets.append(sheet)
        self._run(sheet, trouble)

    @precondition(lambda self: self.sheets)
    @rule(place=PLACES, trouble=TROUBLE)
    def run_a_file_again(self, place: int, trouble: Trouble) -> None:
        self._run(self.sheets[-1 - place % len(self.sheets)], trouble)

    def _line(self) -> tuple[str, ...]:
        order = self.meant()
        return (*self.priced(order), VISA, order.name, order.name)

    def _run(self, sheet: Path, trouble: Trouble) -> None:
        words = ["charge", "--file", str(sheet), "--at-once", "1"]
        self.note(self.merchant.types(*words, trouble=trouble))

    def _is_canceled(self, intent: Intent) -> bool:
        return any(
            each["status"] == "canceled" and each["metadata"].get("meant") == intent.name
            for each in self.merchant.stripe.payment_intents
        )
