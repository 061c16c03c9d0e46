from __future__ import annotations

import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from .processes import SHOP, environment
from .shop import PAYMENT, app

runner = CliRunner()

NOTHING_GIVEN = {"profile": None, "json": True, "quiet": False, "verbosity": 0, "tz": None}


def given(*args: str) -> dict[str, object]:
    result = runner.invoke(app, args)
    answer: dict[str, object] = json.loads(result.stdout)["data"]
    return answer


def completions(line: str) -> list[str]:
    words = line.split(" ")
    asked = environment(_SHOP_COMPLETE="complete_bash", COMP_WORDS=line, COMP_CWORD=str(len(words) - 1))
    return subprocess.run(SHOP, capture_output=True, text=True, check=True, env=asked).stdout.split()


@pytest.mark.parametrize(
    "args",
    [
        ["--profile", "live", "--tz", "Asia/Tokyo", "-q", "-v", "--json", "given"],
        ["given", "--profile", "live", "--tz", "Asia/Tokyo", "-q", "-v", "--json"],
        ["--profile", "live", "-v", "cards", "--tz", "Asia/Tokyo", "list", "-q", "--json"],
    ],
    ids=["before the command", "after it", "everywhere"],
)
def test_shared_options_are_read_wherever_they_stand(args: list[str]) -> None:
    options = given(*args)

    assert options == {"profile": "live", "json": True, "quiet": True, "verbosity": 1, "tz": "Asia/Tokyo"}


def test_what_was_not_given_is_left_to_the_settings() -> None:
    options = given("given", "--json")

    assert options == NOTHING_GIVEN


def test_verbosity_adds_up() -> None:
    options = given("-v", "given", "-vv", "--json")

    assert options["verbosity"] == 3


def test_the_option_after_the_command_wins() -> None:
    options = given("--profile", "test", "given", "--profile", "live", "--json")

    assert options["profile"] == "live"


def test_an_unknown_time_zone_is_refused_before_the_command_runs() -> None:
    result = runner.invoke(app, ["given", "--tz", "Mars/Olympus"])

    assert result.exit_code == 2
    assert result.stdout == ""
    assert "There is no time zone 'Mars/Olympus'." in result.stderr


def test_a_command_gets_the_wiring_it_is_handed() -> None:
    result = runner.invoke(app, ["wiring"], obj="the wiring")

    assert result.stdout == "the wiring\n"


def test_a_group_lists_its_commands_when_nothing_is_asked_of_it() -> None:
    result = runner.invoke(app, ["cards"])

    assert result.exit_code == 2
    assert "List them." in result.stdout


@pytest.mark.parametrize(
    "args", [["--json", "receipt", "pay_1"], ["receipt", "--json", "pay_1"], ["receipt", "pay_1", "--json"]]
)
def test_a_group_may_also_do_something_by_itself(args: list[str]) -> None:
    result = runner.invoke(app, args)

    assert json.loads(result.stdout)["data"]["payment"] == "pay_1"


@pytest.mark.parametrize(
    "args", [["receipt", "list"], ["receipt", "--tz", "UTC", "-v", "list"], ["receipt", "--tz=UTC", "list"]]
)
def test_a_command_of_a_group_is_found_behind_shared_options(args: list[str]) -> None:
    result = runner.invoke(app, args)

    assert result.stdout == "see --json\n"


def test_an_option_of_the_group_itself_is_not_mistaken_for_a_command() -> None:
    result = runner.invoke(app, ["receipt", "--note", "list", "pay_1", "--json"])

    assert json.loads(result.stdout)["data"] == {"payment": "pay_1", "note": "list"}


def test_help_of_such_a_group_names_its_commands() -> None:
    result = runner.invoke(app, ["receipt", "--help"])

    assert "What to pay back." in result.stdout
    assert "azpay receipt list  List receipts." in result.stdout


def test_help_begins_with_examples_as_they_were_written() -> None:
    lines = [
        line.rstrip() for line in runner.invoke(app, ["refund", "--help"]).stdout.splitlines() if line.strip()
    ]

    assert lines[:6] == [
        " Usage: root refund [OPTIONS] PAYMENT",
        " Give money back.",
        " Examples",
        "   shop refund pay_1             # all of it",
        "   shop refund pay_1 [--note x]",
        " Only what was captured can be refunded.",
    ]


def test_help_lists_a_command_whose_module_is_broken() -> None:
    result = runner.invoke(app, ["--help"])

    assert "Not written yet." in result.stdout
    assert result.exit_code == 0


def test_listing_commands_imports_none_of_them() -> None:
    code = (
        "import sys; from azpay.cli.app import build; from azpay.cli.table import Row;"
        "sys.argv = ['shop', '--help'];"
        "import atexit; atexit.register(lambda: sys.stderr.write(str('wave' in sys.modules)));"
        "build([Row('play', 'wave:open', 'Play.')])()"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "Play." in done.stdout
    assert done.stderr == "False"


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("shop re", ["refund", "records", "read", "receipt"]),
        ("shop cards ", ["list"]),
        ("shop receipt ", ["list"]),
        ("shop refund --n", ["--note"]),
        ("shop receipt --n", ["--note"]),
        ("shop refund --pro", ["--profile"]),
    ],
)
def test_completion_offers(line: str, offered: list[str]) -> None:
    answer = completions(line)

    assert answer == offered


def test_a_command_that_is_misspelt_is_guessed() -> None:
    result = runner.invoke(app, ["hisotry", PAYMENT])

    assert result.exit_code == 2
    assert result.stderr.splitlines() == [
        "Error: No such command 'hisotry'. Did you mean 'history'?",
        "  Next: root --help",
    ]
