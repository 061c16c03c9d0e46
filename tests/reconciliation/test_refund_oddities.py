"""Refunds that are not what they seem: holds that were let go, and money that came back days later."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from azpay import payments
from tests.reconciliation.scenes import again, charged, compared, refunded, repaired, told
from tests.sandbox.orders import order

if TYPE_CHECKING:
    from azpay.bootstrap import Azpay
    from azpay.sandbox import Sandbox
    from tests.support.clock import Clock
    from tests.support.webhooks import Webhooks


@pytest.mark.parametrize("hears", [True, False])
def test_a_hold_that_ran_out_is_no_missing_refund(
    azpay: Azpay, clock: Clock, webhooks: Webhooks, hears: bool
) -> None:
    held = charged(azpay, authorize_only=True)
    clock.advance(days=8)
    if hears:
        webhooks.arrive()

    report = compared(azpay)

    assert report.certificate.outside == 0
    assert told(report) == ([] if hears else [("status", 500, "authorized", "canceled")])
    assert again(azpay, held).amount_refunded == 0


def test_a_late_failure_that_was_told_differs_in_nothing(
    azpay: Azpay, stripe: Sandbox, clock: Clock, webhooks: Webhooks
) -> None:
    payment = charged(azpay)
    made = refunded(azpay, payment, 200)
    clock.advance(days=9)
    order(stripe, "refunds", refund=made.refund, fail="expired_or_canceled_card")
    webhooks.arrive()

    report = compared(azpay)

    [_, total] = sorted(report.certificate, key=lambda each: each.object_type)
    assert (report.complete, report.drifts) == (True, [])
    assert (total.here.moved, total.there.moved) == (0, 0)


def test_a_late_failure_that_nobody_told_is_found_and_repaired(
    azpay: Azpay, stripe: Sandbox, clock: Clock
) -> None:
    payment = charged(azpay)
    made = refunded(azpay, payment, 200)
    clock.advance(days=9)
    order(stripe, "refunds", refund=made.refund, fail="expired_or_canceled_card")

    report = compared(azpay)
    outcomes = repaired(azpay, report)

    with azpay.db.reading() as session:
        after = session.get_one(payments.Refund, made.id)
    assert ("status", 200, "succeeded", "failed") in told(report)
    assert "done" in outcomes
    assert (after.status, again(azpay, payment).amount_refunded) == ("failed", 0)
    assert compared(azpay).drifts == []
