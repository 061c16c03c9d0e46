"""The same thing asked for by many at once, or again after trouble: it happens once, and is never denied."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import pytest

from azpay import operations
from azpay.db.database import DatabaseUnavailable
from azpay.errors import AzpayError, OutcomeUnknown
from azpay.gateway import AnswerLost, StripeUnavailable
from azpay.operations import State, StillUnknown
from azpay.payments import (
    PaymentStatus,
    RefundStatus,
    SuspectedDuplicate,
    capture,
    charge,
    checks,
    methods,
    refund,
)
from tests.operations.journals import the_operations, the_payments, the_refunds
from tests.support.builders import a_charge, a_refund
from tests.support.crowds import crowded_gateway
from tests.support.faults import make_read_only
from tests.support.meddling import meddled_gateway

if TYPE_CHECKING:
    from collections.abc import Callable

    from azpay.bootstrap import Azpay
    from azpay.sandbox import Sandbox
    from tests.support.clock import Clock
    from tests.support.webhooks import Webhooks

AT_ONCE = 16
INTENTS, REFUNDS = "/v1/payment_intents", "/v1/refunds"


def all_at_once(ask: Callable[[int], object]) -> Counter[str]:
    """What each was told: the status of its result, or the code of its error."""

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return Counter(pool.map(lambda number: told(lambda: ask(number)), range(AT_ONCE)))


def told(ask: Callable[[], object]) -> str:
    try:
        result = ask()
    except AzpayError as error:
        return error.code
    return str(getattr(result, "status", "done"))


def once_it_is_calm(ask: Callable[[], object]) -> set[str]:
    """What is told in the end, when the same is asked again until it is no longer unknown."""
    for _ in range(AT_ONCE):
        last = told(ask)
        if last not in {"answer_lost", "still_unknown"}:
            return {last}
    return {"never"}


def trouble(stripe: Sandbox, path: str) -> None:
    """Everything that leaves open whether the request took effect, and what looks as if it had not."""
    stripe.drop_next_request(path=path, times=5)
    stripe.fail_next(429, "rate_limit", path=path, times=9)
    stripe.fail_next(409, path=path, times=5)
    stripe.fail_next(503, path=path, times=5)
    stripe.drop_next_answer(path=path, times=5)


@pytest.mark.parametrize("key", [None, "invoice-7"])
def test_one_charge_asked_for_by_sixteen_at_once_is_made_once(
    azpay: Azpay, stripe: Sandbox, key: str | None
) -> None:
    gateway = crowded_gateway(stripe)
    request = a_charge(reference="order-1", idempotency_key=key)

    said = all_at_once(lambda _: charge(azpay.db, gateway, request, now=azpay.now()))

    assert len(stripe.charges) == len(the_payments(azpay.db)) == 1
    assert [operation.state for operation in the_operations(azpay.db)] == [State.SUCCEEDED]
    assert said["succeeded"] >= 1
    assert set(said) <= {"succeeded", "suspected_duplicate", "answer_lost", "still_unknown"}


def test_one_key_asked_for_by_sixty_four_at_once_is_one_charge_for_all_of_them(
    azpay: Azpay, stripe: Sandbox
) -> None:
    gateway = crowded_gateway(stripe, takes=0.005)
    request = a_charge(idempotency_key="invoice-7")

    def ask(_number: int) -> str:
        try:
            return charge(azpay.db, gateway, request, now=azpay.now()).id
        except OutcomeUnknown:
            return "unknown"
        except DatabaseUnavailable:  # a server's connections are fewer than that
            return "not now"

    with ThreadPoolExecutor(64) as pool:
        said = set(pool.map(ask, range(64)))
    settled = charge(azpay.db, gateway, request, now=azpay.now())

    assert said <= {settled.id, "unknown", "not now"}
    assert [payment.id for payment in the_payments(azpay.db)] == [settled.id]
    assert [operation.state for operation in the_operations(azpay.db)] == [State.SUCCEEDED]
    assert len(stripe.payment_intents) == len(stripe.charges) == 1


def test_one_charge_in_a_crowd_and_in_trouble_is_made_once_and_never_denied(
    azpay: Azpay, stripe: Sandbox
) -> None:
    gateway = crowded_gateway(stripe)
    trouble(stripe, INTENTS)

    said = all_at_once(lambda _: charge(azpay.db, gateway, a_charge(), now=azpay.now()))

    assert set(said) <= {"succeeded", "suspected_duplicate", "answer_lost", "still_unknown"}
    assert len(stripe.charges) <= len(the_payments(azpay.db)) == 1
    assert {each.state for each in the_operations(azpay.db)} <= {State.SUCCEEDED, State.UNKNOWN}
    assert once_it_is_calm(lambda: charge(azpay.db, azpay.gateway, a_charge(), now=azpay.now())) <= {
        "succeeded",
        "suspected_duplicate",
    }
    assert len(stripe.charges) == len(the_payments(azpay.db)) == 1


def test_one_refund_in_a_crowd_and_in_trouble_is_made_once_and_never_denied(
    azpay: Azpay, stripe: Sandbox
) -> None:
    payment = charge(azpay.db, azpay.gateway, a_charge(1000), now=azpay.now())
    gateway = crowded_gateway(stripe)
    trouble(stripe, REFUNDS)

    said = all_at_once(lambda _: refund(azpay.db, gateway, a_refund(payment.id, 400), now=azpay.now()))

    assert set(said) <= {"succeeded", "suspected_duplicate", "answer_lost", "still_unknown"}
    assert [each["amount"] for each in stripe.refunds] in ([], [400])
    assert the_payments(azpay.db)[0].amount_refunded == 400
    once_it_is_calm(lambda: refund(azpay.db, azpay.gateway, a_refund(payment.id, 400), now=azpay.now()))
    assert [each["amount"] for each in stripe.refunds] == [400]
    assert the_payments(azpay.db)[0].amount_refunded == 400
    assert not any(check.problems for check in checks.sums(azpay.db))


def test_captures_of_different_amounts_at_once_take_one_and_deny_the_other(
    azpay: Azpay, stripe: Sandbox
) -> None:
    held = charge(azpay.db, azpay.gateway, a_charge(1000, authorize_only=True), now=azpay.now())
    gateway = crowded_gateway(stripe)
    said: dict[int, set[str]] = {0: set(), 1: set()}

    def take(number: int) -> None:
        try:
            payment = capture(azpay.db, gateway, held.id, 100 + number % 2, now=azpay.now())
        except AzpayError as error:
            said[number % 2].add(error.code)
        else:
            said[number % 2].add(f"took {payment.amount_captured}")

    all_at_once(take)

    [payment] = the_payments(azpay.db)
    taken = stripe.payment_intents[0]["amount_received"]
    assert payment.amount_captured == taken
    assert f"took {taken}" in said[taken - 100]
    assert not any(words.startswith("took") for words in said[101 - taken])


def test_one_customer_is_made_for_an_email_that_sixteen_ask_for_at_once(
    azpay: Azpay, stripe: Sandbox
) -> None:
    gateway = crowded_gateway(stripe)

    all_at_once(lambda _: methods.add(azpay.db, gateway, "pm_card_visa", "ada@example.com", now=azpay.now()))

    assert len(stripe.customers) == 1


def test_a_rate_limit_after_a_lost_answer_does_not_deny_the_charge(azpay: Azpay, stripe: Sandbox) -> None:
    stripe.drop_next_request(path=INTENTS, times=4)
    stripe.fail_next(429, "rate_limit", path=INTENTS, times=4)
    with pytest.raises(AnswerLost):
        charge(azpay.db, azpay.gateway, a_charge(), now=azpay.now())

    with pytest.raises(StillUnknown):
        charge(azpay.db, azpay.gateway, a_charge(), now=azpay.now())

    assert the_payments(azpay.db)[0].status is PaymentStatus.UNKNOWN
    assert charge(azpay.db, azpay.gateway, a_charge(), now=azpay.now()).status is PaymentStatus.SUCCEEDED
    assert len(stripe.charges) == 1


def test_a_rate_limit_after_a_lost_answer_does_not_free_the_refunds_amount(
    azpay: Azpay, stripe: Sandbox
) -> None:
    payment = charge(azpay.db, azpay.gateway, a_charge(1000), now=azpay.now())
    stripe.drop_next_request(path=REFUNDS, times=4)
    stripe.fail_next(429, "rate_limit", path=REFUNDS, times=4)
    for expected in (AnswerLost, StillUnknown):
        with pytest.raises(expected):
            refund(azpay.db, azpay.gateway, a_refund(payment.id, 600), now=azpay.now())

    assert the_payments(azpay.db)[0].amount_refunded == 600
    assert the_refunds(azpay.db)[0].status is RefundStatus.UNKNOWN


def test_another_process_that_meets_a_rate_limit_does_not_deny_what_we_are_making(
    azpay: Azpay, stripe: Sandbox
) -> None:
    def another_is_limited() -> None:
        stripe.fail_next(429, "rate_limit", path=INTENTS, times=4)
        with pytest.raises(StillUnknown):
            charge(azpay.db, azpay.gateway, a_charge(), now=azpay.now())

    gateway = meddled_gateway(stripe, before=another_is_limited)

    payment = charge(azpay.db, gateway, a_charge(), now=azpay.now())

    assert payment.status is PaymentStatus.SUCCEEDED
    assert [operation.state for operation in the_operations(azpay.db)] == [State.SUCCEEDED]


def test_another_process_that_records_the_refund_first_is_not_contradicted(
    azpay: Azpay, stripe: Sandbox
) -> None:
    payment = charge(azpay.db, azpay.gateway, a_charge(1000), now=azpay.now())

    def another_is_faster_and_then_stripe_is_busy() -> None:
        refund(azpay.db, azpay.gateway, a_refund(payment.id, 600), now=azpay.now())
        stripe.fail_next(429, "rate_limit", path=REFUNDS, times=4)

    gateway = meddled_gateway(stripe, before=another_is_faster_and_then_stripe_is_busy)

    ours = refund(azpay.db, gateway, a_refund(payment.id, 600), now=azpay.now())

    assert ours.status is RefundStatus.SUCCEEDED
    assert the_payments(azpay.db)[0].amount_refunded == 600
    assert len(stripe.refunds) == 1


def test_a_book_that_goes_away_after_the_charge_does_not_say_that_nothing_was_moved(
    azpay: Azpay, stripe: Sandbox
) -> None:
    def rename(table: str, name: str) -> None:
        with azpay.db.engine.begin() as connection:
            connection.exec_driver_sql(f"ALTER TABLE {table} RENAME TO {name}")

    gateway = meddled_gateway(stripe, after=lambda: rename("operations", "elsewhere"))
    with pytest.raises(operations.AnswerNotKept) as unkept:
        charge(azpay.db, gateway, a_charge(), now=azpay.now())
    rename("elsewhere", "operations")

    payment = charge(azpay.db, azpay.gateway, a_charge(), now=azpay.now())

    assert isinstance(unkept.value, OutcomeUnknown)
    assert payment.status is PaymentStatus.SUCCEEDED
    assert len(stripe.charges) == 1


def test_a_book_that_is_read_only_sends_nothing(azpay: Azpay, stripe: Sandbox) -> None:
    make_read_only(azpay.db)

    with pytest.raises(AzpayError) as refused:
        charge(azpay.db, azpay.gateway, a_charge(), now=azpay.now())

    assert refused.value.code == "database_unavailable"
    assert stripe.payment_intents == []


@pytest.mark.store("sqlite")
def test_a_full_disk_acknowledges_nothing_that_is_not_on_record(azpay: Azpay, stripe: Sandbox) -> None:
    with azpay.db.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count=1")

    def take(number: int) -> object:
        request = a_charge(500 + number, description="d" * 900)
        return charge(azpay.db, azpay.gateway, request, now=azpay.now())

    said = Counter(told(partial(take, number)) for number in range(40))

    assert said["database_unavailable"] > 0
    assert set(said) <= {"succeeded", "database_unavailable", "not_sent_yet", "answer_not_kept"}
    assert len(stripe.payment_intents) == said["succeeded"] + said["answer_not_kept"]


def test_an_unknown_charge_is_a_suspected_duplicate_however_old(
    azpay: Azpay, stripe: Sandbox, clock: Clock
) -> None:
    stripe.drop_next_answer(path=INTENTS, times=4)
    with pytest.raises(AnswerLost):
        charge(azpay.db, azpay.gateway, a_charge(reference="order-1"), now=azpay.now())
    clock.advance(hours=3)

    with pytest.raises(SuspectedDuplicate, match="unknown"):
        charge(azpay.db, azpay.gateway, a_charge(reference="order-1", description="again"), now=azpay.now())


def test_an_unknown_refund_is_a_suspected_duplicate_however_old(
    azpay: Azpay, stripe: Sandbox, clock: Clock
) -> None:
    payment = charge(azpay.db, azpay.gateway, a_charge(1000), now=azpay.now())
    stripe.drop_next_answer(path=REFUNDS, times=4)
    with pytest.raises(AnswerLost):
        refund(azpay.db, azpay.gateway, a_refund(payment.id, 400), now=azpay.now())
    clock.advance(hours=3)

    with pytest.raises(SuspectedDuplicate):
        refund(azpay.db, azpay.gateway, a_refund(payment.id, 400, note="again"), now=azpay.now())


def test_an_event_settles_the_charge_whose_answer_was_lost(
    azpay: Azpay, stripe: Sandbox, webhooks: Webhooks
) -> None:
    stripe.drop_next_answer(path=INTENTS, times=4)
    with pytest.raises(AnswerLost):
        charge(azpay.db, azpay.gateway, a_charge(), now=azpay.now())

    webhooks.arrive()

    assert [operation.state for operation in the_operations(azpay.db)] == [State.SUCCEEDED]
    assert the_payments(azpay.db)[0].status is PaymentStatus.SUCCEEDED


def test_an_event_settles_the_refund_whose_answer_was_lost(
    azpay: Azpay, stripe: Sandbox, webhooks: Webhooks
) -> None:
    payment = charge(azpay.db, azpay.gateway, a_charge(1000), now=azpay.now())
    stripe.drop_next_answer(path=REFUNDS, times=4)
    with pytest.raises(AnswerLost):
        refund(azpay.db, azpay.gateway, a_refund(payment.id), now=azpay.now())

    webhooks.arrive()

    assert {operation.state for operation in the_operations(azpay.db)} == {State.SUCCEEDED}
    assert the_refunds(azpay.db)[0].status is RefundStatus.SUCCEEDED


def test_an_event_settles_a_decline_whose_answer_was_lost(
    azpay: Azpay, stripe: Sandbox, webhooks: Webhooks
) -> None:
    stripe.drop_next_answer(path=INTENTS, times=4)
    with pytest.raises(AnswerLost):
        charge(
            azpay.db, azpay.gateway, a_charge(payment_method="pm_card_visa_chargeDeclined"), now=azpay.now()
        )

    webhooks.arrive()

    assert [(each.state, each.error_code) for each in the_operations(azpay.db)] == [
        (State.FAILED, "card_declined")
    ]


def test_an_operation_of_another_payment_is_not_settled_by_a_copied_mark(
    azpay: Azpay, stripe: Sandbox, webhooks: Webhooks
) -> None:
    stripe.drop_next_request(path=INTENTS, times=4)
    with pytest.raises(AnswerLost):
        charge(azpay.db, azpay.gateway, a_charge(), now=azpay.now())
    [open_] = the_operations(azpay.db)

    azpay.gateway.create_payment_intent(
        {
            "amount": 700,
            "currency": "usd",
            "payment_method": "pm_card_visa",
            "confirm": True,
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            "metadata": {"azpay_op": open_.id},
        },
        key="elsewhere",
    )
    webhooks.arrive()

    assert the_operations(azpay.db)[0].state is State.UNKNOWN
    assert len(the_payments(azpay.db)) == 2


def test_a_charge_is_found_although_the_clocks_differ(azpay: Azpay, stripe: Sandbox, clock: Clock) -> None:
    stripe.drop_next_answer(path=INTENTS, times=4)
    behind = azpay.now() - timedelta(minutes=20)
    with pytest.raises(AnswerLost):
        charge(azpay.db, azpay.gateway, a_charge(), now=behind)
    clock.advance(hours=25)

    payment = charge(azpay.db, azpay.gateway, a_charge(), now=azpay.now())

    assert payment.status is PaymentStatus.SUCCEEDED
    assert len(stripe.charges) == 1


def test_a_charge_that_an_event_named_is_looked_up_by_its_id(
    azpay: Azpay, stripe: Sandbox, clock: Clock, webhooks: Webhooks
) -> None:
    """The event of its making says nothing of its outcome, and its mark could have been removed since."""
    stripe.drop_next_answer(path=INTENTS, times=4)
    with pytest.raises(AnswerLost):
        charge(azpay.db, azpay.gateway, a_charge(), now=azpay.now())
    webhooks.arrive(lost=lambda event: event["type"] != "payment_intent.created")
    assert the_operations(azpay.db)[0].state is State.UNKNOWN
    clock.advance(hours=25)

    payment = charge(azpay.db, azpay.gateway, a_charge(), now=azpay.now())

    assert payment.status is PaymentStatus.SUCCEEDED
    assert len(stripe.charges) == 1


def test_a_capture_whose_answer_was_lost_a_day_ago_is_looked_up(
    azpay: Azpay, stripe: Sandbox, clock: Clock
) -> None:
    held = charge(azpay.db, azpay.gateway, a_charge(1000, authorize_only=True), now=azpay.now())
    stripe.drop_next_answer(path=INTENTS, times=4)
    with pytest.raises(AnswerLost):
        capture(azpay.db, azpay.gateway, held.id, now=azpay.now())
    clock.advance(hours=25)

    payment = capture(azpay.db, azpay.gateway, held.id, now=azpay.now())

    assert payment.amount_captured == 1000
    assert {operation.state for operation in the_operations(azpay.db)} == {State.SUCCEEDED}


def test_a_capture_that_never_reached_stripe_can_be_asked_for_anew(
    azpay: Azpay, stripe: Sandbox, clock: Clock
) -> None:
    held = charge(azpay.db, azpay.gateway, a_charge(1000, authorize_only=True), now=azpay.now())
    stripe.drop_next_request(path=INTENTS, times=4)
    with pytest.raises(AnswerLost):
        capture(azpay.db, azpay.gateway, held.id, now=azpay.now())
    clock.advance(hours=25)
    with pytest.raises(operations.NeverHappened):
        capture(azpay.db, azpay.gateway, held.id, now=azpay.now())

    payment = capture(azpay.db, azpay.gateway, held.id, now=azpay.now())

    assert payment.amount_captured == 1000


def test_a_charge_that_was_never_sent_says_so_and_is_closed(azpay: Azpay, stripe: Sandbox) -> None:
    stripe.fail_next(429, "rate_limit", path=INTENTS, times=4)

    with pytest.raises(StripeUnavailable, match="Nothing was moved"):
        charge(azpay.db, azpay.gateway, a_charge(), now=azpay.now())

    assert [operation.state for operation in the_operations(azpay.db)] == [State.FAILED]
    assert charge(azpay.db, azpay.gateway, a_charge(), now=azpay.now()).status is PaymentStatus.SUCCEEDED
