"""What Stripe's refusals come to, through the real SDK: a kind of error, a hint, and what may have moved."""

from __future__ import annotations

import json
import traceback
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
import stripe as sdk

from azpay.errors import AzpayError
from azpay.gateway import (
    AnswerLost,
    AuthenticationNeeded,
    CardDeclined,
    KeyRefused,
    KeyReused,
    NoSuchObject,
    StripeRefused,
    StripeUnavailable,
    WrongState,
)
from azpay.gateway.line import TRIES
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


@dataclass
class Script:
    """What Stripe answers, one after the other: a status and a body, or an exception; then the sandbox."""

    answers: list[tuple[int, object] | Exception]
    keys: list[str | None] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)


class Scripted(InProcessHTTPClient):
    def __init__(self, sandbox: Sandbox, script: Script) -> None:
        super().__init__(sandbox)
        self._script = script

    def request(
        self, method: str, url: str, headers: Mapping[str, str] | None, post_data: Any = None, **_: object
    ) -> Answer:
        self._script.keys.append((headers or {}).get("Idempotency-Key"))
        if not self._script.answers:
            return super().request(method, url, headers, post_data)
        answer = self._script.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        status, body = answer
        return body if isinstance(body, str) else json.dumps(body), status, {}


def scripted(sandbox: Sandbox, *answers: tuple[int, object] | Exception) -> tuple[Gateway, Script]:
    script = Script(list(answers))
    client = sdk.StripeClient(KEY, http_client=Scripted(sandbox, script), max_network_retries=0)
    return Gateway(client, pause=script.pauses.append), script


def error(**said: object) -> dict[str, object]:
    return {"error": {"message": "Stripe's words.", **said}}


def lost() -> sdk.APIConnectionError:
    return sdk.APIConnectionError("The connection was lost.")  # type: ignore[no-untyped-call]


DEFINITE = [
    (400, error(type="invalid_request_error"), StripeRefused),
    (400, error(code="resource_missing"), NoSuchObject),
    (404, error(), NoSuchObject),
    (400, error(code="payment_intent_unexpected_state"), WrongState),
    (400, error(code="charge_already_refunded"), WrongState),
    (400, error(type="idempotency_error"), KeyReused),
    (402, error(type="invalid_request_error"), StripeRefused),
    (402, error(code="card_declined", decline_code="insufficient_funds"), CardDeclined),
    (402, error(code="authentication_required"), AuthenticationNeeded),
    (402, error(code="card_declined", decline_code="authentication_required"), AuthenticationNeeded),
]


@pytest.mark.parametrize(("status", "body", "kind"), DEFINITE)
def test_a_definite_no_is_believed_at_once(
    stripe: Sandbox, status: int, body: object, kind: type[AzpayError]
) -> None:
    gateway, script = scripted(stripe, (status, body))

    with pytest.raises(AzpayError) as refused:
        gateway.create_payment_intent(CHARGE, key="k")

    assert type(refused.value) is kind
    assert "Stripe's words." in refused.value.message
    assert script.keys == ["k"]


@pytest.mark.parametrize(("status", "body", "kind"), DEFINITE)
def test_a_definite_answer_after_a_lost_one_is_believed(
    stripe: Sandbox, status: int, body: object, kind: type[AzpayError]
) -> None:
    gateway, script = scripted(stripe, lost(), (500, error()), (status, body))

    with pytest.raises(AzpayError) as refused:
        gateway.create_payment_intent(CHARGE, key="k")

    assert type(refused.value) is kind
    assert script.keys == ["k", "k", "k"]


@pytest.mark.parametrize("status", [401, 403])
def test_a_key_that_is_refused_is_not_tried_again(stripe: Sandbox, status: int) -> None:
    gateway, script = scripted(stripe, (status, error(type="invalid_request_error")))

    with pytest.raises(KeyRefused) as refused:
        gateway.create_payment_intent(CHARGE, key="k")

    assert "azpay login" in str(refused.value.hint)
    assert len(script.keys) == 1


@pytest.mark.parametrize("status", [401, 403, 429])
def test_what_is_no_answer_after_a_lost_one_leaves_the_outcome_unknown(stripe: Sandbox, status: int) -> None:
    gateway, _ = scripted(stripe, lost(), *[(status, error())] * TRIES)

    with pytest.raises(AnswerLost, match="not known"):
        gateway.create_payment_intent(CHARGE, key="k")


@pytest.mark.parametrize("body", [error(code="rate_limit"), error(code="lock_timeout")])
def test_a_request_that_stripe_did_not_take_moved_nothing(stripe: Sandbox, body: object) -> None:
    gateway, script = scripted(stripe, *[(429, body)] * TRIES)

    with pytest.raises(StripeUnavailable, match=r"(limiting us|busy).*Nothing was moved") as refused:
        gateway.create_payment_intent(CHARGE, key="k")

    assert "minute" in str(refused.value.hint)
    assert script.keys == ["k"] * TRIES


@pytest.mark.parametrize("status", [302, 408, 409, 418, 424, 500, 502, 503, 504])
def test_a_request_that_may_have_taken_effect_is_tried_and_then_unknown(stripe: Sandbox, status: int) -> None:
    gateway, script = scripted(stripe, *[(status, error())] * TRIES)

    with pytest.raises(AnswerLost, match="not known") as unknown:
        gateway.create_payment_intent(CHARGE, key="k")

    assert "same command again" in str(unknown.value.hint)
    assert script.keys == ["k"] * TRIES


