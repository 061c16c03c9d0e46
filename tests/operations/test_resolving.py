"""What a command left open settles by itself: asked again under its key, looked up, or left to a person."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial
from itertools import pairwise
from random import Random
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from sqlmodel import select

from azpay import operations
from azpay.db.database import DatabaseUnavailable
from azpay.gateway import AnswerLost, CardDeclined
from azpay.gateway.objects import PaymentMethod as StripesMethod
from azpay.operations import Attempt, Kind, Operation, Resolved, Resolver, State, Underway, leases
from azpay.payments import (
    Payment,
    PaymentStatus,
    RefundStatus,
    cancel,
    capture,
    charge,
    methods,
    refund,
    setups,
)
from tests.audit.acts import the_entries
from tests.operations.journals import the_operations, the_payments, the_refunds
from tests.support.builders import a_charge, a_refund
from tests.support.faults import losing_the_answer_to
from tests.support.meddling import meddled_gateway

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sqlmodel import Session

    from azpay.bootstrap import Azpay
    from azpay.db import Database
    from azpay.errors import AzpayError
    from azpay.gateway.stripe import Gateway
    from azpay.sandbox import Sandbox
    from tests.support.clock import Clock

ATTACH = "/v1/payment_methods/{}/attach"


def a_resolver(azpay: Azpay) -> Resolver:
    return Resolver(azpay.db.by("worker"), azpay.gateway, azpay.errands, Random(7))  # noqa: S311 - jitter


def run(azpay: Azpay) -> list[Resolved]:
    return a_resolver(azpay).run(clock=azpay.now, stopping=lambda: False)


def the_open(db: Database) -> Operation:
    [operation] = [each for each in the_operations(db) if each.state in operations.OPEN]
    return operation


def the_attempts(db: Database) -> list[Attempt]:
    with db.reading() as session:
        return list(session.exec(select(Attempt).order_by(Attempt.operation_id, Attempt.number)))  # type: ignore[arg-type]


def lose(stripe: Sandbox, act: Callable[[], object]) -> None:
    """The command's request takes effect, and none of its answers come back."""
    stripe.drop_next_answer(times=4)
    with pytest.raises(AnswerLost):
        act()


def never_arrive(stripe: Sandbox, act: Callable[[], object]) -> None:
    stripe.drop_next_request(times=4)
    with pytest.raises(AnswerLost):
        act()


def lose_at(stripe: Sandbox, act: Callable[[Gateway], object], *, took_effect: bool) -> None:
    """What the command looks up is answered; what it then asks for is not."""
    trouble = stripe.drop_next_answer if took_effect else stripe.drop_next_request
    with pytest.raises(AnswerLost):
        act(meddled_gateway(stripe, before=lambda: trouble(times=4)))


def what_every_kind_is_about(azpay: Azpay) -> tuple[Payment, str]:
    """A held payment, and a customer with two saved methods; some seconds ago."""
    db, gateway, now = azpay.db, azpay.gateway, azpay.now() - timedelta(seconds=5)
    held = charge(db, gateway, a_charge(900, authorize_only=True), now=now)
    saved = methods.add(db, gateway, "pm_card_mastercard", "ada@example.com", now=now)
    return held, saved.payment_method


def a_method(gateway: Gateway) -> str:
    """A method by an id of its own, which Stripe's test tokens are not."""
    described = {"type": "card", "card": {"token": "tok_visa"}}
    return gateway.line.post("/v1/payment_methods", described, StripesMethod, "a_method").id


def leave_open(azpay: Azpay, stripe: Sandbox, held: Payment, saved: str, *, took_effect: bool) -> None:
    """A capture, and one of each kind that moves no money."""
    db, now = azpay.db, azpay.now()
    owner = str(methods.saved(db)[0].customer)
    another = a_method(azpay.gateway)
    second = methods.add(db, azpay.gateway, "pm_card_visa", owner, now=now - timedelta(seconds=5))
    acts: list[Callable[[Gateway], object]] = [
        lambda broken: capture(db, broken, held.id, 400, now=now),
        lambda broken: methods.make_default(db, broken, saved, now=now),
        lambda broken: methods.remove(db, broken, second.payment_method, now=now),
        lambda broken: methods.add(db, broken, another, owner, now=now),
        lambda broken: methods.add(db, broken, "pm_card_visa", "bob@example.com", now=now),
        lambda broken: setups.set_up(db, broken, saved, owner, now=now),
    ]
    for act in acts:
        lose_at(stripe, act, took_effect=took_effect)


