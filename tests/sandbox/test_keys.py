from __future__ import annotations

import json
from base64 import b64encode
from typing import TYPE_CHECKING, Any

import pytest
import stripe

from azpay.sandbox import DEFAULT_KEY, Sandbox
from azpay.sandbox.control import control
from azpay.sandbox.keys import permission_for
from azpay.sandbox.resources import ROUTES
from tests.sandbox.conftest import NOON
from tests.sandbox.payments import get, post
from tests.support.openapi import complaints
from tests.support.stripe_transport import InProcessHTTPClient

if TYPE_CHECKING:
    from azpay.sandbox import Response

READER = "rk_test_reader"


@pytest.fixture
def sandbox() -> Sandbox:
    sandbox = Sandbox(now=lambda: NOON)
    sandbox.add_key(READER, ["charge_read", "rak_customer_write"])
    return sandbox


def error_of(answer: Response) -> dict[str, Any]:
    error: dict[str, Any] = json.loads(answer.body)["error"]
    return error


def bearing(key: str) -> dict[str, Any]:
    return {"authorization": f"Bearer {key}"}


def test_a_restricted_key_may_do_what_it_was_made_for(sandbox: Sandbox) -> None:
    assert get(sandbox, "/v1/charges", **bearing(READER)).status == 200
    assert get(sandbox, "/v1/refunds", **bearing(READER)).status == 200


def test_a_missing_permission_is_named(schemas: dict[str, Any], sandbox: Sandbox) -> None:
    answer = post(sandbox, "/v1/refunds", {"charge": "ch_1"}, **bearing(READER))

    assert answer.status == 403
    assert error_of(answer)["message"] == (
        "The provided key 'rk_test_****ader' does not have the required permissions for this endpoint on "
        "account 'acct_1SandboxAzpay0001'. Having the 'rak_charge_write' permission would allow this request "
        "to continue."
    )
    assert complaints(schemas, "error", answer) == []


def test_who_may_write_may_read(sandbox: Sandbox) -> None:
    assert post(sandbox, "/v1/customers", **bearing(READER)).status == 200
    assert get(sandbox, "/v1/customers", **bearing(READER)).status == 200


def test_what_is_not_permitted_is_not_kept_under_the_key(sandbox: Sandbox) -> None:
    body = {"amount": "500", "currency": "usd"}
    post(sandbox, "/v1/payment_intents", body, idempotency_key="k", **bearing(READER))

    answer = post(sandbox, "/v1/payment_intents", body, idempotency_key="k")

    assert answer.status == 200
    assert "Idempotent-Replayed" not in answer.headers


def test_the_client_calls_it_a_permission_error(sandbox: Sandbox) -> None:
    client = stripe.StripeClient(READER, http_client=InProcessHTTPClient(sandbox)).v1

    with pytest.raises(stripe.PermissionError, match="rak_payment_intent_read"):
        client.payment_intents.list()


def test_every_endpoint_asks_for_a_permission_that_can_be_given(sandbox: Sandbox) -> None:
    for route in ROUTES:
        sandbox.add_key("rk_test_some", [permission_for(route)])


def test_permissions_can_be_changed(sandbox: Sandbox) -> None:
    sandbox.add_key(READER, ["payment_intent_read"])

    assert get(sandbox, "/v1/payment_intents", **bearing(READER)).status == 200
    assert get(sandbox, "/v1/charges", **bearing(READER)).status == 403


def test_an_expired_key_is_told_so(schemas: dict[str, Any], sandbox: Sandbox) -> None:
    sandbox.expire_key(READER)

    answer = get(sandbox, "/v1/charges", **bearing(READER))

    assert answer.status == 401
    assert error_of(answer)["code"] == "api_key_expired"
    assert error_of(answer)["message"] == "Expired API Key provided: rk_test_****ader"
    assert complaints(schemas, "error", answer) == []


def test_a_publishable_key_is_not_a_secret_one(sandbox: Sandbox) -> None:
    answer = get(sandbox, "/v1/charges", **bearing("pk_test_12345678"))

    assert (answer.status, error_of(answer)["code"]) == (401, "secret_key_required")


@pytest.mark.parametrize("key", ["sk_live_1234567890", "rk_live_1234567890", "sk_test_other", "nonsense"])
def test_a_key_of_elsewhere_is_refused(sandbox: Sandbox, key: str) -> None:
    answer = get(sandbox, "/v1/charges", **bearing(key))

    assert answer.status == 401
    assert error_of(answer)["message"].startswith("Invalid API Key provided: ")
    assert key not in answer.body.decode()


def test_a_restricted_key_may_come_as_a_user_name(sandbox: Sandbox) -> None:
    encoded = b64encode(f"{READER}:".encode()).decode()

    assert get(sandbox, "/v1/charges", authorization=f"Basic {encoded}").status == 200


@pytest.mark.parametrize(
    ("key", "permissions"),
    [
        ("sk_live_12345", None),
        ("rk_live_12345", ["charge_read"]),
        ("pk_test_12345", None),
        ("sk_test_", None),
        ("sk_test_12345", ["charge_read"]),
        ("rk_test_12345", None),
        ("rk_test_12345\n", ["charge_read"]),
        ("rk_test_12345", ["charges_read"]),
        ("rk_test_12345", ["charge_delete"]),
        ("rk_test_12345", ["invoice_read"]),
    ],
)
def test_a_key_that_stripe_would_not_make_is_refused(
    sandbox: Sandbox, key: str, permissions: list[str] | None
) -> None:
    with pytest.raises(ValueError, match=r"key|permission"):
        sandbox.add_key(key, permissions)


def test_keys_outlive_a_snapshot(sandbox: Sandbox) -> None:
    sandbox.add_key("sk_test_second")
    sandbox.expire_key(DEFAULT_KEY)

    restored = Sandbox.restore(sandbox.snapshot(), now=lambda: NOON)

    assert get(restored, "/v1/charges", **bearing("sk_test_second")).status == 200
    assert get(restored, "/v1/payment_intents", **bearing(READER)).status == 403
    assert error_of(get(restored, "/v1/charges"))["code"] == "api_key_expired"


def test_keys_are_ordered_in_json(sandbox: Sandbox) -> None:
    def order(**fields: Any) -> int:
        return control(sandbox, "POST", "/_sandbox/keys", json.dumps(fields).encode()).status

    assert order(key="rk_test_ci01", permissions=["event_read"]) == 200
    assert get(sandbox, "/v1/events", **bearing("rk_test_ci01")).status == 200

    assert order(key="rk_test_ci01", expire=True) == 200
    assert get(sandbox, "/v1/events", **bearing("rk_test_ci01")).status == 401

    assert order(key="rk_test_ci01", expire=True) == 400
    assert order(key="rk_test_ci02", permissions=["nothing"]) == 400
