"""What several attempts at one operation come to: a yes is kept; a no, when it speaks for all of them."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, NoReturn

import pytest

from azpay import operations
from azpay.db.trouble import DatabaseForbids
from azpay.errors import AzpayError, OutcomeUnknown
from azpay.gateway import AnswerLost, KeyRefused, KeyReused, StripeRefused, StripeUnavailable, WrongState
from azpay.gateway.objects import Customer as StripesCustomer
from azpay.operations import Kind, Operation, Plain, State, carry_out
from azpay.payments import Customer
from azpay.payments.records import StatusUnheardOf
from tests.operations.journals import planned, the_operations
from tests.support.clock import NOON

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlmodel import Session

    from azpay.db import Database
    from azpay.gateway.stripe import Gateway
    from azpay.sandbox import Sandbox

YES = StripesCustomer("cus_1")
NO = StripeRefused("No.")
NOT_NOW = StripeUnavailable("Not now.")
LOST = AnswerLost("Lost.")


def keep(session: Session, answer: StripesCustomer) -> Customer:
    customer = Customer(customer=answer.id, created_at=NOON, updated_at=NOON)
    session.add(customer)
    return customer


def says_yes(_key: str) -> StripesCustomer:
    return YES


def says(error: AzpayError) -> Callable[[str], StripesCustomer]:
    def ask(_key: str) -> NoReturn:
        raise type(error)(error.message)

    return ask


def attempt(
    db: Database,
    ask: Callable[[str], StripesCustomer],
    *,
    look: Callable[[], StripesCustomer | None] = lambda: None,
    after: timedelta = timedelta(),
) -> Customer:
    """One command's attempt at the same thing, `after` a while."""
    operation = planned(db, now=NOON + after, kind=Kind.CHARGE)
    return carry_out(db, operation, Plain(ask, keep, Customer, look), now=NOON + after)


def the_only(db: Database) -> Operation:
    [operation] = the_operations(db)
    return operation


def test_a_yes_is_kept_with_its_effect(db: Database) -> None:
    customer = attempt(db, says_yes)

    operation = the_only(db)
    assert customer.customer == operation.stripe_object == "cus_1"
    assert (operation.state, operation.attempts, operation.settled_at) == (State.SUCCEEDED, 1, NOON)


@pytest.mark.parametrize(
    "error", [NO, NOT_NOW, KeyRefused("Key."), KeyReused("Reused."), WrongState("State.")]
)
def test_a_first_attempt_believes_every_no(db: Database, error: AzpayError) -> None:
    with pytest.raises(type(error)) as raised:
        attempt(db, says(error))

    operation = the_only(db)
    assert (operation.state, operation.error_code) == (State.FAILED, error.code)
    assert raised.value.operation == operation.id


def test_a_lost_answer_leaves_the_operation_open(db: Database) -> None:
    with pytest.raises(AnswerLost) as raised:
        attempt(db, says(LOST))

    operation = the_only(db)
    assert (operation.state, operation.error_code) == (State.UNKNOWN, "answer_lost")
    assert raised.value.operation == operation.id


@pytest.mark.parametrize("error", [NOT_NOW, KeyRefused("Key."), KeyReused("Reused.")])
def test_not_now_says_nothing_of_the_attempt_before(db: Database, error: AzpayError) -> None:
    with pytest.raises(AnswerLost):
        attempt(db, says(LOST))

    with pytest.raises(operations.StillUnknown, match="may have taken effect") as raised:
        attempt(db, says(error))

    assert the_only(db).state is State.UNKNOWN
    assert raised.value.operation == the_only(db).id
    assert attempt(db, says_yes).customer == "cus_1"


@pytest.mark.parametrize("error", [NO, WrongState("State.")])
def test_an_answer_speaks_for_the_attempt_before(db: Database, error: AzpayError) -> None:
    with pytest.raises(AnswerLost):
        attempt(db, says(LOST))

    with pytest.raises(type(error)):
        attempt(db, says(error))

    assert the_only(db).state is State.FAILED


def test_a_process_that_died_after_asking_is_an_attempt_too(db: Database) -> None:
    def die(_key: str) -> NoReturn:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        attempt(db, die)
    assert the_only(db).state is State.SENT

    with pytest.raises(operations.StillUnknown):
        attempt(db, says(NOT_NOW))

    assert the_only(db).state is State.UNKNOWN


