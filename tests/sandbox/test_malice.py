"""Requests that no client sends by accident. None of them may cost more than a clear answer."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azpay.sandbox import DEFAULT_KEY, Request, Sandbox
from tests.sandbox.conftest import NOON
from tests.sandbox.payments import get, post

if TYPE_CHECKING:
    from azpay.sandbox import Response

INTENTS = "/v1/payment_intents"


def error_of(response: Response) -> dict[str, str]:
    error: dict[str, str] = json.loads(response.body)["error"]
    return error


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ({"currency": "usd"}, "parameter_missing", "amount"),
        ({"amount": "2000"}, "parameter_missing", "currency"),
        ({"amount": "12.5", "currency": "usd"}, "parameter_invalid_integer", "amount"),
        ({"amount": "1e3", "currency": "usd"}, "parameter_invalid_integer", "amount"),
        ({"amount": "\uff12000", "currency": "usd"}, "parameter_invalid_integer", "amount"),
        ({"amount": "9" * 5000, "currency": "usd"}, "parameter_invalid_integer", "amount"),
        ({"amount": "", "currency": "usd"}, "parameter_invalid_empty", "amount"),
        ({"amount": "2000", "currency": "zzz"}, None, "currency"),
        ({"amount": "2000", "currency": "usd", "confirm": "yes"}, None, "confirm"),
        ({"amount": "2000", "currency": "usd", "capture_method": "later"}, None, "capture_method"),
        ({"amount": "2000", "currency": "usd", "description": "x" * 1001}, None, "description"),
        ({"amount": "2000", "currency": "usd", "colour": "red"}, "parameter_unknown", "colour"),
        (
            {"amount": "2000", "currency": "usd", "shipping[name]": "A", "shipping[x]": "1"},
            "parameter_unknown",
            "shipping[x]",
        ),
        (
            {"amount": "2000", "currency": "usd", "shipping[name]": "A"},
            "parameter_missing",
            "shipping[address]",
        ),
        ({"amount": "2000", "currency": "usd", "metadata": "x"}, None, "metadata"),
        ({"amount": "2000", "currency": "usd", f"metadata[{'k' * 41}]": "x"}, None, "metadata"),
        ({"amount": "2000", "currency": "usd", "metadata[k]": "x" * 501}, None, "metadata[k]"),
        ({"amount[a]": "2000", "currency": "usd"}, None, "amount"),
        ({"amount": "2000", "currency": "usd", "off_session": "true"}, None, "off_session"),
        ({"amount": "2000", "currency": "usd", "customer": "cus_no"}, "resource_missing", "customer"),
        (
            {"amount": "2000", "currency": "usd", "payment_method": "pm_no"},
            "resource_missing",
            "payment_method",
        ),
        (
            {"amount": "2000", "currency": "usd", "return_url": "http://[", "confirm": "true"},
            "url_invalid",
            "return_url",
        ),
        ({"amount": "2000", "currency": "usd", "expand[]": "customer.name"}, None, "expand"),
        ({"amount": "2000", "currency": "usd", "expand[]": "a.b.c.d.e"}, None, "expand"),
    ],
)
def test_a_wrong_parameter_is_named(
    sandbox: Sandbox, body: dict[str, str], code: str | None, param: str
) -> None:
    answer = post(sandbox, INTENTS, body)

    assert answer.status == 400
    assert (error_of(answer).get("code"), error_of(answer)["param"]) == (code, param)
    assert sandbox.payment_intents == []


def test_too_much_metadata_is_refused(sandbox: Sandbox) -> None:
    body = {"amount": "2000", "currency": "usd"} | {f"metadata[k{n}]": "v" for n in range(51)}

    assert error_of(post(sandbox, INTENTS, body))["param"] == "metadata"


@pytest.mark.parametrize(
    "body",
    [
        b"a[b[c]=1",
        b"a]=1",
        b"[a]=1",
        b"=1",
        b"a=1&a[b]=2",
        b"a[]=1&a[b]=2",
        b"metadata" + b"[a]" * 50 + b"=1",
        b"metadata[a]=%ff%fe",
        b"metadata[a]=%00",
        b"&".join(b"metadata[k%d]=v" % n for n in range(6000)),
        b"\xff\x00\x01",
        b"%",
        b"amount",
    ],
)
def test_a_garbled_form_is_refused(sandbox: Sandbox, body: bytes) -> None:
    assert post(sandbox, INTENTS, body).status == 400


def test_json_is_not_a_form(sandbox: Sandbox) -> None:
    answer = post(sandbox, INTENTS, b'{"amount": 2000}', content_type="application/json")

    assert answer.status == 400
    assert "application/x-www-form-urlencoded" in error_of(answer)["message"]


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer ", "Basic !!!", "Digest x", "Bearer sk_live_1234567890", "Bearer sk_test_wrong"],
)
def test_without_a_good_key_nothing_is_done(sandbox: Sandbox, authorization: str) -> None:
    answer = post(sandbox, "/v1/customers", authorization=authorization)

    assert answer.status == 401
    assert sandbox.customers == []


def test_a_wrong_key_is_not_repeated_to_everyone(sandbox: Sandbox) -> None:
    answer = get(sandbox, "/v1/account", authorization="Bearer sk_test_51SecretSecretSecret")

    assert "51SecretSecret" not in answer.body.decode()
    assert error_of(answer)["message"] == "Invalid API Key provided: sk_test_****cret"


def test_the_key_may_come_as_a_user_name(sandbox: Sandbox) -> None:
    encoded = b64encode(f"{DEFAULT_KEY}:".encode()).decode()

    assert get(sandbox, "/v1/account", authorization=f"Basic {encoded}").status == 200


@pytest.mark.parametrize(
    "path", ["/v1/nothing", "/", "", "/v1/customers/", "/v2/core/nothing", "/v1/charges/a/b/c"]
)
def test_an_unknown_address_is_not_found(sandbox: Sandbox, path: str) -> None:
    answer = get(sandbox, path)

    assert answer.status == 404
    assert error_of(answer)["message"].startswith("Unrecognized request URL (GET: ")


@pytest.mark.parametrize(
    ("path", "kind", "param"),
    [
        ("/v1/payment_intents/pi_no", "payment_intent", "intent"),
        ("/v1/charges/ch_no", "charge", "id"),
        ("/v1/customers/cus_no", "customer", "id"),
        ("/v1/payment_methods/pm_no", "PaymentMethod", "payment_method"),
        ("/v1/events/evt_no", "event", "id"),
        ("/v1/refunds/re_no", "refund", "id"),
    ],
)
def test_what_does_not_exist_is_named(sandbox: Sandbox, path: str, kind: str, param: str) -> None:
    answer = get(sandbox, path)

    assert answer.status == 404
    assert error_of(answer)["code"] == "resource_missing"
    assert error_of(answer)["param"] == param
    assert error_of(answer)["message"] == f"No such {kind}: '{path.rpartition('/')[2]}'"


def test_the_key_of_another_account_opens_nothing(sandbox: Sandbox) -> None:
    assert get(sandbox, "/v1/account", stripe_account="acct_other").status == 403
    assert get(sandbox, "/v1/accounts/acct_other").status == 403


WORDS = st.sampled_from(
    ["amount", "currency", "metadata", "expand", "shipping", "payment_method", "confirm", "customer", "limit"]
)
KEYS = st.builds(
    lambda head, tail: head + "".join(f"[{part}]" for part in tail),
    WORDS | st.text(max_size=8),
    st.lists(WORDS | st.text(max_size=4), max_size=4),
)
BODIES = st.binary(max_size=80) | st.lists(st.tuples(KEYS, st.text(max_size=12)), max_size=6).map(
    lambda pairs: "&".join(f"{name}={value}" for name, value in pairs).encode("utf-8", "surrogatepass")
)
PATHS = st.sampled_from(
    [INTENTS, "/v1/customers", "/v1/refunds", "/v1/webhook_endpoints", "/v1/events", "/v1/charges/ch_1"]
)


@given(body=BODIES, path=PATHS, method=st.sampled_from(["GET", "POST", "DELETE"]))
def test_no_request_breaks_it(body: bytes, path: str, method: str) -> None:
    sandbox = Sandbox(now=lambda: NOON)
    headers = {"authorization": f"Bearer {DEFAULT_KEY}"}
    query = body.decode("latin-1") if method == "GET" else ""

    answer = sandbox.handle(Request(method, path, query, headers, body))

    assert answer.status < 500
    assert isinstance(json.loads(answer.body), dict)
