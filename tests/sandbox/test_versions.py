from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from azpay.sandbox import Sandbox
from tests.sandbox.conftest import NOON
from tests.sandbox.payments import get, post
from tests.support.openapi import complaints, schemas

if TYPE_CHECKING:
    from collections.abc import Iterator

DAHLIA, ENDIVE = "2026-05-27.dahlia", "2026-10-28.endive"
TRIGGER = {
    "amount": "2000",
    "currency": "usd",
    "payment_method": "pm_card_visa",
    "confirm": "true",
    "payment_method_types[]": "card",
}


def test_an_answer_names_its_version(sandbox: Sandbox) -> None:
    assert get(sandbox, "/v1/account").headers["Stripe-Version"] == DAHLIA
    assert get(sandbox, "/v1/account", stripe_version=ENDIVE).headers["Stripe-Version"] == ENDIVE


@pytest.mark.parametrize(
    "version", ["", "latest", "2026-13-01.dahlia", "2026-05-27", "2026-05-27.endive", "2027-01-01.endive"]
)
def test_a_version_that_never_was_is_refused(sandbox: Sandbox, version: str) -> None:
    assert get(sandbox, "/v1/account", stripe_version=version).status == 400


def test_old_versions_keep_working(sandbox: Sandbox) -> None:
    assert get(sandbox, "/v1/account", stripe_version="2022-11-15").status == 200


def test_method_types_can_be_named_in_older_versions_only(sandbox: Sandbox) -> None:
    older = post(sandbox, "/v1/payment_intents", TRIGGER)
    newer = post(sandbox, "/v1/payment_intents", TRIGGER, stripe_version=ENDIVE)

    assert (older.status, newer.status) == (200, 400)
    assert json.loads(newer.body)["error"]["code"] == "payment_method_types_no_longer_supported"


def test_allowed_types_stand_alone(sandbox: Sandbox) -> None:
    body = {
        "amount": "2000",
        "currency": "usd",
        "allowed_payment_method_types[]": "card",
        "automatic_payment_methods[enabled]": "true",
    }

    answer = post(sandbox, "/v1/payment_intents", body, stripe_version=ENDIVE)

    assert json.loads(answer.body)["error"]["code"] == "parameters_exclusive"


@pytest.mark.parametrize(
    ("version", "reason"),
    [("2025-02-24.acacia", "automatic"), ("2025-03-31.basil", "expired"), (ENDIVE, "expired")],
)
def test_a_hold_that_ran_out_is_called_by_the_name_of_the_version(
    sandbox: Sandbox, version: str, reason: str
) -> None:
    held = json.loads(post(sandbox, "/v1/payment_intents", {**TRIGGER, "capture_method": "manual"}).body)
    sandbox.advance(8 * 86_400)

    shown = json.loads(get(sandbox, f"/v1/payment_intents/{held['id']}", stripe_version=version).body)

    assert (shown["status"], shown["cancellation_reason"]) == ("canceled", reason)


def test_an_older_version_does_not_see_newer_fields(sandbox: Sandbox) -> None:
    older = json.loads(post(sandbox, "/v1/payment_intents", TRIGGER).body)
    newer = json.loads(get(sandbox, f"/v1/payment_intents/{older['id']}", stripe_version=ENDIVE).body)

    assert newer.keys() - older.keys() == {"allowed_payment_method_types", "payment_record", "source"}


@pytest.mark.parametrize(
    ("version", "automatic", "capture_method"),
    [
        ("2022-11-15", None, "automatic"),
        ("2023-08-16", {"allow_redirects": "always", "enabled": True}, "automatic"),
        ("2024-04-10", {"allow_redirects": "always", "enabled": True}, "automatic_async"),
        (DAHLIA, {"allow_redirects": "always", "enabled": True}, "automatic_async"),
        (ENDIVE, {"allow_redirects": "always", "enabled": True}, "automatic_async"),
    ],
)
def test_what_goes_without_saying_depends_on_the_version(
    sandbox: Sandbox, version: str, automatic: object, capture_method: str
) -> None:
    made = json.loads(
        post(
            sandbox,
            "/v1/payment_intents",
            {"amount": "2000", "currency": "usd"},
            stripe_version=version,
        ).body
    )

    assert made["automatic_payment_methods"] == automatic
    assert made["capture_method"] == capture_method
    assert made["payment_method_types"] == (["card", "us_bank_account"] if automatic else ["card"])


@pytest.mark.parametrize("version", [DAHLIA, ENDIVE])
def test_events_are_told_in_the_accounts_version_whoever_asks(version: str) -> None:
    sandbox = Sandbox(now=lambda: NOON, api_version=version)
    post(sandbox, "/v1/payment_intents", {"amount": "2000", "currency": "usd"}, stripe_version=ENDIVE)
    event = sandbox.events[0]["id"]

    told = json.loads(get(sandbox, f"/v1/events/{event}", stripe_version=ENDIVE).body)

    assert told["api_version"] == version
    assert ("payment_record" in told["data"]["object"]) is (version == ENDIVE)


