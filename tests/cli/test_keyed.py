"""`--idempotency-key`: the same again says the same again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.cli.running import answer, run
from tests.operations.journals import the_payments

if TYPE_CHECKING:
    from azpay.bootstrap import Azpay
    from azpay.sandbox import Sandbox
    from tests.support.clock import Clock

KEY = ("--idempotency-key", "invoice-7")
CHARGE = ("charge", "5", "usd", "--method", "pm_card_visa", *KEY)


def test_the_answer_is_said_again_as_it_was(azpay: Azpay) -> None:
    first = answer(azpay, *CHARGE, schema="azpay.payment/1")
    run(azpay, "refund", first["id"], "--yes")

    again = answer(azpay, *CHARGE, schema="azpay.payment/1")
    shown = run(azpay, *CHARGE)

    assert again == first
    assert (shown.exit_code, len(the_payments(azpay.db))) == (0, 1)


def test_a_refund_is_said_again_too(azpay: Azpay) -> None:
    paid = answer(azpay, *CHARGE, schema="azpay.payment/1")["id"]
    words = ("refund", paid, "2", "--yes", "--idempotency-key", "refund-7")
    first = answer(azpay, *words, schema="azpay.refund/1")

    again = answer(azpay, *words, schema="azpay.refund/1")
    other = run(azpay, "refund", paid, "1", "--yes", "--idempotency-key", "refund-7")

    assert (again, other.exit_code) == (first, 7)


def test_another_request_is_refused_before_anything_is_sent(azpay: Azpay) -> None:
    run(azpay, *CHARGE)
    before = sum(azpay.gateway.calls.values())

    refused = run(azpay, *CHARGE, "--customer", "ada@example.com")

    assert refused.exit_code == 7
    assert sum(azpay.gateway.calls.values()) == before


def test_a_request_that_came_to_nothing_gives_its_key_back(azpay: Azpay) -> None:
    broken = run(azpay, "charge", "5", "usd", "--customer", "nobody@example.com", *KEY)

    assert broken.exit_code == 2
    assert run(azpay, *CHARGE).exit_code == 0


def test_while_the_outcome_is_unknown_the_key_is_held(azpay: Azpay, stripe: Sandbox) -> None:
    stripe.drop_next_answer(times=4)
    unknown = run(azpay, *CHARGE)

    other = run(azpay, "charge", "6", "usd", "--method", "pm_card_visa", *KEY)
    same = run(azpay, *CHARGE)

    assert (unknown.exit_code, other.exit_code, same.exit_code) == (8, 7, 0)
    assert len(stripe.charges) == 1


def test_what_may_still_change_is_no_answer_yet(azpay: Azpay, clock: Clock) -> None:
    words = ("charge", "5", "usd", "--method", "pm_card_threeDSecure2Required", *KEY, "--json")

    first, again = run(azpay, *words), run(azpay, *words)

    assert (first.exit_code, again.exit_code) == (8, 8)
    assert json.loads(first.stdout)["data"]["id"] == json.loads(again.stdout)["data"]["id"]
