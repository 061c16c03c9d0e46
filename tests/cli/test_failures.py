from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from azpay import errors
from azpay.cli.afterwards import on_record
from azpay.cli.failures import exit_status, report

from .processes import SHOP, environment, on_terminal, start
from .shop import app

runner = CliRunner()

CARD = "4242424242424242"


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("Failed", 1),
        ("NotFound", 1),
        ("Usage", 2),
        ("Declined", 3),
        ("NotAllowed", 4),
        ("Unavailable", 5),
        ("Refused", 6),
        ("Conflict", 7),
        ("OutcomeUnknown", 8),
    ],
)
def test_each_kind_of_error_has_its_exit_status(kind: str, status: int) -> None:
    result = runner.invoke(app, ["fail", kind])

    assert result.exit_code == status
    assert result.stdout == ""
    assert result.stderr.splitlines() == [
        f"Error: {kind} it is",
        "  Next: try the other thing",
        "  Operation: op_1",
    ]


def test_a_particular_error_has_the_status_of_its_kind() -> None:
    class CardExpired(errors.Declined):
        code = "card_expired"

    assert exit_status(CardExpired("The card has expired.")) == 3


@pytest.mark.parametrize(
    ("end", "status", "said"),
    [
        (KeyboardInterrupt(), 130, "Interrupted.\n  Next: The same command again resumes.\n"),
        (typer.Abort(), 130, "Interrupted.\n  Next: The same command again resumes.\n"),
        (BrokenPipeError(), 141, ""),
    ],
)
def test_an_end_that_is_no_failure_has_a_shells_status(
    capsys: pytest.CaptureFixture[str], end: BaseException, status: int, said: str
) -> None:
    assert report(end) == status

    assert capsys.readouterr().err == said


def test_a_reader_who_leaves_is_told_so_also_after_money_has_moved() -> None:
    with pytest.raises(BrokenPipeError), on_record("pay_1", "pay_1"):
        raise BrokenPipeError


def test_programs_get_the_error_as_a_document() -> None:
    result = runner.invoke(app, ["fail", "Declined", "--json"])

    assert json.loads(result.stdout) == {
        "schema": "azpay.error/1",
        "data": {
            "code": "declined",
            "message": "Declined it is",
            "hint": "try the other thing",
            "operation": "op_1",
            "exit_status": 3,
        },
    }
    assert result.stderr.startswith("Error: Declined it is")


def test_an_unknown_outcome_says_how_to_find_out() -> None:
    result = runner.invoke(app, ["lose-answer"])

    assert result.exit_code == 8
    assert "`azpay ops resolve op_1`. Do not start anew; the same command goes on with it." in result.stderr


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["refund"], "Missing argument 'PAYMENT'."),
        (["refund", "pay_1", "--note"], "Option '--note' requires an argument."),
        (["history", "--count", "many"], "Invalid value for '--count'"),
        (["given", "too", "much"], "Got unexpected extra argument(s) (too much)"),
        (["--sideways", "given"], "No such option: --sideways"),
        (["nothing"], "No such command 'nothing'."),
    ],
)
def test_a_wrong_command_line_is_a_usage_error_also_for_programs(args: list[str], message: str) -> None:
    result = runner.invoke(app, ["--json", *args])

    assert result.exit_code == 2
    assert message in result.stderr
    assert json.loads(result.stdout)["data"]["code"] == "usage"


def test_what_comes_after_two_dashes_is_not_an_option() -> None:
    result = runner.invoke(app, ["refund", "--", "--json", "too many"])

    assert result.exit_code == 2
    assert result.stdout == ""


def test_an_operating_system_error_is_told_without_a_traceback() -> None:
    result = runner.invoke(app, ["fail", "OSError"])

    assert result.exit_code == 1
    assert result.stderr == "Error: book.db: Permission denied.\n"


def test_a_bug_is_called_a_bug_and_shows_nothing_of_the_data() -> None:
    result = runner.invoke(app, ["fail", "Bug"])

    assert result.exit_code == 1
    assert "This is a bug in azpay: KeyError" in result.stderr
    assert "sk_live_secret" not in result.output
    assert "Traceback" not in result.output


def test_a_command_that_cannot_be_imported_is_a_bug() -> None:
    result = runner.invoke(app, ["unwritten"])

    assert result.exit_code == 1
    assert "This is a bug in azpay: ModuleNotFoundError at azpay/cli/commands.py" in result.stderr


@pytest.mark.parametrize(("args", "debug"), [(["-v", "-v"], ""), (["-vv"], ""), ([], "1")])
def test_details_of_a_bug_are_shown_on_request(args: list[str], debug: str) -> None:
    result = runner.invoke(app, [*args, "fail", "Bug"], env={"AZPAY_DEBUG": debug})

    assert "Traceback (most recent call last)" in result.stderr


def test_text_from_outside_cannot_command_the_terminal() -> None:
    result = runner.invoke(app, ["refund\x1b]0;owned\x07"])

    assert "\x1b" not in result.stderr


@pytest.mark.parametrize(
    "args",
    [
        ["refund", CARD],
        ["refund", "4242 4242 4242 4242"],
        ["refund", "4242-4242-4242-4242"],
        ["refund", "4242", "4242", "4242", "4242"],
        ["refund", "pay_1", f"--note=card {CARD}, thanks"],
        ["nothing", CARD],
        ["--profile", CARD, "refund"],
    ],
)
def test_a_card_number_is_refused_and_not_repeated(args: list[str]) -> None:
    result = runner.invoke(app, [*args, "--json"])

    assert result.exit_code == 2
    assert json.loads(result.stdout)["data"]["code"] == "card_number_typed"
    assert "4242" not in result.output


@pytest.mark.parametrize(
    "harmless",
    [
        "4242424242424241",
        "pi_3NffrFeUfNV2Hib4242424242424242",
        "pay_4242424242424242x",
        "20260131143000",
        "123456789012",
    ],
)
def test_ids_and_other_numbers_are_not_taken_for_card_numbers(harmless: str) -> None:
    result = runner.invoke(app, ["refund", harmless])

    assert result.exit_code == 0


def test_an_interrupted_command_says_so_and_exits_130() -> None:
    process = start("sleep")
    assert process.stdout is not None
    process.stdout.readline()

    process.send_signal(signal.SIGINT)

    _, told = process.communicate(timeout=30)
    assert process.returncode == 130
    assert told.splitlines() == ["Interrupted.", "  Next: The same command again resumes."]


def test_a_reader_who_leaves_early_is_not_an_error() -> None:
    process = start("records")
    assert process.stdout is not None
    process.stdout.readline()

    process.stdout.close()

    assert process.stderr is not None
    assert process.stderr.read() == ""
    assert process.wait(timeout=30) == 141
    process.stderr.close()


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_full_disk_is_a_failure_and_says_so(options: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*SHOP, "history", *options],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(),
            check=False,
        )

    assert done.returncode == 1
    assert done.stderr == "Error: No space left on device.\n"


def test_errors_are_red_where_somebody_looks() -> None:
    finished = on_terminal("fail", "Refused")

    assert finished.status == 6
    assert "\x1b[31m" in finished.screen
    assert "Refused it is" in finished.screen
