"""`azpay doctor`: one line and one verdict a check."""

from __future__ import annotations

import time
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest

from .running import answer, run, settle_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typer.testing import Result

    from azpay.bootstrap import Azpay
    from azpay.sandbox import Sandbox
    from tests.support.clock import Clock


def verdicts(result: Result) -> dict[str, str]:
    """The verdict of each check, in the human answer."""
    lines = result.stdout.splitlines()
    at = lines[0].index("Verdict")
    return {line[:at].strip(): line[at:].split()[0] for line in lines[1:]}


def finding(data: Any, check: str) -> Any:
    return next(each for each in data if each["check"] == check)


class Yesterday(BaseHTTPRequestHandler):
    """A Stripe whose clock is a day behind, or right when ours is a day ahead."""

    def do_GET(self) -> None:
        body = b'{"id": "acct_1SandboxAzpay0001", "object": "account"}'
        self.send_response_only(200)
        self.send_header("Date", self.date_time_string(time.time() - 86_400))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


@pytest.fixture
def yesterday() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Yesterday) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_healthy_shop_has_no_complaints(azpay: Azpay) -> None:
    run(azpay, "events", "sweep")

    result = run(azpay, "doctor")

    found = verdicts(result)
    assert result.exit_code == 0
    assert set(found.values()) == {"ok"}
    assert {"settings", "webhook secrets", "stripe", "book", "tables", "privacy", "inbox"} <= set(found)


def test_events_that_stripe_is_about_to_forget_are_an_alarm(azpay: Azpay, clock: Clock) -> None:
    never = verdicts(run(azpay, "doctor"))["sweep"]
    run(azpay, "events", "sweep")
    clock.advance(days=26)

    result = run(azpay, "doctor")

    assert never == "look"
    assert verdicts(result)["sweep"] == "wrong"
    assert "it forgets them after 30 d" in result.stdout
    assert result.exit_code == 1


def test_every_check_has_a_name_of_its_own(azpay: Azpay) -> None:
    result = run(azpay, "doctor")

    assert len(verdicts(result)) == len(result.stdout.splitlines()) - 1


def test_a_clock_that_is_wrong_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, yesterday: str
) -> None:
    settle_in(monkeypatch, tmp_path, AZPAY_PROFILE="sandbox", AZPAY_STRIPE_API_BASE=yesterday)

    result = run(None, "doctor")

    assert result.exit_code == 1
    assert verdicts(result)["clock"] == "wrong"
    assert "Set this machine's clock by NTP." in result.stdout


def test_an_unanswered_operation_is_pointed_out_but_is_no_failure(azpay: Azpay, stripe: Sandbox) -> None:
    stripe.drop_next_answer(times=4)
    run(azpay, "charge", "5", "usd", "--method", "pm_card_visa")

    found = finding(answer(azpay, "doctor", schema="azpay.doctor/1"), "open operations")

    assert found["verdict"] == "look"
    assert found["said"].startswith("1 without an answer: pay_")
    assert "azpay ops resolve --all" in found["next"]


def test_missing_webhook_secrets_are_pointed_out(azpay: Azpay) -> None:
    deaf = replace(azpay, settings=replace(azpay.settings, webhook_secrets=()))

    found = finding(answer(deaf, "doctor", schema="azpay.doctor/1"), "webhook secrets")

    assert found["verdict"] == "look"
    assert found["next"] == "Set AZPAY_WEBHOOK_SECRETS."


def test_a_key_of_another_account_is_wrong(azpay: Azpay) -> None:
    other = replace(azpay, settings=replace(azpay.settings, stripe_account="acct_1SomeoneElse"))

    result = run(other, "doctor")

    assert result.exit_code == 1
    assert verdicts(result)["account"] == "wrong"


def test_a_book_that_others_can_read_is_wrong(azpay: Azpay) -> None:
    assert azpay.db.engine.url.database is not None
    file = Path(azpay.db.engine.url.database)
    file.chmod(0o644)

    result = run(azpay, "doctor")

    assert result.exit_code == 1
    assert verdicts(result)["privacy"] == "wrong"
    assert f"chmod 600 {file}" in result.stdout


def test_what_cannot_be_reached_is_told_a_line_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    settle_in(
        monkeypatch,
        tmp_path,
        AZPAY_PROFILE="sandbox",
        AZPAY_STRIPE_API_BASE="http://127.0.0.1:9",
        AZPAY_DATABASE_URL=f"sqlite:///{tmp_path}/file/book.db",
    )

    result = run(None, "doctor")

    assert result.exit_code == 1
    assert verdicts(result) == {"settings": "ok", "webhook secrets": "ok", "stripe": "wrong", "book": "wrong"}


def test_a_newcomer_is_told_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settle_in(monkeypatch, tmp_path)

    result = run(None, "doctor")

    assert result.exit_code == 1
    assert verdicts(result) == {
        "settings": "ok", "webhook secrets": "look", "stripe": "wrong", "book": "ok", "tables": "ok",
    }  # fmt: skip
    assert "Run `azpay login`" in result.stdout
    assert "not made yet; the first command makes them" in result.stdout


def test_help_begins_with_examples() -> None:
    lines = [line.strip() for line in run(None, "doctor", "--help").stdout.splitlines() if line.strip()]

    assert lines[2:4] == ["Examples", "azpay doctor"]
