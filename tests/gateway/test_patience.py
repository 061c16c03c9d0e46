"""Nobody waits longer than a minute, and whoever is told to slow down slows the others down too."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import stripe as sdk

from azpay.gateway import AnswerLost, StripeUnavailable
from azpay.gateway.line import TRIES
from azpay.gateway.patience import LONGEST_ASKED, Patience
from azpay.gateway.stripe import Gateway
from tests.support.stripe_transport import Answer, InProcessHTTPClient

if TYPE_CHECKING:
    from collections.abc import Mapping

    from azpay.sandbox import Sandbox

KEY = "sk_test_azpay_sandbox"
CHARGE: dict[str, Any] = {
    "amount": 500,
    "currency": "usd",
    "payment_method": "pm_card_visa",
    "confirm": True,
    "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
}
LIMITED = json.dumps({"error": {"type": "invalid_request_error", "code": "rate_limit", "message": "Slow."}})
LOCKED = LIMITED.replace("rate_limit", "lock_timeout")


class Time:
    """Seconds that pass when somebody waits."""

    def __init__(self) -> None:
        self.at = 0.0
        self.pauses: list[float] = []

    def now(self) -> float:
        return self.at

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.at += seconds


class Busy(InProcessHTTPClient):
    """Gives these answers first; each request takes some seconds."""

    def __init__(self, sandbox: Sandbox, time: Time, answers: list[Answer], takes: float) -> None:
        super().__init__(sandbox)
        self._time, self._answers, self._takes = time, answers, takes

    def request(
        self, method: str, url: str, headers: Mapping[str, str] | None, post_data: Any = None, **_: object
    ) -> Answer:
        self._time.at += self._takes
        if self._answers:
            return self._answers.pop(0)
        return super().request(method, url, headers, post_data)


def busy(
    stripe: Sandbox, time: Time, *answers: Answer, takes: float = 0, total: float | None = None
) -> Gateway:
    transport = Busy(stripe, time, list(answers), takes)
    client = sdk.StripeClient(KEY, http_client=transport, max_network_retries=0)
    return Gateway(client, patience=Patience(total, pause=time.pause, timer=time.now))


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.mark.parametrize("body", [LIMITED, LOCKED])
def test_a_limit_is_waited_for_and_the_request_sent_again(stripe: Sandbox, time: Time, body: str) -> None:
    gateway = busy(stripe, time, (body, 429, {}), (body, 429, {}))

    intent = gateway.create_payment_intent(CHARGE, key="k")

    assert intent.status == "succeeded"
    assert len(time.pauses) == 2


def test_what_stripe_asks_us_to_wait_is_waited(stripe: Sandbox, time: Time) -> None:
    gateway = busy(stripe, time, (LIMITED, 429, {"retry-after": "7"}))

    gateway.account()

    assert time.pauses == [7]


@pytest.mark.parametrize("asked", ["soon", "-1", "Wed, 21 Oct 2015 07:28:00 GMT", "٣"])
def test_a_wait_that_cannot_be_read_is_chosen_by_ourselves(stripe: Sandbox, time: Time, asked: str) -> None:
    gateway = busy(stripe, time, (LIMITED, 429, {"retry-after": asked}))

    gateway.account()

    assert 0.25 <= time.pauses[0] <= 0.5


def test_a_wait_that_is_too_long_is_not_begun(stripe: Sandbox, time: Time) -> None:
    gateway = busy(stripe, time, (LIMITED, 429, {"retry-after": str(LONGEST_ASKED + 1)}))

    with pytest.raises(StripeUnavailable, match="limiting us"):
        gateway.create_payment_intent(CHARGE, key="k")

    assert time.pauses == []


def test_whoever_is_limited_slows_the_others_down(stripe: Sandbox, time: Time) -> None:
    gateway = busy(stripe, time, *[(LIMITED, 429, {"retry-after": "4"})] * TRIES)
    with pytest.raises(StripeUnavailable):
        gateway.account()
    time.at -= 3
    waited = len(time.pauses)

    gateway.account()

    assert 3 <= time.pauses[waited] <= 4


def test_a_lock_on_one_object_slows_nobody_else_down(stripe: Sandbox, time: Time) -> None:
    gateway = busy(stripe, time, *[(LOCKED, 429, {"retry-after": "4"})] * TRIES)
    with pytest.raises(StripeUnavailable):
        gateway.account()
    time.at -= 3
    waited = len(time.pauses)

    gateway.account()

    assert len(time.pauses) == waited


def test_a_command_waits_for_a_minute_in_all(stripe: Sandbox, time: Time) -> None:
    gateway = busy(stripe, time, *[("", 503, {})] * 100, takes=9, total=60)

    with pytest.raises(AnswerLost):
        gateway.create_payment_intent(CHARGE, key="k")
    while time.at < 50:
        with pytest.raises(StripeUnavailable):
            gateway.account()
    with pytest.raises(StripeUnavailable):
        gateway.account()
    with pytest.raises(StripeUnavailable, match="too long"):
        gateway.create_payment_intent(CHARGE, key="another")

    assert time.at < 70
    assert len(stripe.charges) == 0


def test_a_daemon_waits_call_by_call(stripe: Sandbox, time: Time) -> None:
    gateway = busy(stripe, time, *[("", 503, {})] * 20, takes=9)
    for _ in range(5):
        with pytest.raises(StripeUnavailable):
            gateway.account()

    intent = busy(stripe, time).create_payment_intent(CHARGE, key="k")

    assert intent.status == "succeeded"


def test_no_answer_is_waited_for_longer_than_there_is_time() -> None:
    patience = Patience(60)
    before = patience.at_most(30)

    patience.spend(50)

    assert before == 30
    assert 9 <= patience.at_most(30) <= 10
    assert Patience().at_most(30) == 30
