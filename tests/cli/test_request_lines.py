"""The lines of `azpay sandbox`, as people and programs read them."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import pytest
import structlog

from azpay.cli.request_lines import line_for_people, telling
from azpay.sandbox.loglines import LogLine

if TYPE_CHECKING:
    from collections.abc import Iterator

PATH = "/v1/payment_intents/pi_3NQoXNCNwqNGnYjnEw432ZDf/confirm"


def request(**fields: Any) -> LogLine:
    usual = {"method": "POST", "path": PATH, "status": 200, "ms": 12, "request": "req_FkhtUfmayBxoJB"}
    return LogLine("request_answered", usual | fields)


def webhook(**fields: Any) -> LogLine:
    usual = {
        "type": "payment_intent.amount_capturable_updated",
        "endpoint": "we_1",
        "event_id": "evt_1",
        "url": "http://127.0.0.1:8000/api/webhooks/stripe",
        "attempt": 2,
        "status": 204,
        "ms": 3,
    }
    return LogLine("webhook_posted", usual | fields)


def test_a_request_is_one_line() -> None:
    line = line_for_people(request(code="card_declined", status=402), None)

    assert line == f"POST   402    12 ms  req_FkhtUfmayBxoJB  {PATH}  card_declined"


def test_a_webhook_stands_in_the_same_columns() -> None:
    line = line_for_people(webhook(), None)

    assert line == (
        "hook   204     3 ms  attempt 2           "
        "payment_intent.amount_capturable_updated > 127.0.0.1:8000/api/webhooks/stripe"
    )


@pytest.mark.parametrize(
    "line",
    [
        request(),
        request(status=402, code="payment_intent_unexpected_state", ms=1203),
        request(method="DELETE", path="/v1/customers/cus_1", status=404, code="resource_missing"),
        webhook(),
        webhook(status=None, ms=10_003),
        webhook(url="", attempt=0),
    ],
)
def test_eighty_columns_are_enough(line: LogLine) -> None:
    shown = line_for_people(line, 80)

    assert len(shown) <= 80
    assert "\n" not in shown


def test_of_a_long_address_both_ends_remain() -> None:
    shown = line_for_people(request(), 80)

    assert "/v1/payment" in shown
    assert shown.endswith("confirm")
    assert "…" in shown


def test_nobody_answered_a_webhook() -> None:
    assert line_for_people(webhook(status=None), None).startswith("hook   ---")


def test_what_a_terminal_would_obey_is_shown() -> None:
    shown = line_for_people(request(path="/v1/\x1b[2J"), 80)

    assert "\x1b" not in shown
    assert r"\x1b[2J" in shown


def test_a_bug_is_told_with_its_traceback() -> None:
    line = LogLine("request_failed", {"path": "/v1/charges", "error": "Traceback …\nKeyError: 'x'"})

    assert "KeyError" in line_for_people(line, 80)


@pytest.fixture
def _logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.mark.usefixtures("_logging_as_it_was")
@pytest.mark.parametrize("log_format", ["json", "auto"])
def test_programs_read_json(capsys: pytest.CaptureFixture[str], log_format: str) -> None:
    tell = telling(log_format)

    tell(request(code="card_declined", status=402))
    tell(webhook())

    told, posted = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert (posted["event"], posted["type"], posted["event_id"]) == (
        "webhook_posted", "payment_intent.amount_capturable_updated", "evt_1",
    )  # fmt: skip
    assert (told["event"], told["method"], told["path"], told["status"]) == (
        "request_answered", "POST", PATH, 402,
    )  # fmt: skip
    assert (told["request"], told["code"], told["ms"]) == ("req_FkhtUfmayBxoJB", "card_declined", 12)


def test_people_who_ask_for_console_lines_get_them_in_a_pipe(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")

    telling("console")(request())

    assert capsys.readouterr().err == f"POST   200    12 ms  req_FkhtUfmayBxoJB  {PATH}\n"
