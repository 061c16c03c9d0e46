"""What must be so in any history: after each step, and at its end when Stripe and the book are to agree."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Self

from sqlmodel import select

from azpay import inbox
from azpay.access import Decision, Spending
from azpay.operations import OPEN, Kind, Operation, State
from azpay.payments import Payment, PaymentStatus, Refund, RefundStatus
from azpay.payments.records import REFUND_KEY, RELEASED, RETURNING
from tests.machine.merchant import LARGE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from azpay.sandbox import Sandbox
    from tests.machine.meant import Intent
    from tests.machine.merchant import Merchant, Said

MEANT = "meant"
PAID = frozenset({"succeeded", "requires_capture", "processing"})
STANDING = {
    "azpay.payment/1": "status",
    "azpay.refund/1": "status",
    "azpay.setup/1": "status",
    "azpay.approval/1": "state",
}
"""Where a document says how its subject stands."""
UNDECIDED = frozenset({"requires_action", "processing", "unknown", "pending", "waiting"})
DONE = frozenset({"answer_not_kept", "done_not_shown"})
"""Stripe has done it, and the book could not be written or read after that."""
ENDINGS = frozenset({0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 130, None})
LATER = {
    "authorized": {PaymentStatus.AUTHORIZED, PaymentStatus.SUCCEEDED, PaymentStatus.CANCELED},
    "succeeded": {PaymentStatus.SUCCEEDED},
    "canceled": {PaymentStatus.CANCELED},
}
"""What may stand of a payment after a command said that it is so."""
SENT = frozenset({"succeeded", "failed"})
"""What may stand of a refund then: a bank may send it back, however late."""
MEMORY = timedelta(hours=24)
"""So long Stripe knows a key. https://docs.stripe.com/api/idempotent_requests"""

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Moment:
    """Both sides, as they are now."""

    payments: dict[str, Payment]
    refunds: dict[str, Refund]
    intents_there: list[Json]
    refunds_there: list[Json]

    @classmethod
    def of(cls, merchant: Merchant) -> Self:
        return cls(
            {payment.id: payment for payment in merchant.payments()},
            {refund.id: refund for refund in merchant.refunds()},
            merchant.stripe.payment_intents,
            [refund for refund in merchant.stripe.refunds if refund["reason"] != RELEASED],
        )

    def made(self) -> dict[str, list[str]]:
        """What moves or moved money at Stripe, by the intent that it was made for."""
        made: dict[str, list[str]] = defaultdict(list)
        for intent in self.intents_there:
            if intent["status"] in PAID:
                made[intent["metadata"][MEANT]].append(intent["id"])
        for refund in self.refunds_there:
            if refund["status"] in RETURNING:
                ours = self.refunds[refund["metadata"][REFUND_KEY]]
                made[str(ours.note)].append(refund["id"])
        return made


def assert_speaks_well(merchant: Merchant, said: Said) -> None:
    """No bug, no status of its own making, and 8 only while something is not known or not over."""
    assert said.status in ENDINGS, said
    assert said.code != "bug", said
    assert "Traceback" not in said.stderr, said
    if said.status == 8:
        assert _is_open(merchant, said), said


def _is_open(merchant: Merchant, said: Said) -> bool:
    if said.code is not None:
        return said.code in DONE or _operation_is_open(merchant, said.data["operation"])
    if said.schema in STANDING:
        return said.data[STANDING[said.schema]] in UNDECIDED
    if said.schema == "azpay.batch/1":
        return bool({each["status"] for each in said.data["results"]} & {"unknown", "pending", "planned"})
    return bool(merchant.open_operations())


def _operation_is_open(merchant: Merchant, named: str) -> bool:
    with merchant.db.reading() as session:
        return session.get_one(Operation, named).state in OPEN


def assert_each_at_most_once(now: Moment, intents: Iterable[Intent]) -> None:
    """No intent was carried out twice, and none of which it was said that nothing moved."""
    made = now.made()
    for intent in intents:
        assert len(made[intent.name]) <= 1, (intent, made[intent.name])
        assert not (intent.is_over and made[intent.name]), (intent, made[intent.name])