def test_a_process_that_died_before_asking_leaves_what_another_goes_on_with(db: Database) -> None:
    planned(db, now=NOON)

    attempt(db, says_yes, after=timedelta(hours=1))

    assert (the_only(db).state, the_only(db).attempts) == (State.SUCCEEDED, 1)


@pytest.mark.parametrize("error", [NO, NOT_NOW, LOST])
def test_a_late_no_does_not_undo_the_yes_of_another_process(db: Database, error: AzpayError) -> None:
    def another_is_faster(_key: str) -> NoReturn:
        attempt(db, says_yes)
        raise type(error)(error.message)

    customer = attempt(db, another_is_faster)

    assert customer.customer == "cus_1"
    assert the_only(db).state is State.SUCCEEDED
    assert the_only(db).error_code is None


def test_a_first_attempt_does_not_believe_not_now_while_another_asks(db: Database) -> None:
    def another_dies_meanwhile(_key: str) -> NoReturn:
        def die(_key: str) -> NoReturn:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            attempt(db, die)
        raise StripeUnavailable("Not now.")

    with pytest.raises(operations.StillUnknown):
        attempt(db, another_dies_meanwhile)

    assert the_only(db).state is State.UNKNOWN


def test_a_yes_undoes_a_no_that_was_recorded_meanwhile(db: Database) -> None:
    def another_is_refused(_key: str) -> StripesCustomer:
        with pytest.raises(StripeRefused):
            attempt(db, says(NO))
        return YES

    attempt(db, another_is_refused)

    assert (the_only(db).state, the_only(db).error_code) == (State.SUCCEEDED, None)


def test_the_no_of_another_process_is_passed_on(db: Database) -> None:
    def another_is_refused(_key: str) -> NoReturn:
        with pytest.raises(StripeRefused):
            attempt(db, says(NO))
        raise AnswerLost("Lost.")

    with pytest.raises(operations.FailedBefore, match=r"No\."):
        attempt(db, another_is_refused)

    assert the_only(db).state is State.FAILED


def test_an_operation_that_was_settled_before_we_asked_is_not_asked_again(db: Database) -> None:
    operation = planned(db, now=NOON)
    attempt(db, says_yes)

    customer = carry_out(db, operation, Plain(says(NO), keep, Customer), now=NOON)

    assert customer.customer == "cus_1"
    assert the_only(db).attempts == 1


def test_a_key_is_sent_for_23_hours_and_never_again(db: Database) -> None:
    sent: list[str] = []

    def lose(key: str) -> NoReturn:
        sent.append(key)
        raise AnswerLost("Lost.")

    for hours in (0, 23, 24, 48):
        with pytest.raises(OutcomeUnknown):
            attempt(db, lose, look=lambda: (_ for _ in ()).throw(NOT_NOW), after=timedelta(hours=hours))

    assert sent == [the_only(db).idempotency_key] * 2


def test_what_is_found_at_stripe_settles_an_old_operation(db: Database) -> None:
    with pytest.raises(AnswerLost):
        attempt(db, says(LOST))

    customer = attempt(db, says(NO), look=lambda: YES, after=timedelta(hours=24))

    assert customer.customer == "cus_1"
    assert the_only(db).state is State.SUCCEEDED


def test_what_stripe_has_no_trace_of_never_happened(db: Database) -> None:
    with pytest.raises(AnswerLost):
        attempt(db, says(LOST))

    with pytest.raises(operations.NeverHappened):
        attempt(db, says_yes, after=timedelta(hours=24))

    assert (the_only(db).state, the_only(db).error_code) == (State.FAILED, "never_happened")


def test_an_old_operation_stays_open_while_stripe_cannot_be_asked(db: Database) -> None:
    with pytest.raises(AnswerLost):
        attempt(db, says(LOST))

    with pytest.raises(operations.KeyTooOld) as old:
        attempt(db, says_yes, look=lambda: (_ for _ in ()).throw(NOT_NOW), after=timedelta(hours=24))

    assert "Nothing was moved" not in str(old.value)
    assert the_only(db).state is State.UNKNOWN


def test_a_request_that_may_still_be_under_way_is_not_said_to_have_never_happened(db: Database) -> None:
    for hours in (0, 23):
        with pytest.raises(AnswerLost):
            attempt(db, says(LOST), after=timedelta(hours=hours))

    with pytest.raises(operations.KeyTooOld):
        attempt(db, says(LOST), after=timedelta(hours=23, minutes=9))

    with pytest.raises(operations.NeverHappened):
        attempt(db, says(LOST), after=timedelta(hours=23, minutes=11))