@pytest.mark.parametrize("trouble", [(429, error()), (409, error()), (500, error()), (503, error()), lost()])
def test_after_trouble_the_same_key_brings_the_answer(
    stripe: Sandbox, trouble: tuple[int, object] | Exception
) -> None:
    gateway, script = scripted(stripe, trouble, trouble)

    intent = gateway.create_payment_intent(CHARGE, key="k")

    assert intent.status == "succeeded"
    assert set(script.keys) == {"k"}
    assert len(stripe.charges) == 1


@pytest.mark.parametrize("status", [200, 400, 402, 403, 404, 500])
@pytest.mark.parametrize(
    "page", ["<html>Not Stripe</html>", "", "[]", "null", '"error"', "{}", '{"error": "no"}', "[" * 50_000]
)
def test_a_page_that_is_not_stripes_is_no_answer(stripe: Sandbox, status: int, page: str) -> None:
    gateway, script = scripted(stripe, *[(status, page)] * TRIES)

    with pytest.raises(AnswerLost) as unknown:
        gateway.create_payment_intent(CHARGE, key="k")

    assert "Not Stripe" not in unknown.value.message
    assert set(script.keys) == {"k"}


@pytest.mark.parametrize("page", ["<html>Not Stripe</html>", "[]", "{}", '{"object": "list", "data": [7]}'])
def test_what_cannot_be_read_when_looking_leaves_nothing_unknown(stripe: Sandbox, page: str) -> None:
    gateway, _ = scripted(stripe, *[(200, page)] * 2 * TRIES)

    with pytest.raises(StripeUnavailable, match="cannot read"):
        gateway.payment_intent("pi_1")
    with pytest.raises(StripeUnavailable, match="cannot read"):
        list(gateway.refunds_of("pi_1"))


@pytest.mark.parametrize("trouble", [(500, error()), lost(), (429, error())])
def test_looking_moves_nothing_whatever_goes_wrong(
    stripe: Sandbox, trouble: tuple[int, object] | Exception
) -> None:
    gateway, script = scripted(stripe, *[trouble] * TRIES)

    with pytest.raises(StripeUnavailable, match="Nothing was moved"):
        gateway.payment_intent("pi_1")

    assert script.keys == [None] * TRIES


def test_pauses_grow_and_stay_within_seconds(stripe: Sandbox) -> None:
    gateway, script = scripted(stripe, *[(500, error())] * TRIES)

    with pytest.raises(AnswerLost):
        gateway.create_payment_intent(CHARGE, key="k")

    assert len(script.pauses) == TRIES - 1
    assert all(
        0.5 * longest <= pause <= longest
        for pause, longest in zip(script.pauses, (0.5, 1.0, 2.0), strict=True)
    )


def test_nobody_waits_longer_than_a_minute(stripe: Sandbox) -> None:
    script = Script([lost()] * TRIES)
    slow = count(0, 30)
    client = sdk.StripeClient(KEY, http_client=Scripted(stripe, script), max_network_retries=0)
    gateway = Gateway(client, pause=script.pauses.append, timer=lambda: next(slow))

    with pytest.raises(AnswerLost):
        gateway.create_payment_intent(CHARGE, key="k")

    assert script.keys == ["k"]


@pytest.mark.parametrize(
    ("advice", "hint"),
    [
        ("do_not_try_again", "Do not try this card again"),
        ("try_again_later", "may work later"),
        ("confirm_card_data", "check the card's data"),
        (None, "The bank gave no reason"),
        ("something_new", "The bank gave no reason"),
    ],
)
def test_a_decline_says_what_to_do_next(stripe: Sandbox, advice: str | None, hint: str) -> None:
    gateway, _ = scripted(stripe, (402, error(code="card_declined", advice_code=advice)))

    with pytest.raises(CardDeclined) as declined:
        gateway.create_payment_intent(CHARGE, key="k")

    assert hint in str(declined.value.hint)


def test_a_decline_brings_its_payment_intent(stripe: Sandbox, gateway: Gateway) -> None:
    declined = {**CHARGE, "payment_method": "pm_card_visa_chargeDeclined"}

    with pytest.raises(CardDeclined) as refused:
        gateway.create_payment_intent(declined, key="k")

    assert refused.value.payment_intent is not None
    assert refused.value.payment_intent.id == stripe.payment_intents[0]["id"]


def test_an_error_and_its_causes_show_no_secret(stripe: Sandbox, gateway: Gateway) -> None:
    declined = {**CHARGE, "payment_method": "pm_card_visa_chargeDeclined", "receipt_email": "ada@example.com"}

    with pytest.raises(CardDeclined) as refused:
        gateway.create_payment_intent(declined, key="k")

    shown = "".join(traceback.format_exception(refused.value)) + repr(refused.value) + repr(gateway)
    assert stripe.payment_intents[0]["client_secret"] not in shown
    assert "ada@example.com" not in shown
    assert KEY not in shown


def test_the_faults_of_the_sandbox_come_out_as_they_should(stripe: Sandbox, gateway: Gateway) -> None:
    stripe.fail_next(500, store=True)
    with pytest.raises(AnswerLost):
        gateway.create_payment_intent(CHARGE, key="stored")
    stripe.fail_next(503, effect=True)
    with pytest.raises(AnswerLost):
        gateway.create_payment_intent(CHARGE, key="effect")

    assert len(stripe.charges) == 1
