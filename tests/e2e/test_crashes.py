"""Killed or interrupted: the same command again ends with the money moved once."""

from __future__ import annotations

import os
import random
import signal
from itertools import count
from typing import TYPE_CHECKING

import pytest

from tests.e2e.keeper import keeping
from tests.e2e.shop import finish
from tests.support.cases import further

if TYPE_CHECKING:
    from tests.e2e.shop import Shop

DONE, STOPPED_AS_REPETITION = 0, 6
STEP = 1 if "LONG_TESTS" in os.environ else 6
FIRST = random.SystemRandom().randint(1, STEP)
"""Every commit, or every sixth one from some."""
INTERRUPTED = "Interrupted.\n  Next: The same command again resumes.\n"


def charge(reference: str, *more: str) -> list[str]:
    return ["charge", "19.99", "usd", "--method", "pm_card_visa", "--reference", reference, *more]


def assert_charged_once(shop: Shop, reference: str) -> None:
    there = [
        intent
        for intent in shop.at_stripe("payment_intents")
        if intent["metadata"].get("azpay_reference") == reference
    ]
    here = [payment for payment in shop.on_record() if payment.reference == reference]
    assert [(intent["status"], intent["amount_received"]) for intent in there] == [("succeeded", 1999)]
    assert [(payment.status, payment.amount_captured) for payment in here] == [("succeeded", 1999)]
    assert here[0].payment_intent == there[0]["id"]
    assert shop.wrong_sums() == []


@pytest.mark.further
@pytest.mark.timeout(600)
def test_a_first_charge_killed_at_a_commit_is_made_once_by_the_same_command(shop: Shop) -> None:
    """From making the book to the last line in it, with a customer who is new."""
    statuses = []
    for boundary in count(FIRST, STEP):
        book = shop.another_book(f"book-{boundary}")
        reference, email = f"order-{boundary}", f"ada-{boundary}@example.com"

        died = book.dies(boundary, *charge(reference, "--customer", email))
        if died.returncode == DONE:
            break
        again = book.azpay(*charge(reference, "--customer", email))

        assert died.returncode == -signal.SIGKILL
        assert_charged_once(book, reference)
        assert len(book.at_stripe("customers", email=email)) == 1
        statuses.append(again.returncode)

    assert len(statuses) >= 12 // STEP
    assert set(statuses[:-1]) <= {DONE}
    assert statuses[-1] in {DONE, STOPPED_AS_REPETITION}


@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGINT, 130), further(signal.SIGTERM, -signal.SIGTERM)],
)
def test_a_charge_stopped_while_stripe_answers_is_finished_by_the_same_command(
    shop: Shop, number: signal.Signals, status: int
) -> None:
    with keeping(shop.stripe) as keeper:
        charging = shop.start(*charge("order-1"), stripe=keeper.address)
        assert keeper.kept.wait(60)
        charging.send_signal(number)
        stopped = finish(charging)
    assert [payment.status for payment in shop.on_record()] == ["unknown"]

    again = shop.azpay(*charge("order-1"))

    assert stopped.returncode == status
    assert "Traceback" not in stopped.stderr
    assert stopped.stderr.endswith(INTERRUPTED) is (number is signal.SIGINT)
    assert again.returncode == DONE
    assert_charged_once(shop, "order-1")
