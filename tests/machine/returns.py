"""Giving money back, alone or by two people, and the customers' banks that take it by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from azpay.payments import PaymentStatus
from tests.machine.counter import PLACES
from tests.machine.meant import Intent
from tests.machine.merchant import CHIEF, CLERK
from tests.machine.till import REFERENCED, VISA, Till
from tests.machine.trouble import AGAIN, LOSSES, NONE, TROUBLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from azpay.access import Approval
    from tests.machine.trouble import Trouble

AMOUNTS = st.sampled_from([(), ("1.00",), ("4.00",), ("8.00",)])
WHO = st.sampled_from([CHIEF, CHIEF, CLERK])
DECISIONS = st.sampled_from(["approve", "approve", "reject"])


class Returns(Till):
    @precondition(lambda self: self.with_status(PaymentStatus.SUCCEEDED))
    @rule(place=PLACES, words=AMOUNTS, key=st.sampled_from([None, None, "back-1"]), trouble=TROUBLE)
    def refund(self, place: int, words: Sequence[str], key: str | None, trouble: Trouble) -> None:
        paid = self.with_status(PaymentStatus.SUCCEEDED)
        if not paid:
            return
        name = f"return-{len(self.returns)}"
        typed = ["refund", paid[-1 - place % len(paid)].id, *words, "--note", name, "--yes"]
        typed += ["--idempotency-key", key] if key else []
        self.returns.append(Intent(name, typed, self.merchant.clock.now(), key))
        self.type(self.returns[-1], trouble)

    @rule(words=AMOUNTS, trouble=TROUBLE)
    def charge_and_refund(self, words: Sequence[str], trouble: Trouble) -> None:
        self.charge(VISA, REFERENCED, None, NONE)
        self.refund(0, words, None, trouble)

    @precondition(lambda self: self.returns)
    @rule(place=PLACES, trouble=TROUBLE)
    def refund_again(self, place: int, trouble: Trouble) -> None:
        back = self.returns[-1 - place % len(self.returns)]
        if self.may_be_typed_again(back):
            self.type(back, trouble)

    @rule(lost=LOSSES, trouble=TROUBLE | AGAIN)
    def lose_and_refund_again(self, lost: Trouble, trouble: Trouble) -> None:
        self.charge(VISA, REFERENCED, None, NONE)
        self.refund(0, ("2.00",), None, lost)
        if self.returns:
            self.type(self.returns[-1], trouble)

    # by two people

    @precondition(lambda self: self.merchant.four_eyes and self.merchant.approvals())
    @rule(place=PLACES, who=WHO, decision=DECISIONS, trouble=TROUBLE)
    def decide(self, place: int, who: str, decision: str, trouble: Trouble) -> None:
        asked = self.merchant.approvals()
        approval = asked[-1 - place % len(asked)]
        words = ["refund", decision, approval.id, *["--yes"] * (decision == "approve")]
        said = self.merchant.types(*words, actor=who, trouble=trouble)
        assert not (decision == "approve" and who == approval.asked_by and said.status == 0)
        self.note(said)
        self._meant_by(approval).said.append(said)

    @precondition(lambda self: self.merchant.four_eyes)
    @rule(asking=TROUBLE, deciding=TROUBLE)
    def refund_by_two(self, asking: Trouble, deciding: Trouble) -> None:
        self.charge_and_refund((), asking)
        if self.merchant.approvals():
            self.decide(0, CHIEF, "approve", deciding)

    def _meant_by(self, approval: Approval) -> Intent:
        return next(back for back in self.returns if back.name == approval.request["note"])
