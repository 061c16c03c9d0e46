"""What no command does: customers confirm or refuse, banks dispute and send back, and time goes by."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from azpay.sandbox.control import control
from tests.machine.counter import PLACES
from tests.machine.till import ASKS, REFERENCED, VISA, Till
from tests.machine.trouble import LOSSES, TROUBLE

if TYPE_CHECKING:
    import random

    from tests.machine.trouble import Trouble

PAUSES = st.sampled_from(
    [
        timedelta(minutes=2),
        timedelta(minutes=11),
        timedelta(hours=3),
        timedelta(hours=23, minutes=1),
        timedelta(days=1, minutes=1),
        timedelta(days=8),
    ]
)
NIGHTS = st.sampled_from([timedelta(hours=22, minutes=50), timedelta(hours=23, minutes=1), timedelta(days=1)])
CLOCKS = st.sampled_from([timedelta(minutes=minutes) for minutes in (-4, -2, 0, 3)])
ACCOUNTS = st.sampled_from(["success", "insufficientFunds", "processing"])
KINDS = st.sampled_from(["fraudulent", "product_not_received", "inquiry"])
EVIDENCE = st.sampled_from(["winning_evidence", "losing_evidence", "escalate_inquiry_evidence"])


class Outside(Till):
    # customers

    @precondition(lambda self: self._asked())
    @rule(place=PLACES, approve=st.booleans())
    def customer_decides(self, place: int, approve: bool) -> None:
        asked = self._asked()
        self.merchant.stripe.authenticate(asked[-1 - place % len(asked)], approve=approve)

    @rule(approve=st.booleans(), trouble=TROUBLE, again=TROUBLE)
    def charge_and_confirm(self, approve: bool, trouble: Trouble, again: Trouble) -> None:
        """The customer is quicker than whoever types it again."""
        self.charge(ASKS, REFERENCED, None, trouble)
        if self._asked():
            self.customer_decides(0, approve)
        self.type(self.orders[-1], again)

    @rule(account=ACCOUNTS, trouble=TROUBLE)
    def debit(self, account: str, trouble: Trouble) -> None:
        """The bank answers some seconds later, or never. The customer has agreed to it before."""
        customer = self.merchant.dashboard.v1.customers.create(
            {"email": f"debit-{len(self.orders)}@example.com"}
        )
        asked: Any = {
            "customer": customer.id,
            "payment_method": f"pm_usBankAccount_{account}",
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            "confirm": True,
            "mandate_data": {"customer_acceptance": {"type": "offline"}},
        }
        setup = self.merchant.dashboard.v1.setup_intents.create(asked)
        self.order(("--customer", customer.id, "--method", str(setup.payment_method)), trouble)

    # banks

    @precondition(lambda self: self._paid())
    @rule(place=PLACES, kind=KINDS, part=st.none() | st.just(300))
    def bank_disputes(self, place: int, kind: str, part: int | None) -> None:
        paid = self._paid()
        self._steer("disputes", charge=paid[-1 - place % len(paid)], kind=kind, amount=part)

    @precondition(lambda self: self._disputed())
    @rule(place=PLACES, evidence=EVIDENCE | st.just("accept"))
    def answer_a_dispute(self, place: int, evidence: str) -> None:
        """In the dashboard; the bank decides within seconds."""
        disputes = [each["id"] for each in self._disputes() if each["status"].endswith("needs_response")]
        if not disputes:
            return
        answered = self.merchant.dashboard.v1.disputes
        if evidence == "accept":
            answered.close(disputes[-1 - place % len(disputes)])
        else:
            answered.update(
                disputes[-1 - place % len(disputes)],
                {"evidence": {"uncategorized_text": evidence}, "submit": True},
            )

    @precondition(lambda self: self._disputed())
    @rule(place=PLACES)
    def bank_appeals(self, place: int) -> None:
        won = [each["id"] for each in self._disputes() if each["status"] == "won"]
        if won:
            self._steer("appeals", dispute=won[-1 - place % len(won)])

    @precondition(lambda self: self.merchant.stripe.refunds)
    @rule(place=PLACES)
    def bank_sends_back(self, place: int) -> None:
        """However late."""
        refunds = self.merchant.stripe.refunds
        self._steer("refunds", refund=refunds[-1 - place % len(refunds)]["id"], fail="declined")

    def _steer(self, what: str, **order: object) -> None:
        """A bank may ask for what cannot be done: then nothing is."""
        given = {name: value for name, value in order.items() if value is not None}
        reply = control(self.merchant.stripe, "POST", f"/_sandbox/{what}", json.dumps(given).encode())
        assert reply.status in {200, 400}

    def _asked(self) -> list[str]:
        intents = self.merchant.stripe.payment_intents
        return [each["id"] for each in intents if each["status"] == "requires_action"]

    def _paid(self) -> list[str]:
        intents = self.merchant.stripe.payment_intents
        return [each["id"] for each in intents if each["status"] == "succeeded"]

    def _disputed(self) -> bool:
        return any(each["disputed"] for each in self.merchant.stripe.charges)

    def _disputes(self) -> list[dict[str, Any]]:
        return self.merchant.disputes_there()

    # time, and what Stripe tells

    @rule(pause=PAUSES)
    def wait(self, pause: timedelta) -> None:
        self.merchant.pass_time(pause)

    @rule(apart=CLOCKS)
    def set_the_clock(self, apart: timedelta) -> None:
        self.merchant.set_clock(apart)

    @rule(lost=LOSSES, night=NIGHTS, key=st.none() | st.just("key-1"), trouble=TROUBLE)
    def sleep_over_it(self, lost: Trouble, night: timedelta, key: str | None, trouble: Trouble) -> None:
        """By then Stripe has forgotten the key, or is about to."""
        self.charge(VISA, REFERENCED, key, lost)
        self.merchant.pass_time(night)
        if self.may_be_typed_again(self.orders[-1]):
            self.type(self.orders[-1], trouble)
        self.note(self.merchant.works(trouble))

    @rule(chance=st.randoms(use_true_random=False), trouble=TROUBLE)
    def deliver(self, chance: random.Random, trouble: Trouble) -> None:
        """Some of what is under way, in any order, some of it twice; the rest later or never."""
        self.mail += self.merchant.webhooks.new()
        chance.shuffle(self.mail)
        arriving = self.mail[: chance.randint(0, len(self.mail))]
        self.note(self.merchant.receives(arriving + arriving[:2], trouble))
        under_way = [event for event in self.mail if chance.random() < 0.9]
        self.lost, self.mail = self.lost or under_way != self.mail, under_way
