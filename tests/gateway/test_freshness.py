"""A key that grew too old while we slept does not leave us, at whichever try."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from azpay.gateway import AnswerLost, Overslept
from azpay.gateway.freshness import Until, sendable
from azpay.gateway.stripe import connect
from tests.support.clock import NOON

from .test_failures import CHARGE, error, scripted
from .test_sockets import serving

if TYPE_CHECKING:
    from azpay.sandbox import Sandbox

YOUNG, OLD = 0.0, 2.0


class Stopwatch:
    """Goes on when a test says so."""

    def __init__(self, reads: float = YOUNG) -> None:
        self.reads = reads

    def now(self) -> float:
        return self.reads

    def sleep(self, _seconds: float = 0) -> None:
        self.reads = OLD

    @property
    def until(self) -> Until:
        return Until(NOON, 1.0, self.now)


def test_a_key_that_is_too_old_is_not_sent(stripe: Sandbox) -> None:
    gateway, script = scripted(stripe)

    with sendable(Stopwatch(OLD).until), pytest.raises(Overslept, match="sent nothing"):
        gateway.create_payment_intent(CHARGE, key="k")

    assert script.keys == []
    assert stripe.payment_intents == []


def test_a_key_that_is_young_is_sent(stripe: Sandbox) -> None:
    gateway, script = scripted(stripe)

    with sendable(Stopwatch(YOUNG).until):
        gateway.create_payment_intent(CHARGE, key="k")

    assert script.keys == ["k"]


def test_a_key_grows_old_between_two_tries(stripe: Sandbox) -> None:
    gateway, script = scripted(stripe, (500, error()))
    watch = Stopwatch()
    gateway.line.patience.pause = watch.sleep

    with sendable(watch.until), pytest.raises(AnswerLost, match="not known"):
        gateway.create_payment_intent(CHARGE, key="k")

    assert script.keys == ["k"]


def test_what_stripe_refused_to_begin_leaves_nothing_unknown_of_this_try(stripe: Sandbox) -> None:
    gateway, script = scripted(stripe, (429, error()))
    watch = Stopwatch()
    gateway.line.patience.pause = watch.sleep

    with sendable(watch.until), pytest.raises(Overslept):
        gateway.create_payment_intent(CHARGE, key="k")

    assert script.keys == ["k"]


def test_the_wall_s_clock_is_believed_too(stripe: Sandbox) -> None:
    gateway, script = scripted(stripe)
    gateway.line.clock = lambda: NOON + timedelta(seconds=1)

    with sendable(Stopwatch(YOUNG).until), pytest.raises(Overslept):
        gateway.create_payment_intent(CHARGE, key="k")

    assert script.keys == []


def test_a_question_may_be_asked_at_any_time(stripe: Sandbox) -> None:
    gateway, _ = scripted(stripe)

    with sendable(Stopwatch(OLD).until):
        assert gateway.account().id


def test_what_is_no_operation_has_no_age(stripe: Sandbox) -> None:
    gateway, script = scripted(stripe)
    with sendable(Stopwatch(OLD).until):
        pass

    gateway.create_payment_intent(CHARGE, key="k")

    assert script.keys == ["k"]


class Asleep(Stopwatch):
    """It is read once before the connection is made, and then the lid is closed."""

    def now(self) -> float:
        read, self.reads = self.reads, OLD
        return read


def test_a_key_that_grows_old_while_the_connection_is_made_is_not_sent_on_it() -> None:
    with serving(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}") as server:
        gateway = connect("sk_test_ours", server.url)
        gateway.line.patience.pause = lambda _seconds: None
        with sendable(Asleep().until), pytest.raises(Overslept):
            gateway.create_payment_intent(CHARGE, key="k")

    assert [request for request in server.requests if request] == []
