"""What must be so in any history: after each step, and at its end when Stripe and the book are to agree."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

from sqlmodel import select

from azpay import inbox
from azpay.access import Spending
from azpay.operations import OPEN, Kind, Operation, State
from azpay.payments import Payment, PaymentStatus, Refund, RefundStatus, checks, methods
from azpay.payments.records import REFUND_KEY
from tests.e2e.oracle import STATUSES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from azpay.sandbox import Sandbox
    from tests.machine.meant import Intent
    from tests.machine.merchant import Merchant, Said

MEANT = "meant"
PAID = frozenset({"succeeded", "requires_capture", "processing"})
RETURNING = frozenset({"succeeded", "pending", "requires_action"})
LATER = {
    "authorized": {PaymentStatus.AUTHORIZED, PaymentStatus.SUCCEEDED, PaymentStatus.CANCELED},
    "succeeded": {PaymentStatus.SUCCEEDED},
    "canceled": {PaymentStatus.CANCELED},
}
"""What may stand of a payment after a command said that it is so."""

UNDECIDED = frozenset({"requires_action", "processing", "unknown", "pending"})
ENDINGS = frozenset({0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 130, None})


def assert_speaks_well(merchant: Merchant, said: Said) -> None:
    """No bug, no status of its own making, and 8 only while something is not known or not over."""
    assert said.status in ENDINGS, said
    assert said.code != "bug", said
    assert "Traceback" not in said.stderr, said
    if said.status == 8:
        assert _is_open(merchant, said), said


def _is_open(merchant: Merchant, said: Said) -> bool:
    if said.code is not None:
        return said.code == "answer_not_kept" or _operation_is_open(merchant, said.data["operation"])
    if said.schema in {"azpay.payment/1", "azpay.refund/1"}:
        return said.data["status"] in UNDECIDED
    if said.schema == "azpay.batch/1":
        return bool({each["status"] for each in said.data["results"]} & {"unknown", "pending", "planned"})
    return bool(merchant.open_operations())


def _operation_is_open(merchant: Merchant, named: str) -> bool:
    with merchant.db.reading() as session:
        return session.get_one(Operation, named).state in OPEN


def assert_each_at_most_once(merchant: Merchant, intents: Iterable[Intent]) -> None:
    """No intent was carried out twice, and none of which it was said that nothing moved."""
    made = _made(merchant)
    for intent in intents:
        assert len(made[intent.name]) <= 1, (intent, made[intent.name])
        assert not (intent.denied and made[intent.name]), (intent, made[intent.name])


def assert_done(merchant: Merchant, intent: Intent) -> None:
    """What was said to have succeeded is there."""
    assert len(_made(merchant)[intent.name]) == 1, intent


def _made(merchant: Merchant) -> dict[str, list[str]]:
    """What moves or moved money at Stripe, by the intent that it was made for."""
    made: dict[str, list[str]] = defaultdict(list)
    for intent in merchant.stripe.payment_intents:
        if intent["status"] in PAID:
            made[intent["metadata"].get(MEANT, "")].append(intent["id"])
    notes = {refund.id: refund.note or "" for refund in merchant.refunds()}
    for refund in merchant.stripe.refunds:
        if refund["status"] in RETURNING and REFUND_KEY in refund["metadata"]:
            made[notes[refund["metadata"][REFUND_KEY]]].append(refund["id"])
    return made


def assert_nothing_is_overdrawn(merchant: Merchant) -> None:
    for payment in merchant.payments():
        assert 0 <= payment.amount_refunded <= payment.amount_captured <= payment.amount
    for charge in merchant.stripe.charges:
        assert 0 <= charge["amount_refunded"] <= charge["amount"]
    assert_sums(merchant)


def assert_sums(merchant: Merchant) -> None:
    assert [problem for check in checks.sums(merchant.db) for problem in check.problems] == []


def assert_nothing_is_forgotten(merchant: Merchant, promises: Sequence[dict[str, Any]]) -> None:
    """What a command has said to be done is still so, here and at Stripe."""
    with merchant.db.reading() as session:
        for promise in promises:
            table = Refund if promise["id"].startswith("ref_") else Payment
            row: Any = session.get(table, promise["id"])
            assert row is not None, promise
            assert _still_stands(row, promise), (promise, row)


def _still_stands(row: Payment | Refund, promise: dict[str, Any]) -> bool:
    if isinstance(row, Refund):
        return row.status is RefundStatus.SUCCEEDED and (row.amount, row.refund) == (
            promise["amount"],
            promise["refund"],
        )
    unchanged = (row.payment_intent, row.amount) == (promise["payment_intent"], promise["amount"])
    captured = promise["amount_captured"]
    return unchanged and row.status in LATER[promise["status"]] and captured in {0, row.amount_captured}


def assert_all_is_told(merchant: Merchant) -> None:
    """Stripe and the book tell the same of every payment and every refund."""
    assert _on_record(merchant) == _at_stripe(merchant.stripe)
    assert _refunds_on_record(merchant) == _refunds_at_stripe(merchant.stripe)


def _on_record(merchant: Merchant) -> dict[str | None, tuple[str, int, int]]:
    """All but what never reached Stripe."""
    return {
        payment.payment_intent: (_word(payment), payment.amount_captured, payment.amount_refunded)
        for payment in merchant.payments()
        if (payment.status, payment.payment_intent) != (PaymentStatus.FAILED, None)
    }


def _word(payment: Payment) -> str:
    return "requires_payment_method" if payment.status is PaymentStatus.FAILED else str(payment.status)


def _at_stripe(stripe: Sandbox) -> dict[str | None, tuple[str, int, int]]:
    returned: Counter[str] = Counter()
    for refund in stripe.refunds:
        if refund["status"] in RETURNING and refund["reason"] != "expired_uncaptured_charge":
            returned[refund["payment_intent"]] += refund["amount"]
    return {
        intent["id"]: (
            STATUSES.get(intent["status"], intent["status"]),
            intent["amount_received"],
            returned[intent["id"]],
        )
        for intent in stripe.payment_intents
    }


def _refunds_on_record(merchant: Merchant) -> dict[str | None, tuple[str, int]]:
    return {
        refund.refund: (str(refund.status), refund.amount)
        for refund in merchant.refunds()
        if (refund.status, refund.refund) != (RefundStatus.FAILED, None)
    }


def _refunds_at_stripe(stripe: Sandbox) -> dict[str | None, tuple[str, int]]:
    return {
        refund["id"]: (refund["status"], refund["amount"])
        for refund in stripe.refunds
        if refund["reason"] != "expired_uncaptured_charge"
    }


def assert_each_key_made_one_thing(stripe: Sandbox) -> None:
    """Of each event that tells of something new, Stripe says which key it was asked for with."""
    new = [event for event in stripe.events if event["type"] in {"payment_intent.created", "refund.created"}]
    keys = Counter((event["request"] or {}).get("idempotency_key") for event in new)
    keys.pop(None, 0)
    assert [key for key, count in keys.items() if count > 1] == []


def saved_methods(merchant: Merchant) -> list[str]:
    return sorted(method.payment_method for method in methods.saved(merchant.db))


def assert_nothing_stays_open(merchant: Merchant) -> None:
    assert merchant.open_operations() == []
    assert inbox.backlog(merchant.db).dead == 0
    assert inbox.backlog(merchant.db).waiting == 0


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