def test_a_lost_charge_is_settled_by_itself_and_made_once(
    azpay: Azpay, stripe: Sandbox, clock: Clock
) -> None:
    lose(stripe, lambda: charge(azpay.db, azpay.gateway, a_charge(), now=azpay.now()))
    clock.advance(minutes=2)

    [tried] = run(azpay)

    assert (tried.operation.state, tried.error) == (State.SUCCEEDED, None)
    assert [payment.status for payment in the_payments(azpay.db)] == [PaymentStatus.SUCCEEDED]
    assert len(stripe.charges) == 1


def test_a_method_that_stripe_has_never_heard_of_is_not_looked_for_for_ever(
    azpay: Azpay, stripe: Sandbox, clock: Clock
) -> None:
    """A test token is charged and saved by its name, and is no object that could be looked at."""
    saved = methods.add(azpay.db, azpay.gateway, "pm_card_visa", "ada@example.com", now=azpay.now())
    clock.advance(seconds=1)
    stripe.fail_next(500, path=ATTACH.format("pm_card_visa"), store=True)
    with pytest.raises(AnswerLost):
        methods.add(azpay.db, azpay.gateway, "pm_card_visa", str(saved.customer), now=azpay.now())
    clock.advance(days=1)

    found = a_resolver(azpay).resolve(the_open(azpay.db).id, now=azpay.now())

    assert found.operation.state is State.FAILED
    assert [method.payment_method for method in methods.saved(azpay.db)] == [saved.payment_method]


def test_a_charge_that_never_arrived_is_made_by_itself(azpay: Azpay, stripe: Sandbox, clock: Clock) -> None:
    never_arrive(stripe, lambda: charge(azpay.db, azpay.gateway, a_charge(700), now=azpay.now()))
    clock.advance(minutes=2)

    run(azpay)

    assert [(payment.status, payment.amount) for payment in the_payments(azpay.db)] == [("succeeded", 700)]
    assert len(stripe.charges) == 1


def test_each_kind_is_gone_on_with(azpay: Azpay, stripe: Sandbox, clock: Clock) -> None:
    db, gateway = azpay.db, azpay.gateway
    held = charge(db, gateway, a_charge(900, authorize_only=True), now=azpay.now())
    let_go = charge(db, gateway, a_charge(901, authorize_only=True), now=azpay.now())
    paid = charge(db, gateway, a_charge(1000), now=azpay.now())
    saved = methods.add(db, gateway, "pm_card_mastercard", "ada@example.com", now=azpay.now())
    other = methods.add(db, gateway, "pm_card_visa", str(saved.customer), now=azpay.now())
    acts: list[Callable[[Gateway], object]] = [
        lambda broken: capture(db, broken, held.id, 400, now=azpay.now()),
        lambda broken: cancel(db, broken, let_go.id, now=azpay.now()),
        lambda broken: refund(db, broken, a_refund(paid.id, 300), now=azpay.now()),
        lambda broken: methods.make_default(db, broken, saved.payment_method, now=azpay.now()),
        lambda broken: methods.remove(db, broken, other.payment_method, now=azpay.now()),
        lambda broken: methods.add(db, broken, "pm_card_amex", "bob@example.com", now=azpay.now()),
        lambda broken: setups.set_up(db, broken, "pm_card_visa", str(saved.customer), now=azpay.now()),
    ]
    for act in acts:
        lose_at(stripe, act, took_effect=False)
    clock.advance(minutes=2)

    run(azpay)

    assert [each.kind for each in the_operations(db) if each.state in operations.OPEN] == []
    statuses = {payment.id: (payment.status, payment.amount_captured) for payment in the_payments(db)}
    assert statuses[held.id] == (PaymentStatus.SUCCEEDED, 400)
    assert statuses[let_go.id] == (PaymentStatus.CANCELED, 0)
    assert [(each.status, each.amount) for each in the_refunds(db)] == [(RefundStatus.SUCCEEDED, 300)]
    assert methods.defaults(db) == {saved.payment_method}
    assert [method.brand for method in methods.saved(db)] == ["visa", "mastercard"]
    assert len(gateway.customers_with("bob@example.com")) == 1


