"""`azpay sandbox`: a Stripe that listens on this machine."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from .running import error, run, settle_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def _newcomer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settle_in(monkeypatch, tmp_path)


@pytest.fixture
def taken() -> Iterator[int]:
    """A port at which something else listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def start(*words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "azpay", "sandbox", "--port", "0", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def stop(sandbox: subprocess.Popen[str]) -> tuple[int, str]:
    sandbox.send_signal(signal.SIGINT)
    _, told = sandbox.communicate(timeout=30)
    return sandbox.returncode, told


def azpay(stripe: str, *words: str) -> str:
    """The JSON document of a command that uses this sandbox."""
    command = [sys.executable, "-m", "azpay", *words, "--json"]
    settings = {"AZPAY_PROFILE": "sandbox", "AZPAY_STRIPE_API_BASE": stripe}
    return subprocess.run(
        command, env=os.environ | settings, check=True, capture_output=True, text=True
    ).stdout


def listening(sandbox: subprocess.Popen[str]) -> str:
    assert sandbox.stdout is not None
    document = json.loads(sandbox.stdout.readline())
    assert document["schema"] == "azpay.sandbox/1"
    return str(document["data"]["api_base"])


def test_it_says_where_it_listens_and_how_to_try_it(tmp_path: Path) -> None:
    sandbox = start()
    assert sandbox.stdout is not None
    told = [sandbox.stdout.readline() for _ in range(10)]

    status, _ = stop(sandbox)

    base = told[1].split()[-1]
    assert status == 0
    assert told[0] == "A Stripe of your own\n"
    assert base.startswith("http://127.0.0.1:")
    assert told[-1].endswith(
        f"AZPAY_STRIPE_API_BASE={base} azpay charge 19.99 usd --method pm_card_visa --profile sandbox\n"
    )


def test_on_a_terminal_the_commands_stand_outside_the_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLICOLOR_FORCE", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    sandbox = start("--webhook", "http://127.0.0.1:9/hook")
    assert sandbox.stdout is not None
    told = [sandbox.stdout.readline().rstrip() for _ in range(12)]

    stop(sandbox)

    assert told[0].startswith("╭─ A Stripe of your own")
    assert "sk_test_azpay_sandbox" in told[2]
    assert "http://127.0.0.1:9/hook" in told[4]
    assert told[7].startswith("╰")
    assert told[9].startswith("  curl -u sk_test_azpay_sandbox: http://127.0.0.1:")
    assert told[11].endswith("azpay charge 19.99 usd --method pm_card_visa --profile sandbox")


def test_programs_are_told_of_requests_and_of_webhooks_in_json() -> None:
    sandbox = start("--json", "--webhook", "http://127.0.0.1:9/hook", "--retry", "none")
    azpay(listening(sandbox), "charge", "5", "usd", "--method", "pm_card_visa")

    status, log = stop(sandbox)

    told = [json.loads(line) for line in log.splitlines()]
    posted = [line for line in told if line["event"] == "webhook_posted"]
    assert status == 0
    assert {line["type"] for line in posted} >= {"payment_intent.created", "charge.succeeded"}
    assert {(line["url"], line["status"], line["attempt"]) for line in posted} == {
        ("http://127.0.0.1:9/hook", None, 1)
    }


def test_its_state_outlives_it(tmp_path: Path) -> None:
    state = tmp_path / "sandbox.db"
    first = start("--json", "--state", str(state))
    charged = azpay(listening(first), "charge", "5", "usd", "--method", "pm_card_visa")
    _, log = stop(first)

    second = start("--json", "--state", str(state))
    again = azpay(listening(second), "refund", json.loads(charged)["data"]["id"], "--yes")
    stop(second)

    assert json.loads(again)["data"]["status"] == "succeeded"
    asked = [json.loads(line) for line in log.splitlines() if "request_answered" in line]
    assert ("POST", "/v1/payment_intents", 200) in {(a["method"], a["path"], a["status"]) for a in asked}


@pytest.mark.parametrize("schedule", ["often", "5,", "-1", "1.5", "5, 60", "", "99999999"])
def test_a_schedule_that_is_none_is_a_usage_error(schedule: str) -> None:
    result = run(None, "sandbox", "--retry", schedule, "--port", "0")

    assert result.exit_code == 2
    assert "is not a schedule" in result.stderr
    assert "5,60,300" in result.stderr


@pytest.mark.parametrize("version", ["newest", "2026-10-28", "2031-01-01.endive", ""])
def test_a_version_that_never_was_is_a_usage_error(version: str) -> None:
    result = run(None, "sandbox", "--api-version", version, "--port", "0")

    assert result.exit_code == 2
    assert "Invalid Stripe API version" in result.stderr
    assert "2026-10-28.endive" in result.stderr


@pytest.mark.parametrize(("command", "advice"), [("sandbox", "--port 0"), ("serve", "--port")])
def test_a_port_in_use_is_unavailable(taken: int, command: str, advice: str) -> None:
    result = run(None, command, "--port", str(taken), "--profile", "sandbox", "--json")

    assert result.exit_code == 5
    assert error(result)["message"].startswith(("127.0.0.1", "Cannot listen on http://127.0.0.1"))
    assert "Address already in use" in result.stderr
    assert advice in result.stderr.split("Next: ")[1]


@pytest.mark.parametrize("port", ["99999", "-1", "many"])
def test_a_port_that_cannot_be_is_a_usage_error(port: str) -> None:
    result = run(None, "sandbox", "--port", port)

    assert result.exit_code == 2
    assert "--port" in result.stderr


def test_an_address_that_is_not_of_this_machine_is_unavailable() -> None:
    result = run(None, "sandbox", "--host", "192.0.2.1", "--port", "0")

    assert result.exit_code == 5
    assert "192.0.2.1:0 cannot be listened on" in result.stderr


@pytest.mark.parametrize("content", ["hello", "{}", "[]", "null", '{"schema": "other"}', "\x00\xff"])
def test_a_state_that_is_not_the_sandboxs_is_refused_and_left_alone(tmp_path: Path, content: str) -> None:
    state = tmp_path / "diary.txt"
    state.write_text(content)

    result = run(None, "sandbox", "--state", str(state), "--port", "0")

    assert result.exit_code == 2
    assert f"{state} does not hold a sandbox's state." in result.stderr
    assert state.read_text() == content


def test_a_folder_that_does_not_exist_cannot_keep_the_state(tmp_path: Path) -> None:
    result = run(None, "sandbox", "--state", str(tmp_path / "nowhere" / "sandbox.db"), "--port", "0")

    assert result.exit_code == 2
    assert "Name a file elsewhere." in result.stderr
    assert result.stdout == ""


def test_help_begins_with_examples() -> None:
    lines = [line.strip() for line in run(None, "sandbox", "--help").stdout.splitlines() if line.strip()]

    assert lines[3:5] == ["Examples", "azpay sandbox"]
