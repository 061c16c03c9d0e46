"""Moving a batch: each row once, whatever happens in between and whoever else runs it."""

from __future__ import annotations

import secrets
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from itertools import count
from threading import Event
from typing import TYPE_CHECKING

import pytest
from sqlmodel import select

from azpay.db.ids import ALPHABET
from azpay.errors import NotAllowed, OutcomeUnknown, Unavailable
from azpay.payments import batches, charge, customers, methods
from azpay.payments.batches import BatchKind, BatchRow, RowState, Tally
from azpay.sandbox.chaos import Profile, Strike
from tests.operations.journals import the_payments, the_refunds
from tests.support.builders import a_charge
from tests.support.crowds import crowded_gateway
from tests.support.sheets import VISA, a_file, a_sheet, charges, run, statuses

if TYPE_CHECKING:
    from azpay.bootstrap import Azpay
    from azpay.payments.batches import Result
    from azpay.sandbox import Sandbox
    from tests.support.clock import Clock
    from tests.support.webhooks import Webhooks

INTENTS = "/v1/payment_intents"
FAULTS = ("429", "lock_timeout", "409", "502", "503", "drop-request", "drop-answer")
MANY_DIGITS = "w408898"
"""What an id may end with."""

DONE, PLANNED, UNKNOWN = RowState.SUCCEEDED, RowState.PLANNED, RowState.UNKNOWN


def a_gale(seed: int) -> Profile:
    """Half of what is asked meets with trouble, before its effect or after it."""
    return Profile(seed, tuple(Strike(fault, Decimal("0.08")) for fault in FAULTS))


def taken(stripe: Sandbox) -> list[int]:
    return sorted(each["amount_received"] for each in stripe.payment_intents if each["amount_received"])


def made_default(azpay: Azpay, method: str) -> str:
    saved = methods.add(azpay.db, azpay.gateway, method, "ada@example.com", now=azpay.now())
    methods.make_default(azpay.db, azpay.gateway, saved.payment_method, now=azpay.now())
    return saved.payment_method


def assert_all_agree(azpay: Azpay, stripe: Sandbox, results: list[Result]) -> None:
    """What Stripe moved, what the book says, and what the results say is the same."""
    book = {each.id: each.amount_captured for each in the_payments(azpay.db) if each.amount_captured}
    assert {each.id: each.amount for each in results if each.status is DONE} == book
    assert sorted(book.values()) == taken(stripe)


def test_each_row_moves_once_however_often_the_file_is_run(azpay: Azpay, stripe: Sandbox) -> None:
    azpay = replace(azpay, gateway=crowded_gateway(stripe, takes=0))

    first, _ = run(azpay, a_file(charges(12)), at_once=4)
    again, _ = run(azpay, a_file(charges(12)), at_once=4)

    assert statuses(first) == [DONE] * 12
    assert again == first
    assert_all_agree(azpay, stripe, first)