def test_the_accounts_version_is_that_of_requests_that_name_none() -> None:
    sandbox = Sandbox(now=lambda: NOON, api_version=ENDIVE)

    answer = post(sandbox, "/v1/payment_intents", TRIGGER)

    assert answer.headers["Stripe-Version"] == ENDIVE
    assert json.loads(answer.body)["error"]["code"] == "payment_method_types_no_longer_supported"


def test_the_account_can_move_to_another_version(sandbox: Sandbox) -> None:
    sandbox.api_version = ENDIVE

    assert get(sandbox, "/v1/account").headers["Stripe-Version"] == ENDIVE
    restored = Sandbox.restore(sandbox.snapshot(), now=lambda: NOON)
    assert restored.api_version == ENDIVE


def test_types_can_be_allowed_since_july(sandbox: Sandbox) -> None:
    body = {"amount": "2000", "currency": "usd", "allowed_payment_method_types[]": "card"}

    older = post(sandbox, "/v1/payment_intents", body, stripe_version=DAHLIA)
    newer = post(sandbox, "/v1/payment_intents", body, stripe_version=ENDIVE)

    assert json.loads(older.body)["error"]["code"] == "parameter_unknown"
    assert json.loads(newer.body)["payment_method_types"] == ["card"]


@pytest.mark.parametrize(
    ("body", "types"),
    [
        ({"allowed_payment_method_types[]": "us_bank_account"}, ["us_bank_account"]),
        ({"excluded_payment_method_types[]": "card"}, ["us_bank_account"]),
        ({"excluded_payment_method_types[]": "paypal"}, ["card", "us_bank_account"]),
        ({"capture_method": "manual"}, ["card"]),
        ({"currency": "jpy"}, ["card"]),
    ],
)
def test_stripe_chooses_the_types_that_suit(sandbox: Sandbox, body: dict[str, str], types: list[str]) -> None:
    asked = {"amount": "2000", "currency": "usd", **body}

    made = json.loads(post(sandbox, "/v1/payment_intents", asked, stripe_version=ENDIVE).body)

    assert made["payment_method_types"] == types
    assert sorted(made["payment_method_options"]) == types


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ({"payment_method_types[]": "teleport"}, "teleport is invalid"),
        ({"payment_method_types[]": "paypal"}, "paypal is invalid"),
        ({"payment_method_types[]": "sepa_debit"}, "support the following currencies: eur"),
        ({"payment_method_types[]": "us_bank_account", "capture_method": "manual"}, "manual capture"),
        ({"excluded_payment_method_types[0]": "card", "currency": "jpy"}, "No valid payment method types"),
        ({"payment_method_types": ""}, "is invalid"),
    ],
)
def test_types_that_do_not_suit_are_refused(sandbox: Sandbox, body: dict[str, str], complaint: str) -> None:
    asked = {"amount": "2000", "currency": "usd", **body}

    refused = post(sandbox, "/v1/payment_intents", asked, stripe_version=DAHLIA)

    assert refused.status == 400
    assert complaint in json.loads(refused.body)["error"]["message"]
    assert sandbox.payment_intents == []


def test_a_statement_is_named_where_no_card_pays(sandbox: Sandbox) -> None:
    asked = {"amount": "2000", "currency": "usd", "statement_descriptor": "AZPAY HATS"}
    debit = {**asked, "payment_method_types[]": "us_bank_account"}

    card = json.loads(post(sandbox, "/v1/payment_intents", asked, stripe_version=DAHLIA).body)
    account = json.loads(post(sandbox, "/v1/payment_intents", debit, stripe_version=DAHLIA).body)

    assert card["error"]["param"] == "statement_descriptor"
    assert account["statement_descriptor"] == "AZPAY HATS"


OPTIONS = {
    "card": {
        "capture_method": "manual",
        "installments": {"enabled": "true"},
        "mandate_options": {"reference": "R", "amount": "500"},
        "network": "visa",
        "request_extended_authorization": "if_available",
        "request_multicapture": "if_available",
        "request_three_d_secure": "challenge",
        "require_cvc_recollection": "true",
        "setup_future_usage": "on_session",
    },
    "us_bank_account": {
        "financial_connections": {"permissions": "balances"},
        "mandate_options": {"collection_method": "paper"},
        "setup_future_usage": "off_session",
        "target_date": "2026-12-01",
        "verification_method": "instant",
    },
}


def test_every_option_of_a_kind_fits_stripes_document(sandbox: Sandbox) -> None:
    asked = {"amount": "2000", "currency": "usd"} | {
        f"payment_method_options[{kind}]{_bracketed(name)}": value
        for kind, options in OPTIONS.items()
        for name, value in _flat(options)
    }

    made = post(sandbox, "/v1/payment_intents", asked, stripe_version=DAHLIA)

    assert made.status == 200
    assert complaints(schemas(), "payment_intent", made) == []
    shown = json.loads(made.body)["payment_method_options"]
    assert (shown["card"]["network"], shown["card"]["installments"]) == ("visa", None)
    assert shown["us_bank_account"]["verification_method"] == "instant"


def _flat(options: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in options.items():
        if isinstance(value, dict):
            yield from ((f"{name}.{inner}", text) for inner, text in value.items())
        else:
            yield name, value


def _bracketed(name: str) -> str:
    return "".join(f"[{part}]" for part in name.split("."))
