from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import stripe

from tests.sandbox.payments import pay, post

if TYPE_CHECKING:
    from stripe._v1_services import V1Services

    from azpay.sandbox import Response, Sandbox

DAY = 24 * 60 * 60
CUSTOMERS = "/v1/customers"
PAYMENT = {"amount": "2000", "currency": "usd", "payment_method": "pm_card_visa", "confirm": "true"}
DECLINED = PAYMENT | {"payment_method": "pm_card_chargeDeclined", "return_url": "https://shop.example"}


def error_of(response: Response) -> dict[str, str]:
    error: dict[str, str] = json.loads(response.body)["error"]
    return error


def test_the_same_key_gets_the_same_answer(sandbox: Sandbox) -> None:
    first = post(sandbox, CUSTOMERS, {"name": "Ada"}, idempotency_key="k")

    second = post(sandbox, CUSTOMERS, {"name": "Ada"}, idempotency_key="k")

    assert second.body == first.body
    assert len(sandbox.customers) == 1
    assert second.headers["Idempotent-Replayed"] == "true"
    assert second.headers["Original-Request"] == first.headers["Request-Id"]
    assert second.headers["Request-Id"] != first.headers["Request-Id"]
    assert "Idempotent-Replayed" not in first.headers


def test_a_replay_comes_even_after_the_object_is_gone(sandbox: Sandbox, client: V1Services) -> None:
    first = post(sandbox, CUSTOMERS, {"name": "Ada"}, idempotency_key="k")
    client.customers.delete(json.loads(first.body)["id"])

    assert post(sandbox, CUSTOMERS, {"name": "Ada"}, idempotency_key="k").body == first.body


@pytest.mark.parametrize(
    ("path", "body"), [(CUSTOMERS, {"name": "Bob"}), ("/v1/payment_intents", {"name": "Ada"})]
)
def test_a_key_belongs_to_one_request(sandbox: Sandbox, path: str, body: dict[str, str]) -> None:
    post(sandbox, CUSTOMERS, {"name": "Ada"}, idempotency_key="k")

    answer = post(sandbox, path, body, idempotency_key="k")

    assert answer.status == 400
    assert error_of(answer)["type"] == "idempotency_error"
    assert "code" not in error_of(answer)
    assert len(sandbox.customers) == 1


def test_a_key_is_free_again_after_a_day(sandbox: Sandbox) -> None:
    post(sandbox, CUSTOMERS, {"name": "Ada"}, idempotency_key="k")

    sandbox.advance(DAY - 1)
    assert "Idempotent-Replayed" in post(sandbox, CUSTOMERS, {"name": "Ada"}, idempotency_key="k").headers

    sandbox.advance(1)
    assert "Idempotent-Replayed" not in post(sandbox, CUSTOMERS, {"name": "Ada"}, idempotency_key="k").headers
    assert len(sandbox.customers) == 2


def test_a_decline_is_kept(sandbox: Sandbox) -> None:
    first = post(sandbox, "/v1/payment_intents", DECLINED, idempotency_key="k")

    second = post(sandbox, "/v1/payment_intents", DECLINED, idempotency_key="k")

    assert (first.status, second.status) == (402, 402)
    assert len(sandbox.payment_intents) == 1


def test_a_mistake_in_the_parameters_is_not_kept(sandbox: Sandbox) -> None:
    wrong = post(sandbox, CUSTOMERS, {"nmae": "Ada"}, idempotency_key="k")

    right = post(sandbox, CUSTOMERS, {"name": "Ada"}, idempotency_key="k")

    assert (wrong.status, right.status) == (400, 200)


def test_a_stored_500_comes_again_and_says_not_to_retry(sandbox: Sandbox) -> None:
    sandbox.fail_next(500, store=True)

    first = post(sandbox, CUSTOMERS, {"name": "Ada"}, idempotency_key="k")
    second = post(sandbox, CUSTOMERS, {"name": "Ada"}, idempotency_key="k")

    assert (first.status, second.status) == (500, 500)
    assert first.headers["Stripe-Should-Retry"] == "false"
    assert second.headers["Idempotent-Replayed"] == "true"
    assert sandbox.customers == []


def test_a_500_may_hide_that_it_happened(sandbox: Sandbox) -> None:
    sandbox.fail_next(500, effect=True)

    answer = post(sandbox, CUSTOMERS, {"name": "Ada"}, idempotency_key="k")

    assert answer.status == 500
    assert len(sandbox.customers) == 1


def test_a_500_that_was_not_kept_can_be_tried_again(client: V1Services, sandbox: Sandbox) -> None:
    sandbox.fail_next(500, times=2)

    paid = pay(client)

    assert paid.status == "succeeded"
    assert len(sandbox.charges) == 1


def test_a_lost_answer_does_not_charge_twice(client: V1Services, sandbox: Sandbox) -> None:
    sandbox.drop_next_answer()

    paid = pay(client)

    assert paid.status == "succeeded"
    assert len(sandbox.charges) == 1


def test_a_lost_request_has_no_effect(client: V1Services, sandbox: Sandbox) -> None:
    sandbox.drop_next_request(times=3)

    with pytest.raises(stripe.APIConnectionError):
        pay(client)

    assert sandbox.payment_intents == []


def test_a_key_that_is_too_long_is_refused(sandbox: Sandbox) -> None:
    answer = post(sandbox, CUSTOMERS, idempotency_key="k" * 256)

    assert answer.status == 400
    assert sandbox.customers == []


def test_a_get_takes_no_notice_of_keys(client: V1Services, sandbox: Sandbox) -> None:
    made = client.customers.create({"name": "Ada"})
    client.customers.retrieve(made.id, options={"idempotency_key": "k"})
    client.customers.update(made.id, {"name": "Bob"})

    assert client.customers.retrieve(made.id, options={"idempotency_key": "k"}).name == "Bob"
