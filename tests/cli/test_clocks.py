"""A clock that is wrong, or was: no key is sent that Stripe has forgotten, and nothing is called dead."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from azpay.gateway.line import TRIES
from tests.support.stripe_transport import Answer, InProcessHTTPClient

from .moves import CHARGE, DONE, MOVED, REFUND, VERBS, a_till, gateway_over, told

if TYPE_CHECKING:
    from collections.abc import Mapping

    from azpay.bootstrap import Azpay
    from azpay.sandbox import Sandbox
    from tests.support.clock import Clock

    from .moves import Till


class Dated(InProcessHTTPClient):
    """Says what time it is at Stripe, as Stripe does."""

    def request(
        self, method: str, url: str, headers: Mapping[str, str] | None, post_data: Any = None, **_: object
    ) -> Answer:
        body, status, answered = super().request(method, url, headers, post_data)
        return (
            body,
            status,
            httpx.Headers({**answered, "date": format_datetime(self._sandbox.time, usegmt=True)}),
        )


def off_by(till: Till, **ahead: int) -> Till:
    """The same command on a machine whose clock is that much ahead, or behind."""
    wrong = timedelta(**ahead)
    return replace(till, azpay=replace(till.azpay, now=lambda: till.clock.now() + wrong))


@pytest.mark.parametrize("verb", VERBS)
def test_a_key_from_a_clock_that_was_ahead_is_not_sent_when_it_may_be_forgotten(
    azpay: Azpay, stripe: Sandbox, clock: Clock, verb: str
) -> None:
    till = a_till(azpay, stripe, clock, verb)
    stripe.spoil_next("drop-answer", method="POST", times=TRIES)
    off_by(till, days=7).type()
    clock.advance(hours=30)
    stripe.spoil_next("500", method="POST")

    result = till.type()

    assert result.exit_code in {0, 8}
    assert till.moved == MOVED[verb]
    if verb == CHARGE:
        assert "its outcome is not known" in told(result)[0]


def test_a_charge_from_a_clock_that_was_behind_is_found_once_it_is_right(
    azpay: Azpay, stripe: Sandbox, clock: Clock
) -> None:
    till = a_till(azpay, stripe, clock, CHARGE)
    stripe.spoil_next("drop-answer", method="POST", times=TRIES)
    off_by(till, days=-7).type()

    result = till.type()

    assert result.exit_code == 0
    assert (till.standing, till.moved) == (DONE[CHARGE], MOVED[CHARGE])


def test_a_charge_that_is_not_found_by_a_wrong_clock_stays_unknown(
    azpay: Azpay, stripe: Sandbox, clock: Clock
) -> None:
    till = a_till(azpay, stripe, clock, CHARGE)
    stripe.spoil_next("drop-answer", method="POST", times=TRIES)
    ahead = off_by(till.over(gateway_over(Dated(stripe))), days=7)
    ahead.type()
    clock.advance(hours=30)

    result = ahead.type()

    message, following = told(result)
    assert result.exit_code == 8
    assert message == (
        "The outcome is not known: by this machine's clock it is 2026-03-10 18:00 UTC, by Stripe's "
        "2026-03-03 18:00, so that it cannot be looked up."
    )
    assert "Set this machine's clock by NTP" in following
    assert till.moved == MOVED[CHARGE]


def test_a_refund_is_found_whatever_the_clock_says(azpay: Azpay, stripe: Sandbox, clock: Clock) -> None:
    till = a_till(azpay, stripe, clock, REFUND)
    stripe.spoil_next("drop-answer", method="POST", times=TRIES)
    ahead = off_by(till.over(gateway_over(Dated(stripe))), days=7)
    ahead.type()
    clock.advance(hours=30)

    result = ahead.type()

    assert result.exit_code == 0
    assert till.moved == MOVED[REFUND]