@pytest.mark.store("sqlite")
def test_a_yes_that_the_book_does_not_take_is_no_failure(db: Database) -> None:
    def the_disk_fills(_key: str) -> StripesCustomer:
        with db.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA max_page_count=1")
        return YES

    def keep_much(session: Session, answer: StripesCustomer) -> Customer:
        customer = Customer(customer=answer.id, name="n" * 100_000, created_at=NOON, updated_at=NOON)
        session.add(customer)
        session.flush()
        return customer

    operation = planned(db, now=NOON)
    with pytest.raises(operations.AnswerNotKept, match="cus_1") as raised:
        carry_out(db, operation, Plain(the_disk_fills, keep_much, Customer), now=NOON)

    assert raised.value.operation == operation.id
    assert the_only(db).state is State.SENT


def test_an_answer_that_contradicts_the_book_is_no_failure(db: Database) -> None:
    def contradict(session: Session, answer: StripesCustomer) -> Customer:
        keep(session, answer)
        session.flush()
        session.connection().exec_driver_sql("INSERT INTO customers SELECT * FROM customers")
        raise AssertionError

    operation = planned(db, now=NOON)
    with pytest.raises(operations.AnswerNotKept):
        carry_out(db, operation, Plain(says_yes, contradict, Customer), now=NOON)

    assert the_only(db).state is State.SENT


def test_a_book_that_is_forbidden_after_the_yes_is_no_failure(db: Database) -> None:
    def forbid(_session: Session, _answer: StripesCustomer) -> Customer:
        raise DatabaseForbids("permission denied for table customers")

    operation = planned(db, now=NOON)
    with pytest.raises(operations.AnswerNotKept, match="cus_1"):
        carry_out(db, operation, Plain(says_yes, forbid, Customer), now=NOON)

    assert the_only(db).state is State.SENT


@pytest.mark.parametrize(
    ("error", "told"), [(LOST, AnswerLost), (NO, StripeRefused), (NOT_NOW, operations.StillUnknown)]
)
def test_a_book_that_goes_away_hides_no_outcome(
    db: Database, error: AzpayError, told: type[AzpayError]
) -> None:
    def the_book_goes_away(_key: str) -> NoReturn:
        with db.engine.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE operations RENAME TO elsewhere")
        raise type(error)(error.message)

    operation = planned(db, now=NOON)
    with pytest.raises(told) as raised:
        carry_out(db, operation, Plain(the_book_goes_away, keep, Customer), now=NOON)

    assert raised.value.operation == operation.id


def test_an_answer_in_words_that_we_do_not_know_is_no_failure(db: Database) -> None:
    def puzzle(_session: Session, answer: StripesCustomer) -> Customer:
        raise StatusUnheardOf(answer.id, "levitating")

    operation = planned(db, now=NOON)
    with pytest.raises(StatusUnheardOf) as raised:
        carry_out(db, operation, Plain(says_yes, puzzle, Customer), now=NOON)

    assert isinstance(raised.value, OutcomeUnknown)
    assert raised.value.operation == operation.id
    assert the_only(db).state is State.SENT


def test_nobody_concludes_while_who_slept_may_have_sent_it_at_the_last_moment(db: Database) -> None:
    with pytest.raises(AnswerLost):
        attempt(db, says(LOST))

    with pytest.raises(operations.KeyTooOld):
        attempt(db, says_yes, after=timedelta(hours=23, minutes=9))

    with pytest.raises(operations.NeverHappened):
        attempt(db, says_yes, after=timedelta(hours=23, minutes=10))


def test_a_key_that_grows_too_old_between_two_tries_is_not_sent_again(
    db: Database, gateway: Gateway, stripe: Sandbox
) -> None:
    gateway.line.patience.pause = lambda _seconds: time.sleep(1.1)
    stripe.fail_next(500, path="/v1/customers", times=2)
    planned(db, now=NOON)

    with pytest.raises(AnswerLost, match="while its key was good"):
        attempt(
            db,
            lambda key: gateway.create_customer({"email": "ada@example.com"}, key=key),
            after=operations.KEY_LIFE - timedelta(seconds=1),
        )

    assert the_only(db).state is State.UNKNOWN
    assert stripe.customers == []