@pytest.mark.parametrize("took_effect", [True, False])
def test_each_kind_is_looked_up_when_it_is_old(
    azpay: Azpay, stripe: Sandbox, clock: Clock, took_effect: bool
) -> None:
    held, saved = what_every_kind_is_about(azpay)
    leave_open(azpay, stripe, held, saved, took_effect=took_effect)
    clock.advance(hours=24)

    run(azpay)

    states = {each.kind: each.state for each in the_operations(azpay.db) if each.created_at > held.created_at}
    assert set(states.values()) == {State.SUCCEEDED if took_effect else State.FAILED}
    assert set(states) == set(Kind) - {Kind.CHARGE, Kind.REFUND, Kind.CANCEL}


def test_saving_a_method_is_gone_on_with_once_its_customer_is_there(
    azpay: Azpay, stripe: Sandbox, clock: Clock
) -> None:
    made = methods.add(azpay.db, azpay.gateway, "pm_card_visa", "ada@example.com", now=azpay.now())
    never_arrive(
        stripe,
        lambda: methods.add(
            azpay.db, azpay.gateway, "pm_card_mastercard", str(made.customer), now=azpay.now()
        ),
    )
    clock.advance(minutes=2)

    [tried] = run(azpay)

    assert (tried.operation.kind, tried.operation.state) == (Kind.ATTACH, State.SUCCEEDED)
    assert len(methods.saved(azpay.db, made.customer)) == 2


def test_a_decline_is_an_outcome_too(azpay: Azpay, stripe: Sandbox, clock: Clock) -> None:
    declined = a_charge(payment_method="pm_card_visa_chargeDeclined")
    lose(stripe, lambda: charge(azpay.db, azpay.gateway, declined, now=azpay.now()))
    clock.advance(minutes=2)

    [tried] = run(azpay)

    assert isinstance(tried.error, CardDeclined)
    assert tried.operation.state is State.FAILED
    assert [payment.status for payment in the_payments(azpay.db)] == [PaymentStatus.FAILED]


def test_nothing_is_taken_up_before_it_is_due(azpay: Azpay, stripe: Sandbox, clock: Clock) -> None:
    lose(stripe, lambda: charge(azpay.db, azpay.gateway, a_charge(), now=azpay.now()))
    clock.advance(seconds=59)

    assert run(azpay) == []


def test_a_command_that_asks_just_now_is_not_disturbed(azpay: Azpay, stripe: Sandbox) -> None:
    meanwhile: list[list[Resolved]] = []
    slow = meddled_gateway(stripe, before=lambda: meanwhile.append(run(azpay)))

    payment = charge(azpay.db, slow, a_charge(), now=azpay.now())

    assert payment.status is PaymentStatus.SUCCEEDED
    assert meanwhile == [[]]
    assert len(the_attempts(azpay.db)) == 1


def test_two_resolvers_do_not_ask_for_the_same_operation(azpay: Azpay, stripe: Sandbox, clock: Clock) -> None:
    lose(stripe, lambda: charge(azpay.db, azpay.gateway, a_charge(), now=azpay.now()))
    clock.advance(minutes=2)
    others: list[list[Resolved]] = []
    slow = replace(azpay, gateway=meddled_gateway(stripe, before=lambda: others.append(run(azpay))))

    [tried] = run(slow)

    assert tried.operation.state is State.SUCCEEDED
    assert others == [[]]


def test_a_command_does_not_ask_while_a_resolver_does(azpay: Azpay, stripe: Sandbox, clock: Clock) -> None:
    lose(stripe, lambda: charge(azpay.db, azpay.gateway, a_charge(), now=azpay.now()))
    clock.advance(minutes=2)
    told: list[str] = []

    def type_the_command_again() -> None:
        with pytest.raises(Underway, match="right now") as underway:
            charge(azpay.db, azpay.gateway, a_charge(), now=azpay.now())
        told.append(str(underway.value.hint))

    run(replace(azpay, gateway=meddled_gateway(stripe, before=type_the_command_again)))

    assert told == [f"`azpay ops show {the_operations(azpay.db)[0].id}` in a minute."]
    assert len(stripe.charges) == 1


