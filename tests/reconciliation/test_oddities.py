"""What Stripe, the book and other programs do at the worst moment."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from azpay.db.database import DatabaseUnavailable
from azpay.payments import PaymentStatus
from azpay.sandbox import Response, Sandbox
from tests.reconciliation.scenes import (
    again,
    charged,
    compared,
    paid_elsewhere,
    refunded,
    refunded_elsewhere,
    repaired,
    tampered,
    told,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from azpay.bootstrap import Azpay
    from azpay.sandbox import Request
    from tests.support.clock import Clock

ONE_INTENT = re.compile(r"GET /v1/payment_intents/\w+")


class Odd(Sandbox):
    """Lets a test act when a request of some kind comes, and change what is answered."""

    requests = re.compile("nothing")
    before: Callable[[], None] = staticmethod(lambda: None)
    answer: Callable[[bytes], bytes] = staticmethod(lambda body: body)

    def handle(self, request: Request, *, hold: bool = False) -> Response:
        response = super().handle(request, hold=hold)
        if not self.requests.fullmatch(f"{request.method} {request.path}"):
            return response
        self.before()
        return Response(response.status, response.headers, self.answer(response.body))


@pytest.fixture
def stripe(clock: Clock) -> Odd:
    return Odd(now=clock.now, seed=7)


def test_a_status_that_we_have_no_word_for_is_reported_as_stripe_says_it(azpay: Azpay, stripe: Odd) -> None:
    charged(azpay)
    stripe.requests = re.compile(r"GET /v1/payment_intents(/\w+)?")
    stripe.answer = lambda body: re.sub(rb'"status":"succeeded"', b'"status":"requires_lunch"', body)

    report = compared(azpay)

    assert report.complete
    assert told(report) == [("status", 500, "succeeded", "requires_lunch")]


def test_such_a_status_cannot_be_taken_in_and_the_repair_says_so(azpay: Azpay, stripe: Odd) -> None:
    payment = charged(azpay)
    stripe.requests = re.compile(r"GET /v1/payment_intents(/\w+)?")
    stripe.answer = lambda body: re.sub(rb'"status":"succeeded"', b'"status":"requires_lunch"', body)

    [why] = repaired(azpay, compared(azpay))

    assert "requires_lunch" in why
    assert again(azpay, payment).status is PaymentStatus.SUCCEEDED


def test_refunds_of_charges_without_a_payment_intent_are_counted_and_not_compared(
    azpay: Azpay, stripe: Odd
) -> None:
    refunded_elsewhere(azpay, charged(azpay), 100)
    stripe.requests = re.compile("GET /v1/refunds")
    stripe.answer = lambda body: re.sub(rb'"payment_intent":"pi_\w+"', b'"payment_intent":null', body)

    report = compared(azpay)

    assert report.complete
    assert (report.drifts, report.certificate.outside) == ([], 1)


def test_a_row_that_changes_while_stripe_is_asked_is_looked_at_again(azpay: Azpay, stripe: Odd) -> None:
    """An event is applied between our two glances at the row."""
    charged(azpay)
    tampered(azpay, "UPDATE payments SET status = 'processing'")
    stripe.requests = ONE_INTENT
    stripe.before = lambda: tampered(azpay, "UPDATE payments SET status = 'succeeded'")

    report = compared(azpay)

    assert report.complete
    assert report.drifts == []


def test_a_row_that_changes_at_every_look_is_left_out(azpay: Azpay, stripe: Odd) -> None:
    charged(azpay)
    tampered(azpay, "UPDATE payments SET status = 'processing'")
    stripe.requests = ONE_INTENT
    stripe.before = lambda: tampered(azpay, "UPDATE payments SET amount = amount + 1")

    report = compared(azpay)

    assert not report.complete
    assert (report.drifts, report.certificate.moving) == ([], 1)


def test_a_payment_that_becomes_known_between_two_looks_is_no_difference(azpay: Azpay, stripe: Odd) -> None:
    intent = paid_elsewhere(azpay)
    found = compared(azpay)
    tampered(azpay, "DELETE FROM drifts")

    def take_it_in() -> None:
        assert repaired(azpay, found)

    stripe.requests = re.compile("GET /v1/payment_intents")
    stripe.before = take_it_in
    report = compared(azpay)

    assert [drift.theirs for drift in found.drifts] == [intent.id]
    assert (report.drifts, report.run.ours, report.run.theirs) == ([], 1, 1)


def test_an_object_that_stripe_no_longer_has_cannot_repair_anything(azpay: Azpay, stripe: Odd) -> None:
    intent = paid_elsewhere(azpay)
    report = compared(azpay)
    for drift in report.drifts:
        drift.theirs = "pi_deleted"

    [why] = repaired(azpay, report)

    assert why == "Stripe no longer has pi_deleted."
    assert intent.id != "pi_deleted"


def test_a_refund_waits_for_its_payment_to_say_enough_was_captured(azpay: Azpay) -> None:
    payment = charged(azpay, 1000)
    refunded(azpay, payment, 900)
    tampered(azpay, "DELETE FROM refunds")
    tampered(azpay, "UPDATE payments SET status = 'processing', amount_captured = 0, amount_refunded = 0")
    report = compared(azpay)
    report.drifts.reverse()

    outcomes = repaired(azpay, report)

    assert outcomes == ["done", "already_right"]
    assert again(azpay, payment).amount_refunded == 900


def test_a_book_that_is_lost_during_a_run_does_not_make_it_complete(azpay: Azpay) -> None:
    charged(azpay)

    def lose_the_runs(_read: int) -> None:
        tampered(azpay, "ALTER TABLE reconciliation_runs RENAME TO gone")

    report = compared(azpay, progress=lose_the_runs)

    assert not report.complete
    assert isinstance(report.trouble, DatabaseUnavailable)