def assert_nothing_is_overdrawn(now: Moment) -> None:
    """Nobody gets back more than they paid, and the book's total has in it all that is on its way back."""
    back: Counter[str] = Counter()
    for refund in now.refunds.values():
        if refund.status in RETURNING and refund.status is not RefundStatus.UNKNOWN:
            back[refund.payment_id] += refund.amount
    for payment in now.payments.values():
        assert back[payment.id] <= payment.amount_refunded <= payment.amount_captured <= payment.amount
    back_there = returned_there(now)
    for intent in now.intents_there:
        assert back_there[intent["id"]] <= intent["amount_received"] <= intent["amount"]


def returned_there(now: Moment) -> Counter[str]:
    returned: Counter[str] = Counter()
    for refund in now.refunds_there:
        if refund["status"] in RETURNING:
            returned[refund["payment_intent"]] += refund["amount"]
    return returned


def assert_nothing_is_forgotten(now: Moment, promises: Sequence[Json]) -> None:
    """What a command has said to be done is still so, here and at Stripe."""
    there = {each["id"]: each["status"] for each in (*now.intents_there, *now.refunds_there)}
    for promise in promises:
        if promise["id"] in now.refunds:
            row = now.refunds[promise["id"]]
            assert (row.status in SENT, row.amount) == (True, promise["amount"])
            assert there[row.refund] in SENT
            assert row.status == "succeeded" or there[row.refund] == "failed", promise
        else:
            assert _stands(now.payments[promise["id"]], promise), promise
            assert there[promise["payment_intent"]] in {"requires_capture", "succeeded", "canceled"}


def _stands(payment: Payment, promise: Json) -> bool:
    unchanged = (payment.payment_intent, payment.amount) == (promise["payment_intent"], promise["amount"])
    captured = promise["amount_captured"] in {0, payment.amount_captured}
    return unchanged and captured and payment.status in LATER[promise["status"]]


def assert_each_key_made_one_thing(stripe: Sandbox) -> None:
    """The event of each new thing says which key it was asked for with; Stripe asks itself with none."""
    new = [event for event in stripe.events if event["type"] in {"payment_intent.created", "refund.created"}]
    keys = Counter(event["request"]["idempotency_key"] for event in new)
    assert [key for key, count in keys.items() if count > 1 and key is not None] == []


def assert_nothing_stays_open(merchant: Merchant) -> None:
    waiting = inbox.backlog(merchant.db)
    assert merchant.open_operations() == []
    assert (waiting.waiting, waiting.dead) == (0, 0)


def assert_every_spending_is_of_something_done(merchant: Merchant) -> None:
    """A budget is charged for what succeeded, and for nothing that failed."""
    with merchant.db.reading() as session:
        spent = {row.operation: row.returned_at is None for row in session.exec(select(Spending))}
        ended = {
            row.id: row.state is State.SUCCEEDED
            for row in session.exec(select(Operation))
            if row.kind in {Kind.CHARGE, Kind.REFUND}
        }
    assert spent == ended


def assert_no_key_outlives_stripes_memory(merchant: Merchant) -> None:
    """By Stripe's clock, whatever ours says."""
    late = {key: times for key, times in merchant.keys.items() if times[-1] - times[0] >= MEMORY}
    assert late == {}


def assert_large_refunds_had_two_people(merchant: Merchant, now: Moment) -> None:
    """Whoever approved is not who asked, each approval led to one refund, and no large one had none."""
    approved = [each for each in merchant.approvals() if each.state is Decision.APPROVED]
    led_to = Counter(each.outcome for each in approved)
    assert all(each.decided_by != each.asked_by for each in approved)
    assert set(led_to) <= set(now.refunds)
    assert set(led_to.values()) <= {1}
    if merchant.four_eyes:
        assert {refund.id for refund in now.refunds.values() if refund.amount > LARGE} <= set(led_to)