def a_resolver_dies(azpay: Azpay, stripe: Sandbox) -> None:
    def die() -> NoReturn:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(replace(azpay, gateway=meddled_gateway(stripe, before=die)))


def test_the_lease_of_a_resolver_that_died_runs_out(azpay: Azpay, stripe: Sandbox, clock: Clock) -> None:
    lose(stripe, lambda: charge(azpay.db, azpay.gateway, a_charge(), now=azpay.now()))
    clock.advance(minutes=2)
    a_resolver_dies(azpay, stripe)

    too_early = run(azpay)
    clock.advance(minutes=2)
    [tried] = run(azpay)

    assert too_early == []
    assert tried.operation.state is State.SUCCEEDED
    assert [attempt.outcome for attempt in the_attempts(azpay.db)] == ["unknown", None, "succeeded"]


def test_a_resolver_that_was_thought_dead_asks_no_more(azpay: Azpay, stripe: Sandbox, clock: Clock) -> None:
    lose(stripe, lambda: charge(azpay.db, azpay.gateway, a_charge(), now=azpay.now()))
    operation = the_open(azpay.db)
    errand = azpay.errands.by_kind[Kind.CHARGE]
    with azpay.db.reading() as session:
        asleep = errand(session, azpay.gateway, operation, azpay.now())

    with pytest.raises(Underway):
        operations.carry_out(azpay.db, operation, asleep, now=azpay.now(), lease="lease_of_long_ago")

    assert len(the_attempts(azpay.db)) == 1


def test_one_that_takes_its_resolver_down_is_left_to_a_person(
    azpay: Azpay, stripe: Sandbox, clock: Clock
) -> None:
    lose(stripe, lambda: charge(azpay.db, azpay.gateway, a_charge(), now=azpay.now()))
    for _ in range(operations.TRIES):
        clock.advance(minutes=2)
        a_resolver_dies(azpay, stripe)
    clock.advance(minutes=2)

    assert run(azpay) == []

    assert the_open(azpay.db).flagged_at == azpay.now()
    assert operations.waiting_for_a_person(azpay.db) == 1


def test_five_tries_spread_over_a_day_and_then_a_person(azpay: Azpay, stripe: Sandbox, clock: Clock) -> None:
    never_arrive(stripe, lambda: charge(azpay.db, azpay.gateway, a_charge(), now=azpay.now()))
    begun = azpay.now()
    stripe.fail_next(503, times=1000)
    due = []
    for _ in range(operations.TRIES):
        due.append(the_open(azpay.db).due_at)
        clock.at = due[-1] or clock.at
        assert len(run(azpay)) == 1

    operation = the_open(azpay.db)
    waits = [later - earlier for earlier, later in pairwise(due) if earlier and later]
    assert all(wait <= timedelta(minutes=2) * 4**number for number, wait in enumerate(waits[:3]))
    assert due[-1] == begun + operations.KEY_LIFE + timedelta(minutes=11)
    assert (operation.flagged_at, operation.due_at) == (azpay.now(), None)
    steps = [(attempt.number, attempt.step, attempt.actor) for attempt in the_attempts(azpay.db)]
    assert steps == [(1, "ask", "azpay"), *((n, "ask", "worker") for n in range(2, 6)), (6, "look", "worker")]
    clock.advance(days=30)
    assert run(azpay) == []


def test_chance_spreads_the_tries(azpay: Azpay, stripe: Sandbox, clock: Clock) -> None:
    for number in range(12):
        request = a_charge(500 + number)
        never_arrive(stripe, partial(charge, azpay.db, azpay.gateway, request, now=azpay.now()))
    clock.advance(minutes=2)
    stripe.fail_next(503, times=1000)
    resolver = a_resolver(azpay)

    resolver.run(clock=azpay.now, stopping=lambda: False)

    waits = {operation.due_at for operation in the_operations(azpay.db)}
    assert len(waits) > 6
    assert all(due and timedelta() < due - azpay.now() <= timedelta(minutes=2) for due in waits)


