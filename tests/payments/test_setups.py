"""Saving a method with its owner's consent is an operation: it settles by itself, and is done once."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest
from sqlmodel import select

from azpay.gateway import AnswerLost, CardDeclined, StripeRefused
from azpay.operations import Kind, Resolver, State
from azpay.payments import PaymentStatus, methods, setups
from azpay.payments.models import SetupIntent
from tests.audit.acts import the_acts
from tests.operations.journals import the_operations
from tests.sandbox.orders import order
from tests.support.cases import further
from tests.support.meddling import meddled_gateway

if TYPE_CHECKING:
    from azpay.bootstrap import Azpay
    from azpay.operations import Operation, Resolved
    from azpay.sandbox import Sandbox
    from tests.support.clock import Clock
    from tests.support.webhooks import Webhooks

VISA, ASKS, BROKE = "pm_card_visa", "pm_card_authenticationRequired", "pm_card_chargeDeclined"
SETUPS = "/v1/setup_intents"
ADA = "ada@example.com"


def set_up(azpay: Azpay, method: str = VISA) -> SetupIntent:
    return setups.set_up(azpay.db, azpay.gateway, method, ADA, now=azpay.now())


def lose(azpay: Azpay, stripe: Sandbox, method: str = VISA, *, took_effect: bool = True) -> None:
    (stripe.drop_next_answer if took_effect else stripe.drop_next_request)(path=SETUPS, times=4)
    with pytest.raises(AnswerLost):
        set_up(azpay, method)


def a_resolver(azpay: Azpay) -> Resolver:
    return Resolver(azpay.db.by("worker"), azpay.gateway, azpay.errands, Random(7))  # noqa: S311 - jitter


def settle(azpay: Azpay) -> list[Resolved]:
    return a_resolver(azpay).run(clock=azpay.now, stopping=lambda: False)


def the_setups(azpay: Azpay) -> list[SetupIntent]:
    with azpay.db.reading() as session:
        return list(session.exec(select(SetupIntent).order_by(SetupIntent.id)))


def the_operation(azpay: Azpay) -> Operation:
    [operation] = [each for each in the_operations(azpay.db) if each.kind is Kind.SETUP]
    return operation


def made(stripe: Sandbox) -> int:
    return [event["type"] for event in stripe.events].count("setup_intent.created")


@pytest.mark.parametrize("took_effect", [True, False])
def test_one_without_an_answer_settles_by_itself(
    azpay: Azpay, stripe: Sandbox, clock: Clock, took_effect: bool
) -> None:
    lose(azpay, stripe, took_effect=took_effect)
    clock.advance(minutes=2)

    settle(azpay)

    assert the_operation(azpay).state is State.SUCCEEDED
    assert [setup.status for setup in the_setups(azpay)] == [PaymentStatus.SUCCEEDED]
    assert [method.brand for method in methods.saved(azpay.db)] == ["visa"]
    assert made(stripe) == 1


@pytest.mark.parametrize(
    ("took_effect", "state", "status"),
    [(True, State.SUCCEEDED, PaymentStatus.SUCCEEDED), (False, State.FAILED, PaymentStatus.FAILED)],
)
def test_an_old_one_is_looked_up(
    azpay: Azpay, stripe: Sandbox, clock: Clock, took_effect: bool, state: State, status: PaymentStatus
) -> None:
    lose(azpay, stripe, took_effect=took_effect)
    clock.advance(hours=24)

    settle(azpay)

    assert the_operation(azpay).state is state
    assert [setup.status for setup in the_setups(azpay)] == [status]
    assert made(stripe) == took_effect


def test_a_decline_that_is_found_by_looking_is_a_decline(azpay: Azpay, stripe: Sandbox, clock: Clock) -> None:
    lose(azpay, stripe, BROKE)
    clock.advance(hours=24)

    [tried] = settle(azpay)

    assert isinstance(tried.error, CardDeclined)
    assert (the_operation(azpay).state, the_operation(azpay).error_code) == (State.FAILED, "card_declined")
    assert [setup.status for setup in the_setups(azpay)] == [PaymentStatus.FAILED]


def test_an_answer_that_stripe_repeats_under_the_key_is_not_the_last_word(
    azpay: Azpay, stripe: Sandbox, clock: Clock
) -> None:
    lose(azpay, stripe, ASKS)
    listed = azpay.gateway.setup_intents_of(stripe.customers[0]["id"], azpay.now())
    order(stripe, "authenticate", setup_intent=next(listed).id)
    clock.advance(minutes=2)

    settle(azpay)

    assert [setup.status for setup in the_setups(azpay)] == [PaymentStatus.SUCCEEDED]


def test_nothing_is_saved_for_a_customer_who_is_gone(azpay: Azpay, stripe: Sandbox, clock: Clock) -> None:
    lose(azpay, stripe, took_effect=False)
    customer = stripe.customers[0]["id"]
    clock.advance(hours=24)
    stripe.fail_next(404, "resource_missing", path=SETUPS)

    settle(azpay)

    assert customer == the_setups(azpay)[0].customer
    assert the_operation(azpay).error_code == "never_happened"


@pytest.mark.parametrize(
    ("method", "state"), [(VISA, State.SUCCEEDED), further(ASKS, State.SUCCEEDED), (BROKE, State.FAILED)]
)
def test_an_event_brings_the_answer_too(
    azpay: Azpay, stripe: Sandbox, webhooks: Webhooks, method: str, state: State
) -> None:
    lose(azpay, stripe, method)

    webhooks.arrive()

    assert the_operation(azpay).state is state
    assert the_acts(azpay.db, the_operation(azpay).id) == ["setup.planned", f"setup.{state}"]


def test_one_that_arrives_after_it_was_given_up_counts(
    azpay: Azpay, stripe: Sandbox, clock: Clock, webhooks: Webhooks
) -> None:
    lose(azpay, stripe, took_effect=False)
    operation = the_operation(azpay)
    clock.advance(hours=24)
    a_resolver(azpay).give_up(operation.id, "no longer wanted", now=azpay.now())
    given_up = [setup.status for setup in the_setups(azpay)]
    azpay.gateway.create_setup_intent(operation.parameters or {}, key=operation.idempotency_key)

    webhooks.arrive()

    assert given_up == [PaymentStatus.FAILED]
    assert the_operation(azpay).state is State.SUCCEEDED
    assert [setup.status for setup in the_setups(azpay)] == [PaymentStatus.SUCCEEDED]


def test_what_was_saved_a_moment_ago_is_not_asked_for_twice(azpay: Azpay, stripe: Sandbox) -> None:
    first = set_up(azpay)

    again = set_up(azpay, str(first.payment_method))

    assert (again.id, again.status) == (first.id, PaymentStatus.SUCCEEDED)
    assert made(stripe) == 1


def test_a_method_that_was_removed_is_not_said_to_be_saved(azpay: Azpay) -> None:
    first = set_up(azpay)
    methods.remove(azpay.db, azpay.gateway, str(first.payment_method), now=azpay.now())

    with pytest.raises(StripeRefused, match="detached from a Customer"):
        set_up(azpay, str(first.payment_method))


def test_the_owner_may_be_asked_again_another_day(azpay: Azpay, stripe: Sandbox, clock: Clock) -> None:
    first = set_up(azpay)
    clock.advance(hours=24)

    again = set_up(azpay, str(first.payment_method))

    assert again.id != first.id
    assert made(stripe) == 2


def test_an_old_one_that_nobody_settled_gives_way_to_a_new_one(
    azpay: Azpay, stripe: Sandbox, clock: Clock, webhooks: Webhooks
) -> None:
    lose(azpay, stripe)
    clock.advance(hours=24)

    new = set_up(azpay)

    old, _ = the_setups(azpay)
    assert (old.status, old.failure_code) == (PaymentStatus.FAILED, "key_too_old")
    assert new.status is PaymentStatus.SUCCEEDED
    webhooks.arrive()
    assert {setup.status for setup in the_setups(azpay)} == {PaymentStatus.SUCCEEDED}
    assert {operation.state for operation in the_operations(azpay.db)} == {State.SUCCEEDED}


def test_two_at_once_are_one(azpay: Azpay, stripe: Sandbox) -> None:
    slow = meddled_gateway(stripe, before=lambda: set_up(azpay))
    set_up(azpay, "pm_card_mastercard")

    first = setups.set_up(azpay.db, slow, VISA, ADA, now=azpay.now())

    assert first.status is PaymentStatus.SUCCEEDED
    assert made(stripe) == 2


def test_a_decline_is_told_to_both_of_two_at_once(azpay: Azpay, stripe: Sandbox) -> None:
    set_up(azpay)

    def another_asks() -> None:
        with pytest.raises(CardDeclined):
            set_up(azpay, BROKE)

    slow = meddled_gateway(stripe, before=another_asks)
    with pytest.raises(CardDeclined):
        setups.set_up(azpay.db, slow, BROKE, ADA, now=azpay.now())

    statuses = sorted(setup.status for setup in the_setups(azpay))
    assert statuses == [PaymentStatus.FAILED, PaymentStatus.SUCCEEDED]