def test_no_row_is_refused_for_the_digits_that_chance_has_put_into_its_key(
    azpay: Azpay, stripe: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the number of the row behind them, they read as a card number in one row of ten."""
    numbers = count()
    end = sum(ALPHABET.index(each) << 5 * place for place, each in enumerate(reversed(MANY_DIGITS)))
    monkeypatch.setattr(secrets, "randbits", lambda _bits: (next(numbers) << 35) + end)

    results, _ = run(azpay, a_file(charges(60)))

    assert results[0].id is not None
    assert results[0].id.endswith(MANY_DIGITS)
    assert [(each.status, each.code) for each in results] == [(DONE, None)] * 60


def test_a_declined_row_stops_no_other_and_is_not_tried_again(azpay: Azpay, stripe: Sandbox) -> None:
    first, trouble = run(azpay, a_file(charges(4, broke=[2])))
    again, _ = run(azpay, a_file(charges(4, broke=[2])))

    assert trouble is None
    assert statuses(first) == [DONE, RowState.DECLINED, DONE, DONE]
    assert (first[1].code, again) == ("card_declined", first)
    assert len(stripe.payment_intents) == 4
    assert_all_agree(azpay, stripe, first)


def test_refunds_of_one_payment_run_side_by_side(azpay: Azpay, stripe: Sandbox, clock: Clock) -> None:
    azpay = replace(azpay, gateway=crowded_gateway(stripe, takes=0))
    charge(azpay.db, azpay.gateway, a_charge(2000, reference="order-1"), now=azpay.now())
    sheet = a_sheet(("payment", "amount"), [("order-1", f"{n}.00") for n in (1, 2, 3, 4)] + [("order-1", "")])

    results, _ = run(azpay, a_file(sheet, BatchKind.REFUND), at_once=4)

    assert [(each.status, each.amount) for each in results] == [(DONE, n) for n in (100, 200, 300, 400, 1000)]
    assert {each.id for each in results} == {each.id for each in the_refunds(azpay.db)}
    assert sorted(each["amount"] for each in stripe.refunds) == [100, 200, 300, 400, 1000]


def test_a_lost_answer_leaves_its_row_unknown_and_the_next_run_asks_under_its_key(
    azpay: Azpay, stripe: Sandbox
) -> None:
    stripe.drop_next_answer(path=INTENTS, times=4)

    first, trouble = run(azpay, a_file(charges(3)))
    again, _ = run(azpay, a_file(charges(3)))

    assert trouble is None
    assert statuses(first) == [UNKNOWN, DONE, DONE]
    assert statuses(again) == [DONE] * 3
    assert len(stripe.payment_intents) == 3
    assert_all_agree(azpay, stripe, again)


def test_answers_lost_one_after_the_other_stop_the_rest(azpay: Azpay, stripe: Sandbox) -> None:
    stripe.drop_next_answer(path=INTENTS, times=100)

    first, trouble = run(azpay, a_file(charges(5)))
    stripe.disarm()
    again, _ = run(azpay, a_file(charges(5)))

    assert isinstance(trouble, OutcomeUnknown)
    assert statuses(first) == [UNKNOWN] * 3 + [PLANNED] * 2
    assert statuses(again) == [DONE] * 5
    assert_all_agree(azpay, stripe, again)


@pytest.mark.parametrize(
    ("status", "code", "kind"), [(429, "rate_limit", Unavailable), (401, "api_key_expired", NotAllowed)]
)
def test_trouble_that_concerns_all_leaves_the_rest_untouched(
    azpay: Azpay, stripe: Sandbox, status: int, code: str, kind: type[Exception]
) -> None:
    stripe.fail_next(status, code, path=INTENTS, times=100)

    first, trouble = run(azpay, a_file(charges(3)))
    stripe.disarm()
    again, _ = run(azpay, a_file(charges(3)))

    assert isinstance(trouble, kind)
    assert statuses(first) == [PLANNED] * 3
    assert statuses(again) == [DONE] * 3
    assert_all_agree(azpay, stripe, again)


@pytest.mark.parametrize("seed", range(3))
def test_in_a_storm_the_same_command_again_ends_with_each_row_moved_once(
    azpay: Azpay, stripe: Sandbox, seed: int
) -> None:
    azpay = replace(azpay, gateway=crowded_gateway(stripe, takes=0))
    stripe.follow(a_gale(seed))

    for _ in range(40):
        results, _ = run(azpay, a_file(charges(8, broke=[3])), at_once=3)
        if not {PLANNED, UNKNOWN} & set(statuses(results)):
            break

    assert sorted(statuses(results)) == [RowState.DECLINED] + [DONE] * 7
    assert_all_agree(azpay, stripe, results)


def test_rows_that_stay_unknown_do_not_keep_those_behind_them_waiting(azpay: Azpay, stripe: Sandbox) -> None:
    """Stripe keeps a 500 under the key that met with it."""
    stripe.fail_next(500, path=INTENTS, times=12, store=True)

    first, _ = run(azpay, a_file(charges(5)))
    stripe.disarm()
    again, trouble = run(azpay, a_file(charges(5)))

    assert statuses(first) == [UNKNOWN] * 3 + [PLANNED] * 2
    assert statuses(again) == [UNKNOWN] * 3 + [DONE] * 2
    assert trouble is None


def test_a_run_that_died_after_a_no_is_not_kept_from_trying_again(azpay: Azpay, stripe: Sandbox) -> None:
    """It died between Stripe's "not now", which ended the row's operation, and the note of it in the row."""
    prepared = batches.prepare(azpay.db, a_file(charges(1)), now=azpay.now())
    batches.begin(azpay.db, prepared, now=azpay.now())
    with azpay.db.writing() as session:
        row = session.exec(select(BatchRow)).one()
        row.state, row.holder = RowState.STARTED, "run_of_the_dead"
    stripe.fail_next(429, "rate_limit", path=INTENTS, times=4)
    request = a_charge(1000, reference="order-1", idempotency_key=row.idempotency_key)
    with pytest.raises(Unavailable):
        charge(azpay.db, azpay.gateway, request, now=azpay.now())

    results, trouble = run(azpay, a_file(charges(1)))

    assert trouble is None
    assert statuses(results) == [DONE]
    assert_all_agree(azpay, stripe, results)


def test_the_payer_stays_the_payer_though_the_default_method_changes(azpay: Azpay, stripe: Sandbox) -> None:
    first = made_default(azpay, VISA)
    sheet = a_sheet(("amount", "currency", "customer"), [("5.00", "usd", "ada@example.com")])
    stripe.drop_next_answer(path=INTENTS, times=4)
    unknown, _ = run(azpay, a_file(sheet))
    made_default(azpay, "pm_card_mastercard")

    results, _ = run(azpay, a_file(sheet))

    assert (statuses(unknown), statuses(results)) == ([UNKNOWN], [DONE])
    assert [each["payment_method"] for each in stripe.payment_intents] == [first]


def test_a_customer_without_a_method_fails_by_itself(azpay: Azpay, stripe: Sandbox) -> None:
    customers.identify(azpay.db, azpay.gateway, "ada@example.com", now=azpay.now())
    rows = [("5.00", "usd", "ada@example.com", ""), ("6.00", "usd", "", VISA)]
    sheet = a_sheet(("amount", "currency", "customer", "method"), rows)

    results, trouble = run(azpay, a_file(sheet))

    assert trouble is None
    assert statuses(results) == [RowState.FAILED, DONE]
    assert "no default payment method" in str(results[0].message)
    assert_all_agree(azpay, stripe, results)


def test_a_run_that_is_told_to_stop_ends_the_row_in_flight_and_begins_no_other(
    azpay: Azpay, stripe: Sandbox
) -> None:
    stop = Event()

    first, trouble = run(azpay, a_file(charges(3)), stop=stop, progress=lambda _done: stop.set())
    again, _ = run(azpay, a_file(charges(3)))

    assert trouble is None
    assert statuses(first) == [DONE, PLANNED, PLANNED]
    assert statuses(again) == [DONE] * 3
    assert_all_agree(azpay, stripe, again)


def test_two_runs_of_one_file_at_once_share_its_rows(azpay: Azpay, stripe: Sandbox) -> None:
    azpay = replace(azpay, gateway=crowded_gateway(stripe, takes=0))

    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda _: run(azpay, a_file(charges(10)), at_once=2), range(2)))
    last, _ = run(azpay, a_file(charges(10)))

    assert [trouble for _, trouble in both] == [None, None]
    assert statuses(last) == [DONE] * 10
    assert len(stripe.payment_intents) == 10
    assert_all_agree(azpay, stripe, last)


def test_a_payment_that_waits_is_pending_until_an_event_tells(
    azpay: Azpay, stripe: Sandbox, webhooks: Webhooks
) -> None:
    sheet = a_sheet(("amount", "currency", "method"), [("5.00", "usd", "pm_card_authenticationRequired")])
    first, _ = run(azpay, a_file(sheet))
    intent = stripe.payment_intents[0]["id"]
    stripe.authenticate(intent, approve=True)
    webhooks.arrive()

    (batch,) = batches.page(azpay.db, limit=1)
    later = list(batches.results(azpay.db, batch.id))

    assert statuses(first) == [RowState.PENDING]
    assert statuses(later) == [DONE]
    assert_all_agree(azpay, stripe, later)


def test_sums_are_by_outcome_and_currency(azpay: Azpay) -> None:
    results, _ = run(azpay, a_file(charges(4, broke=[2])))
    tally = Tally()

    passed = list(tally.counted(results))

    assert passed == results
    assert [tuple(each) for each in tally.sums] == [
        (DONE, "usd", 3, 3500),
        (RowState.DECLINED, "usd", 1, 1100),
    ]
    assert (RowState.DECLINED in tally, UNKNOWN in tally) == (True, False)