def test_when_stripe_cannot_be_reached_the_rest_keep_their_tries(
    azpay: Azpay, stripe: Sandbox, clock: Clock
) -> None:
    for amount in (500, 501, 502):
        request = a_charge(amount)
        never_arrive(stripe, partial(charge, azpay.db, azpay.gateway, request, now=azpay.now()))
    clock.advance(minutes=2)
    stripe.fail_next(429, "rate_limit", times=4)

    run(azpay)

    assert sorted(operation.resolutions for operation in the_operations(azpay.db)) == [0, 0, 1]


def test_a_resolver_stops_between_two_operations(azpay: Azpay, stripe: Sandbox, clock: Clock) -> None:
    for amount in (500, 501):
        request = a_charge(amount)
        lose(stripe, partial(charge, azpay.db, azpay.gateway, request, now=azpay.now()))
    clock.advance(minutes=2)
    answers = iter([False, True])

    tried = a_resolver(azpay).run(clock=azpay.now, stopping=lambda: next(answers))

    assert len(tried) == 1


def test_a_key_that_grows_old_while_others_are_settled_is_not_sent(
    azpay: Azpay, stripe: Sandbox, clock: Clock
) -> None:
    for amount in (500, 501):
        request = a_charge(amount)
        lose(stripe, partial(charge, azpay.db, azpay.gateway, request, now=azpay.now()))
    clock.advance(hours=22, minutes=50)
    slow = replace(azpay, gateway=meddled_gateway(stripe, after=lambda: clock.advance(hours=2)))

    run(slow)

    assert sorted(made["amount"] for made in stripe.charges) == [500, 501]
    assert {payment.status for payment in the_payments(azpay.db)} == {PaymentStatus.SUCCEEDED}


def test_an_old_one_is_looked_up_and_never_sent(azpay: Azpay, stripe: Sandbox, clock: Clock) -> None:
    lose(stripe, lambda: charge(azpay.db, azpay.gateway, a_charge(500), now=azpay.now()))
    never_arrive(stripe, lambda: charge(azpay.db, azpay.gateway, a_charge(501), now=azpay.now()))
    clock.advance(hours=24)

    run(azpay)

    assert {payment.amount: payment.status for payment in the_payments(azpay.db)} == {
        500: PaymentStatus.SUCCEEDED,
        501: PaymentStatus.FAILED,
    }
    assert sorted(str(each.error_code) for each in the_operations(azpay.db)) == ["None", "never_happened"]
    assert len(stripe.charges) == 1


def forget_parameters(azpay: Azpay) -> None:
    """As a book from before, in which none were kept."""
    with azpay.db.writing() as session:
        for operation in session.exec(select(Operation)):
            operation.parameters = None


def test_one_from_before_parameters_were_kept_is_looked_up(
    azpay: Azpay, stripe: Sandbox, clock: Clock
) -> None:
    lose(stripe, lambda: charge(azpay.db, azpay.gateway, a_charge(500), now=azpay.now()))
    never_arrive(stripe, lambda: charge(azpay.db, azpay.gateway, a_charge(501), now=azpay.now()))
    forget_parameters(azpay)
    clock.advance(minutes=2)

    run(azpay)

    states = {each.error_code: each.state for each in the_operations(azpay.db)}
    assert states == {None: State.SUCCEEDED, "parameters_missing": State.UNKNOWN}
    assert len(stripe.charges) == 1


@pytest.mark.parametrize("took_effect", [True, False])
def test_every_kind_from_before_is_looked_up(
    azpay: Azpay, stripe: Sandbox, clock: Clock, took_effect: bool
) -> None:
    held, saved = what_every_kind_is_about(azpay)
    leave_open(azpay, stripe, held, saved, took_effect=took_effect)
    forget_parameters(azpay)
    clock.advance(minutes=12)

    run(azpay)

    states = {each.kind: each.state for each in the_operations(azpay.db) if each.created_at > held.created_at}
    expected = State.SUCCEEDED if took_effect else State.FAILED
    assert [states[kind] for kind in (Kind.CAPTURE, Kind.ATTACH, Kind.DETACH, Kind.SETUP)] == [expected] * 4
    assert [states[kind] for kind in (Kind.CUSTOMER, Kind.DEFAULT)] == [State.FAILED] * 2


