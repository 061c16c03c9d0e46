"""The inbox, as an operator sees it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner, Result

from azpay.cli.app import app
from tests.support.events import an_event

if TYPE_CHECKING:
    from azpay.bootstrap import Azpay
    from tests.support.clock import Clock
    from tests.support.webhooks import Webhooks

CANARIES = {
    "receipt_email": "ann@example.com",
    "client_secret": "pi_1_secret_AbC123dEf456",
    "description": "card 4242 4242 4242 4242",
    "metadata": {"notes": ["write to bob@example.org"]},
}


@pytest.fixture(autouse=True)
def _events(webhooks: Webhooks, clock: Clock) -> None:
    """Three events, a minute apart; the first two are applied."""
    for number, type_ in enumerate(("coupon.created", "coupon.deleted", "coupon.created")):
        data = {"object": {"id": f"cou_{number}", **CANARIES}}
        if number == 2:
            webhooks.apply()
        webhooks.keep([an_event(f"evt_{number}", type=type_, data=data)])
        clock.advance(minutes=1)


def run(azpay: Azpay, *args: str) -> Result:
    return CliRunner().invoke(app, ["events", *args], obj=azpay)


def listed(azpay: Azpay, *args: str) -> list[Any]:
    answer = json.loads(run(azpay, "list", "--json", *args).stdout)
    assert answer["schema"] == "azpay.events/1"
    return [event["event"] for event in answer["data"]["events"]]


def test_events_are_listed_newest_first(azpay: Azpay) -> None:
    result = run(azpay, "list")

    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert [line.split()[:4] for line in lines[1:]] == [
        ["2026-03-02", "12:02", "evt_2", "coupon.created"],
        ["2026-03-02", "12:01", "evt_1", "coupon.deleted"],
        ["2026-03-02", "12:00", "evt_0", "coupon.created"],
    ]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (["--status", "received"], ["evt_2"]),
        (["--status", "received", "--status", "done"], ["evt_2", "evt_1", "evt_0"]),
        (["--type", "coupon.created"], ["evt_2", "evt_0"]),
        (["--object", "cou_1"], ["evt_1"]),
        (["--limit", "1"], ["evt_2"]),
        (["--status", "dead"], []),
        (["--object", "' OR 1=1 --"], []),
    ],
)
def test_events_can_be_chosen(azpay: Azpay, filters: list[str], expected: list[str]) -> None:
    assert listed(azpay, *filters) == expected


def test_a_status_that_does_not_exist_is_a_usage_error_that_names_those_that_do(azpay: Azpay) -> None:
    result = run(azpay, "list", "--status", "lost")

    assert result.exit_code == 2
    assert "received, done, failed, dead" in result.stderr


def test_an_empty_inbox_says_so(azpay: Azpay) -> None:
    assert run(azpay, "list", "--status", "dead").stdout == "No events.\n"


def test_one_event_is_shown_with_what_became_of_it(azpay: Azpay) -> None:
    result = run(azpay, "show", "evt_0")

    assert result.exit_code == 0
    assert result.stdout.startswith("done  coupon.created\n")
    assert '"id": "cou_0"' in result.stdout


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_nothing_secret_or_personal_in_an_event_is_shown(azpay: Azpay, form: list[str]) -> None:
    result = run(azpay, "show", "evt_0", *form)

    for canary in ("ann@example.com", "bob@example.org", "AbC123dEf456", "4242 4242"):
        assert canary not in result.output


def test_the_document_of_an_event_has_its_body_and_times_in_utc(azpay: Azpay) -> None:
    answer = json.loads(run(azpay, "show", "evt_0", "--json", "--tz", "Asia/Tokyo").stdout)

    assert answer["schema"] == "azpay.event/1"
    assert answer["data"]["received"] == "2026-03-02T12:00:00Z"
    assert answer["data"]["status"] == "done"
    assert answer["data"]["payload"]["data"]["object"]["id"] == "cou_0"


def test_an_event_that_was_not_received_is_an_error_with_a_next_step(azpay: Azpay) -> None:
    result = run(azpay, "show", "evt_unheard_of")

    assert result.exit_code == 1
    assert "azpay events list" in result.stderr
