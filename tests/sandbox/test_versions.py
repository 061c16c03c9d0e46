from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.sandbox.payments import get, post

if TYPE_CHECKING:
    from azpay.sandbox import Sandbox

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


def test_an_older_version_does_not_see_newer_fields(sandbox: Sandbox) -> None:
    older = json.loads(post(sandbox, "/v1/payment_intents", TRIGGER).body)
    newer = json.loads(get(sandbox, f"/v1/payment_intents/{older['id']}", stripe_version=ENDIVE).body)

    assert newer.keys() - older.keys() == {"allowed_payment_method_types", "payment_record", "source"}