def test_the_same_command_gives_an_operation_of_before_its_parameters(
    azpay: Azpay, stripe: Sandbox, clock: Clock
) -> None:
    never_arrive(stripe, lambda: charge(azpay.db, azpay.gateway, a_charge(), now=azpay.now()))
    forget_parameters(azpay)
    never_arrive(stripe, lambda: charge(azpay.db, azpay.gateway, a_charge(), now=azpay.now()))
    clock.advance(minutes=2)

    [tried] = run(azpay)

    assert tried.operation.state is State.SUCCEEDED
    assert len(the_payments(azpay.db)) == len(stripe.charges) == 1


def test_what_is_sent_again_is_what_was_sent_the_first_time(
    azpay: Azpay, stripe: Sandbox, clock: Clock
) -> None:
    held = charge(azpay.db, azpay.gateway, a_charge(authorize_only=True), now=azpay.now())
    lose(
        stripe,
        lambda: cancel(azpay.db, azpay.gateway, held.id, "requested_by_customer", now=azpay.now()),
    )
    clock.advance(minutes=1)

    payment = cancel(azpay.db, azpay.gateway, held.id, now=azpay.now())

    assert payment.status is PaymentStatus.CANCELED
    assert stripe.payment_intents[0]["cancellation_reason"] == "requested_by_customer"


def test_parameters_are_kept_while_they_are_needed_and_sealed(azpay: Azpay, stripe: Sandbox) -> None:
    lose(
        stripe,
        lambda: charge(
            azpay.db, azpay.gateway, a_charge(receipt_email="canary@example.com"), now=azpay.now()
        ),
    )
    kept = the_open(azpay.db).parameters
    with azpay.db.engine.connect() as connection:
        in_the_book = connection.exec_driver_sql("SELECT parameters FROM operations").scalar_one()

    a_resolver(azpay).resolve(the_open(azpay.db).id, now=azpay.now())

    assert kept
    assert kept["receipt_email"] == "canary@example.com"
    assert b"canary" not in bytes(in_the_book)
    assert [operation.parameters for operation in the_operations(azpay.db)] == [None]


def test_an_attempt_says_who_asked_and_what_stripe_calls_the_request(azpay: Azpay) -> None:
    charge(azpay.db.by("cli:ann"), azpay.gateway, a_charge(), now=azpay.now())

    [attempt] = the_attempts(azpay.db)
    assert (attempt.actor, attempt.outcome, attempt.code) == ("cli:ann", "succeeded", None)
    assert str(attempt.request).startswith("req_")
    assert attempt.milliseconds is not None
    assert attempt.ended_at == attempt.started_at + timedelta(milliseconds=attempt.milliseconds)
    assert [operation.actor for operation in the_operations(azpay.db)] == ["cli:ann"]


def test_a_person_may_ask_at_once_and_after_the_last_try(azpay: Azpay, stripe: Sandbox, clock: Clock) -> None:
    never_arrive(stripe, lambda: charge(azpay.db, azpay.gateway, a_charge(), now=azpay.now()))
    operation = the_open(azpay.db)
    with azpay.db.writing() as session:
        session.get_one(Operation, operation.id).flagged_at = azpay.now()
    stripe.fail_next(503, times=4)

    first = a_resolver(azpay).resolve(operation.id, now=azpay.now())
    second = a_resolver(azpay).resolve(operation.id, now=azpay.now())
    third = a_resolver(azpay).resolve(operation.id, now=azpay.now())

    assert (first.operation.state, first.operation.resolutions) == (State.UNKNOWN, 0)
    assert first.operation.flagged_at is not None
    assert (second.operation.state, second.operation.flagged_at) == (State.SUCCEEDED, None)
    assert third == Resolved(second.operation, None)


def test_nobody_takes_what_another_has_in_hand(azpay: Azpay, stripe: Sandbox) -> None:
    told: list[type[AzpayError]] = []

    def resolve_meanwhile() -> None:
        with pytest.raises(Underway) as underway:
            a_resolver(azpay).resolve(the_open(azpay.db).id, now=azpay.now())
        told.append(underway.type)

    charge(azpay.db, meddled_gateway(stripe, before=resolve_meanwhile), a_charge(), now=azpay.now())

    assert told == [Underway]


def test_an_operation_that_is_not_there_is_named(azpay: Azpay) -> None:
    with pytest.raises(operations.OperationUnknown, match="op_nowhere"):
        a_resolver(azpay).resolve("op_nowhere", now=azpay.now())


def test_giving_up_takes_a_day_and_no_trace_at_stripe(azpay: Azpay, stripe: Sandbox, clock: Clock) -> None:
    never_arrive(stripe, lambda: charge(azpay.db, azpay.gateway, a_charge(), now=azpay.now()))
    operation = the_open(azpay.db)
    with pytest.raises(operations.TooEarlyToGiveUp):
        a_resolver(azpay).give_up(operation.id, "paid in cash", now=azpay.now())
    clock.advance(hours=24)

    given_up = a_resolver(azpay).give_up(operation.id, "paid in cash", now=azpay.now())
    again = a_resolver(azpay).give_up(operation.id, "paid in cash", now=azpay.now())

    assert (given_up.operation.state, given_up.operation.error_code) == (State.FAILED, "given_up")
    assert given_up.operation.error_message == "Given up: paid in cash"
    assert (the_entries(azpay.db)[-1].action, the_entries(azpay.db)[-1].reason) == (
        "charge.failed",
        "paid in cash",
    )
    assert again == Resolved(given_up.operation, None)
    assert [payment.status for payment in the_payments(azpay.db)] == [PaymentStatus.FAILED]


def test_what_stripe_has_is_recorded_and_not_given_up(azpay: Azpay, stripe: Sandbox, clock: Clock) -> None:
    lose(stripe, lambda: charge(azpay.db, azpay.gateway, a_charge(), now=azpay.now()))
    clock.advance(hours=24)

    kept = a_resolver(azpay).give_up(the_open(azpay.db).id, "paid in cash", now=azpay.now())

    assert (kept.operation.state, kept.operation.error_code) == (State.SUCCEEDED, None)
    assert [payment.status for payment in the_payments(azpay.db)] == [PaymentStatus.SUCCEEDED]


@pytest.mark.store("sqlite")
@pytest.mark.parametrize("before_asking", [True, False])
def test_a_book_that_goes_away_ends_the_round(
    azpay: Azpay, stripe: Sandbox, clock: Clock, before_asking: bool
) -> None:
    lose(stripe, lambda: charge(azpay.db, azpay.gateway, a_charge(), now=azpay.now()))
    clock.advance(minutes=2)

    def the_book_goes_away() -> None:
        with azpay.db.engine.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE operations RENAME TO elsewhere")

    def rebuild(session: Session, gateway: Gateway, operation: Operation, now: datetime) -> Any:
        session.rollback()
        the_book_goes_away()
        return azpay.errands.by_kind[Kind.CHARGE](session, gateway, operation, now)

    broken = replace(azpay, gateway=meddled_gateway(stripe, before=the_book_goes_away))
    if before_asking:
        broken = replace(azpay, errands=operations.Errands({Kind.CHARGE: rebuild}))

    with pytest.raises(DatabaseUnavailable):
        run(broken)

    assert len(stripe.charges) == 1


def test_what_was_settled_meanwhile_is_not_postponed(azpay: Azpay) -> None:
    charge(azpay.db, azpay.gateway, a_charge(), now=azpay.now())
    [operation] = the_operations(azpay.db)

    leases.postpone(operation, "lease_1", Random(7), now=azpay.now())  # noqa: S311 - jitter

    assert operation.due_at is None


@pytest.mark.store("postgresql")
@pytest.mark.parametrize("commit", range(1, 4))
def test_an_attempt_is_written_down_once_when_the_book_does_not_say_that_it_was(
    azpay: Azpay, stripe: Sandbox, commit: int
) -> None:
    with losing_the_answer_to(azpay.db, commit) as lost:
        charge(azpay.db, azpay.gateway, a_charge(), now=azpay.now())

    assert lost
    assert [(attempt.number, attempt.outcome) for attempt in the_attempts(azpay.db)] == [(1, "succeeded")]
    assert [operation.attempts for operation in the_operations(azpay.db)] == [1]
    assert len(stripe.charges) == 1
